/**
 * The card bureau: personalises cards before the shop opens. It shares two keys with the host, each
 * entered in components by custodians on both sides: the card verification key and the zone PIN key.
 */
import { randomBytes } from 'node:crypto';
import { type KeyAlgorithm, type KeyUse, openSoftVault, type Vault } from '../../keys/index.ts';
import { luhnDigit } from '../../protocol/index.ts';
import type { DemoCard } from './programme.ts';

export const EXPIRY = '3112';
/** 7: a private card; 0: normal authorisation; 1: no restriction. */
export const SERVICE_CODE = '701';
const PVKI = '1';
/** What stands where Visa puts its PVV: this programme verifies PINs by offset, kept at the host. */
const NO_PVV = '0000';

export interface PersonalisedCard {
  readonly spec: DemoCard;
  readonly pan: string;
  readonly track1: string;
  readonly track2: string;
  /** Format 0 under the zone PIN key, upper-case hex. */
  readonly pinBlock: string;
}

export interface SharedKey {
  readonly name: string;
  readonly use: KeyUse;
  readonly algorithm: KeyAlgorithm;
  readonly components: readonly Buffer[];
}

/** Two custodians throw their dice for one key. */
export function throwComponents(bytes: number): readonly Buffer[] {
  return [randomBytes(bytes), randomBytes(bytes)];
}

export class Bureau {
  readonly shared: readonly SharedKey[] = [
    { name: 'cvk', use: 'card-verification', algorithm: '3des', components: throwComponents(16) },
    { name: 'zone-pin', use: 'pin', algorithm: '3des', components: throwComponents(16) },
  ];
  readonly #vault: Vault;

  private constructor(vault: Vault) {
    this.#vault = vault;
  }

  static async open(): Promise<Bureau> {
    const bureau = new Bureau(await openSoftVault({ random: randomBytes }));
    for (const { components, ...spec } of bureau.shared) {
      bureau.#vault.createFromComponents({ ...spec, components: components.map((c) => Buffer.from(c)) });
    }
    return bureau;
  }

  /** Tracks with a right card verification value, and the PIN as a block for the host. */
  personalise(spec: DemoCard): PersonalisedCard {
    const pan = spec.stem + luhnDigit(spec.stem);
    const cvn = this.#vault.cardVerificationValue(this.#key('cvk'), pan, EXPIRY, SERVICE_CODE);
    const discretionary = `${PVKI}${NO_PVV}${cvn}`;
    return {
      spec,
      pan,
      track1: `B${pan}^${spec.name}^${EXPIRY}${SERVICE_CODE}${discretionary}`,
      track2: `${pan}=${EXPIRY}${SERVICE_CODE}${discretionary}`,
      pinBlock: this.#vault
        .encryptPinBlock(this.#key('zone-pin'), Buffer.from(spec.pin, 'ascii'), pan)
        .toString('hex')
        .toUpperCase(),
    };
  }

  close(): void {
    this.#vault.close();
  }

  #key(name: string) {
    const key = this.#vault.find(name);
    if (key === undefined) throw new Error(`the bureau has no key ${name}`);
    return key;
  }
}
