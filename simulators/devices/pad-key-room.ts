/**
 * The PIN pad's second line, which is there in a key room only: a key-loading device brings a master key over it, in
 * components, or as a key block under a key that both share. The terminal's line refuses the same command.
 *
 * ```
 * component   01, which 1, of 1, component 16 or 32   answer: its check value 3
 * finish      02, check value 3                       the components are the master key, triple DES
 * abandon     03                                      answer: -
 * share       04, check value 3                       they are the key-loading key: 16 triple DES, 32 AES-256
 * block       05, check value 3, key block            the master key, TR-31 version D under AES, B under triple DES
 * ```
 *
 * Finish, share and block compare the check value with the one that the pad finds before anything changes, and answer
 * with the latter. States: 20 another check value; 21 no key-loading key yet; 24 the block was changed, or made under
 * another key; 30 anything else. Then components are wiped, and the pad keeps the keys that it had. State 25, with the
 * check value: it uses the new key, but could not write it to its memory, and after a power cut has the one before; the
 * same key brought again is written again.
 *
 * Components come as bytes and are wiped: what was read, the frame in it, the payload, and what was kept of it.
 */
import { aesCheckValue, checkValue, fromHex, secretBuffer, tdesCipher, toHex } from '../../keys/index.ts';
import { type FailureCode, PosError } from '../../protocol/index.ts';
import { PAD_SET_ASIDE, PAD_STATES } from '../../terminal/index.ts';
import type { DeviceLine } from './device-line.ts';
import { type PadRequest, PadRequests, padAnswer } from './pad-wire.ts';
import type { SimulatedPinPad } from './simulated-pin-pad.ts';

export const KEY_ROOM_ACTS = { component: 1, finish: 2, abandon: 3, share: 4, block: 5 } as const;
const CHANGES = new Set<number | undefined>([KEY_ROOM_ACTS.finish, KEY_ROOM_ACTS.share, KEY_ROOM_ACTS.block]);
const TDES_BYTES = 16;
const AES_BYTES = 32;
const CHECK_VALUE_BYTES = 3;
/** Of this line only: the terminal never brings a key. */
const NOT_DURABLE = 0x25;

const STATE_OF_FAILURE: Partial<Record<FailureCode, keyof typeof PAD_STATES>> = {
  KEY_CHECK_VALUE: 'checkValue',
  KEY_UNKNOWN: 'noKey',
  KEY_BLOCK_BAD: 'badPackage',
};

export class PadKeyRoom {
  readonly #line: DeviceLine;
  readonly #pad: Pick<SimulatedPinPad, 'injectTmk' | 'injectBlock' | 'padKeys'>;
  readonly #requests = new PadRequests();
  readonly #components: Buffer[] = [];
  #count = 0;
  /** One act after the other: an answer says that the key is durable. */
  #turn: Promise<void> = Promise.resolve();

  constructor(line: DeviceLine, pad: Pick<SimulatedPinPad, 'injectTmk' | 'injectBlock' | 'padKeys'>) {
    this.#line = line;
    this.#pad = pad;
    line.onData((chunk) => {
      const requests = this.#requests.push(chunk);
      chunk.fill(0);
      for (const request of requests) this.#turn = this.#turn.then(() => this.#serve(request));
    });
  }

  plug(): Promise<void> {
    return this.#line.plug();
  }

  /** The cable is pulled: what was entered is gone. */
  async unplug(): Promise<void> {
    await this.#turn;
    this.#wipe();
    await this.#line.unplug();
  }

  async #serve({ command, sequence, payload }: PadRequest): Promise<void> {
    const answer = (state: number, data: Buffer = Buffer.alloc(0)) =>
      this.#line.write(padAnswer(command, state, sequence, data));
    if (command !== PAD_SET_ASIDE.loadMasterKey.code) {
      answer(PAD_STATES.unknown.code);
      return;
    }
    try {
      const found = this.#execute(payload);
      answer(await this.#restState(payload), found);
    } catch (error) {
      this.#wipe();
      if (!(error instanceof PosError)) throw error;
      answer(PAD_STATES[STATE_OF_FAILURE[error.code] ?? 'badData'].code);
    } finally {
      payload.fill(0);
    }
  }

  /** What an act that changed a key is answered, once it is known whether that rests. */
  async #restState(payload: Buffer): Promise<number> {
    if (!CHANGES.has(payload[0])) return PAD_STATES.done.code;
    try {
      await this.#pad.padKeys.saved();
      return PAD_STATES.done.code;
    } catch (error) {
      if (!(error instanceof PosError)) throw error;
      return NOT_DURABLE;
    }
  }

  #execute(payload: Buffer): Buffer {
    // A component's bytes may stand there: they never become a text.
    const expected = () => toHex(payload.subarray(1, 1 + CHECK_VALUE_BYTES));
    const behind = payload.subarray(1 + CHECK_VALUE_BYTES);
    switch (payload[0]) {
      case KEY_ROOM_ACTS.component:
        return this.#take(payload);
      case KEY_ROOM_ACTS.finish:
        this.#refuseUnfinished(payload);
        return this.#found(this.#pad.injectTmk(this.#components, '3des', expected()));
      case KEY_ROOM_ACTS.abandon:
        this.#wipe();
        return Buffer.alloc(0);
      case KEY_ROOM_ACTS.share: {
        this.#refuseUnfinished(payload);
        const algorithm = this.#components[0]?.length === AES_BYTES ? 'aes-256' : '3des';
        return this.#found(this.#pad.padKeys.share(this.#components, algorithm, expected()).checkValue);
      }
      case KEY_ROOM_ACTS.block:
        return this.#found(this.#pad.injectBlock(behind.toString('latin1'), expected()));
      default:
        throw new PosError('INPUT_BAD', 'no such act of a key room');
    }
  }

  #take(payload: Buffer): Buffer {
    const [which = 0, count = 0] = payload.subarray(1, 3);
    const component = payload.subarray(3);
    const isNext = which === this.#components.length + 1 && which <= count && (count === 2 || count === 3);
    const [first = component] = this.#components;
    const fits =
      (this.#components.length === 0 || count === this.#count) && component.length === first.length;
    if (!isNext || !fits) throw new PosError('INPUT_BAD', 'a component out of turn, or of another length');
    const shown = checkValueOf(component);
    this.#count = count;
    const kept = secretBuffer(component.length);
    kept.set(component);
    this.#components.push(kept);
    return shown;
  }

  #refuseUnfinished(payload: Buffer): void {
    const isWhole = this.#count > 0 && this.#components.length === this.#count;
    if (!isWhole || payload.length !== 1 + CHECK_VALUE_BYTES)
      throw new PosError('INPUT_BAD', 'a component is missing');
  }

  #found(hex: string): Buffer {
    this.#wipe();
    return fromHex(hex, 'check value');
  }

  #wipe(): void {
    for (const component of this.#components.splice(0)) component.fill(0);
    this.#count = 0;
  }
}

/** Three bytes. @throws INPUT_BAD neither double-length triple DES nor AES-256 */
function checkValueOf(key: Buffer): Buffer {
  if (key.length === AES_BYTES) return aesCheckValue(key);
  if (key.length !== TDES_BYTES) throw new PosError('INPUT_BAD', 'a component of another length');
  const cipher = tdesCipher(key);
  const value = checkValue(cipher);
  cipher.wipe();
  return value;
}
