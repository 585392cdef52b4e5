/** Opens the vault over a token: self-tests, login, the keys that rest there. */
import { PosError } from '../../protocol/index.ts';
import { toHex } from '../hex.ts';
import { ansiX919Mac } from '../mac/x9-mac.ts';
import { checkValue } from '../material/check-value.ts';
import { selfTest } from '../vault/self-test.ts';
import { StoreVault } from '../vault/store-vault.ts';
import type { Vault } from '../vault/vault.ts';
import { KeyObjects } from './key-objects.ts';
import { Token, type TokenOptions } from './token.ts';
import { TokenStore, type TokenStoreOptions } from './token-store.ts';

/** Randomness comes from the token. */
export type TokenVaultOptions = TokenOptions & Omit<TokenStoreOptions, 'random'>;

/**
 * Runs the self-tests of software and token, then finds the keys that rest in the token.
 *
 * @throws SELF_TEST, TOKEN_ABSENT, TOKEN_FAILED, KEY_BAD
 */
export async function openTokenVault(options: TokenVaultOptions): Promise<Vault> {
  selfTest();
  const token = await Token.open(options);
  const random = (bytes: number) => token.random(bytes);
  try {
    testToken(token);
    return new StoreVault(random, new TokenStore(token, { ...options, random }));
  } catch (error) {
    token.close();
    throw error;
  }
}

/**
 * Published answers, from the token: check value of a published key (psec's documentation), and X9.19's own
 * example (ISO 9797-1, annex B), which needs CBC, ECB and a left half.
 *
 * @throws SELF_TEST
 */
function testToken(token: Token): void {
  const objects = new KeyObjects(token);
  const published = Buffer.from('0123456789ABCDEFFEDCBA9876543210', 'hex');
  const whole = objects.draftOf('3des', published);
  const left = objects.draftOfLeft(published);
  const cipher = objects.cipherOf('3des', { whole, left });
  const text = Buffer.from('Now is the time for all ', 'ascii');
  const wrong = [
    toHex(checkValue(cipher)) === '08D7B4' ? [] : ['check value'],
    toHex(ansiX919Mac(cipher, text)) === 'A1C72E74EA3FA9B6' ? [] : ['X9.19'],
  ].flat();
  token.destroy(whole);
  token.destroy(left);
  if (wrong.length > 0) throw new PosError('SELF_TEST', `the token answers wrong: ${wrong.join(', ')}`);
}
