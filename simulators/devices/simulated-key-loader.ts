/**
 * A key-loading device: custodians enter a component each, in turn; it brings them to a PIN pad over a serial line and
 * compares check values. Its frames are written from the page of `pad-key-room.ts`, as a maker would.
 */
import { PosError } from '../../protocol/index.ts';
import type { BytePort } from '../../terminal/index.ts';
import { padAnswer } from './pad-wire.ts';

const LOAD = 0x40;
const DONE = 0x00;
const OTHER_CHECK_VALUE = 0x20;

export class SimulatedKeyLoader {
  readonly #port: BytePort;
  readonly #waiting: ((answer: { state: number; payload: Buffer }) => void)[] = [];
  #heard = '';
  #sequence = 0;

  constructor(port: BytePort) {
    this.#port = port;
    port.onData((chunk) => this.#hear(chunk));
  }

  /**
   * @param components two or three; wiped when they are delivered
   * @param expected check value of the whole key, six hex digits, from the custodians' sheets
   * @returns check values that the pad told: of each component, for its custodian, and of the key
   * @throws KEY_CHECK_VALUE the pad found another, and kept what it had; DEVICE_REFUSED
   */
  async load(
    components: readonly Buffer[],
    expected: string,
  ): Promise<{ readonly components: readonly string[]; readonly key: string }> {
    const told: string[] = [];
    for (const [index, component] of components.entries()) {
      told.push(await this.#ask(Buffer.concat([Buffer.from([1, index + 1, components.length]), component])));
      component.fill(0);
    }
    return { components: told, key: await this.#ask(Buffer.from(`02${expected}`, 'hex')) };
  }

  async #ask(payload: Buffer): Promise<string> {
    this.#sequence = (this.#sequence % 0xff) + 1;
    const answered = new Promise<{ state: number; payload: Buffer }>((resolve) =>
      this.#waiting.push(resolve),
    );
    // Requests and answers have one form; the place of the state is zero in a request.
    await this.#port.write(padAnswer(LOAD, 0, this.#sequence, payload));
    const answer = await answered;
    if (answer.state === OTHER_CHECK_VALUE)
      throw new PosError('KEY_CHECK_VALUE', 'the PIN pad found another check value: it keeps what it had');
    if (answer.state !== DONE)
      throw new PosError('DEVICE_REFUSED', `the PIN pad answers ${answer.state.toString(16)}`);
    return answer.payload.toString('hex').toUpperCase();
  }

  /** STX, nibbles as 30 to 3F, ETX: command 1, state 1, length 2, sequence 1, data, check 1. */
  #hear(chunk: Buffer): void {
    const parts = (this.#heard + chunk.toString('latin1')).split('\x03');
    this.#heard = parts.pop() ?? '';
    for (const part of parts) {
      const nibbles = [...part.slice(part.lastIndexOf('\x02') + 1)];
      const hex = nibbles.map((one) => (one.charCodeAt(0) - 0x30).toString(16)).join('');
      const bytes = Buffer.from(hex, 'hex');
      this.#waiting.shift()?.({ state: bytes.readUInt8(1), payload: bytes.subarray(5, -1) });
    }
  }
}
