/**
 * The magnetic stripe reader: silent until a swipe, then `[STX][ESC] %…? ;…? [CR][ETX]` (MagTek), or
 * the same with some marks switched off. A track that could not be read comes as `E`.
 *
 * Tracks live in one buffer that is wiped after use; they never reach a log or an error.
 */
import { isLuhnValid, PosError, parseReaderOutput, type Track2 } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import type { DeviceLink } from './device-link.ts';
import type { CardReader, DeviceState, SwipedCard } from './ports.ts';

const STX = 0x02;
const ETX = 0x03;
/** Silence that ends a swipe of a reader whose end mark is switched off. */
const QUIET_MS = 100;
const SWIPE_BYTES_MAX = 512;
/** A swipe again, and again, and again: then the card or the reader is bad. */
const SWIPES_AGAIN = 3;

interface Armed {
  readonly onBadRead: (left: number) => void;
  readonly done: (card: SwipedCard) => void;
  readonly fail: (error: PosError) => void;
  left: number;
}

export class SerialCardReader implements CardReader {
  readonly #link: DeviceLink;
  readonly #clock: Clock;
  #armed: Armed | undefined;
  #swipe: Buffer = Buffer.alloc(0);
  #quiet: { cancel(): void } | undefined;

  constructor(link: DeviceLink, clock: Clock) {
    this.#link = link;
    this.#clock = clock;
    link.onData((chunk) => this.#feed(chunk));
    link.onLost((error) => this.#armed?.fail(error));
  }

  state(): DeviceState {
    return this.#link.state;
  }

  async read(options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    onBadRead(left: number): void;
  }): Promise<SwipedCard> {
    if (this.#armed !== undefined) throw new PosError('DEVICE_BUSY', 'a swipe is already being waited for');
    await this.#link.needLine();
    // Somebody else may have armed it while this call waited for the line.
    if (this.#armed !== undefined) throw new PosError('DEVICE_BUSY', 'a swipe is already being waited for');
    return this.#link.whileBusy(() => this.#swiped(options));
  }

  #swiped(options: {
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
    onBadRead(left: number): void;
  }): Promise<SwipedCard> {
    const { timeoutMs, signal } = options;
    // Also by somebody who cancelled while the line was being opened: that signal comes only once.
    if (signal.aborted) return Promise.reject(new PosError('CANCELLED', 'before the swipe'));
    return new Promise<SwipedCard>((resolve, reject) => {
      const disarm = () => {
        timer.cancel();
        signal.removeEventListener('abort', abort);
        this.#armed = undefined;
        this.#forget();
      };
      const fail = (error: PosError) => {
        disarm();
        reject(error);
      };
      const abort = () => fail(new PosError('CANCELLED', 'while waiting for a swipe'));
      const timer = this.#clock.after(timeoutMs, () =>
        fail(new PosError('DEVICE_SILENT', `no card was swiped within ${timeoutMs} ms`)),
      );
      signal.addEventListener('abort', abort);
      this.#armed = {
        left: SWIPES_AGAIN,
        onBadRead: (left) => options.onBadRead(left),
        fail,
        done: (card) => {
          disarm();
          resolve(card);
        },
      };
    });
  }

  /** Bytes that come while nobody waits are dropped: a card that is swiped too early pays nothing. */
  #feed(chunk: Buffer): void {
    if (this.#armed === undefined) {
      chunk.fill(0);
      return;
    }
    const swipe = Buffer.concat([this.#swipe, chunk]).subarray(0, SWIPE_BYTES_MAX);
    this.#forget();
    chunk.fill(0);
    this.#swipe = swipe;
    if (swipe.includes(ETX) || swipe.length === SWIPE_BYTES_MAX) this.#judge();
    else this.#quiet = this.#clock.after(QUIET_MS, () => this.#judge());
  }

  #judge(): void {
    const armed = this.#armed;
    const swipe = this.#swipe;
    this.#swipe = Buffer.alloc(0);
    this.#quiet?.cancel();
    if (armed !== undefined && isSwipe(swipe)) {
      const card = cardOf(swipe);
      if (card !== undefined) armed.done(card);
      else badRead(armed);
    }
    swipe.fill(0);
  }

  #forget(): void {
    this.#quiet?.cancel();
    this.#swipe.fill(0);
    this.#swipe = Buffer.alloc(0);
  }
}

/** Line noise alone is not a swipe and costs no try. */
function isSwipe(bytes: Buffer): boolean {
  return bytes.includes(STX) || bytes.includes('%') || bytes.includes(';');
}

/** Track 2 decides; a bad track 1 only costs the name. Undefined: swipe again. */
function cardOf(swipe: Buffer): SwipedCard | undefined {
  try {
    const { track1, track2, bad } = parseReaderOutput(swipe);
    if (track2 === null || bad.includes(2) || !isLuhnValid(track2.pan) || !hasMonth(track2)) return undefined;
    const name = track1?.pan === track2.pan ? track1.name.trim() : '';
    return { track2, track1Name: name === '' ? null : name };
  } catch (error) {
    if (error instanceof PosError) return undefined;
    throw error;
  }
}

/** YYMM with a real month; whether the card has expired is for the host to say. */
function hasMonth(track2: Track2): boolean {
  const month = Number(track2.expiry.slice(2));
  return month >= 1 && month <= 12;
}

function badRead(armed: Armed): void {
  if (armed.left === 0) {
    armed.fail(new PosError('TRACK_BAD', `${SWIPES_AGAIN + 1} bad reads in a row`));
    return;
  }
  armed.onBadRead(armed.left);
  armed.left -= 1;
}
