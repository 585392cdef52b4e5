/**
 * The rows that authorisations ask for again and again, kept in memory as they were last committed: terminals,
 * cards, accounts with their open lots, batches, counters and the open day. It belongs to one store, through which
 * every change comes (a store over a file has its file to itself), so a row in it is the row in the database.
 *
 * What identities and transactions there are is never kept: their absence is what matters, and only the database
 * knows it.
 */
import type { CommitItem, Found, Wants } from './port.ts';
import type { AccountRow, BatchRow, CardRow, DayRow, LotRow, TerminalRow } from './rows.ts';

/** An account and what can be spent of it: they change together, under the account's version. */
interface Purse {
  readonly account: AccountRow;
  /** By lot; only lots with something in them. */
  readonly open: ReadonlyMap<string, LotRow>;
}

/** Kept rows of each kind. A card with its account and lots takes some 2 KB: 100 MB at the most. */
const KEPT_MAX = 50_000;

/** What is used last stays; the oldest makes room. */
class Recent<V> {
  readonly #rows = new Map<string, V>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): V | undefined {
    const row = this.#rows.get(key);
    if (row === undefined) return undefined;
    this.#rows.delete(key);
    this.#rows.set(key, row);
    return row;
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  set(key: string, row: V): void {
    this.#rows.delete(key);
    this.#rows.set(key, row);
    if (this.#rows.size <= this.#max) return;
    const [oldest] = this.#rows.keys();
    this.#rows.delete(oldest as string);
  }

  clear(): void {
    this.#rows.clear();
  }
}

export class RowCache {
  readonly #terminals: Recent<TerminalRow>;
  readonly #batches: Recent<BatchRow>;
  /** By the keyed hash of the number. */
  readonly #cards: Recent<CardRow>;
  readonly #purses: Recent<Purse>;
  readonly #counters: Recent<number>;
  #day: DayRow | null = null;

  constructor(max: number = KEPT_MAX) {
    this.#terminals = new Recent(max);
    this.#batches = new Recent(max);
    this.#cards = new Recent(max);
    this.#purses = new Recent(max);
    this.#counters = new Recent(max);
  }

  /** A counter as it was last committed; undefined when it is not known here. */
  counter(name: string): number | undefined {
    return this.#counters.get(name);
  }

