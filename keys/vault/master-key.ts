/**
 * The local master key: AES-256, under which every other key rests. It protects key blocks of version D and,
 * through a key derived from it, the key file as a whole.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { toHex } from '../hex.ts';
import { KeyBlockProtectionKey } from '../key-block/protection-key.ts';
import { aesCheckValue } from '../material/check-value.ts';
import { secretBuffer } from '../secret-buffer.ts';

export const MASTER_KEY_BYTES = 32;

export class MasterKey {
  readonly #bytes: Buffer;
  readonly #fileKey: Buffer;
  readonly kbpk: KeyBlockProtectionKey;
  /** Three bytes, six upper-case hex digits. */
  readonly checkValue: string;

  /** @param bytes 32; copied, the caller wipes its own. @throws KEY_BAD another length */
  constructor(bytes: Buffer) {
    if (bytes.length !== MASTER_KEY_BYTES)
      throw new PosError('KEY_BAD', `a master key has ${MASTER_KEY_BYTES} bytes, not ${bytes.length}`);
    this.#bytes = secretBuffer(MASTER_KEY_BYTES);
    bytes.copy(this.#bytes);
    this.#fileKey = Buffer.from(
      hkdfSync('sha256', bytes, Buffer.alloc(0), 'zunka key file', MASTER_KEY_BYTES),
    );
    this.kbpk = new KeyBlockProtectionKey('aes', bytes);
    this.checkValue = toHex(aesCheckValue(bytes));
  }

  /** A copy, for sealing it: the caller wipes the copy. */
  copyKey(): Buffer {
    return Buffer.from(this.#bytes);
  }

  /** HMAC-SHA-256 under HKDF(master key, "zunka key file"), 64 upper-case hex digits: binds lines that belong together. */
  fileMac(text: string): string {
    return toHex(createHmac('sha256', this.#fileKey).update(text, 'utf8').digest());
  }

  wipe(): void {
    this.#bytes.fill(0);
    this.#fileKey.fill(0);
    this.kbpk.wipe();
  }
}
