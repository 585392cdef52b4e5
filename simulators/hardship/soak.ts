/** An hour of steady load with faults: line faults often, kills rarely; memory and handles looked at throughout. */
import { pause } from '../office/index.ts';
import type { Agreement } from './agreement.ts';
import { count, counted } from './counts.ts';
import { Fleet } from './fleet.ts';
import { endTrouble, makeTrouble } from './line-trouble.ts';
import { type Conclusion, conclude, look, MIB, type Sample } from './samples.ts';

export interface SoakOptions {
  readonly seed: number;
  readonly minutes: number;
  /** Between two looks at memory and handles. */
  readonly sampleMs: number;
  /** Between two commands of one till. */
  readonly pauseMs: number;
  readonly tills: number;
  /** A line fault as often as this, in the mean. */
  readonly troubleMs: number;
  /** A kill of the host or of a terminal as often as this, in the mean. */
  readonly killMs: number;
  tell(line: string): void;
}

export interface SoakOutcome {
  readonly minutes: number;
  readonly commands: number;
  readonly approved: number;
  readonly ratePerSecond: number;
  readonly troubles: Readonly<Record<string, number>>;
  readonly kills: Readonly<Record<string, number>>;
  readonly codes: Readonly<Record<string, number>>;
  readonly conclusions: readonly Conclusion[];
  readonly agreement: Agreement;
  readonly failures: readonly string[];
}

/** A full collection before each look makes the heap's figure mean what is held. */
const NODE_OPTIONS = ['--expose-gc'];
/** Filled within minutes: a cache that fills for an hour would look like a leak, or hide one. */
const HOST_ENV = { ZUNKA_DATABASE_CACHE_MIB: '4' };
const TALLY_EVERY = 6;
/** Kills belong to the first part of the run: after it all processes live on, so that a leak has time to show. */
const KILLING_PART = 0.4;

export async function soak(options: SoakOptions): Promise<SoakOutcome> {
  const { seed, minutes, tills, pauseMs, tell } = options;
  const fleet = await Fleet.open({
    seed,
    tills,
    cards: 40,
    linked: true,
    nodeOptions: NODE_OPTIONS,
    hostEnv: HOST_ENV,
  });
  const began = Date.now();
  const isPast = (part: number) => Date.now() - began >= part * minutes * 60_000;
  const troubles = new Map<string, number>();
  const kills = new Map<string, number>();
  const samples: Sample[] = [];
  const failures: string[] = [];
  let isDone = false;
  try {
    await fleet.trade(
      { until: () => isPast(1), pauseMs },
      (isOver) =>
        every(isOver, options.troubleMs, fleet, 1, async (dice) =>
          count(troubles, await makeTrouble(fleet.links, dice)),
        ),
      (isOver) =>
        every(
          () => isOver() || isPast(KILLING_PART),
          options.killMs,
          fleet,
          2,
          async (dice) => {
            const victim = dice.below(2) === 0 ? undefined : fleet.tills[dice.below(fleet.tills.length)];
            count(kills, victim === undefined ? 'host' : 'terminal');
            await (victim === undefined ? fleet.killHost() : fleet.killTill(victim));
          },
        ),
      (isOver) => sampling(isOver, options, fleet, began, samples),
    );
    endTrouble(fleet.links);
    const seconds = (Date.now() - began) / 1000;
    const agreement = await fleet.finish(tell);
    const conclusions = [
      conclude('host', 'host', samples),
      ...fleet.tills.map((till) => conclude(till.terminalId, 'terminal', samples)),
    ];
    for (const one of conclusions) tell(told(one));
    failures.push(...fleet.failures, ...conclusions.flatMap(({ complaints }) => complaints));
    isDone = true;
    return {
      minutes,
      commands: fleet.commands,
      approved: fleet.acknowledged,
      ratePerSecond: Math.round((fleet.commands / seconds) * 10) / 10,
      troubles: counted(troubles),
      kills: counted(kills),
      codes: counted(fleet.codes),
      conclusions,
      agreement,
      failures,
    };
  } finally {
    await fleet.close({ keep: !isDone || fleet.failures.length > 0, tell });
  }
}

/** Does it again and again, at times around `meanMs`. */
async function every(
  isOver: () => boolean,
  meanMs: number,
  fleet: Fleet,
  stream: number,
  work: (dice: ReturnType<Fleet['dice']>) => Promise<void>,
): Promise<void> {
  const dice = fleet.dice(stream);
  while (!isOver()) {
    await pauseUnless(isOver, dice.below(2 * meanMs));
    if (!isOver()) await work(dice);
  }
}

async function sampling(
  isOver: () => boolean,
  { sampleMs, tell }: SoakOptions,
  fleet: Fleet,
  began: number,
  samples: Sample[],
): Promise<void> {
  for (let round = 1; !isOver(); round += 1) {
    await pauseUnless(isOver, sampleMs);
    const at = Date.now() - began;
    const children = [
      ['host', fleet.office.child] as const,
      ...fleet.tills.map((till) => [till.terminalId, till.child] as const),
    ];
    for (const [who, child] of children) {
      const sample = child === undefined ? undefined : await look(who, child, at);
      if (sample !== undefined) samples.push(sample);
    }
    if (round % TALLY_EVERY === 0) tell(tally(at, fleet, samples));
  }
}

function tally(at: number, fleet: Fleet, samples: readonly Sample[]): string {
  const last = (who: string) => samples.findLast((one) => one.who === who);
  const shown = ['host', ...fleet.tills.map((till) => till.terminalId)].map((who) => {
    const one = last(who);
    if (one === undefined) return `${who} ?`;
    return `${who} ${Math.round(one.rss / MIB)}/${(one.heapUsed / MIB).toFixed(1)} MiB ${one.handles} fd`;
  });
  const minutes = (at / 60_000).toFixed(1);
  return `${minutes} min: ${fleet.commands} commands, ${fleet.acknowledged} approved, ${fleet.failures.length} failures; rss/heap ${shown.join(', ')}`;
}

function told(one: Conclusion): string {
  return (
    `${one.who}: rss peak ${one.rssPeakMiB} MiB, ${one.rssMiBAnHour} MiB/h; heap ${one.heapMiBAnHour} MiB/h; ` +
    `handles peak ${one.handlesPeak}, least ${one.handlesRise} higher; event loop waited ${one.loopDelayMsMax} ms at most; ` +
    `slopes over ${one.minutes} min`
  );
}

async function pauseUnless(isOver: () => boolean, ms: number): Promise<void> {
  const until = Date.now() + ms;
  while (!isOver() && Date.now() < until) await pause(Math.min(200, until - Date.now()));
}
