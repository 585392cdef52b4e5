import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import { FIRST_DAY, MORNING, SECOND_DAY } from '../clearing/sample-day.ts';
import type { Changes } from '../store/port.ts';
import { batchRow, item, owedRow, transactionRow } from '../store/sample-rows.ts';
import { LISTED_MAX } from './door.ts';
import { type Office, office } from './office.fixture.ts';

const lists = suite('a list that one answer does not hold goes on behind the last row that was told');

const TERMINAL = 'T0000001';
const six = (at: number) => String(at).padStart(6, '0');
const many = <Row>(count: number, make: (at: number) => Row): readonly Row[] =>
  Array.from({ length: count }, (_, at) => make(at + 1));

const file = (name: string) => ({
  name,
  runId: 'R',
  kind: 'detail',
  sha256: '0'.repeat(64),
  bytes: 1,
  at: 1,
});
const difference = (differenceId: string, businessDate: string) => ({
  ...{ differenceId, businessDate, kind: 'surplus' as const, terminalId: null, batch: null, trace: null },
  ...{ transactionId: null, theirs: fen(1), ours: null, causeZh: '多', causeEn: 'more', at: 1 },
});
const document = (kind: string, id: string, body: object, version = 1) => ({
  ...{ kind, id, version, body, person: '张会计', reason: '开业', at: MORNING },
});
const tier = (id: string, pointsBp: number) => ({ id, nameZh: '卡', nameEn: 'Card', rank: 1, pointsBp });

interface List {
  /** The address, and what the list is called in its answer. */
  readonly path: string;
  readonly name: string;
  /** Rows of this list, in the order in which it tells them. */
  readonly rows: number;
  readonly max: number;
  readonly changes: Changes;
  readonly keyOf: (row: Record<string, unknown>) => string;
  /** A well-formed key of a row that is there, and in another list. */
  readonly elsewhere: string;
}

const named = (name: string) => (row: Record<string, unknown>) => String(row[name]);

// biome-ignore format: a table is read by column
const LISTS: readonly List[] = [
  {
    path: '/v1/documents/tier', name: 'documents', rows: 2 * LISTED_MAX + 5, max: LISTED_MAX, keyOf: named('id'), elsewhere: 'zz',
    // Green and the other tiers of the day are there.
    changes: { documents: many(2 * LISTED_MAX + 4, (at) => document('tier', `t${six(at)}`, tier(`t${six(at)}`, at))) },
  },
  {
    path: '/v1/documents/tier/blue', name: 'versions', rows: LISTED_MAX + 1, max: LISTED_MAX, keyOf: named('version'), elsewhere: '900001',
    changes: { documents: many(LISTED_MAX + 1, (at) => document('tier', 'blue', tier('blue', at), at)) },
  },
  {
    path: '/v1/files', name: 'files', rows: 2 * LISTED_MAX + 1, max: LISTED_MAX, keyOf: named('name'), elsewhere: 'none.csv',
    changes: { files: many(2 * LISTED_MAX + 1, (at) => file(`20261122-${six(at)}-detail-01.csv`)) },
  },
  {
    path: `/v1/files?businessDate=${SECOND_DAY}`, name: 'files', rows: LISTED_MAX + 2, max: LISTED_MAX, keyOf: named('name'), elsewhere: '20261122-000001-detail-01.csv',
    changes: { files: ['20261122', SECOND_DAY, '20261124'].flatMap((date) => many(LISTED_MAX + 2, (at) => file(`${date}-${six(at)}-detail-01.csv`))) },
  },
  {
    path: `/v1/differences?businessDate=${FIRST_DAY}`, name: 'differences', rows: 2 * LISTED_MAX, max: LISTED_MAX, keyOf: named('differenceId'), elsewhere: 'D000001',
    changes: { differences: many(4 * LISTED_MAX, (at) => difference(`D${six(at)}`, at % 2 === 0 ? FIRST_DAY : SECOND_DAY)) },
  },
  {
    path: `/v1/terminals/${TERMINAL}/batches`, name: 'batches', rows: LISTED_MAX + 1, max: LISTED_MAX, keyOf: named('batch'), elsewhere: '2000',
    changes: { batches: [...many(LISTED_MAX + 1, (at) => batchRow(TERMINAL, at)), batchRow('T0000002', 2000)] },
  },
  {
    path: `/v1/transactions?terminalId=${TERMINAL}`, name: 'transactions', rows: 1_001, max: 500, keyOf: named('transactionId'), elsewhere: 'Y1',
    changes: { transactions: [...many(1_001, (at) => transactionRow(`X${six(at)}`, { accountId: null, money: null })), transactionRow('Y1', { terminalId: 'T0000002', accountId: null, money: null })] },
  },
  {
    path: `/v1/owed-reversals?terminalId=${TERMINAL}`, name: 'owedReversals', rows: 501, max: 500, keyOf: named('id'), elsewhere: 'T0000002-000001-000001-01JD9Q4C7N5W8R2Z6X3V1T0ABC',
    changes: { owedReversals: [...many(501, (at) => owedRow(six(at))), owedRow(six(1), { terminalId: 'T0000002' })] },
  },
];

