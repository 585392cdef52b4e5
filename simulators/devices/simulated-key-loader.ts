/**
 * A key-loading device: custodians enter a component each, in turn; it brings them, or a key block, to a PIN pad over
 * a serial line and compares check values, whatever the pad says of them. Its frames are written from the page of
 * `pad-key-room.ts`, as a maker would. Components and frames are bytes that are wiped once written, never texts; what
 * the operating system keeps of a line that was written is out of reach.
 */
import { secretBuffer } from '../../keys/index.ts';
import { type FailureCode, PosError } from '../../protocol/index.ts';
import type { BytePort, Clock } from '../../terminal/index.ts';
import { padAnswer } from './pad-wire.ts';

const LOAD = 0x40;
const DONE = 0x00;
const CHECK_VALUE_BYTES = 3;
const KEPT = 'it keeps what it had';
/** What a pad's state says; every other is DEVICE_REFUSED, and it keeps the keys that it had. */
const REFUSALS: ReadonlyMap<number, { readonly code: FailureCode; readonly why: string }> = new Map([
  [0x20, { code: 'KEY_CHECK_VALUE', why: `the PIN pad found another check value: ${KEPT}` }],
  [0x21, { code: 'KEY_UNKNOWN', why: `the PIN pad has no key-loading key yet: bring that first: ${KEPT}` }],
  [0x24, { code: 'KEY_BLOCK_BAD', why: `the PIN pad cannot open the key block: ${KEPT}` }],
  [
    0x25,
    {
      code: 'DEVICE_REFUSED',
      why: 'the PIN pad uses the new key, but could not write it to its memory: after a power cut it has the old one. Bring the new one again',
    },
  ],
]);
/** A pad that writes a key to its memory takes a moment; a line without a pad is told by then. */
const ANSWER_MS = 8_000;

interface PadAnswer {
  readonly state: number;
  readonly payload: Buffer;
}

export class SimulatedKeyLoader {
  readonly #port: BytePort;
  readonly #clock: Pick<Clock, 'after'>;
  #waiting: { readonly sequence: number; readonly answered: (answer: PadAnswer) => void } | undefined;
  #heard = '';
  #sequence = 0;

  constructor(port: BytePort, clock: Pick<Clock, 'after'>) {
    this.#port = port;
    this.#clock = clock;
    port.onData((chunk) => this.#hear(chunk));
  }

  /**
   * @param which counted from 1
   * @param component 16 or 32 bytes; wiped
   * @returns the check value that the pad told, for the component's custodian to compare
   * @throws DEVICE_REFUSED, DEVICE_SILENT; DEVICE_GARBAGE it told none
   */
  async component(which: number, count: number, component: Buffer): Promise<string> {
    const payload = secretBuffer(3 + component.length);
    payload.set([1, which, count]);
    payload.set(component, 3);
    component.fill(0);
    const told = await this.#ask(payload);
    if (told.length !== 2 * CHECK_VALUE_BYTES)
      throw new PosError('DEVICE_GARBAGE', `the PIN pad told no check value of component ${which}`);
    return told;
  }

  /**
   * All components of the master key are in.
   *
   * @param expected six hex digits
   * @throws KEY_CHECK_VALUE also when the pad says that all is well and tells another, DEVICE_REFUSED, DEVICE_SILENT
   */
  finish(expected: string): Promise<string> {
    return this.#askFor(expected, Buffer.from(`02${expected}`, 'hex'));
  }

  /** All components are in, and are the key that pad and device share from now on. As `finish`. */
  share(expected: string): Promise<string> {
    return this.#askFor(expected, Buffer.from(`04${expected}`, 'hex'));
  }

  /** What the pad was brought so far is forgotten. */
  async abandon(): Promise<void> {
    await this.#ask(Buffer.from([3]));
  }

  /**
   * @param components two or three of the master key; wiped, whatever happens
   * @param expected check value of the whole key, six hex digits, from the custodians' sheets
   * @returns check values that the pad told: of each component, and of the key
   * @throws as `component` and `finish`
   */
  async load(
    components: readonly Buffer[],
    expected: string,
  ): Promise<{ readonly components: readonly string[]; readonly key: string }> {
    const told = await this.#bring(components);
    return { components: told, key: await this.finish(expected) };
  }

  /** The same for the key-loading key: 16 bytes triple DES, 32 AES-256. @throws as `component` and `share` */
  async loadShared(components: readonly Buffer[], expected: string): Promise<string> {
    await this.#bring(components);
    return this.share(expected);
  }

  /**
   * @param block the master key under the key-loading key, version D or B
   * @param expected its check value, six hex digits
   * @returns the check value that the pad found
   * @throws KEY_CHECK_VALUE, KEY_UNKNOWN, KEY_BLOCK_BAD, DEVICE_REFUSED, DEVICE_SILENT
   */
  loadBlock(block: string, expected: string): Promise<string> {
    const payload = Buffer.concat([Buffer.from(`05${expected}`, 'hex'), Buffer.from(block, 'latin1')]);
    return this.#askFor(expected, payload);
  }

  async #bring(components: readonly Buffer[]): Promise<readonly string[]> {
    const told: string[] = [];
    try {
      for (const [index, component] of components.entries())
        told.push(await this.component(index + 1, components.length, component));
      return told;
    } finally {
      for (const component of components) component.fill(0);
    }
  }

