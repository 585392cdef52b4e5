/**
 * The three devices for a terminal that is started elsewhere:
 *
 *   npm run devices -- --dir /tmp/zunka-devices --cards cards.json --tmk 32HEX,32HEX
 *
 * It makes the names reader, pinpad and printer in the folder, then takes commands line by line from
 * standard input (`help` lists them) and ends at `quit` or at the end of the input.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { nodeKeyFile } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import { type Hands, helpText, obey } from './control.ts';
import type { BindingPort, PadBinding } from './pad-keys.ts';
import { savePictures } from './save-pictures.ts';
import { startDevices } from './start-devices.ts';
import { readTestCards } from './test-cards.ts';

const USAGE = `模拟设备 simulated devices

  --dir DIR           设备名所在目录 where reader, pinpad, printer are made (default ${join(tmpdir(), 'zunka-devices')})
  --cards FILE        测试卡 named test cards, JSON: { "blue": { "zh": "蓝卡", "track2": "…", "track1": "…" } }
  --tmk HEX,HEX       主密钥分量 components of the terminal master key, 32 hex digits each
  --pad-keys FILE     键盘的密钥文件 the pad keeps its keys there (default: in memory)
  --pad-pass-env NAME 环境变量名 name of the environment variable with that file's passphrase (default ZUNKA_PAD_PASSPHRASE)
  --key-room          键盘的第二条线 the pad's second line too, keyroom, for a key-loading device: npm run keyloader
  --line-ms MS        每行打印毫秒 milliseconds for one printed line, 0 to 1000 (default 30)
  --help

命令 commands
${helpText()}
quit                                 退出 · the end`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      dir: { type: 'string', default: join(tmpdir(), 'zunka-devices') },
      cards: { type: 'string' },
      tmk: { type: 'string' },
      'pad-keys': { type: 'string' },
      'pad-pass-env': { type: 'string', default: 'ZUNKA_PAD_PASSPHRASE' },
      'key-room': { type: 'boolean', default: false },
      'line-ms': { type: 'string', default: '30' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(USAGE);
    return;
  }
  const cards = values.cards === undefined ? new Map() : readTestCards(await readFile(values.cards, 'utf8'));
  const tmk = values.tmk === undefined ? undefined : componentsOf(values.tmk);
  const padKeys = padKeysOf(values['pad-keys'], values['pad-pass-env']);
  const devices = await startDevices({
    dir: values.dir,
    random: randomBytes,
    printer: { lineMs: lineMsOf(values['line-ms']) },
    keyRoom: values['key-room'],
    ...(tmk === undefined ? {} : { tmkComponents: tmk }),
    ...(padKeys === undefined ? {} : { padKeys }),
  });
  await commands({ devices, cards, savePictures: (dir) => savePictures(devices, dir), readBinding });
  await devices.close();
}

/** Until `quit`, the end of the input, or a signal: the lines must not stay behind. */
async function commands(hands: Hands): Promise<void> {
  const input = createInterface({ input: process.stdin, terminal: false });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => input.close());
  // Only now: whoever waits for this line may send a signal as soon as it is there.
  console.log(`就绪 ready: ${Object.values(hands.devices.paths).join(' ')}`);
  for await (const line of input) {
    if (['quit', 'exit', '退出'].includes(line.trim())) break;
    try {
      console.log(await obey(hands, line));
    } catch (error) {
      if (!(error instanceof PosError)) throw error;
      console.log(`✗ ${error.detail}`);
    }
  }
  // A parent may keep its end open; that must not keep this process.
  process.stdin.destroy();
}

function componentsOf(text: string): readonly Buffer[] {
  const components = text.split(',');
  if (!components.every((component) => /^[0-9A-Fa-f]{32}$/.test(component))) {
    throw new PosError('CONFIG_BAD', '--tmk: two or three components of 32 hex digits, parted by commas');
  }
  return components.map((component) => Buffer.from(component, 'hex'));
}

function padKeysOf(path: string | undefined, variable: string) {
  if (path === undefined) return undefined;
  const passphrase = process.env[variable];
  if (passphrase === undefined) throw new PosError('CONFIG_BAD', `--pad-keys: ${variable} is not set`);
  return {
    file: nodeKeyFile(path),
    passphrase: Buffer.from(passphrase, 'utf8'),
    binding: bindingFile(`${path}.binding`),
  };
}

/** What the pad is bound to, sealed by the pad, beside its keys. */
function bindingFile(path: string): BindingPort {
  return {
    read: async () => {
      try {
        return await readFile(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    write: async (sealed) => {
      await writeFile(`${path}.new`, sealed, { mode: 0o600, flush: true });
      await rename(`${path}.new`, path);
    },
  };
}

/** @throws INPUT_BAD it is not what the administration answered */
async function readBinding(file: string): Promise<PadBinding> {
  let answer: Partial<PadBinding>;
  try {
    answer = JSON.parse(await readFile(file, 'utf8')) as Partial<PadBinding>;
  } catch (error) {
    throw new PosError('INPUT_BAD', `${file}: 无法读取 cannot be read as JSON`, { cause: error });
  }
  const { terminalId, certificate, authority, host } = answer;
  if (terminalId === undefined || certificate === undefined || authority === undefined || host === undefined)
    throw new PosError('INPUT_BAD', `${file}: terminalId, certificate, authority, host`);
  return { terminalId, certificate, authority, host };
}

function lineMsOf(text: string): number {
  const ms = Number(text);
  if (Number.isInteger(ms) && ms >= 0 && ms <= 1000) return ms;
  throw new PosError('CONFIG_BAD', `--line-ms: 0 to 1000 milliseconds, not ${text}`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof PosError ? `✗ ${error.code}: ${error.detail}\n  ${error.hint}` : error);
  process.exitCode = 1;
}
