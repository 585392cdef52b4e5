/**
 * A real database, as a killed host leaves it: half in the file, half in the log. Bytes of both go bad, or are
 * lost; then either the start is refused, or what was acknowledged is there as it was, or the row that is not
 * is refused when it is read. Nothing that is different is ever believed.
 */
import { rejects } from 'node:assert/strict';
import { hash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import { nodeClock } from '../node-clock.ts';
import { MarkedStore, slotOf } from './commit-mark.ts';
import { readRows } from './damaged-row.ts';
import { quotedList } from './ddl.ts';
import { proveDatabase } from './node-database.ts';
import { nodeMarkSlots } from './node-mark-slots.ts';
import type { StorePort } from './port.ts';
import { BUSINESS_DATE, item, provisioned, saleItem, saleKey } from './sample-rows.ts';
import { keptOf, TABLE_NAMES } from './schema.ts';
import { type Depth, TAIL_RECORDS } from './soundness.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { scanSql } from './statements.ts';

const ACCOUNTS = 8;
const SALES = 40;
const NAMES = ['host.sqlite', 'host.sqlite-wal', 'acknowledged-01.mark'] as const;
type Files = Readonly<Partial<Record<(typeof NAMES)[number], Buffer>>>;

const folder = mkdtempSync(join(tmpdir(), 'zunka-damage-'));

async function openedIn(place: string): Promise<StorePort> {
  return openSqliteStore({
    driver: await openSqlite(join(place, 'host.sqlite')),
    stream: 'host-01',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
}
function filesIn(place: string): Files {
  return Object.fromEntries(
    NAMES.filter((name) => existsSync(join(place, name))).map((name) => [
      name,
      readFileSync(join(place, name)),
    ]),
  );
}
function lay(files: Files): string {
  const place = join(folder, 'tried');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(place, name), bytes);
  return place;
}

/** What is in them; reading may make an empty log. */
function shown(found: Files): readonly string[] {
  const full = Object.entries(found).filter(([, bytes]) => bytes.length > 0);
  return full.map(([name, bytes]) => `${name} ${hash('sha256', bytes, 'hex')}`).sort();
}

/** All that the port can tell. */
async function contents(store: StorePort): Promise<string> {
  const told: unknown[] = [await store.balances({ byLot: true }), await store.journalHeads()];
  for (const table of TABLE_NAMES) for await (const page of store.scan(table)) told.push(table, page);
  for await (const page of store.scanJournal()) told.push(page);
  return JSON.stringify(told);
}

/** The files of a host that was killed after `SALES` acknowledged sales, and what they hold. */
async function killed(): Promise<{ readonly files: Files; readonly older: Buffer; readonly holds: string }> {
  const place = join(folder, 'first');
  mkdirSync(place);
  const path = join(place, 'host.sqlite');
  const slots = nodeMarkSlots(join(place, 'acknowledged-01.mark'));
  const failed = (error: unknown) => assert.unreachable(String(error));
  const marked = (store: StorePort) => new MarkedStore({ store, stream: 'host-01', slots, failed });
  const sell = async (store: MarkedStore, from: number, to: number) => {
    for (let serial = from; serial < to; serial += 1) {
      const [version, account] = [2 + Math.floor(serial / ACCOUNTS), `A${serial % ACCOUNTS}`];
      const [outcome] = await store.commit([saleItem(serial, account, version, fen(100_000 - version))]);
      assert.ok(outcome?.committed);
    }
  };
  const first = await openedIn(place);
  await first.commit(Array.from({ length: ACCOUNTS }, (_, at) => provisioned(`A${at}`)));
  await sell(marked(first), 0, SALES / 2);
  await first.close();
  const older = readFileSync(path);
  const second = await openedIn(place);
  const books = marked(second);
  await books.begin();
  await sell(books, SALES / 2, SALES);
  const holds = await contents(second);
  const files = filesIn(place);
  await second.close();
  await slots.close();
  return { files, older, holds };
}
const { files, older, holds } = await killed();
const [database, log] = [files['host.sqlite'], files['host.sqlite-wal']] as [Buffer, Buffer];

/** The same after a stop in order: all in the file. */
async function stoppedInOrder(): Promise<Files> {
  const place = lay(files);
  await (await openedIn(place)).close();
  return filesIn(place);
}
const stopped = await stoppedInOrder();
const whole = stopped['host.sqlite'] as Buffer;

type Outcome = 'refused' | 'same' | 'refused when read' | 'DIFFERENT';

async function outcomeOf(damagedFiles: Files, depth: Depth): Promise<{ outcome: Outcome; report: string }> {
  const place = lay(damagedFiles);
  const path = join(place, 'host.sqlite');
  try {
    await proveDatabase(path, { depth, marks: nodeMarkSlots(join(place, 'acknowledged-01.mark')) });
  } catch (error) {
    assert.instance(error, PosError);
    assert.is((error as PosError).code, 'STORE_DAMAGED');
    assert.equal(shown(filesIn(place)), shown(damagedFiles), 'a refused start has changed nothing');
    return { outcome: 'refused', report: (error as PosError).detail };
  }
  try {
    const store = await openedIn(place);
    try {
      return { outcome: (await contents(store)) === holds ? 'same' : 'DIFFERENT', report: '' };
    } finally {
      await store.close();
    }
  } catch (error) {
    assert.instance(error, PosError);
    const { code, detail } = error as PosError;
    assert.is(code, 'STORE_DAMAGED', detail);
    return { outcome: 'refused when read', report: detail };
  }
}

function bent(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes);
  changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
  return changed;
}
async function tally(all: readonly Files[], depth: Depth): Promise<Record<Outcome, number>> {
  const counts = { refused: 0, same: 0, 'refused when read': 0, DIFFERENT: 0 };
  for (const each of all) counts[(await outcomeOf(each, depth)).outcome] += 1;
  return counts;
}
/** The whole first page's header, and places all over the file that no page's layout favours. */
const places = [
  ...Array.from({ length: 50 }, (_, at) => at * 2),
  ...Array.from({ length: 150 }, (_, at) => (at * 104_729) % whole.length),
];
const inDatabase = places.map((at): Files => ({ ...stopped, 'host.sqlite': bent(whole, at) }));

const damage = suite('a database that went bad, at the start of the host');

damage('is the same when nothing is wrong, in any depth', async () => {
  assert.ok(log.length > 20 * 4_096, 'half of it is in the log');
  for (const depth of ['journal', 'pages', 'full'] as const) {
    assert.is((await outcomeOf(files, depth)).outcome, 'same', depth);
  }
});

damage('is refused, or the bad row is, or nothing is different: a byte of the file went bad', async () => {
  const counts = await tally(inDatabase, 'pages');
  assert.is(counts.DIFFERENT, 0);
  assert.ok(
    counts.refused > 30 && counts['refused when read'] > 5 && counts.same > 0,
    JSON.stringify(counts),
  );
});

for (const [at, name] of [
  [18, 'write version'],
  [19, 'read version'],
] as const) {
  damage(`is refused in any depth, whatever bit of byte ${at}, the ${name}, went bad`, async () => {
    for (const depth of ['journal', 'pages', 'full'] as const) {
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = Buffer.from(whole);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const { outcome, report } = await outcomeOf({ ...stopped, 'host.sqlite': changed }, depth);
        assert.is(outcome, 'refused', `bit ${bit}, ${depth}`);
        assert.match(report, '处理 to do');
        if (at === 18) assert.match(report, /byte 18: 写格式 write version \d+/);
      }
    }
  });
}

