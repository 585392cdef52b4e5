/** One direction of one connection, frame by frame (two length bytes, then that many). */
export type Fault =
  | { readonly kind: 'drop' }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'delay'; readonly ms: number }
  /** `offset` counts from the byte behind the length; negative from the end. One bit is turned. */
  | { readonly kind: 'corrupt'; readonly offset: number };

export interface Passed {
  readonly bytes: Buffer;
  readonly fault: Fault | undefined;
}

const LENGTH_BYTES = 2;
/** More than any frame of the dialect: whoever announces more is no frame, and passes byte by byte. */
const FRAME_BYTES_MAX = 8_192;

export class FrameGate {
  readonly #nextFault: () => Fault | undefined;
  #rest: Buffer = Buffer.alloc(0);

  /** @param nextFault is asked once for each whole frame */
  constructor(nextFault: () => Fault | undefined) {
    this.#nextFault = nextFault;
  }

  /** Whole frames, each with what is to happen to it; a half frame waits for its end. */
  push(chunk: Buffer): readonly Passed[] {
    const passed: Passed[] = [];
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= LENGTH_BYTES) {
      const length = LENGTH_BYTES + this.#rest.readUInt16BE(0);
      if (length > FRAME_BYTES_MAX) return [...passed, { bytes: this.flush(), fault: undefined }];
      if (this.#rest.length < length) break;
      passed.push(this.#judge(Buffer.from(this.#rest.subarray(0, length))));
      this.#rest = this.#rest.subarray(length);
    }
    return passed;
  }

  /** The half frame that was there when the sender went away: it passes as it is. */
  flush(): Buffer {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest;
  }

  #judge(frame: Buffer): Passed {
    const fault = this.#nextFault();
    if (fault?.kind !== 'corrupt') return { bytes: frame, fault };
    const bodyBytes = frame.length - LENGTH_BYTES;
    const at = fault.offset < 0 ? bodyBytes + fault.offset : fault.offset;
    if (at >= 0 && at < bodyBytes) frame[LENGTH_BYTES + at] = (frame[LENGTH_BYTES + at] ?? 0) ^ 0x01;
    return { bytes: frame, fault };
  }
}
