import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { nodeClock } from '../node-clock.ts';
import { nodeRandom } from '../node-random.ts';
import type { JournalRow } from '../store/rows.ts';
import { AT, BUSINESS_DATE, entryRow, item, transactionRow } from '../store/sample-rows.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { actRecord } from './act-record.ts';
import { commitTo, newSalt, opensTo } from './commitment.ts';
import { exportJournal } from './export.ts';
import { leafHash } from './record.ts';
import { seal, startOf } from './seal.ts';
import { type Circumstances, type JudgedTransaction, transactionRecord } from './transaction-record.ts';
import { readNdjson, verifyJournal } from './verify.ts';

const judged: JudgedTransaction = {
  ...transactionRow('01JD0000000000000000000001', { rrn: '000000000001', auth: '123456', cardId: 'K1' }),
};
const around: Circumstances = {
  mti: '0200',
  processingCode: '000000',
  conditionCode: '00',
  entry: entryRow('E1', 'A1'),
  terminalHead: 'a'.repeat(64),
};

const transactions = suite('the record of a judged transaction');

transactions('names the fields of the message as the standard does', () => {
  const body = JSON.parse(transactionRecord(judged, around).body) as Record<string, unknown>;
  // biome-ignore format: a table is read by column
  for (const [field, value] of Object.entries({
    type: 'transaction', kind: 'sale', MTI: '0200', DE2: '627788******1234', DE3: '000000', DE4: '000000012800',
    DE11: '000001', DE12: '100000', DE13: '1122', DE25: '00', DE37: '000000000001', DE38: '123456', DE39: '00',
    DE41: 'T0000001', DE42: 'M00000000000001', 'DE60.2': 1, 'DE63.1': '001', TH: 'a'.repeat(64), RU: ['D10'],
    cardId: 'K1', accountId: 'A1', entryId: 'E1', businessDate: BUSINESS_DATE, at: AT,
  })) {
    assert.equal(body[field], value, field);
  }
});

transactions('is tied to each posting by the digest of the entry', () => {
  const digest = (entry: Circumstances['entry']) =>
    (JSON.parse(transactionRecord(judged, { ...around, entry }).body) as { entryDigest: string | null })
      .entryDigest;
  assert.is(digest(null), null);
  assert.is(digest(entryRow('E1', 'A1')), digest(entryRow('E1', 'A1')));
  const other = entryRow('E1', 'A1', { postings: entryRow('E1', 'A1').postings.slice(0, -1) });
  assert.is.not(digest(other), digest(entryRow('E1', 'A1')));
});

transactions('refuses a card number that is not masked, and does not repeat it', () => {
  for (const panMasked of ['6277880000001234', '627788*0000001234', '627788******12345']) {
    assert.throws(
      () => transactionRecord({ ...judged, panMasked }, around),
      (error: unknown) =>
        error instanceof PosError && error.code === 'INVARIANT' && !error.message.includes(panMasked),
    );
  }
  assert.ok(transactionRecord({ ...judged, panMasked: '' }, around).body.includes('"DE2":""'));
});

transactions('keeps nothing else of what the caller happens to pass', () => {
  const body = transactionRecord({ ...judged, ...{ track2: 'secret', panSealed: 'secret' } }, around).body;
  assert.not.ok(body.includes('secret'));
});

transactions.run();

const acts = suite('the record of an administrative act');
const act = {
  person: 'wang.fang',
  role: 'reviewer',
  act: 'contract.change',
  subject: 'contract:C1',
  reason: '续约',
  before: null,
  after: { settlementBp: 8_000 },
  at: AT,
  businessDate: BUSINESS_DATE,
};

acts('holds person, role, act, subject and reason, and digests of what was there before and after', () => {
  const body = JSON.parse(actRecord(act).body) as Record<string, unknown>;
  assert.equal(body, {
    type: 'act',
    person: 'wang.fang',
    role: 'reviewer',
    act: 'contract.change',
    subject: 'contract:C1',
    reason: '续约',
    before: null,
    after: leafHash('{"settlementBp":8000}'),
    at: AT,
    businessDate: BUSINESS_DATE,
  });
});

for (const name of ['person', 'role', 'act', 'subject', 'reason']) {
  acts(`refuses an act without ${name}`, () => {
    assert.throws(() => actRecord({ ...act, [name]: ' ' }), new RegExp(`names its ${name}`));
  });
}

acts.run();

const commitments = suite('personal data as salted commitments');

// Expected: Python 3.11, sha256(b'\x04' + bytes(range(32)) + (11).to_bytes(4,'big') + b'holder-name' + '王芳'.encode()).
const SALT = Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('hex');
const COMMITTED = '141b5f20dfeebcdd202c52a35301443490404da1016ac3c982c4b2a7036c899c';

commitments('bind label and value under the salt', () => {
  assert.is(commitTo('holder-name', '王芳', SALT), COMMITTED);
  assert.ok(opensTo(COMMITTED, 'holder-name', '王芳', SALT));
  assert.not.ok(opensTo(COMMITTED, 'holder-name', '王方', SALT));
  assert.not.ok(opensTo(COMMITTED, 'holder-nam', 'e王芳', SALT));
  assert.not.ok(opensTo(COMMITTED, 'holder-name', '王芳', newSalt(nodeRandom)));
});

