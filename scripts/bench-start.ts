/**
 * How long a host takes to start on years of business: `npm run bench:start [-- --cards 5000000 --records 10000000
 * --terminals 100000 --folder FOLDER --keep --dry]`. A real host is provisioned and stopped; its database is filled through
 * the store itself (accounts, cards, lots, their entries, terminals and journal records as the product writes them,
 * every guard asked, only the syncs left out: books that a proof or a backup finds whole); then the host starts again as a process of its own, beside the same start before
 * the filling, and a terminal's first sales are judged. Appends one line to bench-history.jsonl unless `--dry`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openSqlite, openSqliteStore } from '../host/index.ts';
import { canonicalJson } from '../host/journal/record.ts';
import { purseAccount } from '../host/ledger/accounts.ts';
import type { CommitItem, StorePort } from '../host/store/port.ts';
import type { TableName, Tables } from '../host/store/rows.ts';
import { ensure } from '../protocol/index.ts';
import { runLoad } from '../simulators/load/index.ts';
import { bundleHost, HOST_ENV, HOST_FLAGS, Office } from '../simulators/office/index.ts';
import type { Metric } from './bench-curves.ts';
import { keepRun, metricLine } from './bench-history.ts';
import { loadTerminals, total } from './load-terminals.ts';
import { rssMiB } from './process-cpu.ts';

const { values } = parseArgs({
  options: {
    cards: { type: 'string', default: '5000000' },
    records: { type: 'string', default: '10000000' },
    terminals: { type: 'string', default: '100000' },
    folder: { type: 'string' },
    keep: { type: 'boolean', default: false },
    dry: { type: 'boolean', default: false },
  },
});
const CARDS = Number(values.cards);
const RECORDS = Number(values.records);
const TERMINALS = Number(values.terminals);
const IN_ONE_COMMIT = 2_000;
const SHOWN_EVERY = 1_000_000;
const SALES = 64;
/** Less than a sale leaves: how long a record is makes no difference to a start, which counts all and reads the last. */
const RECORD_BYTES = 200;

const metrics: Metric[] = [];
const note = (name: string, value: number, unit: string) => {
  const metric = { name, value: Math.round(value * 1_000) / 1_000, unit };
  metrics.push(metric);
  console.log(metricLine(metric));
};

const office = await Office.open({
  terminals: 2,
  cards: 8,
  process: 'child',
  program: {
    command: process.execPath,
    args: [...HOST_FLAGS, await bundleHost()],
    env: { ...HOST_ENV, ZUNKA_LOG_LEVEL: 'info' },
  },
  ...(values.folder !== undefined && { folder: values.folder }),
});
try {
  await office.stop();
  const small = await startSeconds();
  await office.stop();

  const file = join(office.dataFolder, 'host.sqlite');
  await fill(file);
  const big = await startSeconds();
  const pid = office.child?.pid;
  ensure(pid !== undefined, 'the host is a process of its own');
  note('host.start.small_seconds', small, 's');
  note('host.start.seconds', big, 's');
  note('host.start.database', statSync(file).size / 2 ** 30, 'GiB');
  note('host.start.rss', rssMiB(pid), 'MiB');
  await firstSales();
  note('host.start.rss_after_sales', rssMiB(pid), 'MiB');
} finally {
  // With `--keep` what was filled stays: to look at, and to start again by hand.
  await (values.keep ? office.stop() : office.close());
}
if (!values.dry) keepRun(metrics);

/** From the start of the process until it says that it is running: then terminals and administration are served. */
async function startSeconds(): Promise<number> {
  const began = performance.now();
  await office.start();
  return (performance.now() - began) / 1_000;
}

/** A host that started must serve what it had before: real terminals sign in and sell with real cards. */
async function firstSales(): Promise<void> {
  await runLoad(
    {
      port: office.acquirerPort,
      amount: 1_00,
      cards: office.cards.map(({ pan, track2, pin }) => ({ pan, track2, pin })),
      terminals: loadTerminals(office),
      phases: [{ name: 'first sales', seconds: 2, warmSeconds: 0, inFlight: 1, requestsMax: SALES }],
    },
    {
      begun() {},
      ended(result) {
        ensure(
          Object.keys(result.codes).join() === '00',
          `every sale is approved: ${JSON.stringify(result.codes)}`,
        );
        console.log(`  ${total(result)} sales approved`);
        note('host.start.first_sales_p50', result.p50, 'ms');
      },
    },
  );
}

