/**
 * The one interface to secrets. It hands out handles, never key bytes; the soft vault beside it serves
 * now, a PKCS#11 adapter may serve behind the same interface. Every operation checks the key's use
 * first (KEY_USE): a PIN key cannot make a MAC.
 */
import type { PrivateKeyAlgorithm } from '../material/private-key.ts';
import type { RemoteLoading } from '../remote/remote-loading.ts';

/** What a key is for. A key serves one purpose only. */
export type KeyUse =
  | 'tmk'
  | 'zmk'
  | 'pin'
  | 'mac'
  | 'track'
  | 'pin-verification'
  | 'card-verification'
  | 'lookup'
  | 'data'
  | 'authority'
  | 'signature'
  | 'key-transport';

/** `des` 8 bytes, `3des` 16 (double length), `sm4` 16, `aes-256` and `hmac-sha-256` 32; private keys: see `private-key.ts`. */
export type KeyAlgorithm = 'des' | '3des' | 'sm4' | 'aes-256' | 'hmac-sha-256' | PrivateKeyAlgorithm;

/** Opaque: no way leads from it to bytes. Frozen; inspecting it shows name, use and check value. */
export interface KeyHandle {
  readonly name: string;
  readonly use: KeyUse;
  readonly algorithm: KeyAlgorithm;
  /** Three bytes to show, six upper-case hex digits. The four of the wire never rest in a listing. */
  readonly checkValue: string;
}

export const MAC_ALGORITHMS = ['unionpay-ecb', 'x9.19', 'cmac'] as const;
export type MacAlgorithm = (typeof MAC_ALGORITHMS)[number];

/** Which sign-in asked: 003 PIK and MAK, 004 and TDK, 005 all three for SM4. */
export type KeyMode = '003' | '004' | '005';

/** What the host keeps to check a PIN. It is useless without the PIN verification key. */
export interface PinReference {
  readonly method: 'ibm3624' | 'pvv';
  /** Offset of six digits, or PVV of four. */
  readonly value: string;
  /** PIN verification key index, one digit; part of the PVV, carried along for an offset. */
  readonly pvki: string;
}

export interface WorkingKeys {
  readonly pik: KeyHandle;
  readonly mak: KeyHandle;
  readonly tdk: KeyHandle | null;
}

/** Working keys under the vault's local master key: may rest in a database. */
export interface SealedKeys {
  readonly mode: KeyMode;
  readonly pik: string;
  readonly mak: string;
  readonly tdk: string | null;
}

export interface KeySpec {
  /** 1 to 64 characters, unique in the vault, for example `tmk:00000001`. */
  readonly name: string;
  readonly use: KeyUse;
  readonly algorithm: KeyAlgorithm;
}

/** What is known of a key besides what it is. Instants are milliseconds since 1970, UTC. */
export interface KeyLife {
  /** Who answers for it; may be empty. */
  readonly owner: string;
  readonly created: number;
  /** Null: it serves nothing yet. */
  readonly activated: number | null;
  /** From then on it opens and verifies what it protected before, and protects nothing new. */
  readonly retired: number | null;
  /** Days from its activation after which it is to be changed: told by the inventory, never enforced. */
  readonly cryptoperiodDays: number | null;
}

/** A key to be made. */
export interface NewKey extends KeySpec {
  readonly owner?: string;
  readonly cryptoperiodDays?: number;
  /** May leave under a zone master key, or as components. Default false. */
  readonly exportable?: boolean;
  /** Made now, to serve later. Default false. */
  readonly inactive?: boolean;
  /** Who did it, for the key log. Default `vault`. */
  readonly by?: string;
}

export interface Vault {
  find(name: string): KeyHandle | undefined;
  /** All named keys; working keys are not among them. */
  names(): readonly KeyHandle[];
  /**
   * XOR of two or three components of equal length. Asking again for the very same key under the same
   * name returns its handle. The caller wipes the components.
   *
   * @throws KEY_BAD a component is all zero or equals another, or the key is weak; ALREADY_EXISTS
   */
  createFromComponents(spec: NewKey & { readonly components: readonly Buffer[] }): KeyHandle;
  /** Random. @throws ALREADY_EXISTS */
  generate(spec: NewKey): KeyHandle;
  /** Wipes a named key and forgets it. Working keys that it wrapped stay good. @throws KEY_UNKNOWN */
  destroy(name: string, by?: string): void;
  /**
   * Resolves when everything created or destroyed so far is on the disk. A key must not be used for
   * lasting data, nor a sign-in under it be answered, before that. @throws KEY_FILE
   */
  saved(): Promise<void>;

