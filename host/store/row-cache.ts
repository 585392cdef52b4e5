/**
 * The rows that authorisations ask for again and again, kept in memory as they were last committed: terminals,
 * cards, accounts with their open lots, batches, counters and the open day. It belongs to one store, through which
 * every change comes (a store over a file has its file to itself), so a row in it is the row in the database.
 *
 * Identities and transactions are not kept, only which of them there are (`known-names.ts`): one that is there is read.
 */
import { KnownNames } from './known-names.ts';
import type { CommitItem, Found, Kept, Wants } from './port.ts';
import type { AccountRow, BatchRow, CardRow, DayRow, LotRow, TerminalRow } from './rows.ts';

/** An account and what can be spent of it: they change together, under the account's version. */
interface Purse {
  account: AccountRow;
  /** By lot; only lots with something in them. */
  readonly open: Map<string, LotRow>;
}

/**
 * Kept rows of each kind, half as many more while both generations are looked at. A card with its account and lots
 * takes some 2 KB: 150 MB at the most.
 */
const KEPT_MAX = 50_000;
/** Identities and UTs are small, and each sale has one of each. */
const NAMES_TO_ROWS = 2;

/**
 * What was used lately stays: two generations, of which the older one is dropped when the younger is half of the most.
 * A look costs no writing, as it would where every use moves a row to the end.
 */
