/** The host's own keys: which there are, how they are made at the first start and found afterwards. */
import type { KeyHandle, KeySpec, Vault } from '../keys/index.ts';
import { PosError } from '../protocol/index.ts';
import type { HostKeys } from './deps.ts';

/** The last two are usually entered by custodians later: they are looked up at each use. */
// biome-ignore format: a table is read by column
const OWN_KEYS: readonly KeySpec[] = [
  { name: 'lookup',   use: 'lookup',            algorithm: 'hmac-sha-256' },
  { name: 'data',     use: 'data',              algorithm: 'aes-256' },
  { name: 'pvk',      use: 'pin-verification',  algorithm: '3des' },
  { name: 'cvk',      use: 'card-verification', algorithm: '3des' },
  { name: 'zone-pin', use: 'pin',               algorithm: '3des' },
];

/** Cards rest under these: beside a database a new one would not be theirs. */
const KEYS_OF_CARDS: readonly string[] = ['lookup', 'data', 'pvk', 'cvk'];

/**
 * Makes the keys that are not there, durably. It comes before the database: a first start that is cut in
 * between leaves keys without books, never books without their keys.
 *
 * @param besideBooks there is a database already: it may hold what only its own keys open
 * @returns the names of those made
 * @throws KEY_FILE when a key of the cards would have to be made beside books
 */
export async function makeHostKeys(vault: Vault, besideBooks: boolean): Promise<readonly string[]> {
  const missing = OWN_KEYS.filter(({ name }) => vault.find(name) === undefined);
  const lost = missing.map(({ name }) => name).filter((name) => besideBooks && KEYS_OF_CARDS.includes(name));
  if (lost.length > 0) throw new PosError('KEY_FILE', `key file: it lacks ${lost.join(', ')}`);
  for (const spec of missing) vault.generate(spec);
  await vault.saved();
  return missing.map(({ name }) => name);
}

/** The keys by duty, each looked up when it is used. A missing one is KEY_UNKNOWN there. */
export function keysOf(vault: Vault): HostKeys {
  const key = (name: string): KeyHandle => {
    const handle = vault.find(name);
    if (handle === undefined) throw new PosError('KEY_UNKNOWN', name);
    return handle;
  };
  return {
    get lookup() {
      return key('lookup');
    },
    get data() {
      return key('data');
    },
    get pvk() {
      return key('pvk');
    },
    get cvk() {
      return key('cvk');
    },
    get zonePin() {
      return key('zone-pin');
    },
  };
}
