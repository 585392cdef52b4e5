/**
 * The vault over whoever holds the keys: what each key may do, and how a PIN is judged. With the key store
 * of this process it is NOT an HSM: whoever reads its memory has the keys; see README.md.
 */
import { ensure, PosError } from '../../protocol/index.ts';
import { cardVerificationValue } from '../card/card-verification-value.ts';
import { decryptTrackBlock, encryptTrackBlock } from '../card/track-encryption.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { toHex } from '../hex.ts';
import { cmac } from '../mac/cmac.ts';
import { unionPayEcbMac } from '../mac/unionpay-ecb-mac.ts';
import { ansiX919Mac } from '../mac/x9-mac.ts';
import { combineComponents } from '../material/key-quality.ts';
import { randomKey } from '../material/random-key.ts';
import { ibm3624Offset, pinValidationData } from '../pin/ibm-3624.ts';
import { decipherPinBlock, encipherPinBlock, type PanBoundFormat } from '../pin/pin-formats.ts';
import { translatePinBlock } from '../pin/translate-pin-block.ts';
import { visaPvv } from '../pin/visa-pvv.ts';
import type { RemoteLoading } from '../remote/remote-loading.ts';
import { sameBytes, sameText } from '../same-bytes.ts';
import { fromBase64 } from './sealed-text.ts';
import type {
  KeyHandle,
  KeyMode,
  MacAlgorithm,
  NewKey,
  PinReference,
  SealedKeys,
  Vault,
  WorkingKeys,
} from './vault.ts';
import type { KeyDuty, VaultStore } from './vault-store.ts';
import { buildKeySlot, KEY_MODES, openKeySlots } from './working-keys.ts';

/** Digits of a cardholder's PIN in this programme. */
const PIN_DIGITS = 6;
/**
 * So many more wrong PINs than right ones under one PIN key, and it serves no more. An honest terminal never
 * comes near: most people know their PIN, and its keys are new at every sign-in.
 */
const PIN_FAILURES_MAX = 100;

export class StoreVault implements Vault {
  readonly remote?: RemoteLoading;
  readonly #random: (bytes: number) => Buffer;
  readonly #store: VaultStore;
  /** Failed tries less right ones, by PIN key. */
  readonly #pinScores = new WeakMap<KeyHandle, number>();

  /** @param remote certificates and key packages, where who holds the keys can make them */
  constructor(random: (bytes: number) => Buffer, store: VaultStore, remote?: RemoteLoading) {
    this.#random = random;
    this.#store = store;
    if (remote !== undefined) this.remote = remote;
  }

  find(name: string): KeyHandle | undefined {
    return this.#store.find(name);
  }

  names(): readonly KeyHandle[] {
    return this.#store.names();
  }

  createFromComponents(spec: NewKey & { readonly components: readonly Buffer[] }): KeyHandle {
    const { components, ...key } = spec;
    const bytes = combineComponents(components, spec.name);
    try {
      return this.#store.add(key, bytes, 'key from components');
    } finally {
      bytes.fill(0);
    }
  }

  generate(spec: NewKey): KeyHandle {
    return this.#store.generate(spec);
  }

  destroy(name: string, by?: string): void {
    this.#store.destroy(name, by);
  }

  async saved(): Promise<void> {
    await this.#store.saved();
  }

