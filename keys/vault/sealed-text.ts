/** AES-256-GCM sealing of small texts: what rests in a database, and the key file's body. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;
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
  const body = Buffer.concat([cipher.update(clear), cipher.final()]);
  return Buffer.concat([Buffer.from([FORM]), iv, body, cipher.getAuthTag()]);
}

/** @throws SEAL_BROKEN changed, another context or another key: which one cannot be told */
export function unsealBytes(key: Buffer, sealed: Buffer, context: string | Buffer): Buffer {
  if (sealed.length < 1 + IV_BYTES + TAG_BYTES || sealed[0] !== FORM) {
    throw new PosError('SEAL_BROKEN', 'it has not the form of a sealed text');
  }
  const iv = sealed.subarray(1, 1 + IV_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(context));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  const clear = decipher.update(sealed.subarray(1 + IV_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    clear.fill(0);
    throw new PosError('SEAL_BROKEN', 'its tag does not fit');
  }
  return clear;
}

/** Base64, read strictly: exactly what writing it again gives. @throws SEAL_BROKEN */
export function fromBase64(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) throw new PosError('SEAL_BROKEN', 'it is not base64');
  return bytes;
}

function additionalData(context: string | Buffer): Buffer {
  const name = Buffer.from(`zunka seal ${FORM}\0`, 'utf8');
  return Buffer.concat([name, typeof context === 'string' ? Buffer.from(context, 'utf8') : context]);
}
