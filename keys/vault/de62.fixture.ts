/** DE62 read by the test's own means: OpenSSL directly, none of the room's code. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { hex, TMK_HEX } from './vault.fixture.ts';

/** The wrapped keys of a DE62: sixteen bytes, then four of check value; a single-length key has eight. */
export function slots(de62: string): Buffer[] {
  const bytes = hex(de62);
  return Array.from({ length: bytes.length / 20 }, (_, index) => {
    const slot = bytes.subarray(index * 20, index * 20 + 16);
    return slot.subarray(8).every((byte) => byte === 0) ? slot.subarray(0, 8) : slot;
  });
}

/** Decrypts with OpenSSL directly: the test's own way to the clear keys. */
export function unwrapIndependently(wrapped: Buffer): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at < wrapped.length; at += 8)
    blocks.push(desEdeDecrypt(hex(TMK_HEX), wrapped.subarray(at, at + 8)));
  return Buffer.concat(blocks);
}

export function desEde(key: Buffer, data: Buffer): Buffer {
  const cipher = createCipheriv('des-ede', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

export function desEdeDecrypt(key: Buffer, data: Buffer): Buffer {
  const decipher = createDecipheriv('des-ede', key, null).setAutoPadding(false);
  return Buffer.concat([decipher.update(data), decipher.final()]);
}
