/**
 * What the host is given on a real machine: disk, clock, randomness, wire, and the administration's door.
 * How a host is put together from them stands in `open-host.ts`. Importing this file starts nothing.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DestinationStream } from 'pino';
import type { Listener } from './acquiring/line.ts';
import { tcpListener } from './acquiring/tcp-listener.ts';
import { tlsListener } from './acquiring/tls-listener.ts';
import { openTokens } from './admin/node-tokens.ts';
import { startAdmin } from './admin/server.ts';
import { Closing } from './closing.ts';
import type { HostConfig } from './config.ts';
import type { HostDeps } from './deps.ts';
import { openLog } from './log.ts';
import { elapsedMs, nodeClock } from './node-clock.ts';
import { openLinkIdentity } from './node-link-identity.ts';
import { logTime } from './node-log.ts';
import { nodeRandom } from './node-random.ts';
import { databaseOf } from './node-store.ts';
import { openVault } from './node-vault.ts';
import { openHost } from './open-host.ts';
import { Metrics } from './operations/metrics.ts';
import { measureProcess } from './operations/node-process-metrics.ts';
import { Authority } from './remote/authority.ts';
import { nodeMarkSlots } from './store/node-mark-slots.ts';

export interface RunningHost {
  readonly acquirerPort: number;
  readonly adminPort: number;
  /** The tokens of the administration, mode 0600; made at the first start. */
  readonly tokensFile: string;
  /** Where settlement files go, for a person. */
  readonly filesPlace: string;
  /** For what is counted outside of the host, as writes of the log. */
  readonly metrics: Metrics;
  /**
   * Takes no new work, answers what came in, closes. May be called twice.
   * @throws STOP_LATE after `stopSecondsMax`, where something hangs: what is under way is not answered, and the caller ends the process
   */
  stop(): Promise<void>;
}

/** For closing what is not waiting for a peer: the administration, the database with its log folded. */
const CLOSING_SECONDS = 10;

/** How long a stop takes at most: so long that what is slow comes to its end, and what hangs is given up. */
export function stopSecondsMax({
  stopDelaySeconds,
  stopGraceSeconds,
}: Pick<HostConfig, 'stopDelaySeconds' | 'stopGraceSeconds'>): number {
  // Once for what is in flight, once for peers that do not read.
  return stopDelaySeconds + 2 * stopGraceSeconds + CLOSING_SECONDS;
}

interface StartOptions {
  readonly logTo?: DestinationStream;
  readonly made?: (line: string) => void;
}

/**
 * Starts a host.
 *
 * @param options.made told what is made because it is not there, as it is made: also by a start that comes to nothing,
 *   because the next one finds it
 * @throws SELF_TEST, KEY_FILE, SEAL_BROKEN, CONFIG_BAD, STORE_BUSY, STORE_SCHEMA …; whatever was opened is closed again
 */
export async function startHost(config: HostConfig, options: StartOptions = {}): Promise<RunningHost> {
  const closing = new Closing();
  try {
    return await assemble(config, options, closing);
  } catch (error) {
    await closing.all();
    throw error;
  }
}

