/**
 * DUKPT with AES. Source: ANSI X9.24-3:2017.
 *
 * A key serial number has 12 bytes: an initial key identifier of 8, and a counter of 4. A device skips
 * counters with more than sixteen one-bits.
 */
import { PosError } from '../../protocol/index.ts';
import { aesCipher } from '../cipher/block-cipher.ts';
import { refuseCounter } from './tdes-dukpt.ts';

const KSN_BYTES = 12;
const ID_BYTES = 8;
const ONE_BITS_MAX = 16;
/** The counter whose key updates the initial key: no transaction reaches it. */
const UPDATE_COUNTER = 0xffff_ffff;

/** Indicators of the derivation data, and key length in bits. */
// biome-ignore format: a table is read by column
const KEY_TYPES = {
  TDES2:  { algorithm: 0x0000, bits: 128 },
  TDES3:  { algorithm: 0x0001, bits: 192 },
  AES128: { algorithm: 0x0002, bits: 128 },
  AES192: { algorithm: 0x0003, bits: 192 },
  AES256: { algorithm: 0x0004, bits: 256 },
} as const;

/** Algorithm and length of a derived key. */
export type AesDukptKeyType = keyof typeof KEY_TYPES;

/** Key usage indicators of the derivation data. */
// biome-ignore format: a table is read by column
const USAGES = {
  'key encryption':   0x0002,
  'pin encryption':   0x1000,
  'mac generation':   0x2000,
  'mac verification': 0x2001,
  'mac both ways':    0x2002,
  'data encryption':  0x3000,
  'data decryption':  0x3001,
  'data both ways':   0x3002,
  'key derivation':   0x8000,
  'initial key':      0x8001,
} as const;

/** What a working key is for. */
export type AesDukptUsage = Exclude<keyof typeof USAGES, 'key derivation' | 'initial key'>;

/**
 * The initial key of a device, which is put into it.
 *
 * @param bdk base derivation key, 16, 24 or 32 bytes; the initial key has as many
 * @param initialKeyId 8 bytes
 * @returns the caller wipes it
 * @example BDK FEDCBA9876543210F1F1F1F1F1F1F1F1, identifier 1234567890123456:
 *   1273671EA26AC29AFA4D1084127652A1 (X9.24-3:2017 supplement)
 * @throws KSN_BAD, KEY_BAD
 */
export function aesDukptInitialKey(bdk: Buffer, initialKeyId: Buffer): Buffer {
  if (initialKeyId.length !== ID_BYTES)
    throw new PosError(
      'KSN_BAD',
      `an initial key identifier has ${ID_BYTES} bytes, not ${initialKeyId.length}`,
    );
  return derive(bdk, 'initial key', typeOf(bdk), initialKeyId);
}

/**
 * The derivation key of one transaction, from which its working keys are made.
 *
 * @param initialKey of aesDukptInitialKey
 * @param ksn 12 bytes, with the transaction's counter
 * @returns as long as the initial key; the caller wipes it
 * @example initial key 1273671EA26AC29AFA4D1084127652A1, KSN 123456789012345600000001:
 *   4F21B565BAD9835E112B6465635EAE44 (X9.24-3:2017 supplement)
 * @throws KSN_BAD wrong length, counter zero, or more one-bits in it than a device uses
 */
export function aesDukptTransactionKey(initialKey: Buffer, ksn: Buffer): Buffer {
  refuseLength(ksn);
  const counter = ksn.readUInt32BE(ID_BYTES);
  refuseCounter(counter, ONE_BITS_MAX);
  return keyAt(initialKey, ksn.subarray(0, ID_BYTES), counter);
}

/**
 * A working key of one transaction.
 *
 * @param transactionKey of aesDukptTransactionKey
 * @param ksn the same that the transaction key was made with
 * @returns the caller wipes it
 * @example transaction key 4F21B565BAD9835E112B6465635EAE44, KSN 123456789012345600000001, PIN
 *   encryption, AES128: AF8CB133A78F8DC2D1359F18527593FB (X9.24-3:2017 supplement)
 * @throws KSN_BAD, KEY_BAD a working key longer than the key that it comes from
 */
