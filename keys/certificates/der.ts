/**
 * DER as certificates need it: writing, and a strict reader for the little that has to be read before a
 * signature can be checked. Source: ITU-T X.690. Certificates themselves are read by node:crypto only.
 */
import { PosError } from '../../protocol/index.ts';

/** Tags of X.690 and of certificates. */
// biome-ignore format: a table is read by column
export const TAG = {
  boolean: 0x01, integer: 0x02, bitString: 0x03, octetString: 0x04, oid: 0x06, utf8String: 0x0c,
  printableString: 0x13, utcTime: 0x17, generalizedTime: 0x18, sequence: 0x30, set: 0x31,
} as const;

/** One value: tag, length, contents. Lengths up to 65535 bytes, which is more than any certificate of ours has. */
export function derValue(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), body]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), body]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), body]);
}

export const derSequence = (...parts: readonly Buffer[]): Buffer => derValue(TAG.sequence, ...parts);
export const derSet = (...parts: readonly Buffer[]): Buffer => derValue(TAG.set, ...parts);
export const derUtf8 = (text: string): Buffer => derValue(TAG.utf8String, Buffer.from(text, 'utf8'));
export const derOctets = (bytes: Buffer): Buffer => derValue(TAG.octetString, bytes);
export const derTrue = (): Buffer => derValue(TAG.boolean, Buffer.from([0xff]));

/** `[number] EXPLICIT`, constructed. */
export const derExplicit = (number: number, ...parts: readonly Buffer[]): Buffer =>
  derValue(0xa0 | number, ...parts);

/** A whole number that is not negative, from its big-endian bytes: the shortest form. */
export function derInteger(magnitude: Buffer): Buffer {
  let from = 0;
  while (from < magnitude.length - 1 && magnitude[from] === 0) from += 1;
  const bytes = magnitude.subarray(from);
  const isHigh = ((bytes[0] ?? 0) & 0x80) !== 0;
  return derValue(TAG.integer, isHigh ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes);
}

/** @param unusedBits at the end of the last byte; they must be zero */
export function derBits(bytes: Buffer, unusedBits = 0): Buffer {
  return derValue(TAG.bitString, Buffer.from([unusedBits]), bytes);
}

/** @example derOid('1.2.840.10045.4.3.2') is 06082A8648CE3D040302 (ecdsa-with-SHA256, RFC 5758) */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return derValue(TAG.oid, Buffer.from(bytes));
}

/** An instant, to the second: UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280, 4.1.2.5). */
export function derTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/\D/g, '').slice(0, 14);
  return digits < '2050'
    ? derValue(TAG.utcTime, Buffer.from(`${digits.slice(2)}Z`, 'ascii'))
    : derValue(TAG.generalizedTime, Buffer.from(`${digits}Z`, 'ascii'));
}

/** A value as it was read: its contents, and all of it, tag and length included. */
export interface DerNode {
  readonly tag: number;
  readonly contents: Buffer;
  readonly whole: Buffer;
}

/**
 * The values that stand one behind the other in these bytes, and nothing else.
 *
 * @throws CERTIFICATE_BAD a length that is cut, not the shortest form, or without end
 */
export function derNodes(bytes: Buffer): readonly DerNode[] {
  const nodes: DerNode[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { from, length } = lengthAt(bytes, at + 1);
    const end = from + length;
    if (end > bytes.length) throw bad(`the value at byte ${at} is cut`);
    nodes.push({
      tag: bytes[at] as number,
      contents: bytes.subarray(from, end),
      whole: bytes.subarray(at, end),
    });
    at = end;
  }
  return nodes;
}

/** The only value in these bytes, which has this tag. @throws CERTIFICATE_BAD */
export function derOnly(bytes: Buffer, tag: number): DerNode {
  const [node, more] = derNodes(bytes);
  if (node === undefined || more !== undefined || node.tag !== tag) throw bad('it has another structure');
  return node;
}

function lengthAt(bytes: Buffer, at: number): { readonly from: number; readonly length: number } {
  const first = bytes[at];
  if (first === undefined) throw bad('a length is missing');
  if (first < 0x80) return { from: at + 1, length: first };
  const count = first & 0x7f;
  if (count < 1 || count > 2 || at + count >= bytes.length) throw bad(`the length at byte ${at} cannot be`);
  const length = bytes.readUIntBE(at + 1, count);
  if (length < (count === 1 ? 0x80 : 0x100))
    throw bad(`the length at byte ${at} is not in its shortest form`);
  return { from: at + 1 + count, length };
}

function bad(why: string): PosError {
  return new PosError('CERTIFICATE_BAD', `DER: ${why}`);
}
