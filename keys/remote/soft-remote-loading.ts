/** Remote loading over the keys of the vault in software. */
import { constants, createPublicKey, type KeyObject, privateDecrypt, publicEncrypt, sign } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { buildCertificate, type CertificateContent, checkKeyOf } from '../certificates/certificate.ts';
import { buildCertificateRequest } from '../certificates/certificate-request.ts';
import type { KeyBlockHeader } from '../key-block/header.ts';
import { unwrapKeyBlock, wrapKeyBlock } from '../key-block/key-block.ts';
import { KeyBlockProtectionKey } from '../key-block/protection-key.ts';
import { combineComponents } from '../material/key-quality.ts';
import { headerPlaces, usedFor } from '../vault/key-header.ts';
import type { KeyStore } from '../vault/key-store.ts';
import type { KeyHandle, KeySpec, KeyUse } from '../vault/vault.ts';
import { withOpenedBlock } from '../vault/zone-key.ts';
import { ENCRYPTED_KEY_BYTES, formatKeyPackage, type KeyPackage, openKeyPackage } from './key-package.ts';
import type { ReceivedKey, RemoteLoading } from './remote-loading.ts';

const PROTECTION_KEY_BYTES = 32;
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;
const HAS_PUBLIC_HALF: readonly KeyUse[] = ['authority', 'signature', 'key-transport'];
/** The place `key context` of a key block: it is on its way. */
const EXCHANGE = '2';
/** Optional block: `00` says a check value by encrypting zeros. */
const CHECK_VALUE = 'KC';
const KC_LEGACY = '00';
const BLOCK_VERSIONS: readonly string[] = ['D', 'B'];

export class SoftRemoteLoading implements RemoteLoading {
  readonly #random: (bytes: number) => Buffer;
  readonly #store: KeyStore;

  constructor(random: (bytes: number) => Buffer, store: KeyStore) {
    this.#random = random;
    this.#store = store;
  }

