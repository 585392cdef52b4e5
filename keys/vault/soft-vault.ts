/**
 * The vault in software. NOT an HSM: whoever reads this process's memory has the keys. For tests,
 * simulators and closed-loop programmes that accept that; see README.md.
 */
import { createHmac } from 'node:crypto';
import { ensure, PosError } from '../../protocol/index.ts';
import { cardVerificationValue } from '../card/card-verification-value.ts';
import { decryptTrackBlock, encryptTrackBlock } from '../card/track-encryption.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { unionPayEcbMac } from '../mac/unionpay-ecb-mac.ts';
import { ansiX919Mac } from '../mac/x9-mac.ts';
import { checkKey, combineComponents, KEY_BYTES, withOddParity } from '../material/key-quality.ts';
import { ibm3624Offset, pinValidationData } from '../pin/ibm-3624.ts';
import { decipherPinBlock, encipherPinBlock, type PanBoundFormat } from '../pin/pin-formats.ts';
import { translatePinBlock } from '../pin/translate-pin-block.ts';
import { visaPvv } from '../pin/visa-pvv.ts';
import { sameBytes } from '../same-bytes.ts';
import type { KeyDuty } from './held-keys.ts';
import type { KeyStore } from './key-store.ts';
import { fromBase64, sealBytes, unsealBytes } from './sealed-text.ts';
import type {
  KeyHandle,
  KeyMode,
  KeySpec,
  MacAlgorithm,
  NewKey,
  PinReference,
  SealedKeys,
  Vault,
  WorkingKeys,
} from './vault.ts';
import { buildKeySlots, KEY_MODES, openKeySlots } from './working-keys.ts';

/** Digits of a cardholder's PIN in this programme. */
const PIN_DIGITS = 6;
/**
 * So many more wrong PINs than right ones under one PIN key, and it serves no more. An honest terminal never
 * comes near: most people know their PIN, and its keys are new at every sign-in.
 */
const PIN_FAILURES_MAX = 100;
/** A random source that gives a weak DES key this often in a row is broken. */
const RANDOM_KEY_TRIES = 4;

export class SoftVault implements Vault {
  readonly #random: (bytes: number) => Buffer;
  readonly #store: KeyStore;
  /** Failed tries less right ones, by PIN key. */
  readonly #pinScores = new WeakMap<KeyHandle, number>();