for (const list of LISTS) {
  const { path, name, rows, max, keyOf } = list;
  lists(`${path} tells each of ${rows} rows once, in order, ${max} at a time`, async () => {
    const it = await officeWith(list.changes);
    const told: string[] = [];
    const sizes: number[] = [];
    for (let more = true; more; ) {
      const { status, body, text } = await it.call('auditor', 'GET', going(path, told.at(-1)));
      assert.is(status, 200, text);
      const page = body[name] as Record<string, unknown>[];
      told.push(...page.map(keyOf));
      sizes.push(page.length);
      more = body['more'] === true;
    }
    assert.is(new Set(told).size, told.length);
    assert.is(told.length, rows);
    const isNumber = typeof Number(told[0]) === 'number' && !Number.isNaN(Number(told[0]));
    assert.equal(told, isNumber ? told.toSorted((a, b) => Number(a) - Number(b)) : told.toSorted());
    assert.equal(
      sizes.slice(0, -1),
      sizes.slice(0, -1).map(() => max),
    );
    assert.ok((sizes.at(-1) ?? 0) > 0, 'a list whose last answer was full does not say that there are more');
  });

  lists(`${path} refuses to go on behind what is none of its rows, and says so`, async () => {
    const it = await officeWith(list.changes);
    for (const [after, because] of [
      [list.elsewhere, /^after: .*no such row/],
      ['%20;--', /after|no such row/],
      ['', /after|fewer/],
    ] as const) {
      const { status, body } = await it.call('auditor', 'GET', `${going(path)}after=${after}`);
      assert.equal([status, body['code']], [400, 'REQUEST_BAD'], after);
      assert.match(String(body['detail']), because);
    }
    assert.is((await it.call('auditor', 'GET', `${going(path)}behind=1`)).status, 400);
  });
}

lists('of transactions goes on with its query only: without one it would be of all', async () => {
  const it = await officeWith(
    item({ transactions: [transactionRow('X1', { accountId: null, money: null })] }).changes,
  );
  const { status, body } = await it.call('auditor', 'GET', '/v1/transactions?after=X1');
  assert.equal([status, body['code']], [400, 'REQUEST_BAD']);
});

lists('of transactions goes on behind a row of the whole query, not of a part of it', async () => {
  const row = (id: string, panMasked: string) =>
    transactionRow(id, { accountId: null, money: null, panMasked, rrn: `00000000000${id[1]}` });
  const it = await officeWith(
    item({ transactions: [row('X1', '627788******1234'), row('X2', '627788******9999')] }).changes,
  );
  const asked = async (query: string) => {
    const { status, body } = await it.call('auditor', 'GET', `/v1/transactions?${query}`);
    return status === 200
      ? (body['transactions'] as { transactionId: string }[]).map(({ transactionId }) => transactionId)
      : body['code'];
  };
  assert.equal(await asked(`terminalId=${TERMINAL}&after=X1`), ['X2']);
  assert.equal(await asked('rrn=000000000002'), ['X2']);
  for (const query of ['cardTail=9999', 'rrn=000000000002', 'terminalId=T0000009', 'batch=77'])
    assert.is(await asked(`${query}&after=X1`), 'REQUEST_BAD', query);
});

lists('of owed reversals goes on behind one that was closed since it was told', async () => {
  const open = many(501, (at) => owedRow(six(at)));
  const it = await officeWith({ owedReversals: open });
  const first = await it.call('auditor', 'GET', '/v1/owed-reversals?state=open');
  const told = first.body['owedReversals'] as { id: string }[];
  const last = open[499];
  if (last === undefined) throw new Error('there are 501');
  await it.world.commit({
    changes: { owedReversals: [{ ...last, version: 2, state: 'closed', closedBy: 'evidence', closedAt: 1 }] },
  });
  const { body } = await it.call('auditor', 'GET', `/v1/owed-reversals?state=open&after=${told.at(-1)?.id}`);
  assert.equal(
    [(body['owedReversals'] as { trace: string }[]).map(({ trace }) => trace), body['more']],
    [['000501'], false],
  );
});

lists.run();

const sums = suite('what the books come to is told in a bounded answer');

sums('card accounts are a row a family, marked; all others have a row each', async () => {
  const it = await office();
  const empty = await it.call('auditor', 'GET', '/v1/balances');
  assert.equal(empty.body, { balances: [] });
  const line = (account: string, amount: number) => ({ account, lot: null, unit: 'fen' as const, amount });
  const entry = (entryId: string, account: string, at: number) => ({
    ...{
      entryId,
      businessDate: FIRST_DAY,
      event: 'load' as const,
      cause: { kind: 'approval' as const, id: 'AP' },
    },
    ...{ at: 1, corrects: null, branchId: null, terminalId: null },
    postings: [line(account, -100 * at), line(`receivable:sale-point:S${six(at)}`, 100 * at)],
  });
  // More sale points than one piece of the answer holds, and more cards than the families have rows.
  const entries = many(2_500, (at) => entry(`E${six(at)}`, `purse:principal:A${six(at)}`, at));
  await it.world.commit({ changes: { entries: entries as never } });
  const { status, body, headers } = await it.call('auditor', 'GET', '/v1/balances');
  assert.is(status, 200);
  assert.match(String(headers['content-type']), 'application/json');
  const rows = body['balances'] as Record<string, unknown>[];
  assert.is(rows.length, 2_501);
  const names = rows.map(({ account }) => String(account));
  assert.equal(names, names.toSorted());
  const total = (100 * 2_500 * 2_501) / 2;
  assert.equal(rows[0], {
    account: 'purse:principal',
    lot: null,
    unit: 'fen',
    sum: -total,
    per: 'card account',
  });
  assert.equal(rows.at(-1), {
    ...{ account: 'receivable:sale-point:S002500', lot: null, unit: 'fen', sum: 250_000, per: null },
  });
});

sums.run();

async function officeWith(changes: Changes): Promise<Office> {
  const it = await office();
  await it.world.commit({ changes });
  await it.deps.directory.reload();
  return it;
}

function going(path: string, after?: string): string {
  const begun = `${path}${path.includes('?') ? '&' : '?'}`;
  return after === undefined ? begun : `${begun}after=${encodeURIComponent(after)}`;
}
