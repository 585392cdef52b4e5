import { rejects } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeKeyFile, openSoftVault, type Vault } from '../keys/index.ts';
import { fen, PosError } from '../protocol/index.ts';
import type { Token } from './admin/tokens.ts';
import { putToRest as restingNumber } from './cards/card-number.ts';
import { HOST_DEFAULTS, type HostConfig } from './config.ts';
import { nodeClock } from './node-clock.ts';
import { type RunningHost, startHost } from './node-host.ts';
import { slotOf } from './store/commit-mark.ts';
import { nodeMarkSlots } from './store/node-mark-slots.ts';
import type { Changes } from './store/port.ts';
import { openSqlite } from './store/sqlite-driver.ts';
import { openSqliteStore } from './store/sqlite-store.ts';

const ROOT = new URL('../', import.meta.url).pathname;
const silent = { logTo: { write: () => undefined } };
const codeIs = (code: string) => (error: unknown) => error instanceof PosError && error.code === code;

async function inFolder(act: (config: HostConfig, folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-host-'));
  try {
    await act({ ...HOST_DEFAULTS, dataFolder: join(folder, 'data'), acquirerPort: 0, adminPort: 0 }, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
async function running(
  config: HostConfig,
  act: (host: RunningHost, made: readonly string[]) => Promise<void>,
): Promise<void> {
  const made: string[] = [];
  const host = await startHost(config, { ...silent, made: (line) => void made.push(line) });
  try {
    await act(host, made);
  } finally {
    await host.stop();
  }
}
/** A card, or a terminal with working keys, as the host itself would write them. */
async function putToRest(dataFolder: string, what: 'card' | 'terminal'): Promise<void> {
  const vault = await openSoftVault({
    random: randomBytes,
    file: nodeKeyFile(join(dataFolder, 'keys.sealed')),
    passphrase: Buffer.from(readFileSync(join(dataFolder, 'vault-passphrase'), 'utf8').trim()),
    now: () => nodeClock.now(),
  });
  const store = await openSqliteStore({
    driver: await openSqlite(join(dataFolder, 'host.sqlite')),
    stream: 'host-99',
    clock: nodeClock,
    initialBusinessDate: '20261122',
  });
  const [outcome] = await store.commit([
    { guards: [], changes: what === 'card' ? cardRows(vault) : terminalRows(vault), journal: [] },
  ]);
  assert.ok(outcome?.committed);
  await store.close();
  vault.close();
}
function cardRows(vault: Vault): Changes {
  const [lookup, data] = [vault.find('lookup'), vault.find('data')];
  if (lookup === undefined || data === undefined) throw new Error('the first start makes them');
  const account = { accountId: 'A1', version: 1, state: 'active', owed: fen(0) } as const;
  const card = { cardId: 'X1', version: 1, accountId: 'A1', state: 'active', expiry: '3012' } as const;
  return {
    accounts: [{ ...account, tier: 'green', registered: true, productId: 'P1', salePointId: 'S1' }],
    cards: [
      {
        ...card,
        ...restingNumber({ vault, keys: { lookup, data } }, '6277880000000016', 'X1'),
        serviceCode: '220',
        pin: null,
        pinTries: 0,
        activeFrom: '20261101',
      },
    ],
  };
}
function terminalRows(vault: Vault): Changes {
  const tmk = vault.generate({ name: 'tmk:X1', use: 'tmk', algorithm: '3des' });
  const keys = vault.makeWorkingKeys(tmk, '003').sealed;
  const row = { terminalId: 'X1', version: 1, batch: 1, keys, previousKeys: null, previousKeysUntil: null };
  return { terminals: [{ ...row, macFailures: 0, speaksDe57: false, wanted: 0 }] };
}
const call = async (host: RunningHost, path: string) => {
  const [first] = JSON.parse(readFileSync(host.tokensFile, 'utf8')) as Token[];
  const answer = await fetch(`http://127.0.0.1:${host.adminPort}${path}`, {
    headers: { authorization: `Bearer ${first?.token ?? ''}` },
  });
  return (await answer.json()) as Record<string, unknown>;
};

const starts = suite('the host put together on this machine');

starts('makes its keys, token and database at the first start, and finds them at the second', () =>
  inFolder(async (config) => {
    let before: unknown;
    await running(config, async (host, made) => {
      assert.is(made.length, 7);
      before = (await call(host, '/v1/keys'))['keys'];
      assert.is((await call(host, '/v1/health'))['status'], 'ok');
    });
    await running(config, async (host, made) => {
      assert.equal(made, []);
      assert.equal((await call(host, '/v1/keys'))['keys'], before);
    });
    for (const name of ['admin-tokens.json', 'keys.sealed', 'vault-passphrase', 'host.sqlite']) {
      assert.is(statSync(join(config.dataFolder, name)).mode & 0o777, 0o600, name);
    }
  }),
);

starts(
  'says that the mark beside the database is missing where it was lost, not where nothing was served yet',
  () =>
    inFolder(async (config) => {
      const warnings = async () => {
        let said = '';
        const write = (line: string) => {
          said += line;
        };
        const host = await startHost(config, { logTo: { write } });
        await host.stop();
        return (said.match(/nothing beside the database says/g) ?? []).length;
      };
      assert.is(await warnings(), 0, 'the first start');
      assert.is(await warnings(), 0, 'the second');
      rmSync(join(config.dataFolder, 'acknowledged-01.mark'));
      assert.is(await warnings(), 1, 'lost');
      assert.is(await warnings(), 0, 'made again');
    }),
);

starts('may be stopped twice, and leaves no port open', () =>
  inFolder(async (config) => {
    const host = await startHost(config, silent);
    await Promise.all([host.stop(), host.stop()]);
    await host.stop();
    await rejects(fetch(`http://127.0.0.1:${host.adminPort}/v1/health`));
  }),
);

starts('does not open its keys under another passphrase', () =>
  inFolder(async (config) => {
    await running(config, async () => undefined);
    await rejects(
      startHost({ ...config, vaultPassphrase: 'another passphrase' }, silent),
      codeIs('KEY_FILE'),
    );
  }),
);

starts('a key log that is gone is a warning at the start: an older key file would not be noticed', () =>
  inFolder(async (config) => {
    await running(config, async () => undefined);
    rmSync(join(config.dataFolder, 'keys.log'));
    const said: string[] = [];
    const host = await startHost(config, { logTo: { write: (text) => void said.push(text) } });
    await host.stop();
    assert.match(said.join(''), 'an older key file would not be noticed');
  }),
);

starts('tells of the passphrase that it made also when it comes to nothing: the next start makes none', () =>
  inFolder(async (config) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const made: string[] = [];
    const told = { ...silent, made: (line: string) => void made.push(line) };
    try {
      await rejects(startHost({ ...config, acquirerAddress: '127.0.0.1', acquirerPort: port }, told), {
        code: 'EADDRINUSE',
      });
    } finally {
      other.close();
    }
    assert.is(made.filter((line) => line.endsWith(join(config.dataFolder, 'vault-passphrase'))).length, 1);
    await running(config, async (_, again) => assert.is(again.length, 1, 'the token only'));
  }),
);

starts('makes no new keys beside an old database: a lost key file is restored, not replaced', () =>
  inFolder(async (config) => {
    await running(config, async () => undefined);
    const file = join(config.dataFolder, 'keys.sealed');
    const kept = readFileSync(file);
    rmSync(file);
    await rejects(startHost(config, silent), codeIs('KEY_FILE'));
    assert.throws(() => statSync(file));
    writeFileSync(file, kept);
    await running(config, async (_, made) => assert.equal(made, []));
  }),
);

starts(
  'serves nothing from a database that does not reach what was acknowledged, and changes nothing of it',
  () =>
    inFolder(async (config) => {
      await running(config, async () => undefined);
      const path = join(config.dataFolder, 'host.sqlite');
      const before = readFileSync(path);
      const slots = nodeMarkSlots(join(config.dataFolder, 'acknowledged-01.mark'));
      await slots.write(0, slotOf({ stream: 'host-01', sequence: 5, head: '0'.repeat(64) }));
      await slots.close();
      for (const bytes of [before, Buffer.alloc(0), before.fill(0xff, 4_096, 8_192)]) {
        writeFileSync(path, bytes);
        await rejects(startHost(config, silent), codeIs('STORE_DAMAGED'));
        assert.equal(readFileSync(path), bytes);
      }
      rmSync(path);
      await rejects(startHost(config, silent), codeIs('STORE_DAMAGED'));
      assert.throws(() => statSync(path));
    }),
);

for (const what of ['card', 'terminal'] as const) {
  starts(`serves nothing when the key file opens no ${what} of the database, and says what to do`, () =>
    inFolder(async (config, folder) => {
      await running(config, async () => undefined);
      await putToRest(config.dataFolder, what);
      await running(config, async (_, made) => assert.equal(made, []));

      const other = { ...config, dataFolder: join(folder, 'other') };
      await running(other, async () => undefined);
      for (const name of ['keys.sealed', 'vault-passphrase'])
        copyFileSync(join(other.dataFolder, name), join(config.dataFolder, name));
      await rejects(startHost(config, silent), (error: unknown) => {
        assert.ok(codeIs('SEAL_BROKEN')(error));
        assert.match((error as PosError).detail, `${what} X1`);
        assert.match((error as PosError).detail, 'put back host.sqlite and keys.sealed of one installation');
        return true;
      });
    }),
  );
}

starts('names a data folder that cannot be written', () =>
  inFolder(async (config, folder) => {
    // A folder stands where the lock should be: what root may not do either.
    mkdirSync(join(folder, 'data', 'host.lock'), { recursive: true });
    await rejects(startHost(config, silent), (error) => {
      assert.ok(codeIs('CONFIG_BAD')(error));
      assert.match((error as PosError).detail, `dataFolder: ${join(folder, 'data')}: 数据目录不可写`);
      return true;
    });
    assert.equal(readdirSync(join(folder, 'data')), ['host.lock']);
  }),
);

starts('works in a folder alone: a second host is refused at once, until the first has ended', () =>
  inFolder(async (config) => {
    const second = { ...config, acquirerPort: 0, adminPort: 0 };
    await running(config, async () => {
      const before = readdirSync(config.dataFolder).sort();
      await rejects(startHost(second, silent), (error: unknown) => {
        assert.ok(codeIs('STORE_BUSY')(error));
        assert.match((error as PosError).detail, config.dataFolder);
        return true;
      });
      assert.equal(readdirSync(config.dataFolder).sort(), before);
      assert.is(statSync(join(config.dataFolder, 'host.lock')).mode & 0o777, 0o600);
    });
    await running(second, async () => undefined);
  }),
);

starts('says which file is missing beside a database, and makes no passphrase for it', () =>
  inFolder(async (config) => {
    await running(config, async () => undefined);
    const passphrase = join(config.dataFolder, 'vault-passphrase');
    rmSync(passphrase);
    await rejects(startHost(config, silent), codeIs('CONFIG_BAD'));
    assert.throws(() => statSync(passphrase));
  }),
);

starts('takes no tokens file that others may read', () =>
  inFolder(async (config) => {
    await running(config, async () => undefined);
    chmodSync(join(config.dataFolder, 'admin-tokens.json'), 0o644);
    await rejects(startHost(config, silent), codeIs('CONFIG_BAD'));
  }),
);

starts('closes what it has opened when a port is taken', () =>
  inFolder(async (config) => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', () => resolve()));
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await rejects(startHost({ ...config, adminPort: port }, silent), /EADDRINUSE/);
    await new Promise((resolve) => other.close(resolve));
    await running({ ...config, adminPort: port }, async (host) => assert.is(host.adminPort, port));
  }),
);

starts('metrics tell how long the log of the database file is', () =>
  inFolder((config) =>
    running(config, async ({ metrics }) => {
      const text = await metrics.registry.metrics();
      const { size } = statSync(join(config.dataFolder, 'host.sqlite-wal'));
      assert.ok(size > 0);
      assert.match(text, `zunka_database_log_bytes{stream="01",store="sqlite"} ${size}\n`);
    }),
  ),
);

starts.run();

const command = suite('npm run host');

function started(folder: string, ...words: string[]) {
  const env = {
    ...process.env,
    ZUNKA_DATA_FOLDER: join(folder, 'data'),
    ZUNKA_ACQUIRER_PORT: '0',
    ZUNKA_ADMIN_PORT: '0',
  };
  const child = spawn(process.execPath, ['--import', 'tsx', 'host/main.ts', ...words], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const waiting: (() => void)[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      text += part.toString('utf8');
      for (const wake of waiting) wake();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const until = (part: string) =>
    new Promise<void>((resolve) => {
      const look = () => text.includes(part) && resolve();
      waiting.push(look);
      look();
    });
  return { child, ended, until, text: () => text };
}

command('says in Chinese and English where it listens, and stops on SIGTERM', () =>
  inFolder(async (_config, folder) => {
    const { child, ended, until, text } = started(folder);
    await until('the host is running');
    child.kill('SIGTERM');
    assert.is(await ended, 0);
    assert.match(text(), '尊卡主机已启动');
    assert.match(text(), /收单 acquirer {3}127\.0\.0\.1:\d+/);
    assert.match(text(), '已停机 stopped');
  }),
);

command('starts nothing with a wrong setting, and names file, line, setting and range', () =>
  inFolder(async (_config, folder) => {
    const file = join(folder, 'host.json');
    writeFileSync(file, '{\n  "idleTimeoutSeconds": "30 min"\n}\n');
    const { ended, text } = started(folder, '--config', file);
    assert.is(await ended, 1);
    assert.match(text(), `${file}:2 idleTimeoutSeconds: "30 min"`);
    assert.match(text(), '5 … 600 s');
    assert.throws(() => statSync(join(folder, 'data')));
  }),
);

command('shows its settings on --help', () =>
  inFolder(async (_config, folder) => {
    const { ended, text } = started(folder, '--help');
    assert.is(await ended, 0);
    assert.match(text(), 'ZUNKA_IDLE_TIMEOUT_SECONDS');
  }),
);

command.run();
