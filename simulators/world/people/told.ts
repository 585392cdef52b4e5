/** What people were told of transactions: on the screen, on paper, by the till. What is told must be done. */
import type { CommandResult } from '../../../terminal/index.ts';
import type { Timeline } from '../timeline.ts';

export interface Telling {
  readonly terminalId: string;
  /** The transaction's own name: 26 characters. */
  readonly ut: string;
  readonly kind: string;
  /** `open`: it is told that the outcome is not known yet; `undone`: that it will not stand. */
  readonly said: 'approved' | 'declined' | 'undone' | 'open';
  readonly by: 'screen' | 'till';
  readonly amount: number;
}

// biome-ignore format: a table is read by column
const SAID: Readonly<Record<string, Telling['said']>> = {
  approved:    'approved',
  declined:    'declined',
  reversalDue: 'undone',
  decisionDue: 'undone',
  setAside:    'undone',
  reversed:    'undone',
  repeatDue:   'open',
  repeatAside: 'open',
};

/** What one answer on the screen says of a transaction; null when it names none. */
export function tellingOf(terminalId: string, { facts }: CommandResult): Telling | null {
  const { ut, kind, state, amount } = facts;
  const said = SAID[String(state)];
  if (typeof ut !== 'string' || typeof kind !== 'string' || said === undefined) return null;
  return { terminalId, ut, kind, said, by: 'screen', amount: Number(amount) };
}

export class ToldBook {
  readonly #tellings: Telling[] = [];
  readonly #timeline: Timeline;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
  }

  add(telling: Telling): void {
    this.#tellings.push(telling);
    const { terminalId, ut, kind, said, by, amount } = telling;
    this.#timeline.note('people', `told at ${terminalId} by the ${by}: ${kind} ${amount} ${said} (${ut})`);
  }

  get tellings(): readonly Telling[] {
    return this.#tellings;
  }
}
