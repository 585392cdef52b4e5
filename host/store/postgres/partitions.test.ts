/** Years of history beside today: what is unique stays so across them, and today's work looks into none of them. */
import pg from 'pg';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../../protocol/index.ts';
import type { CommitItem, StorePort } from '../port.ts';
import { readParameters } from '../read-statement.ts';
import * as sample from '../sample-rows.ts';
import { all, committed, conflictOf } from '../suite-scene.ts';
import { IN_ORDER, KEYED } from './node-connections.ts';
import { emptySchema, storeOn } from './node-database.fixture.ts';
import { startPostgres } from './node-server.fixture.ts';
import { READ_SQL } from './read-statement.ts';
import { STRETCH_END_SQL, scanSql, stretchSumsSql } from './statements.ts';

const server = await startPostgres();
server.leave();

const YEARS = ['2019', '2020', '2021', '2022', '2023', '2024', '2025'];
const THIS_YEAR = sample.BUSINESS_DATE.slice(0, 4);

/** What a sale of that year left. */
function past(year: string): CommitItem {
  const transaction = sample.transactionRow(`X${year}`, {
    ...{ businessDate: `${year}0630`, ut: `U${year}`, rrn: `0000000${year}0`, auth: `AU${year}` },
    ...{ entryId: `E${year}`, trace: `00${year}` },
  });
  return sample.item({
    transactions: [transaction],
    entries: [sample.entryRow(`E${year}`, 'A1', { businessDate: `${year}0630` })],
  });
}

/** A store with seven years of history, and one account to sell to. */
async function withHistory(act: (store: StorePort, schema: string) => Promise<void>): Promise<void> {
  const schema = await emptySchema(server);
  const store = await storeOn(server, schema, 'test');
  try {
    await committed(store, sample.provisioned('A1'), ...YEARS.map(past));
    await act(store, schema);
  } finally {
    await store.close();
  }
}

const history = suite('PostgreSQL: years of history');

// biome-ignore format: a table is read by column
const USED: readonly (readonly [what: string, again: () => CommitItem['changes']])[] = [
  ['a transaction id',   () => ({ transactions: [sample.transactionRow('X2019')] })],
  ['a reference number', () => ({ transactions: [sample.transactionRow('X9', { rrn: '000000020190' })] })],
  ['a UT',               () => ({ transactions: [sample.transactionRow('X9', { ut: 'U2019' })] })],
  ['an identity',        () => ({ identities: [sample.identityRow('T0000001|M00000000000001|000001|002019|0200|X2019')] })],
  ['an entry id',        () => ({ entries: [sample.entryRow('E2019', 'A1')] })],
];

for (const [what, again] of USED) {
  history(`${what} of another year is refused alone, in the midst of good ones`, () =>
    withHistory(async (store) => {
      const good = (key: string) => sample.item({ identities: [sample.identityRow(key)] });
      const outcomes = await store.commit([good('G1'), sample.item(again()), good('G2')]);
      assert.equal(
        outcomes.map((outcome) => outcome.committed),
        [true, false, true],
      );
      const [, refused] = outcomes;
      assert.is(refused?.committed === false && refused.failure?.code, 'STORE_REFUSED');
    }),
  );
}

history(
  'a UT of another year is not unused, and a transaction of another year is guarded by its version',
  () =>
    withHistory(async (store) => {
      const unused = { kind: 'unused', ut: 'U2019' } as const;
      assert.equal(conflictOf((await store.commit([sample.item({}, { guards: [unused] })]))[0]), unused);
      const [row] = (await store.read({ transactionIds: ['X2019'] })).transactions;
      assert.ok(row !== undefined);
      const voided = (version: number) =>
        sample.item(
          { transactions: [{ ...row, version: version + 1, state: 'voided' }] },
          { guards: [{ kind: 'version', table: 'transactions', key: 'X2019', version }] },
        );
      await committed(store, voided(1));
      assert.is(conflictOf((await store.commit([voided(1)]))[0])?.kind, 'version');
      assert.is((await store.read({ uts: ['U2019'] })).transactions[0]?.state, 'voided');
    }),
);

history('a date that is in no year is refused alone', () =>
  withHistory(async (store) => {
    const bad = sample.item({ entries: [sample.entryRow('E9', 'A1', { businessDate: 'someday' })] });
    const good = sample.item({ identities: [sample.identityRow('G1')] });
    const [refused, fine] = await store.commit([bad, good]);
    assert.is(refused?.committed === false && refused.failure?.code, 'STORE_REFUSED');
    assert.is(fine?.committed, true);
  }),
);

