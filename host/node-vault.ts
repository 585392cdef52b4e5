/** The host's secrets on a real machine: the key file in its data folder, or a token behind PKCS#11. */
import { open, readFile } from 'node:fs/promises';
import { nodeKeyFile, nodeKeyLog, openSoftVault, openTokenVault, type Vault } from '../keys/index.ts';
import { PosError } from '../protocol/index.ts';
import type { Random } from './clock.ts';
import type { HostConfig } from './config.ts';
import { makeHostKeys } from './host-keys.ts';
import { nodeClock } from './node-clock.ts';
import { nodeRandom } from './node-random.ts';

interface Place {
  /** Where a file of the data folder is. */
  readonly place: (name: string) => string;
  /** Told what is made because it is not there. */
  readonly made: (line: string) => void;
  /** There is a database: it may hold what only its own keys open, so nothing is made anew. */
  readonly mustExist: boolean;
  /** For the host's own log. */
  readonly warns: (what: string) => void;
}

/**
 * As the setting `vault` says.
 *
 * @throws KEY_FILE, TOKEN_ABSENT naming file or token and what to do; SELF_TEST, CONFIG_BAD
 */
export async function openVault(
  config: HostConfig,
  place: Place['place'],
  more: Omit<Place, 'place'>,
): Promise<Vault> {
  const at = { place, ...more };
  const [where, putBack] =
    config.vault === 'pkcs11'
      ? [config.pkcs11Token, '请接回与之配套的令牌 connect the token that belongs to it']
      : [
          place('keys.sealed'),
          '请放回与之配套的密钥文件及口令 put back the key file that belongs to it, with its passphrase',
        ];
  let vault: Vault | undefined;
  try {
    vault = await (config.vault === 'pkcs11' ? tokenVault(config, at) : fileVault(config, at));
    const made = await makeHostKeys(vault, more.mustExist);
    for (const name of made) more.made(`密钥 key: ${name}`);
    return vault;
  } catch (error) {
    vault?.close();
    if (!more.mustExist || !(error instanceof PosError) || error.code !== 'KEY_FILE') throw error;
    throw new PosError('KEY_FILE', `${where}: ${error.detail}。已有数据库 there is a database: ${putBack}`, {
      cause: error,
    });
  }
}

async function fileVault(config: HostConfig, { place, made, mustExist, warns }: Place): Promise<Vault> {
  const passphrase = await passphraseOf(config, place('vault-passphrase'), mustExist ? null : made);
  const vault = await openSoftVault({
    random: (bytes) => nodeRandom.bytes(bytes),
    file: nodeKeyFile(place('keys.sealed')),
    passphrase,
    now: () => nodeClock.now(),
    log: nodeKeyLog(place('keys.log')),
    testMode: config.testMode === 'on',
    mustExist,
    warns,
  });
  passphrase.fill(0);
  return vault;
}

async function tokenVault(config: HostConfig, { place, mustExist }: Place): Promise<Vault> {
  for (const name of ['pkcs11Library', 'pkcs11Token'] as const)
    if (config[name] === '')
      throw new PosError('CONFIG_BAD', `${name}: vault = pkcs11 时必须设置 must be set with vault = pkcs11`);
  return openTokenVault({
    library: config.pkcs11Library,
    label: config.pkcs11Token,
    pin: await pinOf(config),
    now: () => nodeClock.now(),
    log: nodeKeyLog(place('keys.log')),
    testMode: config.testMode === 'on',
    mustExist,
  });
}

async function pinOf(config: HostConfig): Promise<string> {
  if (config.pkcs11Pin !== '') return config.pkcs11Pin;
  try {
    return (await readFile(config.pkcs11PinFile, 'utf8')).trim();
  } catch (error) {
    const path = config.pkcs11PinFile || '-';
    throw new PosError('CONFIG_BAD', `pkcs11PinFile: 无法读取 cannot be read: ${path}`, { cause: error });
  }
}

/**
 * From the setting, from the file that it names, or from one beside the key file, made at the first start.
 * @param made told that it was made; null: it must be there
 */
async function passphraseOf(config: HostConfig, beside: string, made: Place['made'] | null): Promise<Buffer> {
  if (config.vaultPassphrase !== '') return Buffer.from(config.vaultPassphrase, 'utf8');
  if (config.vaultPassphraseFile === '' && made !== null) await makePassphrase(beside, nodeRandom, made);
  const path = config.vaultPassphraseFile || beside;
  try {
    return Buffer.from((await readFile(path, 'utf8')).trim(), 'utf8');
  } catch (error) {
    throw new PosError('CONFIG_BAD', `vaultPassphraseFile: 无法读取 cannot be read: ${path}`, {
      cause: error,
    });
  }
}

async function makePassphrase(path: string, random: Random, made: Place['made']): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(`${random.bytes(32).toString('base64url')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    made(`密钥口令(请移到别处保管) key passphrase, to be kept elsewhere: ${path}`);
  } catch (error) {
    if (!(error instanceof Error) || (error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
