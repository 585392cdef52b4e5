/** Keys that the adapter itself keeps in the token; no use of the vault's interface reaches them. */
import { PosError } from '../../protocol/index.ts';
import type { KeyObjects } from './key-objects.ts';
import type { TokenObject } from './token.ts';

/** Labels with a space: no key of the vault can be named so. */
const MASTER = 'zunka master key';
const BINDING = 'zunka binding key';

export interface OwnKeys {
  /** AES-256, wraps and unwraps working keys, and nothing else. */
  readonly master: TokenObject;
  /** HMAC-SHA-256: binds what a working key is for, and finds equal keys. */
  readonly binding: TokenObject;
}

/**
 * Finds them, or makes them in the token: nobody ever sees their bytes.
 *
 * @throws TOKEN_ABSENT they are not there, and `mustExist`
 */
export function ownKeys(objects: KeyObjects, mustExist: boolean): OwnKeys {
  const master = objects.findOwn(MASTER);
  const binding = objects.findOwn(BINDING);
  if (mustExist && (master === undefined || binding === undefined))
    throw new PosError('TOKEN_ABSENT', `the token holds no "${MASTER}": it is another token, or was emptied`);
  const recalled = (object: TokenObject, label: string): TokenObject => {
    object.recall = () => {
      const found = objects.findOwn(label);
      if (found === undefined)
        throw new PosError('TOKEN_ABSENT', `the token that came back holds no "${label}": it is another one`);
      return found;
    };
    return object;
  };
  return {
    master: recalled(master ?? objects.makeOwn(MASTER, 'aes-256', ['WRAP', 'UNWRAP']), MASTER),
    binding: recalled(binding ?? objects.makeOwn(BINDING, 'hmac-sha-256', ['SIGN']), BINDING),
  };
}