async function assemble(
  config: HostConfig,
  { logTo, made = () => undefined }: StartOptions,
  closing: Closing,
): Promise<RunningHost> {
  const place = (name: string) => join(config.dataFolder, name);
  await mkdir(config.dataFolder, { recursive: true, mode: 0o700 });
  const time = logTime();
  const log = openLog({ level: config.logLevel, time, ...(logTo !== undefined && { destination: logTo }) });

  // 1. A folder of one's own, then secrets: the self-test refuses to go on with a machine that computes wrongly.
  const database = databaseOf(config, place);
  const taken = await database.take();
  closing.add('数据目录 data folder', () => taken.release());
  const mustExist = await database.hasBooks();
  const warns = (what: string) => log.warn({ what }, KEY_LOG_GAP);
  const vault = await openVault(config, place, { made, mustExist, warns });
  closing.add('密钥 keys', () => vault.close());

  // 2. The database's files are proven as they lie there, before anything can change them.
  const marks = nodeMarkSlots(place(`acknowledged-${config.stream}.mark`));
  closing.add('已确认位置 mark', () => marks.close());
  const { standing, depth } = await database.prove(marks);
  if (standing === 'unmarked') log.warn({}, UNMARKED);
  if (depth === 'journal') log.warn({}, PAGES_UNREAD);

  // 3. The host over this machine's disk and wire. The database is opened last: the host closes it.
  const settlement = await database.settlementFiles();
  closing.add('结算文件 settlement files', () => settlement.close());
  const metrics = new Metrics({ elapsedMs, about: { stream: config.stream, store: database.name } });
  measureProcess(metrics.registry);
  const unfolded = (error: unknown) => log.error({ err: error }, UNFOLDED);
  const host = await openHost({
    clock: nodeClock,
    random: nodeRandom,
    vault,
    ...(await database.open(unfolded)),
    listener: tcpListener({ host: config.acquirerAddress, port: config.acquirerPort }),
    ...(config.tlsPort === 0
      ? {}
      : { secureListener: (deps: HostDeps) => secureListener(config, deps, place('link-key.sealed')) }),
    files: settlement.files,
    log,
    stream: config.stream,
    testMode: config.testMode === 'on',
    initialBusinessDate: config.initialBusinessDate,
    marks,
    metrics,
    limits: {
      frameBytesMax: config.frameBytesMax,
      halfFrameMs: config.idleTimeoutSeconds * 1000,
      idleMs: config.silenceTimeoutSeconds * 1000,
      connectionsMax: config.connectionsMax,
      drainMs: config.stopGraceSeconds * 1000,
    },
  });
  closing.add('数据库 database', () => host.stop());

  // 4. The administration's door.
  const { tokens, made: madeTokens } = await openTokens(place('admin-tokens.json'), nodeRandom);
  if (madeTokens) made(`管理令牌 admin token: ${place('admin-tokens.json')}`);
  const admin = await startAdmin(host.deps, { host: '127.0.0.1', port: config.adminPort, tokens });
  // Stopped in this order: it says that it wants no work, and is watched until the last answer is out.
  closing.add('管理 administration', () => admin.stop());
  closing.add('在途交易 what is in flight', () => host.acquirer.stop());
  closing.add('就绪 readiness', () => {
    host.deps.standing.drain();
    return afterDelay(config.stopDelaySeconds * 1000);
  });
  return {
    acquirerPort: host.acquirer.port,
    adminPort: admin.port,
    tokensFile: place('admin-tokens.json'),
    filesPlace: settlement.place,
    metrics,
    async stop() {
      try {
        await closing.allWithin(nodeClock, stopSecondsMax(config) * 1000);
      } catch (error) {
        log.error({ err: error, ...host.deps.standing.underWay() }, UNSTOPPED);
        throw error;
      }
    },
  };
}

/** The door over TLS: who shows a certificate that holds is the terminal that it names. */
async function secureListener(config: HostConfig, deps: HostDeps, keyFile: string): Promise<Listener> {
  const authority = new Authority(deps);
  const { log, metrics, directory, clock } = deps;
  return tlsListener({
    host: config.acquirerAddress,
    port: config.tlsPort,
    identity: await openLinkIdentity(deps, keyFile),
    connectionsMax: config.connectionsMax,
    admit: (certificate) => {
      const { subject, serial, notAfter } = authority.check(certificate, 'link');
      const holds = () => directory.find('certificate', serial)?.state === 'valid' && clock.now() <= notAfter;
      return { id: subject, holds };
    },
    refused: (remote, reason) => {
      metrics.count('closed connection', 'TLS refused');
      log.warn({ remote, reason }, '拒绝一条TLS连接 a TLS connection was refused');
    },
  });
}

/** So that whoever asks whether it is ready has heard that it is not. */
function afterDelay(ms: number): Promise<void> {
  return new Promise((resolve) => void nodeClock.after(ms, resolve));
}

const UNSTOPPED =
  '停机未完成,以下在途 the stop did not come to its end: this is still under way, and was not answered';
const PAGES_UNREAD =
  '数据库较大或按设置,启动时只核对日志末尾,未逐页检查:备份时全部核对 only the end of the journal was proven, the database is large or the setting says so: a backup proves every page of its copy';
const UNFOLDED =
  "未能折叠数据库日志或写入数据库文件,日志会变长;已入账的交易都在磁盘上:请检查磁盘及其余量,若报 EIO,请做一次备份,它逐页核对副本 the database's log could not be folded, or its file not written, and the log grows; what was acknowledged is on the disk: look at the disk and its room; after an EIO take a backup: it proves every page of its copy";
const KEY_LOG_GAP =
  '密钥日志缺失或被截断,无法得知密钥文件是否最新 the key log is gone or lost its end: an older key file would not be noticed; compare keys.log with its copy';
const UNMARKED =
  '数据库旁无已确认位置的记录,无法得知其末尾是否完整 nothing beside the database says how far it was acknowledged: a lost end would not be noticed this time';
