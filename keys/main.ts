/** `npm run keys -- COMMAND`: keys from the ceremony to destruction, at this machine, while the host is stopped. */
import { randomBytes } from 'node:crypto';
import { copyFile, mkdir, open, readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PosError } from '../protocol/index.ts';
import { enrolAtDesk, holdCeremony } from './ceremony/desk.ts';
import { nodeDesk } from './ceremony/node-desk.ts';
import {
  COMMANDS,
  type CommandName,
  type CommandOptions,
  commandsTable,
  countOf,
  runCommand,
} from './command/commands.ts';
import { toHex } from './hex.ts';
import { aesCheckValue } from './material/check-value.ts';
import type { Custodian } from './vault/key-file.ts';
import type { KeyEvent } from './vault/key-log.ts';
import { KeyOffice } from './vault/key-office.ts';
import { nodeKeyFile } from './vault/node-key-file.ts';
import { nodeKeyLog } from './vault/node-key-log.ts';
import { type FileVaultOptions, newKeyStore, openKeyStore } from './vault/open-vault.ts';

const USAGE = `npm run keys -- COMMAND [--data FOLDER] [--passphrase-file FILE] [--test-mode]

主机须已停止 the host must be stopped; FOLDER: data

| ceremony [--components 2|3] | the first one: custodians are enrolled, the master key is made, the key file begins |
| component                   | a random component of a master key, shown once, to be written down by its custodian |
| backup FOLDER               | key file and key log, read back; the passphrase is kept elsewhere |
| restore FOLDER              | a key file from its backup, where there is none; the key log goes on |
`;

type Values = CommandOptions & {
  readonly data: string;
  readonly 'passphrase-file'?: string;
  readonly 'test-mode'?: boolean;
};

const now = () => Date.now();
const random = (bytes: number) => randomBytes(bytes);
let openDesk: ReturnType<typeof nodeDesk> | null = null;

/** Opened when the first question comes: a listing runs without a terminal. */
function desk(): ReturnType<typeof nodeDesk> {
  openDesk ??= nodeDesk();
  return openDesk;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      data: { type: 'string', default: 'data' },
      'passphrase-file': { type: 'string' },
      'test-mode': { type: 'boolean' },
      use: { type: 'string' },
      algorithm: { type: 'string' },
      owner: { type: 'string' },
      cryptoperiod: { type: 'string' },
      exportable: { type: 'boolean' },
      inactive: { type: 'boolean' },
      under: { type: 'string' },
      block: { type: 'string' },
      components: { type: 'string' },
      csv: { type: 'boolean' },
      resume: { type: 'boolean' },
      finish: { type: 'boolean' },
    },
  });
  const [command = 'help', subject = ''] = positionals;
  if (command === 'ceremony') return ceremony(values);
  if (command === 'component') return component();
  if (command === 'backup') return backup(values, subject);
  if (command === 'restore') return restore(values, subject);
  if (!Object.hasOwn(COMMANDS, command)) {
    console.log(`${USAGE}\n${commandsTable()}`);
    if (command !== 'help') throw new PosError('INPUT_BAD', 'no such command');
    return;
  }
  const vault = await vaultOptions(values);
  const store = await openKeyStore({ ...vault, mustExist: true });
  try {
    const { log } = vault;
    const parts = { office: new KeyOffice(store, random), options: values, subject, desk, log, now, random };
    const say = (line: string) => console.log(line);
    await runCommand(
      command as CommandName,
      { ...parts, say, testMode: vault.testMode },
      userInfo().username,
    );
  } finally {
    store.close();
    vault.passphrase.fill(0);
  }
}

/** The first ceremony: nobody is enrolled yet, so everybody chooses a password, in the others' sight. */
async function ceremony(values: Values): Promise<void> {
  const vault = await vaultOptions(values, true);
  if ((await vault.file.read()) !== undefined)
    throw new PosError(
      'ALREADY_EXISTS',
      'there is a key file: a new master key for it is made by `keys master`',
    );
  const { log, testMode } = vault;
  const count = countOf(values);
  const at = desk();
  at.say('尊卡密钥仪式 · 本地主密钥 ZUNKA key ceremony · local master key');
  if (testMode) at.say('*** 测试 TESTING: 已知密钥可用 known keys are taken ***');
  const custodians: Custodian[] = [];
  while (custodians.length < count) {
    at.say(`── 登记保管员 custodian ${custodians.length + 1}/${count}`);
    const custodian = await enrolAtDesk(at, random, custodians);
    await log.append([{ act: 'custodian enrolled', subject: custodian.name, by: custodian.name, at: now() }]);
    custodians.push(custodian);
  }
  const made = await holdCeremony(at, {
    subject: 'master key',
    algorithm: 'aes-256',
    count,
    custodians,
    log,
    now,
    testMode,
  });
  const store = await newKeyStore(vault, made.key, {
    from: made.custodians,
    custodians,
    by: made.custodians.join(', '),
  });
  made.key.fill(0);
  store.close();
  vault.passphrase.fill(0);
  at.say(`主密钥已封存 the master key is sealed: ${made.checkValue}`);
}

