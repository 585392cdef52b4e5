/**
 * The ceremony in which people make a key that none of them knows: two or three components, each entered by
 * another custodian, combined by XOR. A state machine: what is not in the table cannot happen, every step is
 * in the key log before it has an effect, and an abort wipes all that was entered.
 */
import { ensure, PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { toHex } from '../hex.ts';
import { aesCheckValue, checkValue } from '../material/check-value.ts';
import { checkKey, combineComponents, KEY_BYTES } from '../material/key-quality.ts';
import { refuseKnownKey } from '../material/known-keys.ts';
import { sameBytes } from '../same-bytes.ts';
import type { Custodian } from '../vault/key-file.ts';
import type { KeyEvent, KeyLogPort } from '../vault/key-log.ts';
import { isCustodian } from './custodians.ts';
import { typedComponent } from './typed-component.ts';

/** From which state each step may be taken, and where it leads. */
// biome-ignore format: a table is read by column
const STEPS = {
  admit:   { from: ['custodian due'],                                                          to: 'component due' },
  enter:   { from: ['component due'],                                                          to: 'component shown' },
  reject:  { from: ['component shown'],                                                        to: 'component due' },
  confirm: { from: ['component shown'],                                                        to: 'custodian due' },
  combine: { from: ['custodian due'],                                                          to: 'key shown' },
  accept:  { from: ['key shown'],                                                              to: 'accepted' },
  abort:   { from: ['custodian due', 'component due', 'component shown', 'key shown'],         to: 'aborted' },
} as const satisfies Record<string, { from: readonly string[]; to: string }>;

type Step = keyof typeof STEPS;
export type CeremonyState = (typeof STEPS)[Step]['from'][number] | (typeof STEPS)[Step]['to'];

export interface CeremonyOptions {
  /** The key's name in the log. */
  readonly subject: string;
  readonly algorithm: '3des' | 'sm4' | 'aes-256';
  readonly count: 2 | 3;
  readonly custodians: readonly Custodian[];
  readonly log: KeyLogPort;
  readonly now: () => number;
  /** Takes published and patterned components. Default false. */
  readonly testMode?: boolean;
}

export class Ceremony {
  readonly #options: CeremonyOptions;
  readonly #components: Buffer[] = [];
  readonly #admitted: string[] = [];
  #entered: Buffer | null = null;
  #key: Buffer | null = null;
  #state: CeremonyState = 'custodian due';

  constructor(options: CeremonyOptions) {
    this.#options = options;
  }

  get state(): CeremonyState {
    return this.#state;
  }

  /** How many components are confirmed. */
  get confirmed(): number {
    return this.#components.length;
  }

  /** Who entered a component, in order. */
  get custodians(): readonly string[] {
    return this.#admitted;
  }

  /**
   * The next custodian proves who they are. The caller wipes the password.
   *
   * @throws NOT_AUTHORISED wrong name or password: which is not told; FOUR_EYES entered a component already
   */
  async admit(name: string, password: Buffer): Promise<void> {
    this.#refuseUnless('admit');
    ensure(this.confirmed < this.#options.count, 'a component is missing');
    if (!(await isCustodian(this.#options.custodians, name, password))) {
      // The name is what somebody typed: it may be a password.
      await this.#note('custodian refused', 'somebody');
      throw new PosError('NOT_AUTHORISED', 'no custodian of this name and password');
    }
    if (this.#admitted.includes(name)) {
      await this.#note('custodian refused', name, { detail: 'entered a component already' });
      throw new PosError('FOUR_EYES', `custodian ${name} entered a component already: another one must`);
    }
    await this.#note('custodian admitted', name);
    this.#admitted.push(name);
    this.#state = STEPS.admit.to;
  }

  /**
   * A component, as typed: hexadecimal digits, spaces between them as you like. Wiped before this returns.
   *
   * @returns its check value, to compare with the custodian's record
   * @throws KEY_BAD what is wrong with it, never what stood there; the same custodian may try again
   */
  async enter(typed: Buffer): Promise<string> {
    this.#refuseUnless('enter');
    let component: Buffer | null = null;
    try {
      component = typedComponent(typed, KEY_BYTES[this.#options.algorithm]);
      this.#refuseUnfit(component);
      const shown = this.#checkValueOf(component);
      await this.#note('component entered', this.#custodian(), { checkValue: shown });
      this.#entered = component;
      this.#state = STEPS.enter.to;
      return shown;
    } catch (error) {
      component?.fill(0);
      if (error instanceof PosError && error.code === 'KEY_BAD')
        await this.#note('component refused', this.#custodian(), { detail: error.detail });
      throw error;
    } finally {
      typed.fill(0);
    }
  }

  /** The check value is not that of the custodian's record: they type it again. */
  async reject(): Promise<void> {
    this.#refuseUnless('reject');
    await this.#note('component rejected', this.#custodian());
    this.#entered?.fill(0);
    this.#entered = null;
    this.#state = STEPS.reject.to;
  }

  async confirm(): Promise<void> {
    this.#refuseUnless('confirm');
    await this.#note('component confirmed', this.#custodian());
    ensure(this.#entered !== null, 'a component was entered');
    this.#components.push(this.#entered);
    this.#entered = null;
    this.#state = STEPS.confirm.to;
  }

  /**
   * All components are in.
   *
   * @returns check value of the whole key
   * @throws KEY_BAD together they make a weak key; abort then
   */
  async combine(): Promise<string> {
    this.#refuseUnless('combine');
    const { algorithm, count, subject, testMode } = this.#options;
    if (this.confirmed < count)
      throw new PosError('NOT_ALLOWED_NOW', `${this.confirmed} of ${count} components are in`);
    const key = combineComponents(this.#components, subject);
    try {
      checkKey(algorithm, key, subject);
      if (testMode !== true) refuseKnownKey(key, subject);
      const shown = this.#checkValueOf(key);
      await this.#note('components combined', this.#admitted.join(', '), { checkValue: shown });
      this.#wipeComponents();
      this.#key = key;
      this.#state = STEPS.combine.to;
      return shown;
    } catch (error) {
      key.fill(0);
      throw error;
    }
  }

  /** All custodians say that it is the key. @returns the key, which the caller wipes */
  async accept(): Promise<Buffer> {
    this.#refuseUnless('accept');
    await this.#note('key accepted', this.#admitted.join(', '));
    ensure(this.#key !== null, 'the key was combined');
    const key = this.#key;
    this.#key = null;
    this.#state = STEPS.accept.to;
    return key;
  }

  /** Wipes everything first, whatever the log says. Aborting again, or after the end, does nothing. */
  async abort(why: string): Promise<void> {
    const mayAbort: readonly CeremonyState[] = STEPS.abort.from;
    if (!mayAbort.includes(this.#state)) return;
    this.#state = STEPS.abort.to;
    this.#wipeComponents();
    this.#entered?.fill(0);
    this.#key?.fill(0);
    await this.#note('ceremony aborted', this.#admitted.join(', ') || 'nobody', { detail: why });
  }

  #refuseUnless(step: Step): void {
    const from: readonly CeremonyState[] = STEPS[step].from;
    if (!from.includes(this.#state))
      throw new PosError(
        'NOT_ALLOWED_NOW',
        `the ceremony is at "${this.#state}": ${step} is not its next step`,
      );
  }

  #refuseUnfit(component: Buffer): void {
    const what = `component ${this.confirmed + 1}`;
    if (component.every((byte) => byte === 0)) throw new PosError('KEY_BAD', `${what}: all bytes are zero`);
    if (this.#components.some((other) => sameBytes(other, component)))
      throw new PosError('KEY_BAD', `${what}: it equals one that was entered before`);
    if (this.#options.testMode !== true) refuseKnownKey(component, what);
  }

  #checkValueOf(bytes: Buffer): string {
    const { algorithm } = this.#options;
    if (algorithm === 'aes-256') return toHex(aesCheckValue(bytes));
    const cipher = new BlockCipher(algorithm, bytes);
    const shown = toHex(checkValue(cipher));
    cipher.wipe();
    return shown;
  }

  #custodian(): string {
    return this.#admitted.at(-1) ?? 'nobody';
  }

  async #note(act: string, by: string, more: Pick<KeyEvent, 'checkValue' | 'detail'> = {}): Promise<void> {
    await this.#options.log.append([
      { act, subject: this.#options.subject, by, at: this.#options.now(), ...more },
    ]);
  }

  #wipeComponents(): void {
    for (const component of this.#components) component.fill(0);
  }
}
