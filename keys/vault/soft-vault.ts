/**
 * The vault in software. NOT an HSM: whoever reads this process's memory has the keys. For tests,
 * simulators and closed-loop programmes that accept that; see README.md.
 */
import { createHmac } from 'node:crypto';
import { ensure, PosError } from '../../protocol/index.ts';
import { cardVerificationValue } from '../card/card-verification-value.ts';
import { decryptTrackBlock, encryptTrackBlock } from '../card/track-encryption.ts';
import { type BlockAlgorithm, BlockCipher } from '../cipher/block-cipher.ts';
import { unionPayEcbMac } from '../mac/unionpay-ecb-mac.ts';
import { ansiX919Mac } from '../mac/x9-mac.ts';
import { checkKey, combineComponents, KEY_BYTES, withOddParity } from '../material/key-quality.ts';
import { ibm3624Offset, pinValidationData } from '../pin/ibm-3624.ts';
import { decipherPinBlock, encipherPinBlock, type PanBoundFormat } from '../pin/pin-formats.ts';
import { visaPvv } from '../pin/visa-pvv.ts';
import { sameBytes } from '../same-bytes.ts';
import { newKeyFileLock, openKeyFile } from './key-file.ts';
import { decodeBody, MASTER_KEY_BYTES } from './key-file-body.ts';
import { KeyStore } from './key-store.ts';
import { fromBase64, sealBytes, unsealBytes } from './sealed-text.ts';
import { selfTest } from './self-test.ts';
import type {
  KeyFilePort,
  KeyHandle,
  KeyMode,
  KeySpec,
  MacAlgorithm,
  PinReference,
  SealedKeys,
  Vault,
  WorkingKeys,
} from './vault.ts';
import { buildKeySlots, KEY_MODES, openKeySlots } from './working-keys.ts';

/** Digits of a cardholder's PIN in this programme. */
const PIN_DIGITS = 6;
/** A random source that gives a weak DES key this often in a row is broken. */
const RANDOM_KEY_TRIES = 4;

export interface SoftVaultOptions {
  /** Cryptographic randomness. */
  readonly random: (bytes: number) => Buffer;
  /** None: everything lives in memory only and is gone at the end. */
  readonly file?: KeyFilePort;
  /** Opens or makes the file. The caller wipes it. */
  readonly passphrase?: Buffer;
  /** Refuses to make a new file: a mistyped path must not start an empty vault. Default false. */
  readonly mustExist?: boolean;
  /** Replaced only to show that a failing test keeps the vault shut. */
  readonly selfTest?: () => void;
}

/**
 * Runs the self-test, then opens the key file or makes a new one (durable before this resolves).
 *
 * @throws SELF_TEST, KEY_FILE
 */
export async function openSoftVault(options: SoftVaultOptions): Promise<Vault> {
  (options.selfTest ?? selfTest)();
  const { random, file, passphrase } = options;
  if (file === undefined)
    return new SoftVault(random, new KeyStore({ random, masterKey: random(MASTER_KEY_BYTES) }));
  if (passphrase === undefined) throw new PosError('KEY_FILE', 'key file: it needs a passphrase: give one');
  const bytes = await file.read();
  if (bytes === undefined) {
    if (options.mustExist === true)
      throw new PosError('KEY_FILE', 'key file: it does not exist: check its path');
    const lock = await newKeyFileLock(passphrase, random);
    const store = new KeyStore({ random, masterKey: random(MASTER_KEY_BYTES), disk: { file, lock } });
    await store.saveNow();
    return new SoftVault(random, store);
  }
  const { lock, body } = await openKeyFile(bytes, passphrase);
  const { masterKey, keys } = decodeBody(body);
  body.fill(0);
  const store = new KeyStore({ random, masterKey, disk: { file, lock } });
  for (const key of keys) {
    store.restore(key);
    key.bytes.fill(0);
  }
  return new SoftVault(random, store);
}

class SoftVault implements Vault {
  readonly #random: (bytes: number) => Buffer;
  readonly #store: KeyStore;

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

  createFromComponents(spec: KeySpec & { readonly components: readonly Buffer[] }): KeyHandle {
    const { components, ...key } = spec;
    const bytes = combineComponents(components, spec.name);
    try {
      return this.#store.add(key, bytes);
    } finally {
      bytes.fill(0);
    }
  }

