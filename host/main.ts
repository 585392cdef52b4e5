/** `npm run host`: reads the settings, starts the host, stops it on SIGTERM or SIGINT; or backs up, or restores. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { PosError } from '../protocol/index.ts';
import { type HostConfig, hostSettingsTable, readHostConfig } from './config.ts';
import { nodeClock } from './node-clock.ts';
import { startHost } from './node-host.ts';
import { logDestination } from './node-log.ts';
import { archiveYear } from './operations/node-archive.ts';
import { backUp, restoreBackup } from './operations/node-backup.ts';
import { takeUpServer } from './operations/node-server-restore.ts';
import { toldFailure } from './told-failure.ts';

const USAGE = `npm run host -- [--config 文件 FILE] [--help]
npm run host -- backup 目录 FOLDER                                     运行中亦可 also while the host serves
npm run host -- restore 目录 FOLDER --person 姓名 NAME --reason 原因 WHY   数据目录须无数据库 into a data folder without a database
STORE_URL=… npm run host -- restore --person 姓名 NAME --reason 原因 WHY   已恢复的 PostgreSQL 投入使用前 a PostgreSQL server that was brought back, before it serves
STORE_URL=… npm run host -- archive 目录 FOLDER --year 年度 YYYY --person 姓名 NAME --reason 原因 WHY   年度归档 a year leaves the books, exported and carried forward`;

function configOf(file: string | undefined): HostConfig {
  if (file === undefined) return readHostConfig({ env: process.env });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new PosError('CONFIG_BAD', `${file}: 无法读取 cannot be read`, { cause: error });
  }
  return readHostConfig({ env: process.env, file: { name: file, text } });
}

/** For the last lines of the log. They are not waited for: their disk may be the one that hangs. */
const LAST_LINE_MS = 500;

/**
 * Ends the process as a power cut would. `process.exit` cannot: it waits for the threads that read and write, and one of
 * them may be what hangs.
 */
function endNow(): void {
  process.kill(process.pid, 'SIGKILL');
  // Still here: a container's first process cannot be killed from inside.
  process.abort();
}

/** @throws INPUT_BAD for an option that there is not */
function commandLine() {
  try {
    return parseArgs({
      options: {
        config: { type: 'string' },
        help: { type: 'boolean' },
        person: { type: 'string' },
        reason: { type: 'string' },
        year: { type: 'string' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    const what = error instanceof Error ? error.message : '';
    throw new PosError('INPUT_BAD', `命令行有误 the command line is wrong: ${what}\n${USAGE}`, {
      cause: error,
    });
  }
}

async function main(): Promise<void> {
  const { values, positionals } = commandLine();
  if (values.help === true) {
    console.log(`${USAGE}\n\n${hostSettingsTable()}`);
    return;
  }
  const config = configOf(values.config);
  const [act, folder, ...surplus] = positionals;
  if (act !== undefined) {
    if (surplus.length > 0) throw new PosError('INPUT_BAD', USAGE);
    if (config.storeUrl !== '') await keepServer(config, act, folder, values);
    else await keepBooks(config, act, folder, values);
    return;
  }
  const logTo = logDestination(config.logFile);
  const made = (line: string) => console.log(`首次建立 made at first start · ${line}`);
  const host = await startHost(config, { logTo, made });
  // A log on a full disk stops nobody from paying; what it lost is counted.
  logTo.on('error', () => host.metrics.count('log', 'write failed'));
  logTo.on('drop', () => host.metrics.count('log', 'line given up'));
  // Before anything is said: whoever reads that it runs may stop it at once.
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    console.log('正在停机,等待在途交易 stopping: what is in flight is answered first');
    host.stop().then(
      () => console.log('已停机 stopped'),
      (error: unknown) => {
        console.error(toldFailure(error));
        process.exitCode = 1;
        if (error instanceof PosError && error.code === 'STOP_LATE') nodeClock.after(LAST_LINE_MS, endNow);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  console.log(`收单 acquirer   ${config.acquirerAddress}:${host.acquirerPort}`);
  console.log(
    `管理 admin      http://127.0.0.1:${host.adminPort}/v1/health   令牌 token: ${host.tokensFile}`,
  );
  console.log(`结算文件 files  ${host.filesPlace}`);
  console.log('尊卡主机已启动 the host is running');
}

async function keepBooks(
  config: HostConfig,
  act: string,
  folder: string | undefined,
  by: Signature,
): Promise<void> {
  const { dataFolder, stream } = config;
  if (folder === undefined) throw new PosError('INPUT_BAD', USAGE);
  if (act === 'backup') {
    const { journal, entries, bytes } = await backUp({
      dataFolder,
      to: folder,
      stream,
      keysInToken: config.vault === 'pkcs11',
    });
    const ends = journal.map((one) => `${one.stream} ${one.sequence} ${one.head.slice(0, 12)}…`).join(', ');
    console.log(
      `已备份并核对 backed up and proven: ${folder}, ${bytes} bytes, ${entries} entries, journal ${ends}`,
    );
    return;
  }
  if (act !== 'restore') throw new PosError('INPUT_BAD', USAGE);
  const { keysKept } = await restoreBackup({ from: folder, dataFolder, stream, ...signed(by) });
  if (keysKept) console.log('密钥文件已在,保留原文件 the key file was there and is kept');
  console.log(`已恢复并核对 restored and proven: ${dataFolder}; 请启动主机 start the host`);
}

interface Signature {
  readonly person?: string | undefined;
  readonly reason?: string | undefined;
  /** What an archiving is of. */
  readonly year?: string | undefined;
}

/** @throws INPUT_BAD when it is not said who does it, and why */
function signed({ person = '', reason = '' }: Signature): {
  readonly person: string;
  readonly reason: string;
} {
  if (person.trim() === '' || reason.trim() === '')
    throw new PosError('INPUT_BAD', `须说明何人、何因 --person and --reason say who and why\n${USAGE}`);
  return { person, reason };
}

/** A server's pages are copied and brought back by its own tools (host/operations/README.md); what they hold is ours to prove. */
async function keepServer(
  { storeUrl, dataFolder, stream }: HostConfig,
  act: string,
  folder: string | undefined,
  by: Signature,
): Promise<void> {
  if (act === 'archive' && folder !== undefined) {
    const manifest = await archiveYear({ storeUrl, to: folder, year: by.year ?? '', ...signed(by) });
    const told = manifest.files.map(({ name, rows }) => `${name} ${rows} rows`).join(', ');
    console.log(
      `已归档 archived: ${folder}: ${told}; ${manifest.carried} 项余额结转 sums carried forward; 表仍在库中 the tables stay: ${manifest.detached.join(', ')}`,
    );
    return;
  }
  if (act === 'backup')
    throw new PosError(
      'INPUT_BAD',
      'PostgreSQL 用其自身工具备份 is backed up by its own tools: pg_basebackup, archive_command (host/operations/README.md)',
    );
  if (act !== 'restore' || folder !== undefined) throw new PosError('INPUT_BAD', USAGE);
  const { entries, journal } = await takeUpServer({ storeUrl, dataFolder, stream, ...signed(by) });
  const ends = journal.map((one) => `${one.stream} ${one.sequence} ${one.head.slice(0, 12)}…`).join(', ');
  console.log(
    `已恢复并核对 restored and proven: ${entries} entries, journal ${ends}; 请启动主机 start the host`,
  );
}

main().catch((error: unknown) => {
  console.error(`未完成 not done · ${toldFailure(error)}`);
  process.exitCode = 1;
});
