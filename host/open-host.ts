/**
 * The host put together from what is outside of it. All that is logic stands here, so that a real machine
 * (`node-host.ts`) and a simulated one run the same host; nothing here touches disk, wire or clock itself.
 *
 * A host may be abandoned at any point without `stop`, as at a power cut: what it still does then it does
 * through its driver, lines, files and clock only.
 */
import type { Vault } from '../keys/index.ts';
import { businessDateOf } from '../protocol/index.ts';
import { type Acquirer, type AcquirerLimits, oneAcquirer, startAcquirer } from './acquiring/acquirer.ts';
import type { Listener } from './acquiring/line.ts';
import type { FilePort } from './clearing/file-port.ts';
import type { Clock, Random } from './clock.ts';
import { assembleHost, type HostDeps, type Logger } from './deps.ts';
import { keysOf } from './host-keys.ts';
import { provenBooks } from './ledger/proofs.ts';
import { MeasuredStore } from './operations/measured-store.ts';
import { Metrics } from './operations/metrics.ts';
import { Standing } from './operations/standing.ts';
import { openDirectory } from './programme/directory.ts';
import { proveOpens, restingSecrets, wrapAnew } from './resting-secrets.ts';
import {
  type Mark,
  MarkedStore,
  type MarkSlots,
  type MarkStanding,
  markedRecord,
  readMark,
} from './store/commit-mark.ts';
import type { SqlDriver } from './store/driver.ts';
import type { StorePort } from './store/port.ts';
import { watchDocuments } from './store/postgres/documents-watch.ts';
import { openPostgresStore, type PostgresConnections } from './store/postgres/postgres-store.ts';
import { proveContents } from './store/postgres/soundness.ts';
import { type Depth, proveSound } from './store/soundness.ts';
import { openSqliteStore } from './store/sqlite-store.ts';

/** What a host is given. */
export interface HostOutside {
  readonly clock: Clock;
  readonly random: Random;
  /** With the host's own keys in it (`makeHostKeys`). Stays the caller's: it is not closed here. */
  readonly vault: Vault;
  /** The database: a file's driver, or a server's connections. The host's from now on: closed by `stop`, and when the opening fails. */
  readonly driver: SqlDriver | PostgresConnections;
  /** How long its write-ahead log is, in bytes; of a file. */
  readonly logBytes?: () => Promise<number>;
  readonly listener: Listener;
  /** A second door: lines whose ends have proved themselves. Asked for when the host can tell what holds. */
  readonly secureListener?: (deps: HostDeps) => Promise<Listener>;
  /** Where settlement files go. */
  readonly files: FilePort;
  readonly log: Logger;
  /** Two digits, one a host process on the same database: the first two of every DE37 it gives. */
  readonly stream: string;
  /** YYYYMMDD, used only in an empty database; '' is the clock's day. */
  readonly initialBusinessDate: string;
  /** A host for tests, whose vault takes published keys: every answer says so. */
  readonly testMode?: boolean;
  readonly limits?: Partial<AcquirerLimits>;
  /** What counts and times; without it nothing is timed. */
  readonly metrics?: Metrics;
  /** Where it is noted how far the journal is acknowledged. Without it a lost end of the database goes unnoticed. */
  readonly marks?: MarkSlots;
  /** How thoroughly a server's contents are read first; a file is proven before it is opened (`proveDatabase`). */
  readonly depth?: Depth;
}

export interface OpenHost {
  /** All that the administration and the clearing work with. */
  readonly deps: HostDeps & { readonly files: FilePort; readonly standing: Standing };
  readonly acquirer: Acquirer;
  /** Takes no new work, answers what came in, closes the database. May be called twice. */
  stop(): Promise<void>;
}

/**
 * Opens the host and lets terminals in.
 *
 * @throws KEY_UNKNOWN, SEAL_BROKEN, STORE_DAMAGED, STORE_BUSY, STORE_SCHEMA, STORE_FAILED …, or what the listener says; the
 *   driver is closed again
 */