history('a year that begins is made once by hosts that come into it at the same moment', async () => {
  const schema = await emptySchema(server);
  const hosts = [await storeOn(server, schema, 'host-01'), await storeOn(server, schema, 'host-02')];
  try {
    const outcomes = await Promise.all(
      hosts.map((host, index) =>
        host.commit([
          sample.item({ entries: [sample.entryRow(`E${index}`, 'A1', { businessDate: '20270101' })] }),
        ]),
      ),
    );
    assert.ok(outcomes.flat().every((outcome) => outcome.committed));
    assert.is((await all(hosts[0] as StorePort, 'entries')).length, 2);
  } finally {
    for (const host of hosts) await host.close();
  }
});

history('no partition can be emptied, nor a row in one be changed or deleted', () =>
  withHistory(async (_, schema) => {
    for (const table of [
      'entries_2019',
      'transactions_2019',
      'identities_0',
      'names_0',
      'places_0',
      'approvals_0',
    ])
      await refused(`TRUNCATE "${schema}"."${table}"`);
    await refused(`DELETE FROM "${schema}"."entries_2019"`);
    await refused(`DELETE FROM "${schema}"."transactions_2019"`);
    await refused(`UPDATE "${schema}"."entries_2019" SET "businessDate" = '20190701'`);
    await refused(`UPDATE "${schema}"."transactions_2019" SET "ut" = NULL, "version" = 2`);
  }),
);

async function refused(text: string): Promise<void> {
  const said = await server.query(text).then(
    () => 'done',
    (error: unknown) => String(error),
  );
  assert.match(said, /never|stays/, text);
}

history.run();

const today = suite('PostgreSQL: today looks into no other year');

/** Every way in which a request looks for what it needs. */
const WANTS = {
  identities: ['I-new', 'I-X1'],
  transactionIds: ['X1'],
  rrns: ['000000000077'],
  uts: ['U-new', 'U77'],
  traces: ['T0000001|1|000077'],
  auths: ['M00000000000001|AU0077'],
  batches: [{ key: 'T0000009|1', withTransactions: true }],
  panHashes: ['hash-of-K-A1'],
};

function sold(): CommitItem {
  return sample.item({
    transactions: [
      sample.transactionRow('X1', { ut: 'U77', rrn: '000000000077', trace: '000077', auth: 'AU0077' }),
      sample.transactionRow('X2', { originalId: 'X1', terminalId: 'T0000009', trace: '000078' }),
    ],
    identities: [sample.identityRow('I-X1', { transactionId: 'X1' })],
  });
}

today('sales, their reversal, every look-up, the scan and the sums of a day', () =>
  withHistory(async (first, schema) => {
    // Counts of a session are there for certain when it has ended.
    await first.close();
    await server.query('SELECT pg_stat_reset()');
    const store = await storeOn(server, schema, 'test');
    const sales = [2, 3, 4].map((version) => sample.saleItem(version, 'A1', version, fen(100_000 - version)));
    await committed(store, ...sales, sold());
    const { transactions } = await store.read(WANTS);
    assert.equal(transactions.map(({ transactionId }) => transactionId).sort(), ['X1', 'X2']);
    const [row] = transactions;
    assert.ok(row !== undefined);
    const guard = { kind: 'version', table: 'transactions', key: row.transactionId, version: 1 } as const;
    const reversed = { ...row, version: 2, state: 'reversed' } as const;
    await committed(store, sample.item({ transactions: [reversed] }, { guards: [guard] }));
    // The long way too.
    const burnt = { kind: 'unused', ut: 'U-new' } as const;
    await committed(store, sample.item({ identities: [sample.identityRow('I-new')] }, { guards: [burnt] }));
    for (const table of ['transactions', 'entries'] as const)
      assert.ok((await all(store, table, { businessDate: sample.BUSINESS_DATE })).length > 0);
    assert.ok((await store.balances({ byLot: true, afterBusinessDate: `${THIS_YEAR}0101` })).length > 0);
    await store.close();
    const rows = await server.query(
      `SELECT relname, coalesce(seq_scan, 0) + coalesce(idx_scan, 0) AS "scans" FROM pg_stat_user_tables WHERE schemaname = '${schema}'`,
    );
    const scans = new Map(rows.map(({ relname, scans: count }) => [String(relname), Number(count)]));
    for (const table of ['transactions', 'entries']) {
      assert.ok((scans.get(`${table}_${THIS_YEAR}`) ?? 0) > 0, `${table} of this year are looked into`);
      for (const year of YEARS) assert.is(scans.get(`${table}_${year}`), 0, `${table} of ${year}`);
    }
  }),
);

interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Loops'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** The partitions that a statement's plan runs into. */
async function partitionsOf(schema: string, text: string, values: readonly unknown[]): Promise<Set<string>> {
  const options = Object.entries({ ...KEYED, search_path: schema }).map(
    ([name, value]) => `-c ${name}=${value}`,
  );
  const client = new pg.Client({ connectionString: server.url, options: options.join(' ') });
  await client.connect();
  try {
    // As the hosts' connections have it after a few calls: planned once for any values.
    await client.query(`SET plan_cache_mode = force_generic_plan`);
    const { rows } = await client.query(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`, [...values]);
    const found = new Set<string>();
    const walk = (node: PlanNode): void => {
      const name = node['Relation Name'];
      if (name !== undefined && (node['Actual Loops'] ?? 0) > 0) found.add(name);
      node.Plans?.forEach(walk);
    };
    walk((rows[0] as Record<string, { Plan: PlanNode }[]>)['QUERY PLAN']?.[0]?.Plan ?? {});
    return found;
  } finally {
    await client.end();
  }
}

const yearly = (names: Set<string>) =>
  [...names].filter((name) => /^(transactions|entries)_/.test(name)).sort();

today('by EXPLAIN: the read, and the scan of a day', () =>
  withHistory(async (store, schema) => {
    await committed(store, sold(), sample.saleItem(2, 'A1', 2, fen(1)));
    const explained = (text: string, values: readonly unknown[]) => partitionsOf(schema, text, values);
    assert.equal(yearly(await explained(READ_SQL, readParameters(WANTS))), [`transactions_${THIS_YEAR}`]);
    // A transaction of another year is found all the same, in its own.
    const old = readParameters({ uts: ['U2020'] });
    assert.equal(yearly(await explained(READ_SQL, old)), ['transactions_2020']);
    // Those of a terminal are found by its places: no table is walked for them.
    const { terminalId, batch } = sample.transactionRow('X1', {});
    for (const [columns, at] of [
      [
        ['terminalId', 'batch'],
        [terminalId, batch],
      ],
      [['terminalId'], [terminalId]],
    ] as const) {
      const found = await explained(scanSql('transactions', columns, false), at);
      assert.ok(
        [...found].some((name) => name.startsWith('places')),
        [...found].join(),
      );
      assert.ok(yearly(found).includes(`transactions_${THIS_YEAR}`));
    }
    for (const table of ['transactions', 'entries'] as const)
      assert.equal(yearly(await explained(scanSql(table, ['businessDate'], false), [sample.BUSINESS_DATE])), [
        `${table}_${THIS_YEAR}`,
      ]);
  }),
);

today('a stretch of entries and its sums, with and without statistics: by the index, in its order', () =>
  withHistory(async (store, schema) => {
    const day = `${Number(THIS_YEAR) + 1}0101`;
    const entries = Array.from({ length: 3_000 }, (_, at) =>
      sample.entryRow(`N${String(at).padStart(5, '0')}`, 'A1', { businessDate: day }),
    );
    for (let at = 0; at < entries.length; at += 500)
      await committed(store, sample.item({ entries: entries.slice(at, at + 500) }));
    const planOf = async (text: string) => {
      const options = Object.entries({ ...IN_ORDER, search_path: schema }).map(
        ([name, value]) => `-c ${name}=${value}`,
      );
      const client = new pg.Client({ connectionString: server.url, options: options.join(' ') });
      await client.connect();
      try {
        const values = [day, 'N00100', day, 'N00600'];
        const { rows } = await client.query(`EXPLAIN ${text}`, values);
        return rows.map((row) => String((row as Record<string, unknown>)['QUERY PLAN'])).join('\n');
      } finally {
        await client.end();
      }
    };
    for (const isAnalysed of [false, true]) {
      if (isAnalysed) await server.query(`ANALYZE "${schema}"."entries"`);
      assert.match(await planOf(STRETCH_END_SQL), /Index/);
      assert.not.match(await planOf(STRETCH_END_SQL), /Sort|Bitmap|Seq Scan/);
      // What is found is grouped; it is found by the index.
      assert.not.match(await planOf(stretchSumsSql(true)), /Bitmap|Seq Scan/);
    }
  }),
);

today.run();