async function component(): Promise<void> {
  const at = desk();
  const bytes = random(32);
  at.say(toHex(bytes).replaceAll(/(.{4})/g, '$1 '));
  at.say(`校验值 check value: ${toHex(aesCheckValue(bytes))}`);
  bytes.fill(0);
  await at.ask('抄录后按回车 written down: press enter');
  at.clear();
}

const FILES = ['keys.sealed', 'keys.log'] as const;

async function backup(values: Values, folder: string): Promise<void> {
  if (folder === '') throw new PosError('INPUT_BAD', 'backup FOLDER: where to');
  const vault = await vaultOptions(values);
  // What does not open is no backup.
  const store = await openKeyStore({ ...vault, mustExist: true });
  const office = new KeyOffice(store, random);
  office.note('backup made', 'key file', userInfo().username);
  await office.saved();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of FILES) await copyNew(join(values.data, name), join(folder, name));
  (await openKeyStore({ ...vault, file: nodeKeyFile(join(folder, 'keys.sealed')), mustExist: true })).close();
  console.log(`${office.records.length} 个密钥已备份 keys in the backup: ${folder}`);
  store.close();
}

async function restore(values: Values, folder: string): Promise<void> {
  if (folder === '') throw new PosError('INPUT_BAD', 'restore FOLDER: where from');
  const vault = await vaultOptions(values);
  (
    await openKeyStore({
      random,
      now,
      file: nodeKeyFile(join(folder, 'keys.sealed')),
      passphrase: vault.passphrase,
      mustExist: true,
    })
  ).close();
  await copyNew(join(folder, 'keys.sealed'), join(values.data, 'keys.sealed'));
  // A log that is there is never rolled back: it tells of the time between backup and loss.
  if (!(await isThere(join(values.data, 'keys.log'))))
    await copyNew(join(folder, 'keys.log'), join(values.data, 'keys.log'));
  const takesOlder = (missing: readonly KeyEvent[]) => {
    console.log(
      `密钥日志中有 ${missing.length} 条不在此备份中 the key log tells of ${missing.length} acts that are not in this backup:`,
    );
    for (const { act, subject, by, at } of missing)
      console.log(`  ${new Date(at).toISOString()} ${act}: ${subject} (${by})`);
  };
  const store = await openKeyStore({ ...(await vaultOptions(values)), mustExist: true, takesOlder });
  const office = new KeyOffice(store, random);
  office.note('key file restored from its backup', 'key file', userInfo().username);
  await office.saved();
  console.log(`${office.records.length} 个密钥已恢复 keys restored`);
  store.close();
}

/** @throws FILE_EXISTS */
async function copyNew(from: string, to: string): Promise<void> {
  if (await isThere(to))
    throw new PosError('FILE_EXISTS', `${to}: nothing is overwritten; move it away first`);
  await copyFile(from, to);
  const file = await open(to, 'r+');
  await file.chmod(0o600);
  await file.sync();
  await file.close();
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function vaultOptions(values: Values, mayMake = false) {
  const place = (name: string) => join(values.data, name);
  if (mayMake) await mkdir(values.data, { recursive: true, mode: 0o700 });
  const passphrase = await passphraseOf(values['passphrase-file'], place('vault-passphrase'), mayMake);
  return {
    random,
    now,
    file: nodeKeyFile(place('keys.sealed')),
    log: nodeKeyLog(place('keys.log')),
    passphrase,
    testMode: values['test-mode'] ?? false,
  } satisfies FileVaultOptions;
}

/** As the host finds it: from the environment, from a file that is named, or from the one beside the key file. */
async function passphraseOf(named: string | undefined, beside: string, mayMake: boolean): Promise<Buffer> {
  const given = process.env['ZUNKA_VAULT_PASSPHRASE'];
  if (given !== undefined && given !== '') return Buffer.from(given, 'utf8');
  if (named === undefined && mayMake && !(await isThere(beside))) {
    const file = await open(beside, 'wx', 0o600);
    await file.writeFile(`${random(32).toString('base64url')}\n`);
    await file.sync();
    await file.close();
  }
  try {
    return Buffer.from((await readFile(named ?? beside, 'utf8')).trim(), 'utf8');
  } catch (error) {
    throw new PosError('CONFIG_BAD', `passphrase: cannot be read: ${named ?? beside}`, { cause: error });
  }
}

main()
  .catch((error: unknown) => {
    const told =
      error instanceof PosError ? `✗ ${error.code}: ${error.detail}\n  ${error.hint}` : String(error);
    process.stderr.write(`${told}\n`);
    process.exitCode = 1;
  })
  .finally(() => openDesk?.close());
