/** Random batches against a model in memory: the same outcomes, the same rows, the same journal. */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fen } from '../../protocol/index.ts';
import { chainHead, genesisHead, leafHash } from '../journal/record.ts';
import type { CommitItem, Found, Guard, StorePort, Wants } from './port.ts';
import type { TableName, Tables } from './rows.ts';
import * as sample from './sample-rows.ts';
import { specOf } from './schema.ts';

type Outcome =
  | { committed: true; sequence: number; head: string }
  | { conflict: Guard }
  | { failure: string };
type Rows = Map<string, Record<string, unknown>>;

/** The store's promise in its plainest form: one item after another, each wholly or not at all. */
class ModelStore {
  tables = new Map<string, Rows>();
  counters = new Map<string, number>();
  records: string[] = [];
  head = genesisHead('host-1');

  commit(items: readonly CommitItem[]): Outcome[] {
    const fates = new Map<string, 'accepted' | 'refused'>();
    return items.map((item) => {
      const outcome = this.#one(item, fates);
      for (const place of versionsOf(item)) {
        if ('committed' in outcome) fates.set(place, 'accepted');
        else if (!fates.has(place)) fates.set(place, 'refused');
      }
      return outcome;
    });
  }

  /** @param fates of the versions that items before it in the batch meant to make */
  #one(item: CommitItem, fates: ReadonlyMap<string, string>): Outcome {
    const counters = new Map(this.counters);
    for (const guard of item.guards) {
      if (guard.kind === 'version' && fates.get(`${guard.table} ${guard.key} ${guard.version}`) === 'refused')
        return { conflict: guard };
      if (!this.#holds(guard, counters)) return { conflict: guard };
    }
    const tables = new Map([...this.tables].map(([name, rows]) => [name, new Map(rows)]));
    for (const [table, rows] of Object.entries(item.changes)) {
      for (const row of rows as unknown as Record<string, unknown>[]) {
        const known = tables.get(table) ?? (new Map() as Rows);
        tables.set(table, known);
        if (!mayWrite(table as TableName, row, known)) return { failure: 'STORE_REFUSED' };
        known.set(keyText(table as TableName, row), row);
      }
    }
    if (!parentsThere(tables)) return { failure: 'STORE_REFUSED' };
    this.tables = tables;
    this.counters = counters;
    for (const { body } of item.journal) {
      this.records.push(body);
      this.head = chainHead(this.head, leafHash(body));
    }
    return { committed: true, sequence: this.records.length, head: this.head };
  }

  #holds(guard: Guard, counters: Map<string, number>): boolean {
    if (guard.kind === 'counter') {
      const sum = (counters.get(guard.counter) ?? 0) + guard.add;
      counters.set(guard.counter, sum);
      return guard.add <= 0 || guard.max === null || sum <= guard.max;
    }
    if (guard.kind === 'unused') {
      const rows = [...(this.tables.get('transactions')?.values() ?? [])];
      return rows.every(({ ut }) => ut !== guard.ut);
    }
    const row = this.tables.get(guard.table)?.get(guard.key);
    return guard.kind === 'absent' ? row === undefined : row?.['version'] === guard.version;
  }
}

function versionsOf({ changes }: CommitItem): readonly string[] {
  return Object.entries(changes).flatMap(([table, rows]) =>
    (rows as unknown as Record<string, unknown>[])
      .filter((row) => 'version' in row)
      .map((row) => `${table} ${keyText(table as TableName, row)} ${Number(row['version'])}`),
  );
}

function keyText(table: TableName, row: Record<string, unknown>): string {
  return specOf(table)
    .key.map((name) => String(row[name]))
    .join('|');
}

const UNIQUE: readonly (readonly [table: string, column: string])[] = [
  ['transactions', 'rrn'],
  ['transactions', 'ut'],
  ['cards', 'panHash'],
];
const FIXED = ['accountId', 'purse', 'salePointId', 'loadedOn', 'loaded'];

function mayWrite(table: TableName, row: Record<string, unknown>, known: Rows): boolean {
  const old = known.get(keyText(table, row));
  for (const [unique, column] of UNIQUE) {
    if (unique !== table || row[column] === '' || row[column] === null) continue;
    for (const other of known.values()) if (other !== old && other[column] === row[column]) return false;
  }
  if (Object.values(row).some((value) => typeof value === 'number' && value < 0)) return false;
  if (specOf(table).guard === 'versioned') return row['version'] === Number(old?.['version'] ?? 0) + 1;
  if (specOf(table).guard === 'grows') return old === undefined;
  return old === undefined || FIXED.every((column) => old[column] === row[column]);
}

