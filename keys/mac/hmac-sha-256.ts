/** HMAC-SHA-256 under a key that serves many texts. */
import { hash } from 'node:crypto';
import { secretBuffer } from '../secret-buffer.ts';

const BLOCK_BYTES = 64;
const HASH_BYTES = 32;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
/** A card number has no more. Longer data is copied on its way. */
const ROOM_BYTES = 32;

/**
 * RFC 2104: H((K XOR opad) ‖ H((K XOR ipad) ‖ data)), with both padded keys kept in front of room for what is
 * hashed behind them. `createHmac` makes two native objects for each text, which takes nearly twice as long as
 * two one-shot hashes (mac.bench.ts).
 *
 * @example key `Jefe`, data `what do ya want for nothing?` gives 5bdcc146…64ec3843 (RFC 4231, test case 2)
 */
export class HmacSha256 {
  readonly #inner = secretBuffer(BLOCK_BYTES + ROOM_BYTES);
  readonly #outer = secretBuffer(BLOCK_BYTES + HASH_BYTES);

  /** @param key of any length, copied: a longer one than 64 bytes is hashed first, as RFC 2104 has it */
  constructor(key: Buffer) {
    const block = key.length > BLOCK_BYTES ? hash('sha256', key, 'buffer') : key;
    for (let at = 0; at < BLOCK_BYTES; at += 1) {
      const byte = block[at] ?? 0;
      this.#inner[at] = byte ^ INNER_PAD;
      this.#outer[at] = byte ^ OUTER_PAD;
    }
    if (block !== key) block.fill(0);
  }

  /** 64 lower-case hex digits. */
  hexOf(data: Buffer): string {
    // As characters of one byte each: the quickest way out of a one-shot hash.
    this.#outer.write(this.#innerOf(data), BLOCK_BYTES, 'latin1');
    return hash('sha256', this.#outer, 'hex');
  }

  #innerOf(data: Buffer): string {
    const end = BLOCK_BYTES + data.length;
    const fits = data.length <= ROOM_BYTES;
    const whole = fits ? this.#inner.subarray(0, end) : secretBuffer(end);
    if (!fits) this.#inner.copy(whole, 0, 0, BLOCK_BYTES);
    data.copy(whole, BLOCK_BYTES);
    const inner = hash('sha256', whole, 'binary');
    whole.fill(0, fits ? BLOCK_BYTES : 0);
    return inner;
  }

  wipe(): void {
    this.#inner.fill(0);
    this.#outer.fill(0);
  }
}