damage('is refused by the full check wherever a row would be refused when it is read', async () => {
  const counts = await tally(inDatabase.slice(50, 130), 'full');
  assert.is(counts.DIFFERENT, 0);
  assert.is(counts['refused when read'], 0);
});

damage(
  'is refused when any byte of its log went bad: SQLite would drop what follows without a word',
  async () => {
    const changed = Array.from({ length: 32 }, (_, at) => at).concat(
      Array.from({ length: 80 }, (_, at) => 32 + ((at * 7_919 * 131) % (log.length - 32))),
    );
    const counts = await tally(
      changed.map((at) => ({ ...files, 'host.sqlite-wal': bent(log, at) })),
      'pages',
    );
    assert.equal(counts, { refused: changed.length, same: 0, 'refused when read': 0, DIFFERENT: 0 });
  },
);

damage(
  'is refused when the text of a trigger or an index went bad, which SQLite finds when it uses it',
  async () => {
    for (const [was, is] of [
      ['NEW."version" <> OLD."version" + 1', 'NEW."verion"  <> OLD."version" + 1'],
      ['CREATE INDEX', 'CREATE  NDEX'],
    ] as const) {
      const at = whole.indexOf(was);
      assert.ok(at > 0, was);
      const changed = Buffer.concat([
        whole.subarray(0, at),
        Buffer.from(is),
        whole.subarray(at + was.length),
      ]);
      const { outcome, report } = await outcomeOf({ ...stopped, 'host.sqlite': changed }, 'journal');
      assert.is(outcome, 'refused');
      assert.match(report, '处理 to do');
    }
  },
);

