/**
 * Personal data in the journal: only as salted commitments.
 *
 *   commitment = SHA-256(04 ‖ salt, 32 bytes ‖ label length, 4 bytes big endian ‖ label ‖ value)   UTF-8
 *
 * Whoever holds the salt and the value can show that the record speaks of it. Once the salt, which rests
 * outside the journal (table `salts`), is destroyed, the commitment says nothing any more, and the chain
 * still proves whole. A value is never hashed without a salt: names and identity numbers can be guessed.
 */
import { hash } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import type { Random } from '../clock.ts';

const COMMITMENT = 0x04;
export const SALT_BYTES = 32;

/** A new salt for a subject, 64 hex digits. */
export function newSalt(random: Random): string {
  return random.bytes(SALT_BYTES).toString('hex');
}

/**
 * @param label what the value is, for example `holder-name`: one field's commitment is not another's
 * @param value the personal datum, hashed as UTF-8, unpadded and as it was entered
 * @param salt 64 hex digits, one for each subject
 * @returns 64 hex digits
 * @throws INVARIANT for a salt of another length
 */
export function commitTo(label: string, value: string, salt: string): string {
  const saltBytes = Buffer.from(salt, 'hex');
  if (saltBytes.length !== SALT_BYTES || salt.length !== 2 * SALT_BYTES) {
    throw new PosError('INVARIANT', `a salt is ${2 * SALT_BYTES} hexadecimal digits`);
  }
  const labelBytes = Buffer.from(label, 'utf8');
  const head = Buffer.alloc(1 + SALT_BYTES + 4);
  head[0] = COMMITMENT;
  saltBytes.copy(head, 1);
  head.writeUInt32BE(labelBytes.length, 1 + SALT_BYTES);
  return hash('sha256', Buffer.concat([head, labelBytes, Buffer.from(value, 'utf8')]), 'hex');
}

/** Whether a commitment speaks of this value. False, too, when the salt was destroyed. */
export function opensTo(commitment: string, label: string, value: string, salt: string | null): boolean {
  return salt !== null && commitTo(label, value, salt) === commitment;
}
