import { ensure, PosError } from './errors.ts';

/**
 * The frame: LEN (2, big endian, not counting itself) · TPDU (5) · header (6) · body (MTI, bitmap, fields).
 * Source: the dialect, clause «Frame».
 */
const LENGTH_BYTES = 2;
const TPDU_BYTES = 5;
const HEADER_BYTES = 6;
const ADDRESS_BYTES = 2;

/** TPDU, header, MTI and bitmap: a frame that is shorter cannot be a message. */
export const FRAME_BYTES_MIN = TPDU_BYTES + HEADER_BYTES + 10;
/** The default for the longest frame; LEN could announce 65,535. */
export const FRAME_BYTES_MAX = 2_048;

/** Where the body begins in a frame with LEN: what to add to a decoder's offset to find the byte in a capture. */
export const BODY_OFFSET = LENGTH_BYTES + TPDU_BYTES + HEADER_BYTES;

/**
 * Cuts a TCP stream into frames, wherever it was cut before. One splitter serves one connection; once there is
 * a fault, the stream has lost its step and the connection is to be closed.
 */
export class FrameSplitter {
  readonly #bytesMax: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #fault: PosError | undefined;

  /** @param bytesMax longest frame taken, without LEN: 21…65,535 */
  constructor(bytesMax: number = FRAME_BYTES_MAX) {
    ensure(bytesMax >= FRAME_BYTES_MIN && bytesMax <= 0xffff, `a frame limit of ${bytesMax} bytes`);
    this.#bytesMax = bytesMax;
  }

  /** Bytes of a frame that has not come whole: above zero for long, the peer is to be dropped. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Why no more frames will come: FRAME_TOO_LONG or FRAME_TOO_SHORT, known as soon as a LEN is. */
  get fault(): PosError | undefined {
    return this.#fault;
  }

  /**
   * @returns the frames that are whole now, without LEN
   * Throws the fault. Frames that came whole before a bad LEN are delivered first, so that the outcome does not
   * depend on the cut: then the next push throws, and `fault` says so at once.
   */
  push(chunk: Buffer): Buffer[] {
    if (this.#fault !== undefined) throw this.#fault;
    if (chunk.length > 0) this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    const frames: Buffer[] = [];
    const first = this.#firstLength();
    if (first !== undefined && this.#pendingBytes >= LENGTH_BYTES + first) this.#cut(frames, first);
    const { fault } = this;
    if (fault !== undefined && frames.length === 0) throw fault;
    return frames;
  }

  /** Cuts all that is whole, the first frame being so; what is left is kept in one piece. */
  #cut(frames: Buffer[], first: number): void {
    const all = this.#pending.length === 1 ? (this.#pending[0] as Buffer) : Buffer.concat(this.#pending);
    let at = 0;
    let length: number | undefined = first;
    while (length !== undefined && all.length - at >= LENGTH_BYTES + length) {
      const end: number = at + LENGTH_BYTES + length;
      frames.push(all.subarray(at + LENGTH_BYTES, end));
      at = end;
      length = all.length - at < LENGTH_BYTES ? undefined : this.#judged(all.readUInt16BE(at));
    }
    this.#pending = at === all.length ? [] : [all.subarray(at)];
    this.#pendingBytes = all.length - at;
  }

  /** What the first LEN says, once both its bytes are there; undefined, too, when it cannot be. */
  #firstLength(): number | undefined {
    const [first, second] = this.#pending;
    if (first === undefined || this.#pendingBytes < LENGTH_BYTES) return undefined;
    const low = first.length > 1 ? first.readUInt8(1) : (second?.readUInt8(0) ?? 0);
    return this.#judged((first.readUInt8(0) << 8) | low);
  }

  /** A length that may be; undefined, and a fault, when it may not. */
  #judged(length: number): number | undefined {
    if (length > this.#bytesMax) {
      this.#fault = new PosError('FRAME_TOO_LONG', `${length} bytes announced, at most ${this.#bytesMax}`);
    } else if (length < FRAME_BYTES_MIN) {
      this.#fault = new PosError('FRAME_TOO_SHORT', `${length} bytes announced, at least ${FRAME_BYTES_MIN}`);
    }
    return this.#fault === undefined ? length : undefined;
  }
}

