/** Keys from a random source. */
import type { KeySpec } from '../vault/vault.ts';
import { checkKey, KEY_BYTES, withOddParity } from './key-quality.ts';
import { isPrivateKeyAlgorithm, newPrivateKey } from './private-key.ts';

/** A random source that gives a weak DES key this often in a row is broken. */
const RANDOM_KEY_TRIES = 4;

/**
 * A random key that is not weak; DES keys get odd parity, which some PIN pads insist on. The caller wipes it.
 *
 * @throws KEY_BAD the random source gives weak keys only
 */
export function randomKey({ name, algorithm }: KeySpec, random: (bytes: number) => Buffer): Buffer {
  if (isPrivateKeyAlgorithm(algorithm)) return newPrivateKey(algorithm, random, name);
  const isDes = algorithm === 'des' || algorithm === '3des';
  for (let tries = 1; ; tries += 1) {
    const thrown = random(KEY_BYTES[algorithm]);
    const bytes = isDes ? withOddParity(thrown) : Buffer.from(thrown);
    thrown.fill(0);
    try {
      checkKey(algorithm, bytes, name);
      return bytes;
    } catch (error) {
      if (tries === RANDOM_KEY_TRIES) throw error;
    }
  }
}