function parentsThere(tables: ReadonlyMap<string, Rows>): boolean {
  return (['cards', 'lots'] as const).every((table) =>
    [...(tables.get(table)?.values() ?? [])].every((row) =>
      tables.get('accounts')?.has(String(row['accountId'])),
    ),
  );
}

const SERIALS_MAX = 40;

/** What a random item means to do; versions are filled in from what its batch would have seen. */
interface Intent {
  readonly act: 'provision' | 'sell' | 'note' | 'count' | 'document' | 'settle';
  readonly account: number;
  readonly serial: number;
  /** How far behind its view of the account's version is. */
  readonly stale: number;
  readonly guarded: boolean;
  readonly amount: number;
}

const intent: fc.Arbitrary<Intent> = fc.record({
  act: fc.constantFrom('provision', 'sell', 'sell', 'sell', 'sell', 'note', 'count', 'document', 'settle'),
  account: fc.nat(2),
  serial: fc.nat(SERIALS_MAX),
  stale: fc.constantFrom(0, 0, 0, 0, 1, 2),
  guarded: fc.boolean(),
  amount: fc.integer({ min: -50, max: 100 }),
});

/** The versions that a deciding engine believes in: the store's, and its own changes over them. */
function itemOf(wish: Intent, versions: Map<string, number>): CommitItem {
  const accountId = `A${wish.account}`;
  const version = Math.max(0, (versions.get(accountId) ?? 0) - wish.stale);
  const journal = [{ body: JSON.stringify(wish.serial) }];
  switch (wish.act) {
    case 'provision': {
      versions.set(accountId, 1);
      const guards: Guard[] = wish.guarded ? [{ kind: 'absent', table: 'accounts', key: accountId }] : [];
      return { ...sample.provisioned(accountId), guards, journal };
    }
    case 'sell': {
      versions.set(accountId, version + 1);
      const sale = sample.saleItem(wish.serial, accountId, version + 1, (wish.amount * 10) as Fen);
      const counter: Guard = { kind: 'counter', counter: 'budget:D10', add: wish.amount, max: 300 };
      const guards = wish.guarded ? [...sale.guards.slice(0, 2), counter] : [counter];
      return { ...sale, guards };
    }
    case 'note': {
      // One of three that are seen: a UT that is burnt, the identity of a sale alone, one that is of no batch.
      const key =
        [burntKey, sample.saleKey, (serial: number) => `I${serial}`][wish.stale]?.(wish.serial) ?? '';
      return sample.item(
        { identities: [sample.identityRow(key)] },
        { journal, guards: [{ kind: 'absent', table: 'identities', key }] },
      );
    }
    case 'count':
      return sample.item(
        {},
        {
          guards: [
            { kind: 'counter', counter: 'C1', add: wish.amount, max: 150 },
            { kind: 'counter', counter: 'C1', add: 1, max: null },
          ],
        },
      );
    case 'document':
      return sample.item(
        {
          documents: [
            {
              kind: 'rule',
              id: `D${wish.account}`,
              version: wish.serial % 4,
              body: { n: wish.amount },
              person: 'p',
              reason: 'r',
              at: 1,
            },
          ],
        },
        { journal },
      );
    case 'settle': {
      const key = `T0000001|${wish.account}`;
      const now = Math.max(0, (versions.get(key) ?? 0) - wish.stale);
      versions.set(key, now + 1);
      const guard: Guard =
        now === 0
          ? { kind: 'absent', table: 'batches', key }
          : { kind: 'version', table: 'batches', key, version: now };
      return sample.item(
        { batches: [sample.batchRow('T0000001', wish.account, { version: now + 1 })] },
        { guards: [guard], journal },
      );
    }
  }
}

async function outcomesOf(store: StorePort, items: readonly CommitItem[]): Promise<Outcome[]> {
  return (await store.commit(items)).map((outcome) => {
    if (outcome.committed) return outcome;
    if (outcome.conflict !== null) return { conflict: outcome.conflict };
    return { failure: outcome.failure?.code ?? 'behind' };
  });
}

const CHECKED = [
  'accounts',
  'cards',
  'lots',
  'identities',
  'transactions',
  'entries',
  'documents',
  'batches',
] as const;

async function sameRows(store: StorePort, model: ModelStore): Promise<void> {
  for (const table of CHECKED) {
    const rows: Tables[typeof table][] = [];
    for await (const page of store.scan(table)) rows.push(...page);
    const theirs = new Map(
      rows.map((row) => [keyText(table, row as unknown as Record<string, unknown>), row]),
    );
    const ours = model.tables.get(table) ?? (new Map() as Rows);
    assert.ok(isDeepStrictEqual(theirs, ours), `${table}: ${theirs.size} rows, the model has ${ours.size}`);
  }
  const bodies: string[] = [];
  for await (const page of store.scanJournal()) bodies.push(...page.map(({ body }) => body));
  assert.equal(bodies, model.records);
  const { counters } = await store.read({ counters: ['C1', 'budget:D10'] });
  for (const [counter, value] of counters) assert.is(value, model.counters.get(counter) ?? 0, counter);
  assert.is(
    (await store.balances()).reduce((sum, row) => sum + row.sum, 0),
    0,
  );
}

