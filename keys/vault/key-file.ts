/**
 * The key file, lines of text:
 *
 * ```
 * 1     header, JSON: form, version, key derivation and its cost
 * 2     base64: the master key, AES-256-GCM under scrypt of the passphrase, the header bound
 * 3     JSON: where master keys came from, custodians, head of the key log, keys destroyed
 * 4 …   a key block a line, TR-31 version D under the master key
 * last  HMAC-SHA-256 of all lines before, under a key derived from the master key
 * ```
 *
 * The header is authenticated as it stands, byte for byte, so that the cost can grow. The last line sees to
 * it that no block was taken out, put back or brought from another file.
 */
import { type BinaryLike, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { PosError } from '../../protocol/index.ts';
import { sameBytes } from '../same-bytes.ts';
import type { KeyLogHead } from './key-log.ts';
import { MASTER_KEY_BYTES, MasterKey } from './master-key.ts';
import { fromBase64, sealBytes, unsealBytes } from './sealed-text.ts';
import type { KeyLife, KeySpec } from './vault.ts';

const FORMAT = 'zunka-key-file';
const VERSION = 2;
const SALT_BYTES = 16;
const derive = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt);

/** Cost of scrypt: memory is 128·N·r bytes (32 MiB here). */
export interface ScryptCost {
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** What new files get. A file says its own cost and is opened with that. */
export const SCRYPT_COST: ScryptCost = { N: 2 ** 15, r: 8, p: 1 };
/** A header asking for more than 1 GiB is not ours: refuse it before spending the memory. */
const SCRYPT_N_MAX = 2 ** 20;

/** The file's key and header, kept while the vault is open so that each save need not derive again. */
export interface KeyFileLock {
  readonly header: string;
  readonly key: Buffer;
}

/** Where a master key came from. */
export interface MasterKeyOrigin {
  readonly checkValue: string;
  /** Milliseconds since 1970, UTC. */
  readonly created: number;
  /** `generated`: by this machine, seen by nobody. Else the names of those who entered a component each. */
  readonly from: 'generated' | readonly string[];
}

/** Who may enter a component, and how that is proved. */
export interface Custodian {
  readonly name: string;
  /** `scrypt$N$r$p$salt$hash`, base64. */
  readonly proof: string;
}

/** What is left of a destroyed key. */
export interface DestroyedKey extends KeySpec, KeyLife {
  readonly checkValue: string;
  readonly destroyed: number;
}

/** What the third line holds. */
export interface KeyFileFacts {
  /** As many as there are master keys, the one in use first. */
  readonly masters: readonly MasterKeyOrigin[];
  readonly custodians: readonly Custodian[];
  readonly log: KeyLogHead | null;
  readonly destroyed: readonly DestroyedKey[];
}

export interface KeyFileContent extends KeyFileFacts {
  readonly blocks: readonly string[];
}

/** A lock for a new file. @throws KEY_FILE the passphrase is empty */
export async function newKeyFileLock(
  passphrase: Buffer,
  random: (bytes: number) => Buffer,
  cost: ScryptCost = SCRYPT_COST,
): Promise<KeyFileLock> {
  const salt = random(SALT_BYTES);
  const header = JSON.stringify({
    format: FORMAT,
    version: VERSION,
    kdf: 'scrypt',
    ...cost,
    salt: salt.toString('base64'),
    cipher: 'aes-256-gcm',
  });
  return { header, key: await deriveKey(passphrase, salt, cost) };
}

/** The second line: master keys one after the other, the one in use first. */
export function sealMasterKeys(
  lock: KeyFileLock,
  masters: readonly MasterKey[],
  random: (bytes: number) => Buffer,
): string {
  const copies = masters.map((master) => master.copyKey());
  const body = Buffer.concat(copies);
  const sealed = sealBytes(lock.key, body, Buffer.from(lock.header, 'utf8'), random);
  for (const copy of [...copies, body]) copy.fill(0);
  return sealed.toString('base64');
}

/** The file's bytes. */
export function formatKeyFile(
  lock: KeyFileLock,
  sealedMasters: string,
  master: Pick<MasterKey, 'fileMac'>,
  { blocks, ...facts }: KeyFileContent,
): Buffer {
  const text = [lock.header, sealedMasters, JSON.stringify(facts), ...blocks, ''].join('\n');
  return Buffer.from(`${text}${master.fileMac(text)}\n`, 'utf8');
}

/**
 * Opens a file. The caller wipes master keys and lock.
 *
 * @throws KEY_FILE wrong passphrase or any changed byte: they cannot be told apart
 */
export async function openKeyFile(
  bytes: Buffer,
  passphrase: Buffer,
): Promise<{
  readonly lock: KeyFileLock;
  readonly masters: readonly MasterKey[];
  readonly content: KeyFileContent;
}> {
  const lines = bytes.toString('utf8').split('\n');
  const [header = '', sealed = '', facts = ''] = lines;
  const { salt, cost } = readHeader(header);
  if (lines.length < 5 || lines.at(-1) !== '') throw damaged('lines are missing at its end');
  const lock = { header, key: await deriveKey(passphrase, salt, cost) };
  const masters: MasterKey[] = [];
  try {
    masters.push(...openMasterKeys(lock, sealed));
    const [master] = masters;
    const mac = lines.at(-2) ?? '';
    const before = lines.slice(0, -2);
    if (master === undefined || !sameText(master.fileMac(`${before.join('\n')}\n`), mac))
      throw damaged('its last line does not fit the ones before');
    return { lock, masters, content: { ...(JSON.parse(facts) as KeyFileFacts), blocks: before.slice(3) } };
  } catch (error) {
    lock.key.fill(0);
    for (const master of masters) master.wipe();
    throw error instanceof PosError && error.code === 'KEY_FILE' ? error : damaged('it does not open', error);
  }
}

function openMasterKeys(lock: KeyFileLock, sealed: string): readonly MasterKey[] {
  const body = unsealBytes(lock.key, fromBase64(sealed), Buffer.from(lock.header, 'utf8'));
  const count = body.length / MASTER_KEY_BYTES;
  if (!Number.isInteger(count) || count < 1) throw damaged('its master key has a length that cannot be');
  const masters = Array.from(
    { length: count },
    (_, index) => new MasterKey(body.subarray(index * MASTER_KEY_BYTES, (index + 1) * MASTER_KEY_BYTES)),
  );
  body.fill(0);
  return masters;
}

function readHeader(line: string): { salt: Buffer; cost: ScryptCost } {
  let header: Readonly<Record<string, unknown>>;
  try {
    const parsed: unknown = JSON.parse(line);
    if (typeof parsed !== 'object' || parsed === null) throw new Error('not an object');
    header = parsed as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw damaged('its header is not JSON', error);
  }
  const { format, version, kdf, N, r, p, salt, cipher } = header as Record<
    'format' | 'version' | 'kdf' | 'N' | 'r' | 'p' | 'salt' | 'cipher',
    unknown
  >;
  if (format !== FORMAT || kdf !== 'scrypt' || cipher !== 'aes-256-gcm')
    throw damaged('its header names another form');
  refuseOtherVersion(version);
  if (
    !isCost(N, SCRYPT_COST.N, SCRYPT_N_MAX) ||
    (N & (N - 1)) !== 0 ||
    !isCost(r, 8, 8) ||
    !isCost(p, 1, 4)
  ) {
    throw damaged('its scrypt cost is out of range');
  }
  if (typeof salt !== 'string') throw damaged('its salt is missing');
  const bytes = Buffer.from(salt, 'base64');
  if (bytes.length !== SALT_BYTES || bytes.toString('base64') !== salt) throw damaged('its salt is damaged');
  return { salt: bytes, cost: { N, r, p } };
}

function refuseOtherVersion(version: unknown): void {
  if (version === 1)
    throw new PosError(
      'KEY_FILE',
      'key file: version 1, made before keys rested as key blocks: no release wrote it and nothing reads it; begin with a new data folder',
    );
  if (version !== VERSION) throw damaged(`its version is not ${VERSION}: a newer program wrote it`);
}

function isCost(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

async function deriveKey(passphrase: Buffer, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
  if (passphrase.length === 0) throw new PosError('KEY_FILE', 'the passphrase is empty: give one');
  // The header's range keeps the memory within maxmem, so scrypt does not refuse.
  return derive(passphrase, salt, 32, { ...cost, maxmem: 256 * cost.N * cost.r });
}

function sameText(a: string, b: string): boolean {
  return sameBytes(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
}

function damaged(why: string, cause?: unknown): PosError {
  const advice = 'check the passphrase; if it is right, restore the file from its copy';
  return new PosError('KEY_FILE', `key file: ${why}: ${advice}`, { cause });
}
