/**
 * The card bureau: personalises cards before the shop opens. It shares two keys with the host, each
 * entered in components by custodians on both sides: the card verification key and the zone PIN key.
 */
import { type KeyAlgorithm, type KeyUse, openSoftVault, type Vault } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import { type CardSpec, EXPIRY, numberedCard, panOf, SERVICE_CODE } from './cards.ts';

const PVKI = '1';
/** What stands where Visa puts its PVV: this programme verifies PINs by offset, kept at the host. */
const NO_PVV = '0000';
const COMPONENT_BYTES = 16;

export interface Card extends CardSpec {
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

type RandomBytes = (bytes: number) => Buffer;

/** Two custodians throw their dice for one key of 16 bytes. */
export function throwComponents(random: RandomBytes): readonly Buffer[] {
  return [random(COMPONENT_BYTES), random(COMPONENT_BYTES)];
}

export class Bureau {
  /** The components are the caller's to type in elsewhere; the bureau's vault has copies. */
  readonly shared: readonly SharedKey[];
  readonly #vault: Vault;

  private constructor(shared: readonly SharedKey[], vault: Vault) {
    this.shared = shared;
    this.#vault = vault;
  }

  /** @param random makes the shared keys: the same bytes make the same bureau */
  static async open({ random }: { readonly random: RandomBytes }): Promise<Bureau> {
    const shared: readonly SharedKey[] = [
      { name: 'cvk', use: 'card-verification', algorithm: '3des', components: throwComponents(random) },
      { name: 'zone-pin', use: 'pin', algorithm: '3des', components: throwComponents(random) },
    ];
    const vault = await openSoftVault({ random });
    for (const { components, ...spec } of shared) {
      vault.createFromComponents({ ...spec, components: components.map((one) => Buffer.from(one)) });
    }
    return new Bureau(shared, vault);
  }

  /** Tracks with a right card verification value, and the PIN as a block for the host. */
  personalise(spec: CardSpec): Card {
    const pan = panOf(spec);
    const cvn = this.#vault.cardVerificationValue(this.#key('cvk'), pan, EXPIRY, SERVICE_CODE);
    const data = `${EXPIRY}${SERVICE_CODE}${PVKI}${NO_PVV}${cvn}`;
    const pinBlock = this.#vault.encryptPinBlock(this.#key('zone-pin'), Buffer.from(spec.pin, 'ascii'), pan);
    return {
      ...spec,
      pan,
      track1: `B${pan}^${spec.name}^${data}`,
      track2: `${pan}=${data}`,
      pinBlock: pinBlock.toString('hex').toUpperCase(),
    };
  }

  /** The numbered card, made. @param index see `numberedCard` */
  card(index: number): Card {
    return this.personalise(numberedCard(index));
  }

  close(): void {
    this.#vault.close();
  }

  #key(name: string) {
    const key = this.#vault.find(name);
    if (key === undefined) throw new PosError('INVARIANT', `the bureau has no key ${name}`);
    return key;
  }
}