async function fill(file: string): Promise<void> {
  const driver = await openSqlite(file);
  // What is filled in is thrown away after the run.
  await driver.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -1048576;');
  const clock = { now: () => Date.now(), after: () => ({ cancel: () => undefined }) };
  const store = await openSqliteStore({
    driver,
    stream: 'host-01',
    clock,
    initialBusinessDate: '20260101',
    keptMax: 10,
  });
  try {
    const card = await firstOf(store, 'cards');
    const account = await firstOf(store, 'accounts');
    const load = await firstOf(store, 'entries', ({ event }) => event === 'load');
    const loaded = new Set(load.postings.map((posting) => posting.lot));
    const lots: Tables['lots'][] = [];
    for await (const page of store.scan('lots')) lots.push(...page.filter(({ lotId }) => loaded.has(lotId)));
    ensure(lots.length > 0, 'a load has its lots');
    const profile = await firstOf(store, 'documents', (row) => row.kind === 'terminal');
    const terminal: Tables['terminals'] = {
      terminalId: '',
      version: 1,
      batch: 1,
      keys: null,
      previousKeys: null,
      previousKeysUntil: null,
      macFailures: 0,
      speaksDe57: true,
      wanted: 0,
    };
    await put(store, 'cards', CARDS, (n) => {
      const name = String(n).padStart(9, '0');
      const accountId = `z${name}`;
      const mine = (lotId: string) => `${accountId}-${lotId}`;
      const postings = load.postings.map((posting) => {
        const lot = lots.find(({ lotId }) => lotId === posting.lot);
        return lot === undefined
          ? posting
          : { ...posting, account: purseAccount(lot.purse, accountId), lot: mine(lot.lotId) };
      });
      const panHash = createHash('sha256').update(name).digest('hex');
      return {
        guards: [],
        changes: {
          accounts: [{ ...account, accountId, version: 1 }],
          cards: [{ ...card, cardId: `z${name}`, accountId, panHash, version: 1 }],
          lots: lots.map((lot) => ({ ...lot, lotId: mine(lot.lotId), accountId, remaining: lot.loaded })),
          entries: [{ ...load, entryId: `z${name}`, postings }],
        },
        journal: [],
      };
    });
    await put(store, 'terminals', TERMINALS, (n) => {
      const terminalId = `T${String(n).padStart(7, '0')}`;
      const body = { ...(profile.body as object), id: terminalId };
      return {
        guards: [],
        changes: {
          documents: [{ ...profile, id: terminalId, body }],
          terminals: [{ ...terminal, terminalId }],
        },
        journal: [],
      };
    });
    const filling = randomBytes(RECORD_BYTES / 2).toString('hex');
    await put(store, 'journal records', RECORDS, (n) => ({
      guards: [],
      changes: {},
      journal: [{ body: canonicalJson({ at: n, filling, type: 'bench' }) }],
    }));
  } finally {
    await store.close();
  }
}

async function put(
  store: StorePort,
  what: string,
  count: number,
  itemOf: (n: number) => CommitItem,
): Promise<void> {
  const began = performance.now();
  for (let from = 0; from < count; from += IN_ONE_COMMIT) {
    const items = Array.from({ length: Math.min(IN_ONE_COMMIT, count - from) }, (_, at) => itemOf(from + at));
    const outcomes = await store.commit(items);
    ensure(
      outcomes.every(({ committed }) => committed),
      `every item of ${what} is committed`,
    );
    const done = from + items.length;
    if (done % SHOWN_EVERY < IN_ONE_COMMIT)
      console.log(`  ${what}: ${done} (${Math.round((performance.now() - began) / 1_000)} s)`);
  }
}

async function firstOf<T extends TableName>(
  store: StorePort,
  table: T,
  fits: (row: Tables[T]) => boolean = () => true,
): Promise<Tables[T]> {
  for await (const page of store.scan(table)) {
    const row = page.find(fits);
    if (row !== undefined) return row;
  }
  throw new Error(`no row of ${table}: the office provisions some`);
}