export async function openHost(outside: HostOutside): Promise<OpenHost> {
  const { driver } = outside;
  const closing: Closing = [() => driver.close()];
  let closed: Promise<void> | null = null;
  const closeInTurn = async () => {
    for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
  };
  // Asked twice, it is done once: what was opened last closes first, each after the one before.
  const stop = () => {
    closed ??= closeInTurn();
    return closed;
  };
  try {
    return { ...(await assemble(outside, closing)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const TEST_MODE =
  '测试主机:接受公开密钥,所有交易均无效 a host for tests: published keys are taken, nothing done here is worth anything';

type Closing = (() => Promise<void>)[];

async function assemble(outside: HostOutside, closing: Closing): Promise<Omit<OpenHost, 'stop'>> {
  const { clock, random, vault, log, files } = outside;

  // 1. The database, the proof that the keys are its own, and what is cached of it.
  const keys = keysOf(vault);
  const { metrics = new Metrics() } = outside;
  const { books, mark } = await openBooks(outside);
  const store = new MeasuredStore(books, metrics);
  closing.splice(0, 2, () => store.close());
  proveOpens({ vault, keys }, await restingSecrets(store));
  if (vault.masterKeyChanged && (await wrapAnew(store, vault)) > 0)
    log.info({}, '工作密钥已用新主密钥重新加密 working keys were wrapped anew under the new master key');
  const directory = await openDirectory(store);
  if ('ledger' in outside.driver) {
    const failed = (error: unknown) =>
      log.warn({ err: error }, '未能重读资料 documents could not be read again');
    const stopWatching = watchDocuments(outside.driver, clock, () => directory.reload(), failed);
    closing.push(async () => stopWatching());
  }

  // 2. One plain object, and the door for terminals.
  const parts = { clock, random, vault, keys, store, directory, log, metrics };
  const { stream, testMode = false } = outside;
  if (testMode) log.warn({}, TEST_MODE);
  const deps = await assembleHost(parts, { stream, testMode });
  closing.push(() => deps.engine.drain());
  const plain = await startAcquirer(deps, outside.listener, outside.limits);
  closing.push(() => plain.stop());
  const acquirer = await withSecureDoor(outside, deps, plain);
  closing.push(() => acquirer.stop());
  const standing = new Standing({
    ...deps,
    mark,
    logBytes: outside.logBytes,
    waiting: () => deps.engine.waiting,
    connections: () => acquirer.connections,
    inFlight: () => acquirer.inFlight,
  });
  closing.push(async () => standing.drain());
  return { deps: { ...deps, files, standing }, acquirer };
}

async function withSecureDoor(outside: HostOutside, deps: HostDeps, plain: Acquirer): Promise<Acquirer> {
  if (outside.secureListener === undefined) return plain;
  const listener = await outside.secureListener(deps);
  return oneAcquirer(plain, [await startAcquirer(deps, listener, outside.limits)]);
}

/** The store, whose end was proven to be the one that was acknowledged. */
async function openBooks(outside: HostOutside): Promise<Books> {
  const { log, marks } = outside;
  const stream = `host-${outside.stream}`;
  const mark = marks === undefined ? null : await readMark(marks);
  const store = await openStore(outside, stream, mark);
  if (marks === undefined) return { books: store, mark: null };
  const failed = (error: unknown) =>
    log.error({ err: error }, '未能记下已确认的位置 how far the journal is acknowledged could not be noted');
  const marked = new MarkedStore({ store, stream, slots: marks, failed });
  await marked.begin();
  return { books: marked, mark: () => marked.standing };
}

async function hasRecords(store: StorePort, stream: string): Promise<boolean> {
  return (await store.journalHeads()).some((head) => head.stream === stream);
}

interface Books {
  readonly books: StorePort;
  readonly mark: (() => MarkStanding) | null;
}

async function openStore(outside: HostOutside, stream: string, mark: Mark | null): Promise<StorePort> {
  const { driver, clock } = outside;
  const initialBusinessDate = outside.initialBusinessDate || businessDateOf(clock.now());
  const parts = { stream, clock, initialBusinessDate };
  const record = markedRecord(mark);
  if ('ledger' in driver) {
    const store = await openPostgresStore({ ...parts, connections: driver });
    // A stream of records and nothing that says how far it went: a restored server, or a new machine. All is proven.
    const isUnmarked = outside.marks !== undefined && record === null && (await hasRecords(store, stream));
    await proveContents(store, { depth: isUnmarked ? 'full' : (outside.depth ?? 'journal'), mark: record });
    if (isUnmarked) await provenBooks(store);
    return store;
  }
  await proveSound(driver, { depth: 'journal', mark: record });
  return openSqliteStore({ ...parts, driver });
}