  makeWorkingKeys(
    tmk: KeyHandle,
    mode: KeyMode,
    options: { readonly singleLengthMak?: boolean } = {},
  ): WorkingKeys & { readonly sealed: SealedKeys; readonly de62: string } {
    const wrapping = this.#tmkFor(tmk, mode, 'protect');
    const { algorithm, uses } = KEY_MODES[mode];
    const made = uses.map((use) => {
      const single = use === 'mac' && algorithm === '3des' && options.singleLengthMak === true;
      const spec = { name: `${tmk.name}/${use}`, use, algorithm: single ? 'des' : algorithm } as const;
      const bytes = randomKey(spec, this.#random);
      try {
        const key = this.#store.addSealed(spec, bytes);
        const cipher = this.#store.cipherOf(key.handle, use, 'open');
        return { ...key, slot: buildKeySlot(wrapping, bytes, cipher) };
      } finally {
        bytes.fill(0);
      }
    });
    const [pik, mak, tdk] = made;
    ensure(pik !== undefined && mak !== undefined, 'every mode has a PIN and a MAC key');
    return {
      pik: pik.handle,
      mak: mak.handle,
      tdk: tdk?.handle ?? null,
      sealed: { mode, pik: pik.sealed, mak: mak.sealed, tdk: tdk?.sealed ?? null },
      de62: toHex(Buffer.concat(made.map(({ slot }) => slot))),
    };
  }

  openSealed(sealed: string): KeyHandle {
    return this.#store.openSealed(sealed);
  }

  get masterKeyChanged(): boolean {
    return this.#store.masterKeyChanged;
  }

  resealed(sealed: string): string {
    return this.#store.resealed(sealed);
  }

  loadWorkingKeys(tmk: KeyHandle, mode: KeyMode, de62: string): WorkingKeys {
    const { uses } = KEY_MODES[mode];
    const keys = openKeySlots(this.#tmkFor(tmk, mode, 'open'), mode, de62);
    try {
      const [pik, mak, tdk] = uses.map((use, index) => {
        const key = keys[index];
        ensure(key !== undefined, 'a key for each use of the mode');
        return this.#store.addLoaded(
          { name: `${tmk.name}/${use}`, use, algorithm: key.algorithm },
          key.bytes,
        );
      });
      ensure(pik !== undefined && mak !== undefined, 'every mode has a PIN and a MAC key');
      return { pik, mak, tdk: tdk ?? null };
    } finally {
      for (const { bytes } of keys) bytes.fill(0);
    }
  }

  mac(key: KeyHandle, data: Buffer, algorithm: MacAlgorithm): Buffer {
    return macUnder(this.#store.cipherOf(key, 'mac', 'protect'), key, data, algorithm);
  }

  verifyMac(key: KeyHandle, data: Buffer, mac: Buffer, algorithm: MacAlgorithm): boolean {
    return sameBytes(macUnder(this.#store.cipherOf(key, 'mac', 'open'), key, data, algorithm), mac);
  }

  encryptPinBlock(pik: KeyHandle, pinDigits: Buffer, pan: string): Buffer {
    try {
      const cipher = this.#store.cipherOf(pik, 'pin', 'protect');
      return encipherPinBlock(pinFormat(cipher), cipher, pinDigits, pan, this.#random);
    } finally {
      pinDigits.fill(0);
    }
  }

  verifyPin(spec: {
    readonly pik: KeyHandle;
    readonly pinBlock: Buffer;
    readonly pan: string;
    readonly pvk: KeyHandle;
    readonly reference: PinReference;
  }): 'right' | 'wrong' | 'malformed' | 'blocked' {
    const pvk = this.#store.cipherOf(spec.pvk, 'pin-verification', 'open');
    const score = this.#pinScores.get(spec.pik) ?? 0;
    if (score >= PIN_FAILURES_MAX) return 'blocked';
    const result = this.#judgePin(spec, pvk);
    if (result !== 'right') this.#pinScores.set(spec.pik, score + 1);
    else if (score > 0) this.#pinScores.set(spec.pik, score - 1);
    return result;
  }

  translatePinBlock(spec: {
    readonly from: KeyHandle;
    readonly to: KeyHandle;
    readonly pinBlock: Buffer;
    readonly pan: string;
  }): Buffer {
    const from = this.#store.cipherOf(spec.from, 'pin', 'open');
    const to = this.#store.cipherOf(spec.to, 'pin', 'protect');
    const side = (key: KeyedCipher) => ({ key, format: pinFormat(key) });
    return translatePinBlock(side(from), side(to), spec.pinBlock, spec.pan, this.#random);
  }

  makePinReference(spec: {
    readonly pik: KeyHandle;
    readonly pinBlock: Buffer;
    readonly pan: string;
    readonly pvk: KeyHandle;
    readonly method: 'ibm3624' | 'pvv';
    readonly pvki: string;
  }): PinReference {
    const pvk = this.#store.cipherOf(spec.pvk, 'pin-verification', 'protect');
    const pin = this.#openPinBlock(spec.pik, spec.pinBlock, spec.pan);
    if (pin === undefined || pin.length !== PIN_DIGITS) {
      pin?.fill(0);
      throw new PosError(
        'PIN_BLOCK_BAD',
        `the block does not hold a PIN of ${PIN_DIGITS} digits for this card number`,
      );
    }
    const { method, pvki } = spec;
    const value = referenceValue(pvk, method, pvki, spec.pan, pin);
    pin.fill(0);
    return { method, value, pvki };
  }

  cardVerificationValue(cvk: KeyHandle, pan: string, expiry: string, serviceCode: string): string {
    const cipher = this.#store.cipherOf(cvk, 'card-verification', 'protect');
    return cardVerificationValue(cipher, pan, expiry, serviceCode);
  }

  verifyCardVerificationValue(
    cvk: KeyHandle,
    pan: string,
    expiry: string,
    serviceCode: string,
    value: string,
  ): boolean {
    const cipher = this.#store.cipherOf(cvk, 'card-verification', 'open');
    const right = cardVerificationValue(cipher, pan, expiry, serviceCode);
    return sameText(right, value);
  }

  lookupHash(key: KeyHandle, text: string): string {
    return this.#store.hmacUnder(key, 'lookup', Buffer.from(text, 'utf8'));
  }

  seal(key: KeyHandle, clear: Buffer, context: string): string {
    return this.#store.sealUnder(key, 'data', clear, context).toString('base64');
  }

  unseal(key: KeyHandle, sealed: string, context: string): Buffer {
    return this.#store.unsealUnder(key, 'data', fromBase64(sealed), context);
  }

  encryptTrack(tdk: KeyHandle, de35: string): string {
    return encryptTrackBlock(this.#trackKey(tdk, 'protect'), de35);
  }

  decryptTrack(tdk: KeyHandle, de35: string): string {
    return decryptTrackBlock(this.#trackKey(tdk, 'open'), de35);
  }

  close(): void {
    this.#store.close();
  }

  #judgePin(spec: Parameters<Vault['verifyPin']>[0], pvk: KeyedCipher): 'right' | 'wrong' | 'malformed' {
    const pin = this.#openPinBlock(spec.pik, spec.pinBlock, spec.pan);
    if (pin === undefined) return 'malformed';
    const { method, pvki, value } = spec.reference;
    // A PVV looks at four digits only: a shorter or longer PIN must not pass for the six-digit one.
    const isWhole = pin.length === PIN_DIGITS;
    const computed = isWhole ? referenceValue(pvk, method, pvki, spec.pan, pin) : '';
    pin.fill(0);
    return sameText(computed, value) ? 'right' : 'wrong';
  }

  #tmkFor(tmk: KeyHandle, mode: KeyMode, duty: KeyDuty): KeyedCipher {
    const cipher = this.#store.cipherOf(tmk, 'tmk', duty);
    const { algorithm } = KEY_MODES[mode];
    if (cipher.algorithm !== algorithm) {
      throw new PosError(
        'KEY_USE',
        `key mode ${mode} needs a ${algorithm} master key: ${tmk.name} is ${cipher.algorithm}`,
      );
    }
    return cipher;
  }

  #trackKey(tdk: KeyHandle, duty: KeyDuty): KeyedCipher {
    const cipher = this.#store.cipherOf(tdk, 'track', duty);
    if (cipher.algorithm !== '3des') {
      throw new PosError(
        'KEY_USE',
        `the dialect encrypts tracks in triple DES only: ${tdk.name} is ${cipher.algorithm}`,
      );
    }
    return cipher;
  }

  /** The PIN's digits, or undefined when the block is malformed in any way. The caller wipes them. */
  #openPinBlock(pik: KeyHandle, pinBlock: Buffer, pan: string): Buffer | undefined {
    const cipher = this.#store.cipherOf(pik, 'pin', 'open');
    try {
      return decipherPinBlock(pinFormat(cipher), cipher, pinBlock, pan);
    } catch (error) {
      if (error instanceof PosError && error.code === 'PIN_BLOCK_BAD') return undefined;
      throw error;
    }
  }
}

/** DE64. */
const MAC_BYTES = 8;

function macUnder(cipher: KeyedCipher, key: KeyHandle, data: Buffer, algorithm: MacAlgorithm): Buffer {
  if (algorithm === 'unionpay-ecb') return unionPayEcbMac(cipher, data);
  // Under single DES either would look stronger than it is.
  if (algorithm === 'cmac' && cipher.algorithm !== 'des') return cmac(cipher, data).subarray(0, MAC_BYTES);
  if (algorithm === 'x9.19' && cipher.algorithm === '3des') return ansiX919Mac(cipher, data);
  const wanted =
    algorithm === 'cmac'
      ? 'CMAC needs a double-length DES or an SM4 key'
      : 'X9.19 needs a double-length DES key';
  throw new PosError('KEY_USE', `${wanted}: ${key.name} is ${cipher.algorithm}`);
}

/** The dialect's block for the kind of PIN key: format 0, or DE57's `PB`. */
function pinFormat(pik: KeyedCipher): PanBoundFormat {
  return pik.algorithm === 'sm4' ? 'sm4' : '0';
}

function referenceValue(
  pvk: KeyedCipher,
  method: 'ibm3624' | 'pvv',
  pvki: string,
  pan: string,
  pin: Buffer,
): string {
  return method === 'pvv' ? visaPvv(pvk, pan, pvki, pin) : ibm3624Offset(pvk, pinValidationData(pan), pin);
}