  constructor(random: (bytes: number) => Buffer, store: KeyStore) {
    this.#random = random;
    this.#store = store;
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
    if (this.#store.find(spec.name) !== undefined)
      throw new PosError('ALREADY_EXISTS', `key ${spec.name} exists`);
    const bytes = randomKey(spec, this.#random);
    try {
      return this.#store.add(spec, bytes, 'key generated');
    } finally {
      bytes.fill(0);
    }
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
      const cipher = new BlockCipher(spec.algorithm, bytes);
      bytes.fill(0);
      return { cipher, ...this.#store.addSealed(spec, cipher) };
    });
    const [pik, mak, tdk] = made;
    ensure(pik !== undefined && mak !== undefined, 'every mode has a PIN and a MAC key');
    return {
      pik: pik.handle,
      mak: mak.handle,
      tdk: tdk?.handle ?? null,
      sealed: { mode, pik: pik.sealed, mak: mak.sealed, tdk: tdk?.sealed ?? null },
      de62: buildKeySlots(
        wrapping,
        made.map(({ cipher }) => cipher),
      ),
    };
  }

  openSealed(sealed: string): KeyHandle {
    return this.#store.openSealed(sealed);
  }

  get masterKeyChanged(): boolean {
    return this.#store.masters.keys.length > 1;
  }

  resealed(sealed: string): string {
    return this.#store.resealed(sealed);
  }

  loadWorkingKeys(tmk: KeyHandle, mode: KeyMode, de62: string): WorkingKeys {
    const ciphers = openKeySlots(this.#tmkFor(tmk, mode, 'open'), mode, de62);
    const { uses } = KEY_MODES[mode];
    const [pik, mak, tdk] = uses.map((use, index) => {
      const cipher = ciphers[index];
      ensure(cipher !== undefined, 'a key for each use of the mode');
      return this.#store.addLoaded({ name: `${tmk.name}/${use}`, use, algorithm: cipher.algorithm }, cipher);
    });
    ensure(pik !== undefined && mak !== undefined, 'every mode has a PIN and a MAC key');
    return { pik, mak, tdk: tdk ?? null };
  }

  mac(key: KeyHandle, data: Buffer, algorithm: MacAlgorithm): Buffer {
    return macUnder(this.#store.held.cipherOf(key, 'mac', 'protect'), key, data, algorithm);
  }

  verifyMac(key: KeyHandle, data: Buffer, mac: Buffer, algorithm: MacAlgorithm): boolean {
    return sameBytes(macUnder(this.#store.held.cipherOf(key, 'mac', 'open'), key, data, algorithm), mac);
  }

  encryptPinBlock(pik: KeyHandle, pinDigits: Buffer, pan: string): Buffer {
    try {
      const cipher = this.#store.held.cipherOf(pik, 'pin', 'protect');
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
    const pvk = this.#store.held.cipherOf(spec.pvk, 'pin-verification', 'open');
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
    const from = this.#store.held.cipherOf(spec.from, 'pin', 'open');
    const to = this.#store.held.cipherOf(spec.to, 'pin', 'protect');
    const side = (key: BlockCipher) => ({ key, format: pinFormat(key) });
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
    const pvk = this.#store.held.cipherOf(spec.pvk, 'pin-verification', 'protect');
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
    const cipher = this.#store.held.cipherOf(cvk, 'card-verification', 'protect');
    return cardVerificationValue(cipher, pan, expiry, serviceCode);
  }

  verifyCardVerificationValue(
    cvk: KeyHandle,
    pan: string,
    expiry: string,
    serviceCode: string,
    value: string,
  ): boolean {
    const cipher = this.#store.held.cipherOf(cvk, 'card-verification', 'open');
    const right = cardVerificationValue(cipher, pan, expiry, serviceCode);
    return sameBytes(Buffer.from(right, 'ascii'), Buffer.from(value, 'ascii'));
  }

  lookupHash(key: KeyHandle, text: string): string {
    const bytes = this.#store.held.bytesOf(key, 'lookup', 'open');
    return createHmac('sha256', bytes).update(text, 'utf8').digest('hex');
  }

  seal(key: KeyHandle, clear: Buffer, context: string): string {
    const bytes = this.#store.held.bytesOf(key, 'data', 'protect');
    return sealBytes(bytes, clear, context, this.#random).toString('base64');
  }

  unseal(key: KeyHandle, sealed: string, context: string): Buffer {
    return unsealBytes(this.#store.held.bytesOf(key, 'data', 'open'), fromBase64(sealed), context);
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

  #judgePin(spec: Parameters<Vault['verifyPin']>[0], pvk: BlockCipher): 'right' | 'wrong' | 'malformed' {
    const pin = this.#openPinBlock(spec.pik, spec.pinBlock, spec.pan);
    if (pin === undefined) return 'malformed';
    const { method, pvki, value } = spec.reference;
    // A PVV looks at four digits only: a shorter or longer PIN must not pass for the six-digit one.
    const isWhole = pin.length === PIN_DIGITS;
    const computed = isWhole ? referenceValue(pvk, method, pvki, spec.pan, pin) : '';
    pin.fill(0);
    return sameBytes(Buffer.from(computed, 'ascii'), Buffer.from(value, 'ascii')) ? 'right' : 'wrong';
  }

  #tmkFor(tmk: KeyHandle, mode: KeyMode, duty: KeyDuty): BlockCipher {
    const cipher = this.#store.held.cipherOf(tmk, 'tmk', duty);
    const { algorithm } = KEY_MODES[mode];
    if (cipher.algorithm !== algorithm) {
      throw new PosError(
        'KEY_USE',
        `key mode ${mode} needs a ${algorithm} master key: ${tmk.name} is ${cipher.algorithm}`,
      );
    }
    return cipher;
  }

  #trackKey(tdk: KeyHandle, duty: KeyDuty): BlockCipher {
    const cipher = this.#store.held.cipherOf(tdk, 'track', duty);
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
    const cipher = this.#store.held.cipherOf(pik, 'pin', 'open');
    try {
      return decipherPinBlock(pinFormat(cipher), cipher, pinBlock, pan);
    } catch (error) {
      if (error instanceof PosError && error.code === 'PIN_BLOCK_BAD') return undefined;
      throw error;
    }
  }
}

/**
 * A random key that is not weak; DES keys get odd parity, which some PIN pads insist on. The caller wipes it.
 *
 * @throws KEY_BAD the random source gives weak keys only
 */
export function randomKey({ name, algorithm }: KeySpec, random: (bytes: number) => Buffer): Buffer {
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

function macUnder(cipher: BlockCipher, key: KeyHandle, data: Buffer, algorithm: MacAlgorithm): Buffer {
  if (algorithm === 'unionpay-ecb') return unionPayEcbMac(cipher, data);
  if (cipher.algorithm !== '3des')
    throw new PosError('KEY_USE', `X9.19 needs a double-length DES key: ${key.name} is ${cipher.algorithm}`);
  return ansiX919Mac(cipher, data);
}

/** The dialect's block for the kind of PIN key: format 0, or DE57's `PB`. */
function pinFormat(pik: BlockCipher): PanBoundFormat {
  return pik.algorithm === 'sm4' ? 'sm4' : '0';
}

function referenceValue(
  pvk: BlockCipher,
  method: 'ibm3624' | 'pvv',
  pvki: string,
  pan: string,
  pin: Buffer,
): string {
  return method === 'pvv' ? visaPvv(pvk, pan, pvki, pin) : ibm3624Offset(pvk, pinValidationData(pan), pin);
}
