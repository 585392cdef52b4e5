/**
 * The package in which a master key travels, byte by byte:
 *
 * ```
 * nonce 16 ‖ time 8 ‖ signature 64 ‖ encrypted protection key 256 ‖ key block, ASCII
 * ```
 *
 * time: UTC milliseconds, big endian. Encrypted protection key: RSAES-OAEP, SHA-256, MGF1 with SHA-256, no label (a
 * Java peer must say so: its default is MGF1 with SHA-1). Key block: TR-31 version D. Signature: ECDSA, P-256, SHA-256,
 * r ‖ s, over "zunka key package 1", a zero byte, the terminal's DE41 (8), nonce, time, encrypted key, key block.
 */
import { type KeyObject, sign, verify } from 'node:crypto';
import { ensure, PosError } from '../../protocol/index.ts';
import type { KeyPackageBinding } from './remote-loading.ts';

export const NONCE_BYTES = 16;
const TIME_BYTES = 8;
const SIGNATURE_BYTES = 64;
/** RSA of 2048 bits. */
export const ENCRYPTED_KEY_BYTES = 256;
const HEAD_BYTES = NONCE_BYTES + TIME_BYTES + SIGNATURE_BYTES + ENCRYPTED_KEY_BYTES;
const BLOCK_CHARACTERS = { min: 112, max: 300 };
const CONTEXT = Buffer.from('zunka key package 1\0', 'ascii');

/** What a package holds beside its signature. */
export interface KeyPackage {
  readonly nonce: Buffer;
  readonly at: number;
  readonly encryptedKey: Buffer;
  readonly keyBlock: string;
}

export function formatKeyPackage(content: KeyPackage, terminalId: string, signer: KeyObject): Buffer {
  const { nonce, at, encryptedKey, keyBlock } = content;
  ensure(nonce.length === NONCE_BYTES && encryptedKey.length === ENCRYPTED_KEY_BYTES, 'fixed lengths');
  const time = Buffer.alloc(TIME_BYTES);
  time.writeBigUInt64BE(BigInt(at));
  const rest = [encryptedKey, Buffer.from(keyBlock, 'ascii')];
  const signed = signedBytes(terminalId, nonce, time, ...rest);
  const signature = sign('sha256', signed, { key: signer, dsaEncoding: 'ieee-p1363' });
  return Buffer.concat([nonce, time, signature, ...rest]);
}

/**
 * Opens the outside of a package: nothing in it is acted on before the signature was checked.
 *
 * @throws KEY_PACKAGE_REPLAYED, KEY_PACKAGE_BAD
 */
export function openKeyPackage(packed: Buffer, binding: KeyPackageBinding, sender: KeyObject): KeyPackage {
  const characters = packed.length - HEAD_BYTES;
  if (characters < BLOCK_CHARACTERS.min || characters > BLOCK_CHARACTERS.max)
    throw bad(`no package has ${packed.length} bytes`);
  let at = 0;
  const next = (bytes: number) => {
    at += bytes;
    return packed.subarray(at - bytes, at);
  };
  const nonce = next(NONCE_BYTES);
  if (!nonce.equals(binding.nonce))
    throw new PosError('KEY_PACKAGE_REPLAYED', 'key package: it answers another question than the last one');
  const time = next(TIME_BYTES);
  const signature = next(SIGNATURE_BYTES);
  const encryptedKey = next(ENCRYPTED_KEY_BYTES);
  const block = packed.subarray(HEAD_BYTES);
  const signed = signedBytes(binding.terminalId, nonce, time, encryptedKey, block);
  if (!verify('sha256', signed, { key: sender, dsaEncoding: 'ieee-p1363' }, signature))
    throw bad(
      "the host's signature differs: it was changed, or made for another terminal or by another host",
    );
  return { nonce, at: Number(time.readBigUInt64BE()), encryptedKey, keyBlock: block.toString('latin1') };
}

function signedBytes(terminalId: string, ...parts: readonly Buffer[]): Buffer {
  ensure(terminalId.length === 8, 'DE41 has eight characters');
  return Buffer.concat([CONTEXT, Buffer.from(terminalId, 'ascii'), ...parts]);
}

function bad(why: string): PosError {
  return new PosError('KEY_PACKAGE_BAD', `key package: ${why}`);
}
