/** What leaves with a year, and what is carried forward of it. Pure; files and server are node-archive.ts's. */
import { fenDelta, PosError } from '../../protocol/index.ts';
import type { Entry, Posting, Unit } from '../ledger/model.ts';
import { carriedId } from '../ledger/reading.ts';

/** Years that are kept whole after the one that leaves: the law asks for five. */
export const YEARS_KEPT = 5;
/** One entry carries them, and its lines are one value of the database. */
const CARRIED_MAX = 500_000;

export interface ArchivedFile {
  readonly name: string;
  readonly table: 'entries' | 'transactions';
  /** One JSON text a row and line. */
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ArchiveManifest {
  readonly format: 'zunka archive 1';
  readonly year: string;
  /** UTC milliseconds. */
  readonly at: number;
  readonly files: readonly ArchivedFile[];
  /** Tables that were detached: they stay in the database. */
  readonly detached: readonly string[];
  /** Sums that go on, by account, lot and unit; one that came to nothing is not among them. */
  readonly carried: number;
}

/**
 * @param openDate the open business date
 * @throws NOT_ALLOWED_NOW when the year is too young, INPUT_BAD when it is none
 */
export function checkAge(year: string, openDate: string): void {
  if (!/^(?:19|2\d)\d\d$/.test(year)) throw new PosError('INPUT_BAD', `--year ${year.slice(0, 10)}: YYYY`);
  const last = Number(openDate.slice(0, 4)) - YEARS_KEPT - 1;
  if (Number(year) > last)
    throw new PosError(
      'NOT_ALLOWED_NOW',
      `${year}: 至少保存 ${YEARS_KEPT} 个整年,目前可归档至 ${last} at least ${YEARS_KEPT} whole years are kept: up to ${last} may leave now`,
    );
}

/** Adds up what leaves: sums by unit, account and lot. */
export class Carried {
  readonly #sums = new Map<string, { account: string; lot: string | null; unit: Unit; sum: number }>();

  add({ postings }: Pick<Entry, 'postings'>): void {
    for (const { account, lot, unit, amount } of postings) {
      const key = JSON.stringify([account, lot, unit]);
      const line = this.#sums.get(key) ?? { account, lot, unit, sum: 0 };
      line.sum += amount;
      this.#sums.set(key, line);
    }
  }

  /** @throws LIMIT_EXCEEDED when there are too many for one entry */
  get postings(): readonly Posting[] {
    const lines = [...this.#sums].filter(([, { sum }]) => sum !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
    if (lines.length > CARRIED_MAX)
      throw new PosError('LIMIT_EXCEEDED', `${lines.length} sums to carry forward, at most ${CARRIED_MAX}`);
    return lines.map(([, { account, lot, unit, sum }]) => ({ account, lot, unit, amount: fenDelta(sum) }));
  }
}

/** The entry at the place of a year and all before it: balanced, because each of theirs was. */
export function carriedEntry(year: string, at: number, postings: readonly Posting[]): Entry {
  return {
    entryId: carriedId(year),
    businessDate: `${year}1231`,
    event: 'carried-forward',
    cause: { kind: 'run', id: `archive-${year}` },
    at,
    corrects: null,
    branchId: null,
    terminalId: null,
    postings,
  };
}