  /**
   * Makes PIK, MAK (and TDK) for a sign-in: handles to use now, sealed texts to rest in a database,
   * DE62 in upper-case hex to send (40 or 60 bytes). `singleLengthMak`: 8 bytes + 8 zero bytes in the
   * MAK slot; modes 003 and 004 only.
   *
   * @throws KEY_USE the mode does not fit the terminal master key
   */
  makeWorkingKeys(
    tmk: KeyHandle,
    mode: KeyMode,
    options?: { readonly singleLengthMak?: boolean },
  ): WorkingKeys & { readonly sealed: SealedKeys; readonly de62: string };
  /** Opens one text that makeWorkingKeys sealed: same vault, also after a restart. @throws SEAL_BROKEN */
  openSealed(sealed: string): KeyHandle;
  /**
   * The same working key under the master key of now, when the text is still under an earlier one; else the
   * text itself. @throws SEAL_BROKEN
   */
  resealed(sealed: string): string;
  /** A change of the master key is not finished: an earlier one still opens what rests elsewhere. */
  readonly masterKeyChanged: boolean;
  /**
   * The terminal's side: unwraps DE62 under the TMK and checks every check value before it returns
   * anything. @throws KEY_CHECK_VALUE (keep the old keys), KEY_BAD, KEY_USE
   */
  loadWorkingKeys(tmk: KeyHandle, mode: KeyMode, de62: string): WorkingKeys;

  /**
   * The 8 bytes of DE64. SM4 keys take the 16-byte form of the UnionPay MAC and the left half of a CMAC; X9.19 needs
   * a 3des key. @throws KEY_USE
   */
  mac(key: KeyHandle, data: Buffer, algorithm: MacAlgorithm): Buffer;
  /** Constant time. */
  verifyMac(key: KeyHandle, data: Buffer, mac: Buffer, algorithm: MacAlgorithm): boolean;

  /**
   * PIN pads only. Format 0 (8 bytes) under a 3des key, the dialect's `PB` block (16) under an SM4 key.
   *
   * @param pinDigits ASCII digits, 4 to 12; wiped before this returns or throws
   */
  encryptPinBlock(pik: KeyHandle, pinDigits: Buffer, pan: string): Buffer;
  /**
   * The PIN never leaves the vault; which check a malformed block failed is not told.
   *
   * `blocked`: under this PIN key a hundred more tries failed than succeeded. Nothing is looked at any more
   * until the terminal signs in for a new one. How many tries a card has is the host's matter.
   */
  verifyPin(spec: {
    readonly pik: KeyHandle;
    readonly pinBlock: Buffer;
    readonly pan: string;
    readonly pvk: KeyHandle;
    readonly reference: PinReference;
  }): 'right' | 'wrong' | 'malformed' | 'blocked';
  /**
   * From one PIN key to another, for the same card number, between formats that are bound to it: no other way
   * through a translation, because each is a way to guess PINs. Format 0 under 3des, `sm4` under SM4.
   *
   * @throws PIN_BLOCK_BAD, PAN_BAD, KEY_USE
   */
  translatePinBlock(spec: {
    readonly from: KeyHandle;
    readonly to: KeyHandle;
    readonly pinBlock: Buffer;
    readonly pan: string;
  }): Buffer;
  /** Issuing and PIN change: a six-digit PIN. @throws PIN_BLOCK_BAD */
  makePinReference(spec: {
    readonly pik: KeyHandle;
    readonly pinBlock: Buffer;
    readonly pan: string;
    readonly pvk: KeyHandle;
    readonly method: 'ibm3624' | 'pvv';
    readonly pvki: string;
  }): PinReference;

  /** Three digits. `expiry` YYMM. */
  cardVerificationValue(cvk: KeyHandle, pan: string, expiry: string, serviceCode: string): string;
  /** Constant time. */
  verifyCardVerificationValue(
    cvk: KeyHandle,
    pan: string,
    expiry: string,
    serviceCode: string,
    value: string,
  ): boolean;

  /** HMAC-SHA-256, 64 lower-case hex digits: a look-up key for a card number. */
  lookupHash(key: KeyHandle, text: string): string;
  /** AES-256-GCM, base64. `context` (a row's id) is bound and must be given again to open. */
  seal(key: KeyHandle, clear: Buffer, context: string): string;
  /** @throws SEAL_BROKEN changed, another context or another key */
  unseal(key: KeyHandle, sealed: string, context: string): Buffer;

  /** UnionPay TDB: the length stays, eight bytes inside become cipher text (nibbles 0 to F). */
  encryptTrack(tdk: KeyHandle, de35: string): string;
  decryptTrack(tdk: KeyHandle, de35: string): string;

  /** Certificates, and master keys on their way to a device. Absent: this vault cannot do that. */
  readonly remote?: RemoteLoading;

  /** Wipes all keys; every later call is refused (KEY_UNKNOWN). */
  close(): void;
}

/** Where the sealed key file rests. `write` is atomic and durable: after it, all of the new or all of the old. */
export interface KeyFilePort {
  read(): Promise<Buffer | undefined>;
  write(bytes: Buffer): Promise<void>;
}
