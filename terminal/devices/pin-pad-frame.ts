/**
 * The PIN pad's frame: `STX | nibble-split(CMD STATE LEN(2) DATA XOR) | ETX`.
 *
 * Each byte between STX and ETX goes as two, `0x30 | high nibble` then `0x30 | low nibble`, so STX and
 * ETX can never be data and a reader that joined in mid-frame is right again at the next STX. LEN is
 * big endian and counts DATA; XOR runs over CMD to the last byte of DATA. Source: facts on hardware,
 * section 1.1, family D. Pure: no timers. The driver calls `drop` when a frame stops half-way.
 */
import { ensure } from '../../protocol/index.ts';

export const STX = 0x02;
export const ETX = 0x03;
/** Longest DATA that either side accepts: a MAC over the longest message and some room. */
export const PAD_DATA_BYTES_MAX = 4096;
const FIXED_BYTES = 5;
const NIBBLES_MAX = 2 * (FIXED_BYTES + PAD_DATA_BYTES_MAX);

export interface PadFrame {
  readonly command: number;
  /** 0 in a request; see PAD_STATES in an answer. */
  readonly state: number;
  readonly data: Buffer;
}

/** Bytes that were no frame. Only counted: they may hold parts of a card number. */
export interface Rejected {
  readonly count: number;
  readonly reason: 'noise' | 'cut short' | 'wrong byte' | 'too long' | 'wrong length' | 'wrong check';
}

export interface Fed {
  readonly frames: readonly PadFrame[];
  readonly rejected: readonly Rejected[];
}

export function encodePadFrame(frame: PadFrame): Buffer {
  ensure(frame.data.length <= PAD_DATA_BYTES_MAX, `a PIN pad frame of ${frame.data.length} data bytes`);
  const clear = Buffer.alloc(FIXED_BYTES + frame.data.length);
  clear[0] = frame.command;
  clear[1] = frame.state;
  clear.writeUInt16BE(frame.data.length, 2);
  frame.data.copy(clear, 4);
  clear[clear.length - 1] = xorOf(clear.subarray(0, -1));
  const wire = Buffer.alloc(2 + 2 * clear.length);
  wire[0] = STX;
  for (const [at, byte] of clear.entries()) {
    wire[1 + 2 * at] = 0x30 | (byte >> 4);
    wire[2 + 2 * at] = 0x30 | (byte & 0x0f);
  }
  wire[wire.length - 1] = ETX;
  return wire;
}

/** Finds frames in a stream that may be cut anywhere and may hold noise. Every byte is in a frame, rejected, or pending. */
export class PadFrameSplitter {
  /** Nibbles since STX, or undefined outside a frame. */
  #nibbles: number[] | undefined;
  #noise = 0;
  #rejected: Rejected[] = [];
  #frames: PadFrame[] = [];

  feed(chunk: Buffer): Fed {
    for (const byte of chunk) this.#take(byte);
    this.#endNoise();
    return this.#result();
  }

  /** Gives up a frame that stopped half-way. */
  drop(): Fed {
    this.#abandon('cut short', 0);
    return this.#result();
  }

  /** Bytes of a frame that has begun and not ended, STX included. */
  get pendingBytes(): number {
    return this.#nibbles === undefined ? 0 : 1 + this.#nibbles.length;
  }

  #take(byte: number): void {
    if (byte === STX) {
      this.#endNoise();
      this.#abandon('cut short', 0);
      this.#nibbles = [];
    } else if (this.#nibbles === undefined) {
      this.#noise += 1;
    } else if (byte === ETX) {
      this.#close(this.#nibbles);
    } else if ((byte & 0xf0) !== 0x30) {
      this.#abandon('wrong byte', 1);
    } else {
      this.#nibbles.push(byte & 0x0f);
      if (this.#nibbles.length > NIBBLES_MAX) this.#abandon('too long', 0);
    }
  }

  #close(nibbles: readonly number[]): void {
    const clear = Buffer.alloc(nibbles.length >> 1);
    for (const at of clear.keys()) clear[at] = ((nibbles[2 * at] ?? 0) << 4) | (nibbles[2 * at + 1] ?? 0);
    const lengthIsRight =
      nibbles.length % 2 === 0 &&
      clear.length >= FIXED_BYTES &&
      clear.readUInt16BE(2) === clear.length - FIXED_BYTES;
    if (!lengthIsRight) {
      this.#abandon('wrong length', 1);
    } else if (xorOf(clear) !== 0) {
      // The XOR over everything, check byte included, is zero when the check byte is right.
      this.#abandon('wrong check', 1);
    } else {
      this.#nibbles = undefined;
      this.#frames.push({
        command: clear.readUInt8(0),
        state: clear.readUInt8(1),
        data: clear.subarray(4, -1),
      });
    }
  }

  #abandon(reason: Rejected['reason'], more: number): void {
    if (this.#nibbles === undefined) return;
    this.#rejected.push({ count: this.pendingBytes + more, reason });
    this.#nibbles = undefined;
  }

  #endNoise(): void {
    if (this.#noise > 0) this.#rejected.push({ count: this.#noise, reason: 'noise' });
    this.#noise = 0;
  }

  #result(): Fed {
    const fed = { frames: this.#frames, rejected: this.#rejected };
    this.#frames = [];
    this.#rejected = [];
    return fed;
  }
}

function xorOf(bytes: Buffer): number {
  let check = 0;
  for (const byte of bytes) check ^= byte;
  return check;
}
