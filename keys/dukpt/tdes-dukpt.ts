/**
 * DUKPT with triple DES: a key of its own for each transaction, from which no earlier one can be found.
 * Source: ANSI X9.24-1:2009, annex A.
 *
 * A key serial number (KSN) has 10 bytes: 59 bits name the device, the last 21 count its transactions.
 * A device skips counters with more than ten one-bits, so a key is at most ten steps from the initial
 * one: about a million transactions.
 */
import { PosError } from '../../protocol/index.ts';
import { BlockCipher, xorInto } from '../cipher/block-cipher.ts';

const KSN_BYTES = 10;
const COUNTER_BITS = 21;
const ONE_BITS_MAX = 10;
const HALF = 8;

/** What turns the left half of a key into the one that makes the other half of a new key. */
const KEY_MASK = Buffer.from('C0C0C0C000000000C0C0C0C000000000', 'hex');

/** Which byte of each half a purpose inverts. */
// biome-ignore format: a table is read by column
const VARIANTS = {
  'pin':          7,
  'mac request':  6,
  'mac response': 4,
  'data request': 5,
  'data response': 3,
} as const;

/** What a transaction's key is for. Data keys are encrypted under themselves besides, which 2009 added. */
export type TdesDukptPurpose = keyof typeof VARIANTS;

/**
 * The initial key of a device, which is put into it: the KSN without its counter, encrypted under the
 * base derivation key (BDK) and under a variant of it.
 *
 * @param bdk double-length triple DES, 16 bytes
 * @param ksn 10 bytes; the counter does not count
 * @returns 16 bytes; the caller wipes them
 * @example BDK 0123456789ABCDEFFEDCBA9876543210, KSN FFFF9876543210E00000:
 *   6AC292FAA1315B4D858AB3A3D7D5933A (X9.24-1:2009 A.4)
 * @throws KSN_BAD, KEY_BAD
 */
export function tdesDukptInitialKey(bdk: Buffer, ksn: Buffer): Buffer {
  refuseLength(ksn);
  const register = Buffer.from(ksn.subarray(0, HALF));
  register[7] = (register[7] as number) & 0xe0;
  const base = new BlockCipher('3des', bdk);
  const variant = base.derived((key) => xorInto(key, KEY_MASK));
  const key = Buffer.concat([base.encrypt(register), variant.encrypt(register)]);
  base.wipe();
  variant.wipe();
  return key;
}

/**
 * The key of one transaction, from which its purposes' keys are made.
 *
 * @param initialKey 16 bytes, of tdesDukptInitialKey
 * @param ksn 10 bytes, with the transaction's counter
 * @returns 16 bytes; the caller wipes them
 * @example initial key 6AC292FAA1315B4D858AB3A3D7D5933A, KSN FFFF9876543210E00001:
 *   042666B49184CFA368DE9628D0397BC9 (X9.24-1:2009 A.4)
 * @throws KSN_BAD wrong length, counter zero, or more one-bits in it than a device uses
 */
export function tdesDukptTransactionKey(initialKey: Buffer, ksn: Buffer): Buffer {
  refuseLength(ksn);
  if (initialKey.length !== 16)
    throw new PosError('KEY_BAD', `an initial DUKPT key has 16 bytes, not ${initialKey.length}`);
  const counter = ((ksn[7] as number) & 0x1f) * 0x10000 + ksn.readUInt16BE(8);
  refuseCounter(counter, ONE_BITS_MAX);
  const register = Buffer.from(ksn.subarray(2));
  register[5] = (register[5] as number) & 0xe0;
  register.writeUInt16BE(0, 6);
  let key: Buffer = Buffer.from(initialKey);
  for (let bit = COUNTER_BITS - 1; bit >= 0; bit -= 1) {
    if (((counter >> bit) & 1) === 0) continue;
    register[7 - (bit >> 3)] = (register[7 - (bit >> 3)] as number) | (1 << (bit & 7));
    const next = nonReversibleKey(key, register);
    key.fill(0);
    key = next;
  }
  return key;
}

/**
 * The key that one purpose uses in a transaction.
 *
 * @param transactionKey of tdesDukptTransactionKey
 * @returns 16 bytes, triple DES; the caller wipes them
 * @example transaction key 042666B49184CFA368DE9628D0397BC9, PIN: 042666B49184CF5C68DE9628D0397B36
 *   (CryptoCarver's test suite; the key of X9.24-1:2009 A.4)
 */
export function tdesDukptKeyFor(purpose: TdesDukptPurpose, transactionKey: Buffer): Buffer {
  const variant = Buffer.from(transactionKey);
  const at = VARIANTS[purpose];
  variant[at] = (variant[at] as number) ^ 0xff;
  variant[at + HALF] = (variant[at + HALF] as number) ^ 0xff;
  if (!purpose.startsWith('data')) return variant;
  const cipher = new BlockCipher('3des', variant);
  const key = cipher.encrypt(variant);
  cipher.wipe();
  variant.fill(0);
  return key;
}

/** Refuses a counter that no device reaches: zero belongs to the initial key. @throws KSN_BAD */
export function refuseCounter(counter: number, oneBitsMax: number): void {
  if (counter === 0) throw new PosError('KSN_BAD', 'its counter is zero: no transaction has that');
  let ones = 0;
  for (let rest = counter; rest !== 0; rest >>>= 1) ones += rest & 1;
  if (ones > oneBitsMax)
    throw new PosError('KSN_BAD', `its counter has ${ones} one-bits: a device uses at most ${oneBitsMax}`);
}

/** Single DES under the left half, around an XOR with the right one; the masked key makes the left half. */
function nonReversibleKey(key: Buffer, register: Buffer): Buffer {
  const masked = Buffer.from(key);
  xorInto(masked, KEY_MASK);
  const next = Buffer.concat([halfKey(masked, register), halfKey(key, register)]);
  masked.fill(0);
  return next;
}

function halfKey(key: Buffer, register: Buffer): Buffer {
  const right = key.subarray(HALF);
  const cipher = new BlockCipher('des', key.subarray(0, HALF));
  const block = Buffer.from(register);
  xorInto(block, right);
  const out = cipher.encrypt(block);
  xorInto(out, right);
  cipher.wipe();
  return out;
}

function refuseLength(ksn: Buffer): void {
  if (ksn.length !== KSN_BYTES)
    throw new PosError('KSN_BAD', `a key serial number has ${KSN_BYTES} bytes, not ${ksn.length}`);
}
