/** Key blocks under a zone master key: opened and made here only, so that the zone key's bytes go no further. */
import { unwrapKeyBlock } from '../key-block/key-block.ts';
import { KeyBlockProtectionKey } from '../key-block/protection-key.ts';
import { usedFor } from './key-header.ts';
import type { KeyStore } from './key-store.ts';
import type { KeyHandle, KeySpec } from './vault.ts';
import type { KeyDuty } from './vault-store.ts';

/** What came out of a block, after its MAC was compared. */
export interface OpenedBlock extends Pick<KeySpec, 'use' | 'algorithm'> {
  /** Letter of the version: A to E. */
  readonly version: string;
  /** Its header says that the key must not be passed on. */
  readonly mustStay: boolean;
  /** In the clear; wiped when the act ends. */
  readonly bytes: Buffer;
}

/**
 * Lends the protection key that a zone master key is: triple DES for version B, AES for D.
 *
 * @throws KEY_USE the key is no zone master key, or does not serve; KEY_UNKNOWN
 */
export function withZoneKey<T>(
  store: KeyStore,
  zmk: KeyHandle,
  duty: KeyDuty,
  act: (kbpk: KeyBlockProtectionKey) => T,
): T {
  const bytes = store.held.zoneKey(zmk, duty);
  let kbpk: KeyBlockProtectionKey | undefined;
  try {
    kbpk = new KeyBlockProtectionKey(zmk.algorithm === 'aes-256' ? 'aes' : 'tdes', bytes);
    return act(kbpk);
  } finally {
    bytes.fill(0);
    kbpk?.wipe();
  }
}

/**
 * Opens a partner's block for as long as the act takes.
 *
 * @throws KEY_BLOCK_BAD it was changed, or its header names no use of this vault; as `withZoneKey`
 */
export function withOpenedBlock<T>(
  store: KeyStore,
  zmk: KeyHandle,
  block: string,
  act: (opened: OpenedBlock) => T,
): T {
  return withZoneKey(store, zmk, 'open', (kbpk) => {
    const { header, key: bytes } = unwrapKeyBlock(kbpk, block);
    try {
      const { version, exportability } = header;
      return act({ ...usedFor(header), version, mustStay: exportability === 'N', bytes });
    } finally {
      bytes.fill(0);
    }
  });
}