/** A frame taken apart, or about to be put together. */
export interface Envelope {
  /** `60`, destination (2 bytes), source (2 bytes). */
  readonly tpdu: Buffer;
  /** Twelve digits: 1–2 application, 3–4 version, 5 state, 6 processing requirement, 7–12 software. */
  readonly header: string;
  readonly body: Buffer;
}

/** Takes a frame without LEN apart. The parts are views of the frame. Throws FRAME_TOO_SHORT. */
export function openFrame(frame: Buffer): Envelope {
  if (frame.length < FRAME_BYTES_MIN) {
    throw new PosError('FRAME_TOO_SHORT', `${frame.length} bytes, at least ${FRAME_BYTES_MIN}`, {
      offset: 0,
    });
  }
  const bodyAt = TPDU_BYTES + HEADER_BYTES;
  return {
    tpdu: frame.subarray(0, TPDU_BYTES),
    // A nibble above 9 stays visible as A–F: the header is echoed, not judged.
    header: frame.toString('hex', TPDU_BYTES, bodyAt).toUpperCase(),
    body: frame.subarray(bodyAt),
  };
}

/** At module level: the bundle would make it anew at each call. */
const WIDE = /[^\x20-\x7e]/;

/** The bytes to send: LEN, TPDU, header, body. Throws INVARIANT for parts that no frame can have. */
export function buildFrame(envelope: { tpdu: Buffer; header: string; body: Buffer }): Buffer {
  const { tpdu, header, body } = envelope;
  const length = TPDU_BYTES + HEADER_BYTES + body.length;
  ensure(tpdu.length === TPDU_BYTES, `a TPDU of ${tpdu.length} bytes`);
  ensure(length <= 0xffff, `a frame of ${length} bytes`);
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + length);
  frame.writeUInt16BE(length, 0);
  tpdu.copy(frame, LENGTH_BYTES);
  // Written up to the first character that is no hexadecimal digit.
  const headerBytes = frame.write(header, LENGTH_BYTES + TPDU_BYTES, 'hex');
  // Of a wide character Node takes the low byte, as if it were a digit.
  const isWhole = headerBytes === HEADER_BYTES && header.length === HEADER_BYTES * 2 && !WIDE.test(header);
  ensure(isWhole, 'a header is twelve digits');
  body.copy(frame, BODY_OFFSET);
  return frame;
}

/** The TPDU of an answer: source and destination swapped. `6006010000` is answered by `6000000601`. */
export function answerTpdu(tpdu: Buffer): Buffer {
  ensure(tpdu.length === TPDU_BYTES, `a TPDU of ${tpdu.length} bytes`);
  const answer = Buffer.allocUnsafe(TPDU_BYTES);
  answer[0] = tpdu[0] as number;
  for (let at = 1; at <= ADDRESS_BYTES; at += 1) {
    answer[at] = tpdu[at + ADDRESS_BYTES] as number;
    answer[at + ADDRESS_BYTES] = tpdu[at] as number;
  }
  return answer;
}

/** What the host asks of the terminal in header digit 6, to be done when the transaction is over. */
// biome-ignore format: a table is read by column
export const WANTED = {
  nothing:            0,
  parameterDownload:  1,
  statusUpload:       2,
  signIn:             3,
  blacklistDownload:  7,
  settlement:         9, // ours
} as const;

/**
 * The header of an answer: the request's, but for digit 5 (0 normal, 1 test or training) and digit 6 (what
 * the host wants, `WANTED`; without one, 0: a request's own digit is not echoed back as a wish).
 */
export function answerHeader(header: string, changes: { testMode?: boolean; wanted?: number }): string {
  ensure(header.length === HEADER_BYTES * 2, 'a header is twelve digits');
  const wanted = changes.wanted ?? WANTED.nothing;
  ensure(Number.isInteger(wanted) && wanted >= 0 && wanted <= 9, `header digit 6 cannot be ${wanted}`);
  const state = changes.testMode === undefined ? header.charAt(4) : changes.testMode ? '1' : '0';
  return header.slice(0, 4) + state + String(wanted) + header.slice(6);
}