export function aesDukptWorkingKey(
  transactionKey: Buffer,
  usage: AesDukptUsage,
  type: AesDukptKeyType,
  ksn: Buffer,
): Buffer {
  refuseLength(ksn);
  if (type.startsWith('AES') && KEY_TYPES[type].bits > transactionKey.length * 8)
    throw new PosError('KEY_BAD', `${type} is longer than the key that it would be derived from`);
  return derive(
    transactionKey,
    usage,
    type,
    transactionContext(ksn.subarray(0, ID_BYTES), ksn.readUInt32BE(ID_BYTES)),
  );
}

/**
 * The key under which a new initial key reaches the device: the transaction key at the last counter,
 * and from it a key encryption key. Deriving it from the initial key at once is a common mistake.
 *
 * @param initialKeyId 8 bytes
 * @returns the caller wipes it
 * @example initial key 1273671EA26AC29AFA4D1084127652A1, identifier 1234567890123456, AES128:
 *   9A9770AEE1ACD1B13473D0463A1883B9 (openemv/dukpt's test suite)
 * @throws KSN_BAD, KEY_BAD
 */
export function aesDukptUpdateKey(initialKey: Buffer, initialKeyId: Buffer, type: AesDukptKeyType): Buffer {
  const ksn = Buffer.alloc(KSN_BYTES, 0xff);
  if (initialKeyId.copy(ksn) !== ID_BYTES || initialKeyId.length !== ID_BYTES)
    throw new PosError(
      'KSN_BAD',
      `an initial key identifier has ${ID_BYTES} bytes, not ${initialKeyId.length}`,
    );
  const transactionKey = keyAt(initialKey, initialKeyId, UPDATE_COUNTER);
  try {
    return aesDukptWorkingKey(transactionKey, 'key encryption', type, ksn);
  } finally {
    transactionKey.fill(0);
  }
}

/** One derivation for each one-bit of the counter, from the highest down. */
function keyAt(initialKey: Buffer, initialKeyId: Buffer, counter: number): Buffer {
  const type = typeOf(initialKey);
  let key: Buffer = Buffer.from(initialKey);
  let reached = 0;
  for (let bit = 31; bit >= 0; bit -= 1) {
    if (((counter >>> bit) & 1) === 0) continue;
    reached = (reached | (1 << bit)) >>> 0;
    const next = derive(key, 'key derivation', type, transactionContext(initialKeyId, reached));
    key.fill(0);
    key = next;
  }
  return key;
}

/** ECB over as many blocks of derivation data as the key has, cut to its length. */
function derive(from: Buffer, usage: keyof typeof USAGES, type: AesDukptKeyType, context: Buffer): Buffer {
  const { algorithm, bits } = KEY_TYPES[type];
  const blocks = Math.ceil(bits / 128);
  const data = Buffer.alloc(blocks * 16);
  for (let block = 0; block < blocks; block += 1) {
    const at = block * 16;
    data[at] = 1;
    data[at + 1] = block + 1;
    data.writeUInt16BE(USAGES[usage], at + 2);
    data.writeUInt16BE(algorithm, at + 4);
    data.writeUInt16BE(bits, at + 6);
    context.copy(data, at + 8);
  }
  const cipher = aesCipher(from);
  const out = cipher.encrypt(data);
  cipher.wipe();
  const key = Buffer.from(out.subarray(0, bits / 8));
  out.fill(0);
  return key;
}

/** Eight bytes that name a transaction: the right half of the identifier, and the counter. */
function transactionContext(initialKeyId: Buffer, counter: number): Buffer {
  const context = Buffer.alloc(8);
  initialKeyId.copy(context, 0, 4, 8);
  context.writeUInt32BE(counter, 4);
  return context;
}

/** @throws KEY_BAD */
function typeOf(key: Buffer): AesDukptKeyType {
  if (key.length === 16) return 'AES128';
  if (key.length === 24) return 'AES192';
  if (key.length === 32) return 'AES256';
  throw new PosError('KEY_BAD', `an AES key has 16, 24 or 32 bytes, not ${key.length}`);
}

function refuseLength(ksn: Buffer): void {
  if (ksn.length !== KSN_BYTES)
    throw new PosError('KSN_BAD', `a key serial number has ${KSN_BYTES} bytes, not ${ksn.length}`);
}
