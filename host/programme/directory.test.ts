import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import type { DocumentRow } from '../store/rows.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { openDirectory } from './directory.ts';

const CONTRACT = {
  id: 'C-80',
  version: 1,
  settlementBp: 8_000,
  rebateBp: 200,
  agentBp: 50,
  payoutDays: 1,
  minimumPayout: 0,
};
const RULE = {
  id: 'D10',
  version: 1,
  name: '九折',
  validFrom: '20261101',
  validTo: '20261130',
  priority: 0,
  stackGroup: 'member',
  exclusive: false,
  conditions: {},
  effect: { kind: 'discount', basisPoints: 1_000 },
  issuerShareBp: 10_000,
  caps: {},
};

const directory = suite('the directory: the latest version of each document');

directory('gives the latest version, and a change only after a reload', async () => {
  const { store, write } = await emptyStore();
  await write(row('contract', CONTRACT, 1));
  const found = await openDirectory(store);
  assert.is(found.contract('C-80')?.settlementBp, 8_000);
  await write(row('contract', { ...CONTRACT, settlementBp: 7_500 }, 2));
  assert.is(found.contract('C-80')?.settlementBp, 8_000);
  await found.reload();
  assert.is(found.contract('C-80')?.settlementBp, 7_500);
  assert.is(
    found.contract('C-80')?.version,
    2,
    'the row’s version is the contract’s, so that a sale names the right one',
  );
  assert.is(found.version('contract', 'C-80'), 2);
  assert.is(found.version('contract', 'C-90'), 0);
  await store.close();
});

directory('gives those of a kind behind an id, in id order, however they were written', async () => {
  const { store, write } = await emptyStore();
  for (const id of ['C-3', 'C-1', 'C-2']) await write(row('contract', { ...CONTRACT, id }, 1));
  const found = await openDirectory(store);
  const behind = (id: string, max: number) => found.behind('contract', id, max).map((one) => one.id);
  assert.equal(behind('', 2), ['C-1', 'C-2']);
  assert.equal(behind('C-1', 9), ['C-2', 'C-3']);
  assert.equal(behind('C-20', 9), ['C-3']);
  assert.equal(behind('C-3', 9), []);
  await store.close();
});

directory('gives undefined for what is not there, and refuses to invent a programme', async () => {
  const { store } = await emptyStore();
  const found = await openDirectory(store);
  assert.is(found.merchant('898410170110001'), undefined);
  assert.equal(found.all('tier'), []);
  assert.throws(() => found.programme, failsWith('NOT_FOUND'));
  await store.close();
});

directory('gives the rules that are valid on a business date', async () => {
  const { store, write } = await emptyStore();
  await write(
    row('rule', RULE, 1),
    row('rule', { ...RULE, id: 'D05', validFrom: '20261124', validTo: null }, 1),
  );
  const found = await openDirectory(store);
  const on = (date: string) => found.rules(date).map((rule) => rule.id);
  assert.equal(['20261101', '20261130', '20261201', '20261031'].map(on), [
    ['D10'],
    ['D05', 'D10'],
    ['D05'],
    [],
  ]);
  await store.close();
});

directory('gives each branch, tier and trade its own rules of the date', async () => {
  const { store, write } = await emptyStore();
  const bound = (id: string, conditions: object) => row('rule', { ...RULE, id, conditions }, 1);
  await write(
    bound('B', { branchIds: ['B1'] }),
    bound('T', { tiers: ['gold'] }),
    bound('M', { merchantIds: ['M1'] }),
    bound('W', { trades: ['wine'] }),
  );
  const found = await openDirectory(store);
  const at = ([merchantId, branchId, trade, tier]: readonly [string, string, string, string]) =>
    found.rules('20261122', { merchantId, branchId, trade, tier }).map((rule) => rule.id);
  const places = [
    ['M1', 'B1', 'wine', 'gold'],
    ['M2', 'B1', 'wine', 'gold'],
    ['M1', 'B2', 'wine', 'gold'],
    ['M1', 'B1', 'hotel', 'gold'],
    ['M1', 'B1', 'wine', 'blue'],
  ] as const;
  const expected = [
    ['B', 'M', 'T', 'W'],
    ['B', 'T', 'W'],
    ['M', 'T', 'W'],
    ['B', 'M', 'T'],
    ['B', 'M', 'W'],
  ];
  assert.equal(places.map(at), expected);
  assert.equal(places.map(at), expected, 'and again, from what is kept');
  assert.equal(found.rules('20261122').length, 4);
  await store.close();
});