for (const [what, was, is] of [
  ['is no JSON any more', '{"fields":{"39"', 'x"fields":{"39"'],
  ['is another JSON', '{"fields":{"39"', '{"fields":{"38"'],
] as const) {
  damage(`names table and key of a row whose value ${what}, to whoever reads it`, async () => {
    const at = whole.indexOf(was);
    assert.ok(at > 0, was);
    const changed = Buffer.from(whole);
    changed.write(is, at, 'utf8');
    const damagedFiles = { ...stopped, 'host.sqlite': changed };
    const read = await outcomeOf(damagedFiles, 'pages');
    assert.is(read.outcome, 'refused when read');
    assert.match(read.report, /^identities .+: 内容/);
    const started = await outcomeOf(damagedFiles, 'full');
    assert.is(started.outcome, 'refused');
    assert.match(started.report, /identities .+: 内容/);
  });
}

damage('names a row whose own column has become bytes, which no JSON carries', async () => {
  // The host's tables refuse such a value, so it lies in one that does not.
  const driver = await openSqlite(join(lay({}), 'host.sqlite'));
  const names = [...keptOf('days').map(([name]) => name), 'body', 'sum'];
  const values = names.map((name) =>
    name === 'businessDate' ? "'20261122'" : name === 'body' ? "'[]'" : "x'ff'",
  );
  await driver.exec(
    `CREATE TABLE "days" (${quotedList(names)}); INSERT INTO "days" VALUES (${values.join(', ')})`,
  );
  await rejects(
    readRows(driver, scanSql('days', [], false), [], ['days']),
    (error: unknown) =>
      error instanceof PosError &&
      error.code === 'STORE_DAMAGED' &&
      /^days 20261122: 内容无法读取/.test(error.detail),
  );
  await rejects(
    readRows(driver, 'SELECT * FROM "nothing"', [], []),
    (error: unknown) => error instanceof PosError && error.code === 'STORE_FAILED',
  );
  await driver.close();
});

damage('is refused when its log ends early, or is gone with commits in it', async () => {
  const { 'host.sqlite-wal': _, ...without } = files;
  const cuts = Array.from({ length: 30 }, (_each, at) => Math.floor((at * (log.length - 1)) / 30));
  const shortened = cuts.map((length): Files => ({ ...files, 'host.sqlite-wal': log.subarray(0, length) }));
  assert.is((await tally([without, ...shortened], 'journal')).refused, cuts.length + 1);
});

for (const [what, lost] of [
  ['is empty', { ...files, 'host.sqlite': Buffer.alloc(0) }],
  [
    'is empty, and so is its log',
    { ...files, 'host.sqlite': Buffer.alloc(0), 'host.sqlite-wal': Buffer.alloc(0) },
  ],
  ['is gone', { 'host.sqlite-wal': log, 'acknowledged-01.mark': files['acknowledged-01.mark'] as Buffer }],
  ['is gone with its log', { 'acknowledged-01.mark': files['acknowledged-01.mark'] as Buffer }],
  ['is gone with its mark', { 'host.sqlite-wal': log }],
  ['is no database', { ...files, 'host.sqlite': Buffer.from('not a database\n'.repeat(500)) }],
  ['is cut in the middle', { 'host.sqlite': database.subarray(0, database.length / 2) }],
  ['is an older copy', { ...files, 'host.sqlite': older, 'host.sqlite-wal': Buffer.alloc(0) }],
] as const satisfies readonly (readonly [string, Files])[]) {
  damage(`is refused when it ${what}`, async () => {
    assert.is((await outcomeOf(lost, 'pages')).outcome, 'refused');
  });
}

damage('is taken without its log after a stop in order', async () => {
  assert.equal(Object.keys(stopped), ['host.sqlite', 'acknowledged-01.mark']);
  assert.is((await outcomeOf(stopped, 'pages')).outcome, 'same');
});

damage('is taken without a mark, which is said: a lost end would not be noticed', async () => {
  const { 'acknowledged-01.mark': _, ...unmarked } = files;
  const place = lay(unmarked);
  const slots = nodeMarkSlots(join(place, 'acknowledged-01.mark'));
  const standing = () => proveDatabase(join(place, 'host.sqlite'), { depth: 'pages', marks: slots });
  assert.is(await standing(), 'unmarked');
  // One that was made before there was a record vouches for none of those that are there.
  await slots.write(0, slotOf({ stream: 'host-01', sequence: 0, head: '' }));
  assert.is(await standing(), 'unmarked');
  await slots.close();
});

damage('is told as new only where nothing was acknowledged', async () => {
  for (const [nothing, expected] of [
    [{}, 'new'],
    [{ 'acknowledged-01.mark': slotOf({ stream: 'host-01', sequence: 0, head: '' }) }, 'new'],
    [{ 'acknowledged-01.mark': slotOf({ stream: 'host-01', sequence: 1, head: '' }) }, 'refused'],
  ] satisfies [Files, string][]) {
    const place = lay(nothing);
    const slots = nodeMarkSlots(join(place, 'acknowledged-01.mark'));
    const told = proveDatabase(join(place, 'host.sqlite'), { depth: 'pages', marks: slots });
    assert.is(await told.catch(() => 'refused'), expected);
  }
});