const WANTS: Wants = {
  panHashes: ['hash-of-K-A0', 'hash-of-K-A1', 'nobody'],
  accountIds: ['A1', 'A2'],
  terminalIds: ['T0000001'],
  batches: [0, 1, 2].map((batch) => ({ key: `T0000001|${batch}`, withTransactions: false })),
  counters: ['C1', 'budget:D10'],
};
const WANTS_MORE: Wants = { ...WANTS, identities: ['I1', 'I2'], uts: ['U1'], transactionIds: ['X1'] };

const burntKey = (serial: number) => `ut|${sample.saleUt(serial)}`;

/** Each is asked for alone: what is not there at all may be known without asking. */
async function sameNames(store: StorePort, model: ModelStore, serials: Iterable<number>): Promise<void> {
  const there = (table: TableName) => [...(model.tables.get(table)?.values() ?? [])];
  for (const serial of serials) {
    const identities = [sample.saleKey(serial), burntKey(serial)];
    const uts = [sample.saleUt(serial)];
    const found = await store.read({ identities, uts });
    assert.equal(
      found.identities.map(({ key }) => key).sort(),
      there('identities')
        .map(({ key }) => String(key))
        .filter((key) => identities.includes(key))
        .sort(),
    );
    assert.equal(
      found.transactions.map(({ ut }) => ut),
      there('transactions')
        .map(({ ut }) => String(ut))
        .filter((ut) => uts.includes(ut)),
    );
  }
}

/** What a store keeps in memory is what is in the database. */
async function sameReads(store: StorePort, open: () => Promise<StorePort>): Promise<void> {
  const other = await open();
  try {
    for (const wants of [WANTS, WANTS_MORE, WANTS])
      assert.equal(sorted(await store.read(wants)), sorted(await other.read(wants)));
  } finally {
    await other.close();
  }
}

function sorted(found: Found): object {
  const lists = Object.entries(found as unknown as Record<string, unknown>).map(([name, rows]) => {
    const list = Array.isArray(rows)
      ? (rows as readonly unknown[]).map((row) => JSON.stringify(row)).sort()
      : rows;
    return [name, list] as const;
  });
  return Object.fromEntries(lists);
}

/** A store on an empty database, stream `host-1`, and how to open another on the same, stream `host-2`. */
export type OpenModelled = () => Promise<{
  readonly store: StorePort;
  readonly fresh: () => Promise<StorePort>;
}>;

/** @param runs how many plans are drawn */
export function modelSuite(name: string, open: OpenModelled, runs: number): void {
  const modelled = suite(`${name}: any batches come out as one item after another would`);

  modelled('outcomes, rows, counters, heads and records', async () => {
    const seed = Number(process.env['SEED'] ?? 20261122);
    console.log(`seed ${seed}`);
    const seen = { committed: 0, conflicts: 0, failures: 0 };
    const batches = fc.array(fc.array(intent, { minLength: 1, maxLength: 12 }), {
      minLength: 1,
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(batches, async (plan) => {
        const { store, fresh } = await open();
        const model = new ModelStore();
        try {
          for (const wishes of plan) {
            const versions = new Map<string, number>();
            for (const table of ['accounts', 'batches'] as const) {
              for (const [key, row] of model.tables.get(table) ?? [])
                versions.set(key, Number(row['version']));
            }
            const items = wishes.map((wish) => itemOf(wish, versions));
            const expected = model.commit(items);
            assert.equal(await outcomesOf(store, items), expected);
            // What is read is kept, and must follow what is committed from here on.
            await store.read(WANTS);
            await sameNames(store, model, new Set(wishes.map(({ serial }) => serial)));
            seen.committed += expected.filter((outcome) => 'committed' in outcome).length;
            seen.conflicts += expected.filter((outcome) => 'conflict' in outcome).length;
            seen.failures += expected.filter((outcome) => 'failure' in outcome).length;
          }
          // Another store has kept nothing yet.
          await sameReads(store, fresh);
          await sameRows(store, model);
        } finally {
          await store.close();
        }
      }),
      { seed, numRuns: runs },
    );
    console.log(JSON.stringify(seen));
    // A property that only ever met one outcome would prove little.
    for (const count of Object.values(seen)) assert.ok(count > runs / 2);
  });

  modelled.run();
}
