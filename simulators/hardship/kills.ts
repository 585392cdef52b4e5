/** Host and terminals killed with SIGKILL at random moments under load; afterwards everything must agree. */
import { type Dice, pause } from '../office/index.ts';
import type { Agreement } from './agreement.ts';
import { count, counted } from './counts.ts';
import { Fleet } from './fleet.ts';
import type { Till } from './till.ts';

export interface KillsOptions {
  readonly seed: number;
  readonly times: number;
  readonly tills: number;
  tell(line: string): void;
}

export interface KillsOutcome {
  readonly kills: number;
  /** Among these, kills of a process that was starting after a kill. */
  readonly inRecovery: number;
  /** Victim, command and what it was at: how often. */
  readonly under: Readonly<Record<string, number>>;
  readonly commands: number;
  readonly codes: Readonly<Record<string, number>>;
  readonly agreement: Agreement;
  readonly failures: readonly string[];
}

/** Longest time between a start and the next kill, in milliseconds. */
const LIFE_MS_MAX = 1_200;
/** A process is up in about this; some are killed before. */
const STARTING_MS_MAX = 900;
const PAUSE_MS = 20;
const TOLD_EVERY = 25;

export async function kills({ seed, times, tills, tell }: KillsOptions): Promise<KillsOutcome> {
  const fleet = await Fleet.open({ seed, tills, cards: 4 * tills });
  const dice = fleet.dice(1);
  const under = new Map<string, number>();
  let [done, inRecovery] = [0, 0];
  let isDone = false;
  try {
    const killing = async (isOver: () => boolean) => {
      while (!isOver()) {
        await pause(dice.below(LIFE_MS_MAX));
        const victims = chosen(fleet, dice);
        const again = dice.below(5) === 0 ? [dice.below(STARTING_MS_MAX)] : [];
        for (const victim of victims) count(under, at(fleet, victim));
        inRecovery += victims.length * again.length;
        const before = done;
        done += victims.length * (1 + again.length);
        await Promise.all(
          victims.map((victim) =>
            victim === 'host' ? fleet.killHost(again) : fleet.killTill(victim, again),
          ),
        );
        if (Math.floor(done / TOLD_EVERY) > Math.floor(before / TOLD_EVERY))
          tell(
            `${done} kills, ${fleet.commands} commands, ${fleet.acknowledged} approved, ${fleet.failures.length} failures`,
          );
      }
    };
    await fleet.trade({ until: () => done >= times, pauseMs: PAUSE_MS }, killing);
    const agreement = await fleet.finish(tell);
    isDone = true;
    for (const [what, often] of [...under].toSorted(([, a], [, b]) => b - a)) tell(`${often} × ${what}`);
    return {
      kills: done,
      inRecovery,
      under: counted(under),
      commands: fleet.commands,
      codes: counted(fleet.codes),
      agreement,
      failures: fleet.failures,
    };
  } finally {
    await fleet.close({ keep: !isDone || fleet.failures.length > 0, tell });
  }
}

/** The host, or a terminal; now and then both at once. */
function chosen(fleet: Fleet, dice: Dice): readonly ('host' | Till)[] {
  const till = fleet.tills[dice.below(fleet.tills.length)];
  if (till === undefined) throw new Error('there is no terminal to kill');
  const die = dice.below(10);
  if (die === 0) return ['host', till];
  return die < 5 ? ['host'] : [till];
}

/** What the victim was at. The host's work is what terminals wait for. */
function at(fleet: Fleet, victim: 'host' | Till): string {
  if (victim !== 'host')
    return `terminal: ${victim.atWork === null ? 'idle' : `${victim.atWork}, ${victim.stage}`}`;
  const waited = fleet.tills.filter(({ stage }) => stage === 'waiting for an answer');
  if (waited.length === 0) return 'host: no request was open';
  return `host: ${[...new Set(waited.map(({ atWork }) => atWork ?? 'nothing'))].toSorted().join(' and ')} waited for an answer`;
}
