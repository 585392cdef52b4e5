/**
 * A store that keeps in memory what the next sale must see and accepts every commit at once: what a host costs
 * without its ledger. It is for measuring only: no guard is asked, nothing is written, no record is sealed.
 */

import type { CommitItem, CommitOutcome, Found, StorePort, Wants } from '../../host/store/port.ts';
import type { AccountRow, BatchRow, CardRow, LotRow, TerminalRow } from '../../host/store/rows.ts';
import { StoreAround } from '../../host/store/store-around.ts';

export class AcceptingStore extends StoreAround {
  readonly #found: Pick<Found, 'day'>;
  readonly #cards = new Map<string, CardRow>();
  readonly #accounts = new Map<string, AccountRow>();
  readonly #lots = new Map<string, Map<string, LotRow>>();
  readonly #terminals = new Map<string, TerminalRow>();
  readonly #batches = new Map<string, BatchRow>();
  readonly #counters = new Map<string, number>();
  #sequence = 0;

  private constructor(store: StorePort, found: Pick<Found, 'day'>) {
    super(store);
    this.#found = found;
  }

  /** @param store provisioned; its rows are read once, and never again */
  static async over(store: StorePort): Promise<AcceptingStore> {
    const { day } = await store.read({});
    const accepting = new AcceptingStore(store, { day });
    for await (const accounts of store.scan('accounts')) accepting.#keep({ accounts });
    for await (const cards of store.scan('cards')) accepting.#keep({ cards });
    for await (const lots of store.scan('lots')) accepting.#keep({ lots });
    for await (const terminals of store.scan('terminals')) accepting.#keep({ terminals });
    for await (const batches of store.scan('batches')) accepting.#keep({ batches });
    return accepting;
  }

  /** The store behind it never learns what is accepted here. */
  override kept(): null {
    return null;
  }

  override read(wants: Wants): Promise<Found> {
    const cards = presentOf(this.#cards, wants.panHashes);
    const accountIds = new Set([...cards.map(({ accountId }) => accountId), ...(wants.accountIds ?? [])]);
    const lots = [...accountIds].flatMap((id) => [...(this.#lots.get(id)?.values() ?? [])]);
    return Promise.resolve({
      // Nothing comes twice: a sale that was answered is forgotten.
      identities: [],
      transactions: [],
      uploads: [],
      owedReversals: [],
      cards,
      accounts: presentOf(this.#accounts, [...accountIds]),
      lots: lots.filter(({ remaining }) => remaining > 0),
      terminals: presentOf(this.#terminals, wants.terminalIds),
      batches: presentOf(
        this.#batches,
        wants.batches?.map(({ key }) => key),
      ),
      counters: new Map((wants.counters ?? []).map((name) => [name, this.#counters.get(name) ?? 0])),
      day: this.#found.day,
    });
  }

  override commit(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
    return Promise.resolve(items.map((item) => this.#accept(item)));
  }

  #accept({ guards, changes, journal }: CommitItem): CommitOutcome {
    this.#keep(changes);
    for (const guard of guards)
      if (guard.kind === 'counter')
        this.#counters.set(guard.counter, (this.#counters.get(guard.counter) ?? 0) + guard.add);
    this.#sequence += journal.length;
    // As long as a head is, so that answers are.
    const head = this.#sequence.toString(16).padStart(64, '0');
    return { committed: true, head, sequence: this.#sequence };
  }

  #keep({ cards, accounts, lots, terminals, batches }: CommitItem['changes']): void {
    for (const row of accounts ?? []) this.#accounts.set(row.accountId, row);
    for (const row of cards ?? []) this.#cards.set(row.panHash, row);
    for (const row of terminals ?? []) this.#terminals.set(row.terminalId, row);
    for (const row of batches ?? []) this.#batches.set(`${row.terminalId}|${row.batch}`, row);
    for (const row of lots ?? []) {
      const ofAccount = this.#lots.get(row.accountId) ?? new Map<string, LotRow>();
      this.#lots.set(row.accountId, ofAccount.set(row.lotId, row));
    }
  }
}

function presentOf<T>(rows: ReadonlyMap<string, T>, keys: readonly string[] = []): readonly T[] {
  return [...new Set(keys)].flatMap((key) => rows.get(key) ?? []);
}
