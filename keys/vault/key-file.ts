/**
 * The sealed key file: one line of header in JSON, one line of base64. The header names the key
 * derivation and its cost, so that the cost can grow; it is authenticated as it stands, byte for byte.
 */
import { type BinaryLike, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { PosError } from '../../protocol/index.ts';
import { fromBase64, sealBytes, unsealBytes } from './sealed-text.ts';

const FORMAT = 'zunka-key-file';
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

/** A lock for a new file. @throws KEY_FILE the passphrase is empty */
export async function newKeyFileLock(
  passphrase: Buffer,
  random: (bytes: number) => Buffer,
  cost: ScryptCost = SCRYPT_COST,
): Promise<KeyFileLock> {
  const salt = random(SALT_BYTES);
  const header = JSON.stringify({
    format: FORMAT,
    version: 1,
    kdf: 'scrypt',
    ...cost,
    salt: salt.toString('base64'),
    cipher: 'aes-256-gcm',
  });
  return { header, key: await deriveKey(passphrase, salt, cost) };
}

/** The file's bytes. */
export function sealKeyFile(lock: KeyFileLock, body: Buffer, random: (bytes: number) => Buffer): Buffer {
  const sealed = sealBytes(lock.key, body, Buffer.from(lock.header, 'utf8'), random);
  return Buffer.from(`${lock.header}\n${sealed.toString('base64')}\n`, 'utf8');
}

/**
 * Opens a file. The caller wipes the body.
 *
 * @throws KEY_FILE wrong passphrase or any changed byte: they cannot be told apart
 */
export async function openKeyFile(
  bytes: Buffer,
  passphrase: Buffer,
): Promise<{ readonly lock: KeyFileLock; readonly body: Buffer }> {
  const text = bytes.toString('utf8');
  const lines = text.split('\n');
  const [header, sealed, end] = lines;
  if (header === undefined || sealed === undefined || end !== '' || lines.length !== 3)
    throw damaged('it has not two lines');
  const { salt, cost } = readHeader(header);
  const lock = { header, key: await deriveKey(passphrase, salt, cost) };
  try {
    return { lock, body: unsealBytes(lock.key, fromBase64(sealed), Buffer.from(header, 'utf8')) };
  } catch (error) {
    lock.key.fill(0);
    throw damaged('it does not open', error);
  }
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
  if (version !== 1) throw damaged('its version is not 1: a newer program wrote it');
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

function isCost(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
}

async function deriveKey(passphrase: Buffer, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
  if (passphrase.length === 0) throw new PosError('KEY_FILE', 'the passphrase is empty: give one');
  // The header's range keeps the memory within maxmem, so scrypt does not refuse.
  return derive(passphrase, salt, 32, { ...cost, maxmem: 256 * cost.N * cost.r });
}

function damaged(why: string, cause?: unknown): PosError {
  const advice = 'check the passphrase; if it is right, restore the file from its copy';
  return new PosError('KEY_FILE', `key file: ${why}: ${advice}`, { cause });
}