damage('is told with what is sound, the first thing that is not, and what to do', async () => {
  // One letter of the fifth record's body, found by the transaction that it names.
  const [body] = [`"transaction":"01JD0000000000${String(4).padStart(12, '0')}"}`];
  const at = whole.indexOf(body) + 2;
  assert.ok(at > 2);
  const { outcome, report } = await outcomeOf({ ...stopped, 'host.sqlite': bent(whole, at) }, 'journal');
  assert.is(outcome, 'refused');
  assert.match(report, /journal host-01: 第 5 条 record 5: the leaf hash is not that of the body/);
  assert.match(report, /host-01 第 1 至 4 条 records 1 to 4/);
  assert.match(report, /edit and cut nothing.*host\/README\.md/);
  const ends = await outcomeOf({ ...files, 'host.sqlite-wal': log.subarray(0, 0) }, 'journal');
  assert.match(ends.report, /acknowledged up to record 40, the database ends at 20: 20 are lost/);
  assert.match(ends.report, /records 1 to 20/);
});

const deleted = (path: string, table: string, where: string) =>
  pastTrigger(path, `${table}_before_delete`, `DELETE FROM "${table}" WHERE ${where}`);
const changed = (path: string, table: string, what: string, where: string) =>
  pastTrigger(path, `${table}_before_update`, `UPDATE "${table}" SET ${what} WHERE ${where}`);

/** Somebody got round the trigger that refuses it, and put it back. */
async function pastTrigger(path: string, trigger: string, act: string): Promise<void> {
  const driver = await openSqlite(path);
  const [guard] = await driver.all('SELECT "sql" FROM sqlite_master WHERE "name" = ?1', [trigger]);
  await driver.exec(`DROP TRIGGER "${trigger}"; ${act}`);
  await driver.exec(String(guard?.['sql']));
  await driver.close();
}

damage(
  'is refused by the full check when an identity is missing: its transaction’s place would not be found',
  async () => {
    const place = lay(stopped);
    assert.is((await outcomeOf(filesIn(place), 'full')).outcome, 'same');
    await deleted(join(place, 'host.sqlite'), 'identities', `"key" = '${saleKey(7)}'`);
    const { outcome, report } = await outcomeOf(filesIn(place), 'full');
    assert.is(outcome, 'refused');
    assert.match(report, /no identity leads to transaction 01JD0000000000000000000007/);
  },
);

damage(
  'is refused by the full check where the last of many rows is not as it was written, in each table',
  async () => {
    const place = lay(stopped);
    const path = join(place, 'host.sqlite');
    const store = await openedIn(place);
    const names = Array.from({ length: 450 }, (_, at) => `n${String(at).padStart(3, '0')}`);
    const steps = names.map((step) => ({ runId: 'z', step, output: step, at: 1 }));
    const files = names.map((name) => ({
      ...{ name, runId: 'z', kind: 'detail' as const, sha256: '', bytes: 1, at: 1 },
    }));
    const [outcome] = await store.commit([item({ steps, files })]);
    assert.ok(outcome?.committed);
    await store.close();
    await proveDatabase(path, { depth: 'full', marks: nodeMarkSlots(join(place, NAMES[2])) });
    for (const [table, where] of [
      ['steps', `"runId" = 'z' AND "step" = 'n449'`],
      ['files', `"name" = 'n449'`],
    ] as const) {
      await changed(path, table, `"body" = replace("body", '1', '2')`, where);
      await rejects(
        proveDatabase(path, { depth: 'full', marks: nodeMarkSlots(join(place, NAMES[2])) }),
        new RegExp(`STORE_DAMAGED.*${table}`, 's'),
      );
      await changed(path, table, `"body" = replace("body", '2', '1')`, where);
    }
  },
);

damage('is refused when a record is missing, also before the end that is computed again', async () => {
  const place = lay({});
  const store = await openedIn(place);
  const draft = { body: '{"type":"test"}' };
  await store.commit([item({}, { journal: Array.from({ length: TAIL_RECORDS + 50 }, () => draft) })]);
  await store.close();
  await deleted(join(place, 'host.sqlite'), 'journal', '"sequence" = 7');
  const { outcome, report } = await outcomeOf(filesIn(place), 'pages');
  assert.is(outcome, 'refused');
  assert.match(report, /1049 条,应为 records of 1050/);
  assert.match(report, /records 1 to 6/);
});

damage.after(() => rmSync(folder, { recursive: true }));
damage.run();
