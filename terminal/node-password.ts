import { scryptSync } from 'node:crypto';

/** About 80 ms on a small machine: enough to make a stolen journal's four digits cost something. */
const SCRYPT = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 2 ** 20 } as const;
const HASH_BYTES = 32;

/** scrypt of an operator's password: 32 bytes. */
export function nodePasswordHash(password: string, salt: Buffer): Buffer {
  return scryptSync(password, salt, HASH_BYTES, SCRYPT);
}