  /**
   * What of these wants only the database can tell; null when nothing is left. Identities and UTs are not looked
   * at: whoever asks has asked the database for them already.
   */
  lacking(wants: Wants): Wants | null {
    const lacking = {
      ...wants,
      panHashes: wants.panHashes?.filter((hash) => !this.#knowsCard(hash)),
      accountIds: wants.accountIds?.filter((id) => !this.#purses.has(id)),
      terminalIds: wants.terminalIds?.filter((id) => !this.#terminals.has(id)),
      batches: wants.batches?.filter(
        ({ key, withTransactions }) => withTransactions || !this.#batches.has(key),
      ),
      counters: wants.counters?.filter((counter) => !this.#counters.has(counter)),
    };
    const isServed = this.#day !== null && Object.values(lacking).every((list) => (list?.length ?? 0) === 0);
    return isServed ? null : (lacking as Wants);
  }

  #knowsCard(hash: string): boolean {
    const card = this.#cards.get(hash);
    return card !== undefined && this.#purses.has(card.accountId);
  }

  /**
   * All that is kept of these wants, at this instant. It is taken before anything else may be kept: what comes new
   * makes room by putting out what was used longest ago, and that may be wanted too.
   */
  kept(wants: Wants): Found {
    const cards = rowsOf(wants.panHashes, this.#cards);
    const purses = rowsOf(
      [...(wants.accountIds ?? []), ...cards.map(({ accountId }) => accountId)],
      this.#purses,
    );
    const counters = new Map<string, number>();
    for (const counter of wants.counters ?? []) {
      const value = this.#counters.get(counter);
      if (value !== undefined) counters.set(counter, value);
    }
    return {
      identities: [],
      transactions: [],
      cards,
      accounts: purses.map(({ account }) => account),
      lots: purses.flatMap(({ open }) => [...open.values()]),
      terminals: rowsOf(wants.terminalIds, this.#terminals),
      batches: rowsOf(
        wants.batches?.map(({ key }) => key),
        this.#batches,
      ),
      uploads: [],
      counters,
      owedReversals: [],
      // Without it `lacking` says so, and the database is asked.
      day: this.#day as DayRow,
    };
  }

  /** Takes in what the database found, with no commit since. */
  keep(wants: Wants, found: Found): void {
    this.#day = found.day;
    for (const row of found.terminals) this.#terminals.set(row.terminalId, row);
    for (const row of found.batches) this.#batches.set(`${row.terminalId}|${row.batch}`, row);
    for (const row of found.cards) this.#cards.set(row.panHash, row);
    const open = new Map(found.accounts.map(({ accountId }) => [accountId, new Map<string, LotRow>()]));
    for (const lot of found.lots) if (lot.remaining > 0) open.get(lot.accountId)?.set(lot.lotId, lot);
    for (const account of found.accounts) {
      this.#purses.set(account.accountId, { account, open: open.get(account.accountId) ?? new Map() });
    }
    for (const counter of wants.counters ?? []) this.#counters.set(counter, found.counters.get(counter) ?? 0);
  }

  /** Takes over what an item has just committed. */
  committed({ changes }: CommitItem): void {
    for (const row of changes.days ?? []) if (row.state === 'open') this.#day = row;
    for (const row of changes.terminals ?? []) this.#terminals.set(row.terminalId, row);
    for (const row of changes.batches ?? []) this.#batches.set(`${row.terminalId}|${row.batch}`, row);
    for (const row of changes.cards ?? []) this.#cards.set(row.panHash, row);
    for (const account of changes.accounts ?? []) this.#changePurse(account.accountId, { account });
    for (const lot of changes.lots ?? []) this.#changePurse(lot.accountId, { lot });
  }

  counted(counters: ReadonlyMap<string, number>): void {
    for (const [counter, value] of counters) this.#counters.set(counter, value);
  }

  /** Of an account that is not kept, one change alone says too little. */
  #changePurse(accountId: string, change: { readonly account?: AccountRow; readonly lot?: LotRow }): void {
    const purse = this.#purses.get(accountId);
    if (purse === undefined) return;
    const account = change.account ?? purse.account;
    if (change.lot === undefined) {
      this.#purses.set(accountId, { account, open: purse.open });
      return;
    }
    const open = new Map(purse.open);
    if (change.lot.remaining > 0) open.set(change.lot.lotId, change.lot);
    else open.delete(change.lot.lotId);
    this.#purses.set(accountId, { account, open });
  }

  /** Forgets everything: after anything that makes it doubtful who wrote last. */
  clear(): void {
    for (const rows of [this.#terminals, this.#batches, this.#cards, this.#purses, this.#counters])
      rows.clear();
    this.#day = null;
  }
}

function rowsOf<V>(keys: readonly string[] | undefined, rows: Recent<V>): V[] {
  const found: V[] = [];
  for (const key of new Set(keys)) {
    const row = rows.get(key);
    if (row !== undefined) found.push(row);
  }
  return found;
}

/** What was kept and what the database found, each row once. */
export function together(wants: Wants, kept: Found, read: Found): Found {
  const countOf = (counter: string) => read.counters.get(counter) ?? kept.counters.get(counter) ?? 0;
  return {
    identities: read.identities,
    transactions: read.transactions,
    cards: merged(kept.cards, read.cards, ({ cardId }) => cardId),
    accounts: merged(kept.accounts, read.accounts, ({ accountId }) => accountId),
    lots: merged(kept.lots, read.lots, ({ lotId }) => lotId),
    terminals: merged(kept.terminals, read.terminals, ({ terminalId }) => terminalId),
    batches: merged(kept.batches, read.batches, ({ terminalId, batch }) => `${terminalId}|${batch}`),
    uploads: read.uploads,
    counters: new Map(wants.counters?.map((counter) => [counter, countOf(counter)])),
    owedReversals: read.owedReversals,
    day: read.day,
  };
}

function merged<V>(kept: readonly V[], read: readonly V[], keyOf: (row: V) => string): readonly V[] {
  if (read.length === 0) return kept;
  const keys = new Set(read.map(keyOf));
  return [...read, ...kept.filter((row) => !keys.has(keyOf(row)))];
}
