/**
 * The key-loading device as a program, for a PIN pad on a real serial line or a simulated one:
 *
 *   npm run keyloader -- --port LINE                        the master key, in components
 *   npm run keyloader -- --port LINE --block FILE           a key-loading key in components, the master key under it
 *
 * Components are typed at a terminal and not shown. What the device can judge it judges before the line carries it.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import {
  type Desk,
  nodeDesk,
  openSoftVault,
  type RemoteLoading,
  secretBuffer,
  typedComponent,
} from '../../keys/index.ts';
import { ensure, PosError } from '../../protocol/index.ts';
import { nodeClock, serialBytePort } from '../../terminal/index.ts';
import { SimulatedKeyLoader } from './simulated-key-loader.ts';

const USAGE = `密钥注入设备 key-loading device

npm run keyloader -- --port LINE [--components 2|3] [--baud RATE] [--test-mode]
npm run keyloader -- --port LINE --block FILE [--protection aes-256|3des] [--components 2|3] [--baud RATE] [--test-mode]

  --port LINE         键盘的密钥室串口 the pad's key-room line: /dev/ttyUSB0, or the simulator's keyroom
  --components 2|3    分量个数 how many (default 2)
  --block FILE        主密钥的密钥块 the master key as a key block (npm run keys -- export NAME --under ZMK)
  --protection WHICH  保护密钥 the key-loading key: aes-256 (version D, default) or 3des (version B)
  --baud RATE         default 9600
  --test-mode         已知测试密钥可用 published keys are taken
  --help`;

type Protection = 'aes-256' | '3des';
const COMPONENT_BYTES = { 'aes-256': 32, '3des': 16 } as const satisfies Record<Protection, number>;

interface Session {
  readonly desk: Desk;
  readonly loader: SimulatedKeyLoader;
  readonly count: 2 | 3;
  readonly testMode: boolean;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      components: { type: 'string', default: '2' },
      block: { type: 'string' },
      protection: { type: 'string', default: 'aes-256' },
      baud: { type: 'string', default: '9600' },
      'test-mode': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help || values.port === undefined) {
    console.log(USAGE);
    if (!values.help) throw new PosError('CONFIG_BAD', "--port: the pad's line is missing");
    return;
  }
  const count = oneOf('components', values.components, ['2', '3']) === '2' ? 2 : 3;
  const protection = oneOf('protection', values.protection, ['aes-256', '3des']);
  const block = values.block === undefined ? undefined : (await readFile(values.block, 'latin1')).trim();
  const port = serialBytePort({ path: values.port, baudRate: baudOf(values.baud) });
  const desk = nodeDesk();
  try {
    await port.open();
    const loader = new SimulatedKeyLoader(port, nodeClock);
    const session = { desk, loader, count, testMode: values['test-mode'] } as const;
    if (session.testMode) desk.say('*** 测试 TESTING: 已知密钥可用 published keys are taken ***');
    if (block === undefined) await loadComponents(session);
    else await loadBlock(session, block, protection);
  } finally {
    desk.close();
    await port.close();
  }
}

/** The master key itself, in components. */
async function loadComponents(session: Session): Promise<void> {
  const { desk, loader } = session;
  await entered(session, '主密钥 master key', '3des', async (components) => {
    const expected = await askCheckValue(desk, '主密钥 master key');
    await atDevice(session, (own) => {
      own.receiveComponents({ name: 'tmk', use: 'tmk', algorithm: '3des', components, checkValue: expected });
    });
    told(desk, await loader.finish(expected));
  });
}

/** The key that device and pad share, in components; then the master key under it. */
async function loadBlock(session: Session, block: string, protection: Protection): Promise<void> {
  const { desk, loader } = session;
  await entered(session, '注入密钥 key-loading key', protection, async (components) => {
    const shared = await askCheckValue(desk, '注入密钥 key-loading key');
    const expected = await askCheckValue(desk, '主密钥 master key');
    // The device opens the block itself: what it would refuse never reaches the pad.
    await atDevice(session, (own) => {
      const spec = {
        name: 'zmk',
        use: 'zmk',
        algorithm: protection,
        components,
        checkValue: shared,
      } as const;
      const zmk = own.receiveComponents(spec);
      own.receiveBlock({ name: 'tmk', zmk, block, checkValue: expected });
    });
    await loader.share(shared);
    told(desk, await loader.loadBlock(block, expected));
  });
}

/** One custodian after the other; the pad has each component before the next is asked for. Wiped, whatever happens. */
async function entered(
  { desk, loader, count }: Session,
  what: string,
  algorithm: Protection,
  whenAllAreIn: (components: readonly Buffer[]) => Promise<void>,
): Promise<void> {
  const components: Buffer[] = [];
  try {
    for (let number = 1; number <= count; number += 1) {
      desk.say(`── 分量 component ${number}/${count} · ${what}`);
      const typed = await desk.askHidden('分量(十六进制,不回显) component in hexadecimal, not shown');
      try {
        components.push(typedComponent(typed, COMPONENT_BYTES[algorithm]));
      } finally {
        typed.fill(0);
      }
      const own = secretBuffer(COMPONENT_BYTES[algorithm]);
      own.set(components[number - 1] as Buffer);
      desk.say(
        `键盘所得校验值 check value that the pad found: ${await loader.component(number, count, own)}`,
      );
      if ((await desk.ask('与您的记录一致? as on your record? (yes/no)')) !== 'yes')
        throw new PosError('CANCELLED', 'the component is not the one of the record');
    }
    await whenAllAreIn(components);
  } catch (error) {
    // The pad forgets what it was brought; when it cannot be reached it does so as its line is pulled.
    await loader.abandon().catch(() => undefined);
    throw error;
  } finally {
    for (const component of components) component.fill(0);
  }
}

/** What the device finds by itself, in a vault of its own that is gone when the act ends. */
async function atDevice({ testMode }: Session, act: (own: RemoteLoading) => void): Promise<void> {
  const vault = await openSoftVault({ random: (bytes) => randomBytes(bytes), testMode });
  try {
    ensure(vault.remote !== undefined, 'a vault in software receives keys');
    act(vault.remote);
  } finally {
    vault.close();
  }
}

/** @throws INPUT_BAD */
async function askCheckValue(desk: Desk, what: string): Promise<string> {
  const typed = (await desk.ask(`${what}: 记录上的校验值 check value on the record`)).toUpperCase();
  if (!/^[0-9A-F]{6}$/.test(typed))
    throw new PosError('INPUT_BAD', 'a check value has six hexadecimal digits');
  return typed;
}

/** `SimulatedKeyLoader` has compared it with the record. */
function told(desk: Desk, found: string): void {
  desk.say(`已注入 loaded: 设备与键盘的校验值一致 device and pad agree: ${found}`);
}

function oneOf<T extends string>(option: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) throw new PosError('CONFIG_BAD', `--${option}: ${allowed.join(' or ')}`);
  return found;
}

function baudOf(text: string): number {
  const baud = Number(text);
  if (Number.isInteger(baud) && baud >= 1200 && baud <= 115_200) return baud;
  throw new PosError('CONFIG_BAD', '--baud: 1200 to 115200');
}

main().catch((error: unknown) => {
  console.error(
    error instanceof PosError ? `✗ ${error.code}: ${error.detail}\n  ${error.hint}` : String(error),
  );
  process.exitCode = 1;
});
