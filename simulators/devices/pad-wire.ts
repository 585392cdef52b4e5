/**
 * The PIN pad's side of the frame, written from the fact sheet and not from the driver's codec: a
 * mistake in one of them shows as a failure instead of cancelling out. A frame may carry a component of a key: it is
 * built and read byte by byte, never as a text, and what it was read from is wiped.
 */
import { secretBuffer } from '../../keys/index.ts';

export interface PadRequest {
  readonly command: number;
  readonly sequence: number;
  /** Whoever takes it wipes it when it may be secret. */
  readonly payload: Buffer;
}

const STX = 0x02;
const ETX = 0x03;
const ZERO = 0x30;
/** Command, state, length (two), sequence; the check follows the payload. */
const HEAD_BYTES = 5;
const CHECK_BYTES = 1;
/** What a length of two bytes allows, as nibbles: more without an end is noise. */
const PENDING_MAX = 2 * (HEAD_BYTES + 0xffff + CHECK_BYTES) + 1;

/** The whole frame, of secret memory: who writes a secret wipes it afterwards. Requests have the same form, state 0. */
export function padAnswer(command: number, state: number, sequence: number, payload: Buffer): Buffer {
  const clear = secretBuffer(HEAD_BYTES + payload.length + CHECK_BYTES);
  clear.writeUInt8(command, 0);
  clear.writeUInt8(state, 1);
  clear.writeUInt16BE(1 + payload.length, 2);
  clear.writeUInt8(sequence, 4);
  payload.copy(clear, HEAD_BYTES);
  clear.writeUInt8(checkOf(clear.subarray(0, -CHECK_BYTES)), clear.length - CHECK_BYTES);
  const frame = secretBuffer(2 * clear.length + 2);
  frame.writeUInt8(STX, 0);
  for (const [at, byte] of clear.entries()) {
    frame.writeUInt8(ZERO + (byte >> 4), 1 + 2 * at);
    frame.writeUInt8(ZERO + (byte & 0x0f), 2 + 2 * at);
  }
  frame.writeUInt8(ETX, frame.length - 1);
  clear.fill(0);
  return frame;
}

/** Collects what comes and gives the well-formed requests in it; everything else is forgotten, as a cheap pad does. */
export class PadRequests {
  #rest = secretBuffer(0);

  /** @param chunk stays the caller's, who wipes it where a secret may come */
  push(chunk: Buffer): readonly PadRequest[] {
    const all = secretBuffer(this.#rest.length + chunk.length);
    this.#rest.copy(all);
    chunk.copy(all, this.#rest.length);
    this.#rest.fill(0);
    const requests: PadRequest[] = [];
    let from = 0;
    for (let end = all.indexOf(ETX); end >= 0; end = all.indexOf(ETX, from)) {
      const part = all.subarray(from, end);
      const request = requestOf(part.subarray(part.lastIndexOf(STX) + 1));
      if (request !== undefined) requests.push(request);
      from = end + 1;
    }
    const rest = all.subarray(from);
    this.#rest = secretBuffer(rest.length > PENDING_MAX ? 0 : rest.length);
    rest.copy(this.#rest);
    all.fill(0);
    return requests;
  }
}

function requestOf(nibbles: Buffer): PadRequest | undefined {
  const isFrame = nibbles.length % 2 === 0 && nibbles.every((nibble) => nibble >> 4 === ZERO >> 4);
  if (!isFrame || nibbles.length / 2 < HEAD_BYTES + CHECK_BYTES) return undefined;
  const clear = secretBuffer(nibbles.length / 2);
  for (const at of clear.keys())
    clear.writeUInt8(((nibbles.readUInt8(2 * at) & 0x0f) << 4) | (nibbles.readUInt8(2 * at + 1) & 0x0f), at);
  try {
    const payload = clear.subarray(HEAD_BYTES, -CHECK_BYTES);
    // Over a whole frame, its check among it, the check is zero.
    if (clear.readUInt16BE(2) !== 1 + payload.length || checkOf(clear) !== 0) return undefined;
    const own = secretBuffer(payload.length);
    payload.copy(own);
    return { command: clear.readUInt8(0), sequence: clear.readUInt8(4), payload: own };
  } finally {
    clear.fill(0);
  }
}

/** XOR over all bytes. */
function checkOf(clear: Buffer): number {
  let check = 0;
  for (const byte of clear) check ^= byte;
  return check;
}