  generate(spec: KeySpec): KeyHandle {
    if (this.#store.find(spec.name) !== undefined)
      throw new PosError('ALREADY_EXISTS', `key ${spec.name} exists`);
    const bytes = this.#randomKey(spec);
    try {
      return this.#store.add(spec, bytes);
    } finally {
      bytes.fill(0);
    }
  }

  destroy(name: string): void {
    this.#store.destroy(name);
  }

  async saved(): Promise<void> {
    await this.#store.saved();
  }

  makeWorkingKeys(
    tmk: KeyHandle,
    mode: KeyMode,
    options: { readonly singleLengthMak?: boolean } = {},
  ): WorkingKeys & { readonly sealed: SealedKeys; readonly de62: string } {
    const wrapping = this.#tmkFor(tmk, mode);
    const { algorithm, uses } = KEY_MODES[mode];
    const made = uses.map((use) => {
      const single = use === 'mac' && algorithm === '3des' && options.singleLengthMak === true;
      const spec = { name: `${tmk.name}/${use}`, use, algorithm: single ? 'des' : algorithm } as const;
      const bytes = this.#randomKey(spec);
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

  loadWorkingKeys(tmk: KeyHandle, mode: KeyMode, de62: string): WorkingKeys {
    const ciphers = openKeySlots(this.#tmkFor(tmk, mode), mode, de62);
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
    const cipher = this.#store.cipherOf(key, 'mac');
    if (algorithm === 'unionpay-ecb') return unionPayEcbMac(cipher, data);
    if (cipher.algorithm !== '3des')
      throw new PosError(
        'KEY_USE',
        `X9.19 needs a double-length DES key: ${key.name} is ${cipher.algorithm}`,
      );
    return ansiX919Mac(cipher, data);
  }

  verifyMac(key: KeyHandle, data: Buffer, mac: Buffer, algorithm: MacAlgorithm): boolean {
    return sameBytes(this.mac(key, data, algorithm), mac);
  }

  encryptPinBlock(pik: KeyHandle, pinDigits: Buffer, pan: string): Buffer {
    try {
      const cipher = this.#store.cipherOf(pik, 'pin');
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
  }): 'right' | 'wrong' | 'malformed' {
    const pvk = this.#store.cipherOf(spec.pvk, 'pin-verification');
    const pin = this.#openPinBlock(spec.pik, spec.pinBlock, spec.pan);
    if (pin === undefined) return 'malformed';
    const { method, pvki, value } = spec.reference;
    // A PVV looks at four digits only: a shorter or longer PIN must not pass for the six-digit one.
    const isWhole = pin.length === PIN_DIGITS;
    const computed = isWhole ? referenceValue(pvk, method, pvki, spec.pan, pin) : '';
    pin.fill(0);
    return sameBytes(Buffer.from(computed, 'ascii'), Buffer.from(value, 'ascii')) ? 'right' : 'wrong';
  }

  makePinReference(spec: {
    readonly pik: KeyHandle;
    readonly pinBlock: Buffer;
    readonly pan: string;
    readonly pvk: KeyHandle;
    readonly method: 'ibm3624' | 'pvv';
    readonly pvki: string;
  }): PinReference {
    const pvk = this.#store.cipherOf(spec.pvk, 'pin-verification');
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
    return cardVerificationValue(this.#store.cipherOf(cvk, 'card-verification'), pan, expiry, serviceCode);
  }

  verifyCardVerificationValue(
    cvk: KeyHandle,
    pan: string,
    expiry: string,
    serviceCode: string,
    value: string,
  ): boolean {
    const right = this.cardVerificationValue(cvk, pan, expiry, serviceCode);
    return sameBytes(Buffer.from(right, 'ascii'), Buffer.from(value, 'ascii'));
  }

  lookupHash(key: KeyHandle, text: string): string {
    return createHmac('sha256', this.#store.bytesOf(key, 'lookup')).update(text, 'utf8').digest('hex');
  }

  seal(key: KeyHandle, clear: Buffer, context: string): string {
    return sealBytes(this.#store.bytesOf(key, 'data'), clear, context, this.#random).toString('base64');
  }

  unseal(key: KeyHandle, sealed: string, context: string): Buffer {
    return unsealBytes(this.#store.bytesOf(key, 'data'), fromBase64(sealed), context);
  }

  encryptTrack(tdk: KeyHandle, de35: string): string {
    return encryptTrackBlock(this.#trackKey(tdk), de35);
  }

  decryptTrack(tdk: KeyHandle, de35: string): string {
    return decryptTrackBlock(this.#trackKey(tdk), de35);
  }

  close(): void {
    this.#store.close();
  }

  #tmkFor(tmk: KeyHandle, mode: KeyMode): BlockCipher {
    const cipher = this.#store.cipherOf(tmk, 'tmk');
    const { algorithm } = KEY_MODES[mode];
    if (cipher.algorithm !== algorithm) {
      throw new PosError(
        'KEY_USE',
        `key mode ${mode} needs a ${algorithm} master key: ${tmk.name} is ${cipher.algorithm}`,
      );
    }
    return cipher;
  }

  #trackKey(tdk: KeyHandle): BlockCipher {
    const cipher = this.#store.cipherOf(tdk, 'track');
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
    const cipher = this.#store.cipherOf(pik, 'pin');
    try {
      return decipherPinBlock(pinFormat(cipher), cipher, pinBlock, pan);
    } catch (error) {
      if (error instanceof PosError && error.code === 'PIN_BLOCK_BAD') return undefined;
      throw error;
    }
  }

  /** DES keys get odd parity, which some PIN pads insist on. */
  #randomKey({ name, algorithm }: KeySpec): Buffer {
    const des: BlockAlgorithm[] = ['des', '3des'];
    for (let tries = 1; ; tries += 1) {
      const random = this.#random(KEY_BYTES[algorithm]);
      const bytes = des.some((one) => one === algorithm) ? withOddParity(random) : Buffer.from(random);
      random.fill(0);
      try {
        checkKey(algorithm, bytes, name);
        return bytes;
      } catch (error) {
        if (tries === RANDOM_KEY_TRIES) throw error;
      }
    }
  }
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
