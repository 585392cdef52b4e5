/**
 * The PIN pad's second line, which is there in a key room only: a key-loading device brings a master key over it, in
 * components. The terminal's line refuses the same command.
 *
 * ```
 * component   01, which 1, of 1, component 16     answer: its check value 3
 * finish      02, check value 3 of the whole key  answer: the check value 3 that the pad found; state 20: another, nothing kept
 * abandon     03                                  answer: -
 * ```
 */
import { checkValue, combineComponents, fromHex, tdesCipher } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import { PAD_SET_ASIDE, PAD_STATES } from '../../terminal/index.ts';
import type { DeviceLine } from './device-line.ts';
import { type PadRequest, PadRequests, padAnswer } from './pad-wire.ts';

export const KEY_ROOM_ACTS = { component: 1, finish: 2, abandon: 3 } as const;
const COMPONENT_BYTES = 16;
const CHECK_VALUE_BYTES = 3;

export class PadKeyRoom {
  readonly #line: DeviceLine;
  /** Takes the key's components when all is compared; gives the check value that it found. */
  readonly #inject: (components: readonly Buffer[]) => string;
  readonly #requests = new PadRequests();
  readonly #components: Buffer[] = [];
  #count = 0;

  constructor(line: DeviceLine, inject: (components: readonly Buffer[]) => string) {
    this.#line = line;
    this.#inject = inject;
    line.onData((chunk) => {
      for (const request of this.#requests.push(chunk)) this.#serve(request);
    });
  }

  /** The cable is pulled: what was entered is gone. */
  async unplug(): Promise<void> {
    this.#wipe();
    await this.#line.unplug();
  }

  #serve({ command, sequence, payload }: PadRequest): void {
    const answer = (state: keyof typeof PAD_STATES, data: Buffer = Buffer.alloc(0)) =>
      this.#line.write(padAnswer(command, PAD_STATES[state].code, sequence, data));
    if (command !== PAD_SET_ASIDE.loadMasterKey.code) {
      answer('unknown');
      return;
    }
    try {
      answer('done', this.#execute(payload));
    } catch (error) {
      this.#wipe();
      if (!(error instanceof PosError)) throw error;
      answer(error.code === 'KEY_CHECK_VALUE' ? 'checkValue' : 'badData');
    }
  }

  #execute(payload: Buffer): Buffer {
    switch (payload[0]) {
      case KEY_ROOM_ACTS.component:
        return this.#take(payload);
      case KEY_ROOM_ACTS.finish:
        return this.#finish(payload.subarray(1));
      case KEY_ROOM_ACTS.abandon:
        this.#wipe();
        return Buffer.alloc(0);
      default:
        throw new PosError('INPUT_BAD', 'no such act of a key room');
    }
  }

  #take(payload: Buffer): Buffer {
    const [which = 0, count = 0] = payload.subarray(1, 3);
    const component = payload.subarray(3);
    const isNext = which === this.#components.length + 1 && which <= count && (count === 2 || count === 3);
    const fits = this.#components.length === 0 || count === this.#count;
    if (!isNext || !fits || component.length !== COMPONENT_BYTES)
      throw new PosError('INPUT_BAD', 'a component out of turn, or of another length');
    this.#count = count;
    this.#components.push(Buffer.from(component));
    return checkValueOf(component);
  }

  #finish(expected: Buffer): Buffer {
    if (this.#count === 0 || this.#components.length !== this.#count || expected.length !== CHECK_VALUE_BYTES)
      throw new PosError('INPUT_BAD', 'a component is missing');
    const key = combineComponents(this.#components, 'master key');
    const found = checkValueOf(key);
    key.fill(0);
    // Compared before anything changes: a wrong component costs nobody the key that is there.
    if (!found.equals(expected)) throw new PosError('KEY_CHECK_VALUE', "the key's check value differs");
    const injected = fromHex(this.#inject(this.#components), 'check value');
    this.#wipe();
    return injected;
  }

  #wipe(): void {
    for (const component of this.#components.splice(0)) component.fill(0);
    this.#count = 0;
  }
}

/** Of double-length triple DES. */
function checkValueOf(key: Buffer): Buffer {
  const cipher = tdesCipher(key);
  const value = checkValue(cipher);
  cipher.wipe();
  return value;
}
