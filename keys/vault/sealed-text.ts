/** AES-256-GCM sealing of small texts: what rests in a database, and the key file's body. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';

export const IV_BYTES = 12;
export const TAG_BYTES = 16;
/** First byte of every sealed text, so that the form can change. */
const FORM = 1;

/**
 * form (1) ‖ IV (12) ‖ cipher text ‖ tag (16), with the context as additional data.
 *
 * The IV is random: one key must not seal more than 2^32 texts (NIST SP 800-38D, 8.3).
 *
 * @param key 32 bytes
 */
export function sealBytes(
  key: Buffer,
  clear: Buffer,
  context: string | Buffer,
  random: (bytes: number) => Buffer,
): Buffer {
  const iv = random(IV_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData(context));
  const body = Buffer.concat([cipher.update(clear), cipher.final(), cipher.getAuthTag()]);
  return joinSealed({ iv, body });
}

/** @throws SEAL_BROKEN changed, another context or another key: which one cannot be told */
export function unsealBytes(key: Buffer, sealed: Buffer, context: string | Buffer): Buffer {
  const { iv, body } = splitSealed(sealed);
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(context));
  decipher.setAuthTag(body.subarray(-TAG_BYTES));
  const clear = decipher.update(body.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    clear.fill(0);
    throw wrongTag();
  }
  return clear;
}

/** Base64, read strictly: exactly what writing it again gives. @throws SEAL_BROKEN */
export function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new PosError('SEAL_BROKEN', 'it is not base64');
  return bytes;
}

/** What stands behind the form byte: the tag ends the body. */
export interface SealedParts {
  readonly iv: Buffer;
  readonly body: Buffer;
}

export function joinSealed({ iv, body }: SealedParts): Buffer {
  return Buffer.concat([Buffer.from([FORM]), iv, body]);
}

/** @throws SEAL_BROKEN */
export function splitSealed(sealed: Buffer): SealedParts {
  if (sealed.length < 1 + IV_BYTES + TAG_BYTES || sealed[0] !== FORM)
    throw new PosError('SEAL_BROKEN', 'it has not the form of a sealed text');
  return { iv: sealed.subarray(1, 1 + IV_BYTES), body: sealed.subarray(1 + IV_BYTES) };
}

export function wrongTag(): PosError {
  return new PosError('SEAL_BROKEN', 'its tag does not fit');
}

/** Bound, and not sealed. */
export function additionalData(context: string | Buffer): Buffer {
  const name = Buffer.from(`zunka seal ${FORM}\0`, 'utf8');
  return Buffer.concat([name, typeof context === 'string' ? Buffer.from(context, 'utf8') : context]);
}
