/** Faults on a line, drawn by dice from one table. */
import type { LinkProxy } from '../link/index.ts';
import { type Dice, pause } from '../office/index.ts';

/** The terminals of a fleet wait one second for an answer. */
const LATE_MS = 1_200;
/** Longer than every frame that these deeds send or get. */
const FRAME_BYTES_MAX = 420;

interface Trouble {
  readonly name: string;
  readonly weight: number;
  readonly make: (link: LinkProxy, dice: Dice) => void | Promise<void>;
}

// biome-ignore format: a table is read by column
const TROUBLES: readonly Trouble[] = [
  { name: 'request dropped',      weight: 4, make: (link) => link.dropNextRequest() },
  { name: 'answer dropped',       weight: 4, make: (link) => link.dropNextAnswer() },
  { name: 'request delayed',      weight: 4, make: (link, dice) => link.delayNext(dice.below(400), 'request') },
  { name: 'answer delayed',       weight: 4, make: (link, dice) => link.delayNext(dice.below(400), 'answer') },
  { name: 'request late',         weight: 2, make: (link) => link.delayNext(LATE_MS, 'request') },
  { name: 'answer late',          weight: 2, make: (link) => link.delayNext(LATE_MS, 'answer') },
  { name: 'request doubled',      weight: 4, make: (link) => link.duplicateNext('request') },
  { name: 'answer doubled',       weight: 4, make: (link) => link.duplicateNext('answer') },
  { name: 'request corrupted',    weight: 3, make: (link, dice) => link.corruptNext(dice.below(FRAME_BYTES_MAX), 'request') },
  { name: 'answer corrupted',     weight: 3, make: (link, dice) => link.corruptNext(dice.below(FRAME_BYTES_MAX), 'answer') },
  { name: 'cut in a request',     weight: 4, make: (link, dice) => link.cutAfter(dice.below(FRAME_BYTES_MAX), 'request') },
  { name: 'cut in an answer',     weight: 4, make: (link, dice) => link.cutAfter(dice.below(FRAME_BYTES_MAX), 'answer') },
  { name: 'half-open for a while', weight: 1, make: halfOpen },
  { name: 'down for a while',     weight: 1, make: down },
];
const WEIGHTS = TROUBLES.reduce((sum, { weight }) => sum + weight, 0);

async function halfOpen(link: LinkProxy, dice: Dice): Promise<void> {
  link.halfOpen(true);
  await pause(300 + dice.below(1_500));
  link.halfOpen(false);
}

async function down(link: LinkProxy, dice: Dice): Promise<void> {
  await link.down();
  await pause(dice.below(2_000));
  await link.up();
}

/** Makes one trouble on one of the lines. @returns its name, when it is over or armed */
export async function makeTrouble(links: readonly LinkProxy[], dice: Dice): Promise<string> {
  const link = links[dice.below(links.length)];
  if (link === undefined) throw new Error('there is no line to trouble');
  let at = dice.below(WEIGHTS);
  for (const { name, weight, make } of TROUBLES) {
    if (at < weight) {
      await make(link, dice);
      return name;
    }
    at -= weight;
  }
  throw new Error('the weights of the troubles do not add up');
}

/** What is armed and has not come is taken away: the lines are good from now on. */
export function endTrouble(links: readonly LinkProxy[]): void {
  for (const link of links) {
    link.disarm();
  }
}