  /** What the pad answers is compared here: its word that the values agree is not enough. */
  async #askFor(expected: string, payload: Buffer): Promise<string> {
    const found = await this.#ask(payload);
    if (found === expected.toUpperCase()) return found;
    throw new PosError(
      'KEY_CHECK_VALUE',
      `the PIN pad took the key and tells ${found || 'no check value'} instead of ${expected}: it may have another key. Do not use it, bring the key again`,
    );
  }

  /** @param payload wiped */
  async #ask(payload: Buffer): Promise<string> {
    this.#sequence = (this.#sequence % 0xff) + 1;
    const sequence = this.#sequence;
    const answer = new Promise<PadAnswer>((resolve, reject) => {
      const late = this.#clock.after(ANSWER_MS, () =>
        reject(
          new PosError('DEVICE_SILENT', 'no PIN pad answers on this line: is its key-room line plugged in?'),
        ),
      );
      const answered = (found: PadAnswer) => {
        late.cancel();
        resolve(found);
      };
      this.#waiting = { sequence, answered };
      // Requests and answers have one form; the place of the state is zero in a request.
      const frame = padAnswer(LOAD, 0, sequence, payload);
      payload.fill(0);
      this.#port
        .write(frame)
        .catch((cause: unknown) => {
          late.cancel();
          reject(new PosError('DEVICE_ABSENT', 'the line to the PIN pad refused', { cause }));
        })
        .finally(() => frame.fill(0));
    });
    const { state, payload: told } = await answer;
    if (state === DONE) return told.toString('hex').toUpperCase();
    const refusal = REFUSALS.get(state);
    if (refusal !== undefined) throw new PosError(refusal.code, refusal.why);
    throw new PosError('DEVICE_REFUSED', `the PIN pad answers ${state.toString(16)}: ${KEPT}`);
  }

  /** What a pad tells is no secret. STX, nibbles as 30 to 3F, ETX: command 1, state 1, length 2, sequence 1, data, check 1. What is none is noise. */
  #hear(chunk: Buffer): void {
    const parts = (this.#heard + chunk.toString('latin1')).split('\x03');
    this.#heard = parts.pop() ?? '';
    for (const part of parts) {
      const nibbles = part.slice(part.lastIndexOf('\x02') + 1);
      if (!/^(?:[\x30-\x3f]{2}){6,}$/.test(nibbles)) continue;
      const hex = [...nibbles].map((one) => (one.charCodeAt(0) - 0x30).toString(16)).join('');
      const bytes = Buffer.from(hex, 'hex');
      const isWhole = bytes.reduce((check, byte) => check ^ byte, 0) === 0 && bytes[0] === LOAD;
      const waiting = this.#waiting;
      if (!isWhole || waiting === undefined || bytes[4] !== waiting.sequence) continue;
      waiting.answered({ state: bytes.readUInt8(1), payload: bytes.subarray(5, -1) });
    }
  }
}
