/** `npm run host`: reads the settings, starts the host, stops it on SIGTERM or SIGINT. */
import { createWriteStream, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { PosError } from '../protocol/index.ts';
import { type HostConfig, hostSettingsTable, readHostConfig } from './config.ts';
import { startHost } from './node-host.ts';

const USAGE = `npm run host -- [--config 文件 FILE] [--help]`;

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

/** Opened before anything starts, so that a log that cannot be written is known at once. */
function logDestination(file: string): NodeJS.WritableStream {
  if (file === '') return process.stderr;
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    return createWriteStream(file, { fd: openSync(file, 'a', 0o600) });
  } catch (error) {
    throw new PosError('CONFIG_BAD', `logFile: 无法写入 cannot be written: ${file}`, { cause: error });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { config: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help === true) {
    console.log(`${USAGE}\n\n${hostSettingsTable()}`);
    return;
  }
  const config = configOf(values.config);
  const host = await startHost(config, { logTo: logDestination(config.logFile) });
  // Before anything is said: whoever reads that it runs may stop it at once.
  let stopping = false;
  const stop = () => {
    if (stopping) return;
    stopping = true;
    console.log('正在停机,等待在途交易 stopping: what is in flight is answered first');
    host.stop().then(
      () => console.log('已停机 stopped'),
      (error: unknown) => {
        console.error(told(error));
        process.exitCode = 1;
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);

  for (const line of host.made) console.log(`首次建立 made at first start · ${line}`);
  console.log(`收单 acquirer   ${config.acquirerAddress}:${host.acquirerPort}`);
  console.log(
    `管理 admin      http://127.0.0.1:${host.adminPort}/v1/health   令牌 token: ${host.tokensFile}`,
  );
  console.log(`结算文件 files  ${host.filesFolder}`);
  console.log('尊卡主机已启动 the host is running');
}

/** What a person at the console needs: code, what, what to do. */
function told(error: unknown): string {
  if (error instanceof PosError) return `${error.code}: ${error.detail}\n→ ${error.hint}`;
  return error instanceof Error ? error.message : '未知错误 unknown error';
}

main().catch((error: unknown) => {
  console.error(`无法启动 cannot start · ${told(error)}`);
  process.exitCode = 1;
});