commitments('say nothing once the salt is destroyed', () => {
  assert.not.ok(opensTo(COMMITTED, 'holder-name', '王芳', null));
});

commitments('are not made with a salt that is too short', () => {
  assert.throws(() => commitTo('holder-name', '王芳', SALT.slice(2)), /64 hexadecimal digits/);
});

commitments.run();

const proof = suite('verifying a journal');

function stream(name: string, bodies: readonly string[]): JournalRow[] {
  return [
    ...seal(
      name,
      startOf(name),
      bodies.map((body) => ({ body, leaf: leafHash(body) })),
    ).rows,
  ];
}
async function* paged(rows: readonly JournalRow[]) {
  yield rows;
}
const BODIES = ['{"a":1}', '{"a":2}', '{"a":3}', '{"a":4}'];

proof('finds an untouched journal right, stream by stream', async () => {
  const one = stream('host-1', BODIES);
  const two = stream('host-2', BODIES.slice(2));
  const mixed = one.flatMap((row, index) => [row, two[index] ?? []].flat());
  const verdict = await verifyJournal(paged(mixed));
  assert.equal(verdict, {
    ok: true,
    streams: [
      { stream: 'host-1', records: 4, head: one.at(-1)?.head, wrong: null },
      { stream: 'host-2', records: 2, head: two.at(-1)?.head, wrong: null },
    ],
  });
});

/** Gives record 3 another body and everything after it the hashes that fit: only a held head shows it. */
function rewritten(rows: readonly JournalRow[]): JournalRow[] {
  return stream(
    'host-1',
    rows.map(({ body, sequence }) => (sequence === 3 ? '{"a":9}' : body)),
  );
}

// biome-ignore format: a table is read by column
const DAMAGES: readonly (readonly [what: string, sequence: number, (rows: JournalRow[]) => JournalRow[]])[] = [
  ['a changed body',             3, (rows) => changed(rows, 2, { body: '{"a":9}' })],
  ['a body with white space',    3, (rows) => changed(rows, 2, { body: '{"a": 3}', leaf: leafHash('{"a": 3}') })],
  ['a body that is no JSON',     3, (rows) => changed(rows, 2, { body: '{', leaf: leafHash('{') })],
  ['a changed leaf',             2, (rows) => changed(rows, 1, { leaf: 'f'.repeat(64) })],
  ['a body changed with its leaf', 2, (rows) => changed(rows, 1, { body: '{"a":9}', leaf: leafHash('{"a":9}') })],
  ['a changed head',             1, (rows) => changed(rows, 0, { head: 'f'.repeat(64) })],
  ['a deleted record',           3, (rows) => rows.filter(({ sequence }) => sequence !== 2)],
  ['two records exchanged',      3, (rows) => [rows[0], rows[2], rows[1], rows[3]].filter((row) => row !== undefined)],
  ['a record of another stream', 2, (rows) => [...rows.slice(0, 1), ...stream('host-2', BODIES).slice(1).map((row) => ({ ...row, stream: 'host-1' }))]],
  ['records cut off at the end', 3, (rows) => rows.slice(0, 2)],
  ['a journal written anew',     4, rewritten],
];

function changed(rows: readonly JournalRow[], place: number, changes: Partial<JournalRow>): JournalRow[] {
  return rows.map((row, index) => (index === place ? { ...row, ...changes } : row));
}

for (const [what, sequence, damage] of DAMAGES) {
  proof(`names record ${sequence} for ${what}`, async () => {
    const rows = stream('host-1', BODIES);
    const { ok, streams } = await verifyJournal(paged(damage(rows)), rows.slice(-1));
    assert.is(ok, false);
    assert.is(streams[0]?.wrong?.sequence, sequence, streams[0]?.wrong?.why);
  });
}

proof('works from an export alone, and the export keeps every byte', async () => {
  const driver = await openSqlite(':memory:');
  const store = await openSqliteStore({
    driver,
    stream: 'host-1',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
  const bodies = Array.from({ length: 1_500 }, (_, index) => `{"n":${index},"名":"客户返点\\"\\n"}`);
  await store.commit([item({}, { journal: bodies.map((body) => ({ body })) })]);
  let text = '';
  for await (const part of exportJournal(store)) text += part;
  await store.close();
  const lines = text.split('\n');
  assert.is(lines.length, 1_501);
  const expected = stream('host-1', bodies);
  assert.equal(await verifyJournal(readNdjson(lines), expected.slice(-1)), {
    ok: true,
    streams: [{ stream: 'host-1', records: 1_500, head: expected.at(-1)?.head, wrong: null }],
  });
});

proof('names the line of an export that is not a record', async () => {
  const line = JSON.stringify(stream('host-1', BODIES)[0]);
  for (const bad of [
    '{',
    'null',
    '[]',
    line.replace('"sequence":1', '"sequence":1.5'),
    line.replace('leaf', 'loaf'),
  ]) {
    let caught: unknown;
    await verifyJournal(readNdjson([line, bad])).catch((error: unknown) => {
      caught = error;
    });
    assert.ok(
      caught instanceof PosError && caught.code === 'JOURNAL_DAMAGED' && caught.detail.includes('line 2'),
      bad,
    );
  }
});

proof.run();