class Recent<V> {
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  get(key: string): V | undefined {
    const row = this.#young.get(key);
    if (row !== undefined) return row;
    const kept = this.#old.get(key);
    // Only `set` lets rows go: whoever has looked which are here finds them.
    if (kept !== undefined) this.#young.set(key, kept);
    return kept;
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key);
  }

  set(key: string, row: V): void {
    this.#young.set(key, row);
    if (this.#young.size * 2 <= this.#max) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

export class RowCache implements Kept {
  readonly #terminals: Recent<TerminalRow>;
  readonly #batches: Recent<BatchRow>;
  /** By the keyed hash of the number. */
  readonly #cards: Recent<CardRow>;
  readonly #purses: Recent<Purse>;
  readonly #counters: Recent<number>;
  readonly names: KnownNames;
  #day: DayRow | null = null;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number, max: number = KEPT_MAX) {
    this.#terminals = new Recent(max);
    this.#batches = new Recent(max);
    this.#cards = new Recent(max);
    this.#purses = new Recent(max);
    this.#counters = new Recent(max);
    this.names = new KnownNames(now, NAMES_TO_ROWS * max);
  }

  /** A counter as it was last committed; undefined when it is not known here. */
  counter(name: string): number | undefined {
    return this.#counters.get(name);
  }

  get day(): DayRow | undefined {
    return this.#day ?? undefined;
  }
  card(panHash: string): CardRow | undefined {
    return this.#cards.get(panHash);
  }
  account(accountId: string): AccountRow | undefined {
    return this.#purses.get(accountId)?.account;
  }
  openLots(accountId: string): ReadonlyMap<string, LotRow> | undefined {
    return this.#purses.get(accountId)?.open;
  }
  terminal(terminalId: string): TerminalRow | undefined {
    return this.#terminals.get(terminalId);
  }
  batch(key: string): BatchRow | undefined {
    return this.#batches.get(key);
  }
  isNew(identity: string): boolean {
    return this.names.isNew(identity);
  }
  isUnused(ut: string): boolean {
    return this.names.isUnused(ut);
  }

  /** What of these wants only the database can tell; identities and UTs, one of which may be there, are left to it. */
  lacking(wants: Wants): Wants {
    return {
      ...wants,
      panHashes: wants.panHashes?.filter((hash) => !this.#knowsCard(hash)) ?? [],
      accountIds: wants.accountIds?.filter((id) => !this.#purses.has(id)) ?? [],
      terminalIds: wants.terminalIds?.filter((id) => !this.#terminals.has(id)) ?? [],
      batches:
        wants.batches?.filter(({ key, withTransactions }) => withTransactions || !this.#batches.has(key)) ??
        [],
      counters: wants.counters?.filter((counter) => !this.#counters.has(counter)) ?? [],
    };
  }

  #knowsCard(hash: string): boolean {
    const card = this.#cards.get(hash);
    return card !== undefined && this.#purses.has(card.accountId);
  }

  /** Whether all that is wanted is kept, or certain not to be there. */
  knows(wants: Wants): boolean {
    return (
      this.#day !== null &&
      !isBeyond(wants) &&
      this.names.areAbsent(wants) &&
      areAll(wants.terminalIds, (id) => this.#terminals.has(id)) &&
      areAll(wants.panHashes, (hash) => this.#knowsCard(hash)) &&
      areAll(wants.accountIds, (id) => this.#purses.has(id)) &&
      areAll(wants.batches, ({ key }) => this.#batches.has(key)) &&
      areAll(wants.counters, (counter) => this.#counters.has(counter))
    );
  }

  /** All that is wanted, at this instant; null when something of it is not kept, or an identity or UT may be there. */
  whole(wants: Wants): Found | null {
    return this.knows(wants) ? this.kept(wants) : null;
  }

  /**
   * All that is kept of these wants, at this instant. It is taken before anything else may be kept: what comes new
   * makes room by putting out what was used longest ago, and that may be wanted too.
   */
  kept(wants: Wants): Found {
    const cards = rowsOf(wants.panHashes, this.#cards);
    const accounts: AccountRow[] = [];
    const lots: LotRow[] = [];
    for (const id of accountsOf(wants, cards)) {
      const purse = this.#purses.get(id);
      if (purse === undefined) continue;
      accounts.push(purse.account);
      for (const lot of purse.open.values()) lots.push(lot);
    }
    const counters = new Map<string, number>();
    for (const counter of wants.counters ?? []) {
      const value = this.#counters.get(counter);
      if (value !== undefined) counters.set(counter, value);
    }
    return {
      identities: [],
      transactions: [],
      cards,
      accounts,
      lots,
      terminals: rowsOf(wants.terminalIds, this.#terminals),
      batches: rowsOf(
        wants.batches?.map(({ key }) => key),
        this.#batches,
      ),
      uploads: [],
      counters,
      owedReversals: [],
      // Where it is not known, `whole` is null and the database is asked.
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
      this.#purses.set(account.accountId, {
        account,
        open: open.get(account.accountId) ?? new Map<string, LotRow>(),
      });
    }
    for (const counter of wants.counters ?? []) this.#counters.set(counter, found.counters.get(counter) ?? 0);
  }

  /** Takes over what an item has just committed. */
  committed(item: CommitItem): void {
    const { changes } = item;
    this.names.committed(item);
    for (const row of changes.days ?? []) if (row.state === 'open') this.#day = row;
    for (const row of changes.terminals ?? []) this.#terminals.set(row.terminalId, row);
    for (const row of changes.batches ?? []) this.#batches.set(`${row.terminalId}|${row.batch}`, row);
    for (const row of changes.cards ?? []) this.#cards.set(row.panHash, row);
    // Of an account that is not kept, one change alone says too little.
    for (const account of changes.accounts ?? []) {
      const purse = this.#purses.get(account.accountId);
      if (purse !== undefined) purse.account = account;
    }
    for (const lot of changes.lots ?? []) {
      const open = this.#purses.get(lot.accountId)?.open;
      if (lot.remaining > 0) open?.set(lot.lotId, lot);
      else open?.delete(lot.lotId);
    }
  }

  counted(counters: ReadonlyMap<string, number>): void {
    for (const [counter, value] of counters) this.#counters.set(counter, value);
  }

  /** Forgets everything: after anything that makes it doubtful who wrote last. */
  clear(): void {
    for (const rows of [this.#terminals, this.#batches, this.#cards, this.#purses, this.#counters])
      rows.clear();
    this.names.clear();
    this.#day = null;
  }
}

/** Whether something is wanted that is never kept. */
function isBeyond(wants: Wants): boolean {
  const { transactionIds, rrns, traces, auths, owed, batches } = wants;
  for (const list of [transactionIds, rrns, traces, auths, owed]) if ((list?.length ?? 0) > 0) return true;
  return batches?.some(({ withTransactions }) => withTransactions) ?? false;
}

/** Of the wanted accounts and of these cards, each once. */
function accountsOf(wants: Wants, cards: readonly CardRow[]): ReadonlySet<string> {
  const ids = new Set(wants.accountIds);
  for (const { accountId } of cards) ids.add(accountId);
  return ids;
}

function areAll<V>(wanted: readonly V[] | undefined, is: (one: V) => boolean): boolean {
  return wanted === undefined || wanted.every(is);
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
  const valueIn = (counter: string) => read.counters.get(counter) ?? kept.counters.get(counter) ?? 0;
  return {
    identities: read.identities,
    transactions: read.transactions,
    cards: merged(kept.cards, read.cards, ({ cardId }) => cardId),
    accounts: merged(kept.accounts, read.accounts, ({ accountId }) => accountId),
    lots: merged(kept.lots, read.lots, ({ lotId }) => lotId),
    terminals: merged(kept.terminals, read.terminals, ({ terminalId }) => terminalId),
    batches: merged(kept.batches, read.batches, ({ terminalId, batch }) => `${terminalId}|${batch}`),
    uploads: read.uploads,
    counters: new Map(wants.counters?.map((counter) => [counter, valueIn(counter)])),
    owedReversals: read.owedReversals,
    day: read.day,
  };
}

function merged<V>(kept: readonly V[], read: readonly V[], keyOf: (row: V) => string): readonly V[] {
  if (read.length === 0) return kept;
  const keys = new Set(read.map(keyOf));
  return [...read, ...kept.filter((row) => !keys.has(keyOf(row)))];
}
