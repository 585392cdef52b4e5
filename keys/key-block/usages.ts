/** What the header of a key block says that the key is for, and what must hold for it. */
import { PosError } from '../../protocol/index.ts';
import type { KeyBlockHeader } from './header.ts';

/** Modes by kind of key, as the standard allows them; N (no special restriction) goes with every usage. */
const CIPHER_MODES = 'BDEN';
const MAC_MODES = 'CGVN';
const DERIVE_MODES = 'XN';

/**
 * Key usages with the modes that they allow. A usage that begins with a digit is proprietary.
 * Source: ANSI X9.143, tables of key usage and mode of use (as TR-31:2018).
 */
// biome-ignore format: a table is read by column
export const KEY_USAGES: Readonly<Record<string, { readonly modes: string; readonly meaning: string }>> = {
  B0: { modes: DERIVE_MODES, meaning: 'base derivation key' },
  B1: { modes: DERIVE_MODES, meaning: 'initial DUKPT key' },
  B2: { modes: DERIVE_MODES, meaning: 'base key variant key' },
  B3: { modes: DERIVE_MODES, meaning: 'key derivation key, not X9.24' },
  C0: { modes: MAC_MODES,    meaning: 'card verification' },
  D0: { modes: CIPHER_MODES, meaning: 'data encryption, symmetric' },
  D1: { modes: CIPHER_MODES, meaning: 'data encryption, asymmetric' },
  D2: { modes: CIPHER_MODES, meaning: 'data encryption of decimalisation tables' },
  D3: { modes: CIPHER_MODES, meaning: 'data encryption of sensitive data' },
  E0: { modes: DERIVE_MODES, meaning: 'EMV: application cryptograms' },
  E1: { modes: DERIVE_MODES, meaning: 'EMV: secure messaging, confidentiality' },
  E2: { modes: DERIVE_MODES, meaning: 'EMV: secure messaging, integrity' },
  E3: { modes: DERIVE_MODES, meaning: 'EMV: data authentication code' },
  E4: { modes: DERIVE_MODES, meaning: 'EMV: dynamic numbers' },
  E5: { modes: DERIVE_MODES, meaning: 'EMV: card personalisation' },
  E6: { modes: DERIVE_MODES, meaning: 'EMV: other' },
  E7: { modes: DERIVE_MODES, meaning: 'EMV: master personalisation key' },
  I0: { modes: 'N',          meaning: 'initial value' },
  K0: { modes: CIPHER_MODES, meaning: 'key encryption' },
  K1: { modes: CIPHER_MODES, meaning: 'key block protection key' },
  K2: { modes: CIPHER_MODES, meaning: 'TR-34 asymmetric key' },
  K3: { modes: DERIVE_MODES, meaning: 'asymmetric key agreement' },
  K4: { modes: CIPHER_MODES, meaning: 'key block protection key, ISO 20038' },
  M0: { modes: MAC_MODES,    meaning: 'MAC, ISO 16609 algorithm 1' },
  M1: { modes: MAC_MODES,    meaning: 'MAC, ISO 9797-1 algorithm 1' },
  M2: { modes: MAC_MODES,    meaning: 'MAC, ISO 9797-1 algorithm 2' },
  M3: { modes: MAC_MODES,    meaning: 'MAC, ISO 9797-1 algorithm 3' },
  M4: { modes: MAC_MODES,    meaning: 'MAC, ISO 9797-1 algorithm 4' },
  M5: { modes: MAC_MODES,    meaning: 'MAC, ISO 9797-1:1999 algorithm 5' },
  M6: { modes: MAC_MODES,    meaning: 'MAC, CMAC' },
  M7: { modes: MAC_MODES,    meaning: 'HMAC' },
  M8: { modes: MAC_MODES,    meaning: 'MAC, ISO 9797-1:2011 algorithm 6' },
  P0: { modes: CIPHER_MODES, meaning: 'PIN encryption' },
  P1: { modes: MAC_MODES,    meaning: 'PIN generation' },
  S0: { modes: 'STVN',       meaning: 'asymmetric key pair, signatures' },
  S1: { modes: 'STVN',       meaning: 'asymmetric key pair, certificate authority' },
  S2: { modes: 'STVN',       meaning: 'asymmetric key pair, other' },
  V0: { modes: MAC_MODES,    meaning: 'PIN verification, other' },
  V1: { modes: MAC_MODES,    meaning: 'PIN verification, IBM 3624' },
  V2: { modes: MAC_MODES,    meaning: 'PIN verification, Visa PVV' },
  V3: { modes: MAC_MODES,    meaning: 'PIN verification, X9.132 algorithm 1' },
  V4: { modes: MAC_MODES,    meaning: 'PIN verification, X9.132 algorithm 2' },
  V5: { modes: MAC_MODES,    meaning: 'PIN verification, X9.132 algorithm 3' },
};

/** True for a usage of the table, and for a proprietary one: a digit and another digit or letter. */
export function isKeyUsage(usage: string): boolean {
  return Object.hasOwn(KEY_USAGES, usage) || /^[0-9][0-9A-Z]$/.test(usage);
}

/** What an operation asks of a key. */
export interface WantedKey {
  readonly usages: readonly string[];
  /** Modes that allow the operation; N does too, always. */
  readonly modes: string;
  readonly algorithms: string;
}

/**
 * Refuses a key for an operation that its header does not allow: a PIN key (P0) cannot make a MAC, a
 * key that only verifies (mode V) cannot generate. Call it with the header that came out of
 * `unwrapKeyBlock`, whose MAC binds it.
 *
 * @throws KEY_USE, naming what the header says
 */
export function refuseForeignUsage(header: KeyBlockHeader, wanted: WantedKey): void {
  const { usage, mode, algorithm } = header;
  if (!wanted.usages.includes(usage))
    throw new PosError('KEY_USE', `the key is for ${usage}, wanted is ${wanted.usages.join(' or ')}`);
  if (mode !== 'N' && !wanted.modes.includes(mode))
    throw new PosError('KEY_USE', `the key's mode of use is ${mode}, wanted is one of ${wanted.modes}`);
  if (!wanted.algorithms.includes(algorithm))
    throw new PosError(
      'KEY_USE',
      `the key's algorithm is ${algorithm}, wanted is one of ${wanted.algorithms}`,
    );
}
