/** Remote loading over the keys of the vault in software. */
import { constants, createPublicKey, type KeyObject, privateDecrypt, publicEncrypt, sign } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { buildCertificate, type CertificateContent, checkKeyOf } from '../certificates/certificate.ts';
import { buildCertificateRequest } from '../certificates/certificate-request.ts';
import type { KeyBlockHeader } from '../key-block/header.ts';
import { unwrapKeyBlock, wrapKeyBlock } from '../key-block/key-block.ts';
import { KeyBlockProtectionKey } from '../key-block/protection-key.ts';
import { headerPlaces, usedFor } from '../vault/key-header.ts';
import type { KeyStore } from '../vault/key-store.ts';
import type { KeyHandle, KeyUse } from '../vault/vault.ts';
import { ENCRYPTED_KEY_BYTES, formatKeyPackage, type KeyPackage, openKeyPackage } from './key-package.ts';
import type { RemoteLoading } from './remote-loading.ts';

const PROTECTION_KEY_BYTES = 32;
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' } as const;
const HAS_PUBLIC_HALF: readonly KeyUse[] = ['authority', 'signature', 'key-transport'];
/** The place `key context` of a key block: it is on its way. */
const EXCHANGE = '2';
/** Optional block: `00` says a check value by encrypting zeros. */
const CHECK_VALUE = 'KC';
const KC_LEGACY = '00';

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
      const told = header.optional.find(({ id }) => id === CHECK_VALUE)?.data;
      return { key: this.#keep({ name, use, algorithm }, bytes, told), at: opened.at };
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

  #keep(
    spec: { readonly name: string; readonly use: KeyUse; readonly algorithm: KeyHandle['algorithm'] },
    bytes: Buffer,
    told: string | undefined,
  ): KeyHandle {
    // Told again because its receipt was lost: it is here already.
    const known = this.#store.find(spec.name);
    if (known !== undefined && this.#store.held.isSame(known, bytes) && known.algorithm === spec.algorithm)
      return known;
    const arriving = `${spec.name}>arriving`;
    const key = this.#store.add({ ...spec, name: arriving }, bytes, 'key loaded from a package');
    if (told !== KC_LEGACY + key.checkValue) {
      this.#store.destroy(arriving);
      throw new PosError('KEY_CHECK_VALUE', "key package: the key's check value differs");
    }
    return this.#store.succeed(spec.name, arriving, 'vault');
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