  publicKey(key: KeyHandle): KeyObject {
    if (!HAS_PUBLIC_HALF.includes(key.use))
      throw new PosError('KEY_USE', `key ${key.name} is a ${key.use} key: it has no public half`);
    return createPublicKey(this.#store.held.privateKey(key, key.use, 'open'));
  }

  issueCertificate(authority: KeyHandle, content: CertificateContent): Buffer {
    const key = this.#store.held.privateKey(authority, 'authority', 'protect');
    return buildCertificate(content, createPublicKey(key), (bytes) => sign('sha256', bytes, key));
  }

  certificateRequest(transport: KeyHandle, subject: string): Buffer {
    const key = this.#store.held.privateKey(transport, 'key-transport', 'open');
    const publicKey = createPublicKey(key);
    return buildCertificateRequest({ subject, publicKey }, (bytes) => sign('sha256', bytes, key));
  }

  sendKey(spec: Parameters<RemoteLoading['sendKey']>[0]): Buffer {
    const { key, signer, recipient, terminalId, nonce, at } = spec;
    checkKeyOf('key-transport', recipient);
    if (recipient.asymmetricKeyDetails?.modulusLength !== ENCRYPTED_KEY_BYTES * 8)
      throw new PosError('CERTIFICATE_BAD', 'key package: for an RSA key of 2048 bits only');
    const signing = this.#store.held.privateKey(signer, 'signature', 'protect');
    const cipher = this.#store.held.cipherOf(key, 'tmk', 'protect');
    const protection = this.#random(PROTECTION_KEY_BYTES);
    const kbpk = new KeyBlockProtectionKey('aes', protection);
    const clear = cipher.copyKey();
    try {
      const keyBlock = wrapKeyBlock(kbpk, travellingHeader(key), clear, this.#random);
      const encryptedKey = publicEncrypt({ key: recipient, ...OAEP }, protection);
      return formatKeyPackage({ nonce, at, encryptedKey, keyBlock }, terminalId, signing);
    } finally {
      clear.fill(0);
      protection.fill(0);
      kbpk.wipe();
    }
  }

  receiveKey(spec: Parameters<RemoteLoading['receiveKey']>[0]): {
    readonly key: KeyHandle;
    readonly at: number;
  } {
    const { packed, sender, name, notBefore, notAfter } = spec;
    // 1. Outside: who sent it, for whom, in answer to what, and when.
    const opened = openKeyPackage(packed, spec, sender);
    if (opened.at < notBefore || opened.at > notAfter)
      throw new PosError('KEY_PACKAGE_BAD', 'key package: its time is too early or too late');

    // 2. Inside: the protection key, and the master key under it with what its header says.
    const { header, bytes } = this.#openKey(spec.transport, opened);
    try {
      const { use, algorithm } = usedFor(header);
      if (use !== 'tmk')
        throw new PosError('KEY_USE', `key package: it holds a ${use} key, not a master key`);

      // 3. Kept under its name; what stood there gives way only when the check value is right.
      const told = header.optional.find(({ id }) => id === CHECK_VALUE)?.data ?? '';
      const checkValue = told.startsWith(KC_LEGACY) ? told.slice(KC_LEGACY.length) : '';
      const act = 'key loaded from a package';
      return { key: this.#keep({ name, use, algorithm }, bytes, { act, checkValue }), at: opened.at };
    } finally {
      bytes.fill(0);
    }
  }

  receiveBlock(spec: Parameters<RemoteLoading['receiveBlock']>[0]): KeyHandle {
    const { zmk, block, checkValue, ...place } = spec;
    return withOpenedBlock(this.#store, zmk, block, ({ version, use, algorithm, bytes }) => {
      if (!BLOCK_VERSIONS.includes(version))
        throw new PosError('KEY_BLOCK_BAD', `key block: version ${version}: a master key comes in D or B`);
      if (use !== 'tmk') throw new PosError('KEY_USE', `key block: it holds a ${use} key, not a master key`);
      const act = 'key loaded from a block';
      return this.#keep({ ...place, use, algorithm }, bytes, { act, checkValue });
    });
  }

  receiveComponents(spec: Parameters<RemoteLoading['receiveComponents']>[0]): KeyHandle {
    const { components, checkValue, ...key } = spec;
    const bytes = combineComponents(components, key.name);
    try {
      return this.#keep(key, bytes, { act: 'key from components', checkValue });
    } finally {
      bytes.fill(0);
    }
  }

  succeed(name: string, next: string, by: string): KeyHandle {
    return this.#store.succeed(name, next, by);
  }

  #openKey(transport: KeyHandle, { encryptedKey, keyBlock }: KeyPackage) {
    const key = this.#store.held.privateKey(transport, 'key-transport', 'open');
    let protection: Buffer;
    try {
      protection = privateDecrypt({ key, ...OAEP }, encryptedKey);
    } catch {
      // Which check of OAEP failed is not told: it would be an oracle.
      throw new PosError('KEY_PACKAGE_BAD', "key package: it was not made for this PIN pad's key");
    }
    try {
      if (protection.length !== PROTECTION_KEY_BYTES)
        throw new PosError('KEY_PACKAGE_BAD', 'key package: its protection key has another length');
      const kbpk = new KeyBlockProtectionKey('aes', protection);
      try {
        const unwrapped = unwrapKeyBlock(kbpk, keyBlock);
        return { header: unwrapped.header, bytes: unwrapped.key };
      } finally {
        kbpk.wipe();
      }
    } finally {
      protection.fill(0);
    }
  }

  /**
   * Keeps a key that arrived. It is added under a name of its own first: whatever is wrong with it, the keys that
   * were there still are.
   */
  #keep(
    { name, alsoReplaces = '', ...spec }: ReceivedKey & Omit<KeySpec, 'name'>,
    bytes: Buffer,
    { act, checkValue }: { readonly act: string; readonly checkValue: string | undefined },
  ): KeyHandle {
    const isThis = (known: KeyHandle) =>
      known.algorithm === spec.algorithm && this.#store.held.isSame(known, bytes);
    const refuseOther = (key: KeyHandle) => {
      if (checkValue !== undefined && key.checkValue !== checkValue)
        throw new PosError('KEY_CHECK_VALUE', `${act}: the key's check value differs`);
    };
    const [known, other] = [this.#store.find(name), this.#store.find(alsoReplaces)];
    if (known !== undefined && isThis(known)) {
      // Brought again because its receipt was lost.
      refuseOther(known);
      if (other !== undefined) this.#store.destroy(other.name);
      return known;
    }
    if (other !== undefined && isThis(other)) {
      refuseOther(other);
      return this.#store.succeed(name, other.name, 'vault');
    }
    const arriving = this.#store.add({ ...spec, name: `${name}>arriving` }, bytes, act);
    try {
      refuseOther(arriving);
    } catch (error) {
      this.#store.destroy(arriving.name);
      throw error;
    }
    if (other !== undefined) this.#store.destroy(other.name);
    return this.#store.succeed(name, arriving.name, 'vault');
  }
}

function travellingHeader(key: KeyHandle): KeyBlockHeader {
  return {
    version: 'D',
    ...headerPlaces(key),
    exportability: 'N',
    keyContext: EXCHANGE,
    optional: [{ id: CHECK_VALUE, data: KC_LEGACY + key.checkValue }],
  };
}
