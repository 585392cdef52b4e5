/** Two sides through bad lines: thousands of transactions with a fault every moment, then settlement. */
import { pause } from '../office/index.ts';
import type { Agreement } from './agreement.ts';
import { count, counted } from './counts.ts';
import { Fleet } from './fleet.ts';
import { endTrouble, makeTrouble } from './line-trouble.ts';

export interface BadLineOptions {
  readonly seed: number;
  /** Approvals that clerks are told of before the lines become good. */
  readonly transactions: number;
  readonly tills: number;
  tell(line: string): void;
}

export interface BadLineOutcome {
  readonly approved: number;
  readonly commands: number;
  readonly troubles: Readonly<Record<string, number>>;
  readonly codes: Readonly<Record<string, number>>;
  readonly agreement: Agreement;
  readonly failures: readonly string[];
}

/** A fault about as often as this on each line. */
const TROUBLE_MS = 700;
const PAUSE_MS = 5;
const TELL_MS = 20_000;

export async function badLine({ seed, transactions, tills, tell }: BadLineOptions): Promise<BadLineOutcome> {
  const fleet = await Fleet.open({ seed, tills, cards: 6 * tills, linked: true });
  const dice = fleet.dice(1);
  const troubles = new Map<string, number>();
  const until = () => fleet.acknowledged >= transactions;
  let isDone = false;
  try {
    const troubling = async (isOver: () => boolean) => {
      while (!isOver()) {
        await pause(dice.below((2 * TROUBLE_MS) / tills));
        count(troubles, await makeTrouble(fleet.links, dice));
      }
    };
    const telling = async (isOver: () => boolean) => {
      for (let told = Date.now(); !isOver(); await pause(200)) {
        if (Date.now() - told < TELL_MS) continue;
        told = Date.now();
        tell(`${fleet.commands} commands, ${fleet.acknowledged} approved, ${fleet.failures.length} failures`);
      }
    };
    await fleet.trade({ until, pauseMs: PAUSE_MS }, troubling, telling);
    endTrouble(fleet.links);
    const agreement = await fleet.finish(tell);
    isDone = true;
    for (const [what, often] of Object.entries(counted(troubles))) tell(`${often} × ${what}`);
    return {
      approved: fleet.acknowledged,
      commands: fleet.commands,
      troubles: counted(troubles),
      codes: counted(fleet.codes),
      agreement,
      failures: fleet.failures,
    };
  } finally {
    await fleet.close({ keep: !isDone || fleet.failures.length > 0, tell });
  }
}
