/**
 * Components of keys on their way into the vault: each is brought by another person, and none of them sees another's.
 * Until the last one is there they are in this process's memory, half an hour at most, and never anywhere else.
 */
import { BlockCipher, checkValue, fromHex, type KeyAlgorithm, toHex } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { Clock, Delay } from '../clock.ts';
import { isSamePerson } from './persons.ts';

const WAIT_MS = 30 * 60_000;

export type ComponentAlgorithm = Extract<KeyAlgorithm, '3des' | 'sm4'>;

/** One component as its custodian brings it. */
export interface Brought {
  /** 1, 2 or 3. */
  readonly number: number;
  readonly of: number;
  /** 32 hexadecimal digits. */
  readonly component: string;
  readonly algorithm: ComponentAlgorithm;
  /** Of this component, from the custodian's sheet, six hexadecimal digits; none: the answer is compared by eye. */
  readonly checkValue?: string;
  /** Of the whole key. */
  readonly keyCheckValue?: string;
}

/** A component that is here, or all of them. */
export type BroughtAnswer =
  | { readonly checkValue: string; readonly waitsFor: readonly number[] }
  | { readonly checkValue: string; readonly whole: Whole };

/** Everything that makes the key; the caller wipes the components. */
export interface Whole {
  readonly components: readonly Buffer[];
  readonly algorithm: ComponentAlgorithm;
  /** In the order of their components. */
  readonly persons: readonly string[];
  /** What somebody said that the whole key has. */
  readonly expected: string | null;
}

interface Waiting {
  readonly of: number;
  readonly algorithm: ComponentAlgorithm;
  readonly parts: Map<number, { readonly person: string; readonly bytes: Buffer }>;
  expected: string | null;
  readonly end: Delay;
}

export class ComponentDesk {
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes a component. The same person may bring the same one again, corrected.
   *
   * @param key its name in the vault
   * @throws FOUR_EYES who brought another component of it brings no second one; REQUEST_BAD a check value differs, and
   *   nothing is kept of this component; NOT_ALLOWED_NOW what waits is of another count, algorithm or key
   */
  bring(key: string, person: string, brought: Brought): BroughtAnswer {
    const { number, of, algorithm } = brought;
    if (number > of) throw new PosError('REQUEST_BAD', `number: ${number} of ${of}`);
    const before = this.#waiting.get(key);
    this.#refuseOthers(key, person, brought, before);
    const bytes = fromHex(brought.component, 'component', 'REQUEST_BAD');
    const found = checkValueOf(algorithm, bytes);
    if (brought.checkValue !== undefined && brought.checkValue.toUpperCase() !== found) {
      bytes.fill(0);
      throw new PosError('REQUEST_BAD', `component ${number}: 校验值不符 the check value is ${found}`);
    }
    const waiting = before ?? this.#begun(key, of, algorithm);
    waiting.parts.get(number)?.bytes.fill(0);
    waiting.parts.set(number, { person, bytes });
    waiting.expected = brought.keyCheckValue?.toUpperCase() ?? waiting.expected;
    const waitsFor = numbersTo(of).filter((one) => !waiting.parts.has(one));
    if (waitsFor.length > 0) return { checkValue: found, waitsFor };
    const parts = numbersTo(of).flatMap((one) => waiting.parts.get(one) ?? []);
    waiting.end.cancel();
    this.#waiting.delete(key);
    const { expected } = waiting;
    const whole = {
      components: parts.map((part) => part.bytes),
      persons: parts.map((part) => part.person),
      algorithm,
      expected,
    };
    return { checkValue: found, whole };
  }

  /** What waits is wiped, and its custodians begin again. @returns whether anything waited */
  drop(key: string): boolean {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return false;
    waiting.end.cancel();
    for (const { bytes } of waiting.parts.values()) bytes.fill(0);
    return this.#waiting.delete(key);
  }

  /** The host stops. */
  close(): void {
    for (const key of [...this.#waiting.keys()]) this.drop(key);
  }

  #begun(key: string, of: number, algorithm: ComponentAlgorithm): Waiting {
    const end = this.#clock.after(WAIT_MS, () => this.drop(key));
    const waiting = { of, algorithm, parts: new Map(), expected: null, end };
    this.#waiting.set(key, waiting);
    return waiting;
  }

  #refuseOthers(key: string, person: string, brought: Brought, before: Waiting | undefined): void {
    if (before === undefined) return;
    const { number, of, algorithm, keyCheckValue } = brought;
    const told = keyCheckValue?.toUpperCase() ?? before.expected;
    if (before.of !== of || before.algorithm !== algorithm || (before.expected ?? told) !== told)
      throw new PosError(
        'NOT_ALLOWED_NOW',
        `${key}: 已有分量等待,个数、算法或校验值不同 components wait for it, ${before.of} of ${before.algorithm}, or for another check value: bring one of those, or DELETE them`,
      );
    for (const [other, part] of before.parts) {
      const isSame = isSamePerson(part.person, person);
      if (other === number && !isSame)
        throw new PosError(
          'NOT_ALLOWED_NOW',
          `${key}: 分量 component ${number} 已录入 is here from ${part.person}`,
        );
      if (other !== number && isSame)
        throw new PosError(
          'FOUR_EYES',
          `${key}: ${person} 已录入分量 has brought component ${other}: another person must bring ${number}`,
        );
    }
  }
}

const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

function checkValueOf(algorithm: ComponentAlgorithm, bytes: Buffer): string {
  const cipher = new BlockCipher(algorithm, bytes);
  const value = toHex(checkValue(cipher));
  cipher.wipe();
  return value;
}