directory('a new version of a rule takes over on its first day, not on the day it is written', async () => {
  const { store, write } = await emptyStore();
  await write(
    row('rule', { ...RULE, validTo: null }, 1),
    row('rule', { ...RULE, validFrom: '20261124', validTo: null }, 2),
  );
  const found = await openDirectory(store);
  const on = (date: string) => found.rules(date).map((rule) => rule.version);
  assert.equal(['20261031', '20261123', '20261124'].map(on), [[], [1], [2]]);
  assert.is(found.rule('D10')?.version, 2);
  // Ended by a third version: what it replaced does not come back.
  await write(row('rule', { ...RULE, validFrom: '20261124', validTo: '20261125' }, 3));
  await found.reload();
  assert.equal(['20261123', '20261125', '20261126'].map(on), [[1], [3], []]);
  await store.close();
});

directory('reads one document anew and leaves the others as they were read', async () => {
  const { store, write } = await emptyStore();
  await write(row('contract', CONTRACT, 1), row('rule', RULE, 1));
  const found = await openDirectory(store);
  await write(
    row('contract', { ...CONTRACT, settlementBp: 7_500 }, 2),
    row('rule', { ...RULE, validFrom: '20261124', validTo: null }, 2),
    row('rule', { ...RULE, id: 'A05' }, 1),
  );
  const ids = (date: string) => found.rules(date).map((rule) => `${rule.id} ${rule.version}`);
  assert.equal([ids('20261123'), ids('20261124')], [['D10 1'], ['D10 1']]);
  await Promise.all([
    found.reload({ kind: 'rule', id: 'D10' }),
    found.reload({ kind: 'rule', id: 'A05' }),
    found.reload({ kind: 'rule', id: 'not there' }),
  ]);
  assert.equal(
    [ids('20261123'), ids('20261124')],
    [
      ['A05 1', 'D10 1'],
      ['A05 1', 'D10 2'],
    ],
  );
  assert.is(found.contract('C-80')?.version, 1);
  await found.reload({ kind: 'contract', id: 'C-80' });
  assert.is(found.contract('C-80')?.settlementBp, 7_500);
  await store.close();
});

directory('lists kinds in id order, whatever order they were written in', async () => {
  const { store, write } = await emptyStore();
  for (const id of ['c', 'a', 'b']) await write(row('company', { id, nameZh: id, nameEn: id }, 1));
  const found = await openDirectory(store);
  assert.equal(
    found.all('company').map((company) => company.id),
    ['a', 'b', 'c'],
  );
  await store.close();
});

directory('says which documents a new one misses', async () => {
  const { store, write } = await emptyStore();
  await write(row('company', { id: 'ZZ', nameZh: '郑州', nameEn: 'Zhengzhou' }, 1));
  const found = await openDirectory(store);
  const point = {
    id: 'S1',
    nameZh: '售卡点',
    nameEn: 'Point',
    companyId: 'ZZ',
    unremittedMax: 5_000_000 as never,
  };
  assert.equal(found.missing('salePoint', point), []);
  assert.equal(found.missing('salePoint', { ...point, companyId: 'LY' }), ['company LY']);
  await store.close();
});

directory('keeps what it had when a document that rests is not sound, and names its field', async () => {
  const { store, write } = await emptyStore();
  await write(row('contract', CONTRACT, 1));
  const found = await openDirectory(store);
  await write(row('contract', { ...CONTRACT, settlementBp: 10_001 }, 2));
  let failure: unknown;
  await found.reload().catch((error: unknown) => {
    failure = error;
  });
  assert.ok(failure instanceof PosError && failure.code === 'CONFIG_BAD');
  assert.match(failure.detail, /contract C-80, settlementBp/);
  assert.is(found.contract('C-80')?.settlementBp, 8_000);
  await store.close();
});

directory.run();

async function emptyStore() {
  const store = await openSqliteStore({
    driver: await openSqlite(':memory:'),
    stream: 'host-01',
    clock: { now: () => 0, after: () => ({ cancel: () => undefined }) },
    initialBusinessDate: '20261122',
  });
  const write = async (...documents: readonly DocumentRow[]) => {
    const [outcome] = await store.commit([{ guards: [], changes: { documents }, journal: [] }]);
    assert.ok(outcome?.committed);
  };
  return { store, write };
}

function row(
  kind: string,
  body: { readonly id: string; readonly [field: string]: unknown },
  version: number,
): DocumentRow {
  return { kind, id: body.id, version, body, person: 'zhang', reason: 'test', at: 0 };
}

function failsWith(code: string) {
  return (error: unknown) => error instanceof PosError && error.code === code;
}
