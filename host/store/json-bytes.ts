/**
 * JSON written straight into bytes, as JSON.stringify spells it and in UTF-8: what is hashed, summed and handed to a
 * database as bytes is then never a text, which each of them would make flat and encode anew.
 */
import { codeAt } from '../../protocol/index.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The most that one UTF-16 unit takes in UTF-8. */
const UNIT_BYTES = 3;
/** So many are copied before the engine would have been called to do it. */
const FEW_BYTES = 128;
/** Whole numbers are written in parts of so many digits, with which a processor reckons fast. */
const PART_DIGITS = 9;
const PART = 10 ** PART_DIGITS;
/** A minus sign and the digits of a safe integer. */
const WHOLE_BYTES = 17;
/** Values that lie deeper are left to JSON.stringify, which also says of a circle that it is one. */
const DEPTH_MAX = 8;

export class JsonBytes {
  #bytes: Buffer;
  #length = 0;
  #unfaithful = 0;

  /** @param room bytes; where they do not suffice, more are taken */
  constructor(room: number) {
    this.#bytes = Buffer.allocUnsafe(room);
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  /** How many texts were written that no database keeps as they are: see `isFaithful`. */
  get unfaithful(): number {
    return this.#unfaithful;
  }

  /** The bytes from one place to another, not copied: they stay as they are, whatever is written behind them. */
  between(from: number, to: number): Buffer {
    return this.#bytes.subarray(from, to);
  }

  /** A character of ASCII as it stands. */
  mark(character: number): void {
    this.#need(1);
    this.#bytes[this.#length] = character;
    this.#length += 1;
  }

  /** A text of ASCII as it stands, without quotation marks. */
  plain(text: string): void {
    const { length } = text;
    this.#need(length);
    const bytes = this.#bytes;
    const start = this.#length;
    for (let at = 0; at < length; at += 1) bytes[start + at] = codeAt(text, at);
    this.#length = start + length;
  }

  /** A text as it stands, without quotation marks. */
  raw(text: string): void {
    this.#need(text.length * UNIT_BYTES);
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** What another one holds from one place to another, as it stands. */
  copy(other: JsonBytes, from: number, to: number): void {
    const length = to - from;
    this.#need(length);
    const [bytes, start] = [this.#bytes, this.#length];
    const others = other.#bytes;
    if (length > FEW_BYTES) others.copy(bytes, start, from, to);
    else for (let at = 0; at < length; at += 1) bytes[start + at] = others[from + at] as number;
    this.#length = start + length;
  }

  text(text: string): void {
    const { length } = text;
    this.#need(length + 2);
    const bytes = this.#bytes;
    let place = this.#length;
    bytes[place] = QUOTE;
    for (let at = 0; at < length; at += 1) {
      const unit = codeAt(text, at);
      if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) {
        this.#spelled(JSON.stringify(text));
        return;
      }
      place += 1;
      bytes[place] = unit;
    }
    bytes[place + 1] = QUOTE;
    this.#length = place + 2;
  }

  /** What JSON.stringify wrote. */
  #spelled(json: string): void {
    if (!isFaithful(json)) this.#unfaithful += 1;
    this.raw(json);
  }

  /** @param count a safe integer */
  whole(count: number): void {
    this.#need(WHOLE_BYTES);
    let rest = count;
    if (rest < 0) {
      this.mark(MINUS);
      rest = -rest;
    }
    if (rest >= PART) {
      const high = Math.floor(rest / PART);
      this.#digits(high, digitsOf(high));
      this.#digits(rest - high * PART, PART_DIGITS);
    } else this.#digits(rest, digitsOf(rest));
  }

  #digits(count: number, digits: number): void {
    const bytes = this.#bytes;
    const start = this.#length;
    let rest = count | 0;
    for (let at = start + digits - 1; at >= start; at -= 1) {
      const tenth = (rest / 10) | 0;
      bytes[at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
    this.#length = start + digits;
  }

  /** Any value, null where it has no form. @throws whatever JSON.stringify throws */
  value(value: unknown, depth = 0): void {
    switch (typeof value) {
      case 'string':
        this.text(value);
        return;
      case 'number':
        if (Number.isSafeInteger(value)) this.whole(value);
        else this.plain(JSON.stringify(value));
        return;
      case 'boolean':
        this.plain(value ? 'true' : 'false');
        return;
      case 'object':
        if (value === null) this.plain('null');
        else if (depth === DEPTH_MAX) this.#foreign(value);
        else if (Array.isArray(value)) this.#list(value, depth);
        else this.#object(value, depth);
        return;
      default:
        this.#foreign(value);
    }
  }

  /** A value that is not written piece by piece. */
  #foreign(value: unknown): void {
    this.#spelled((JSON.stringify(value) as string | undefined) ?? 'null');
  }

  #list(values: readonly unknown[], depth: number): void {
    this.mark(OPEN_LIST);
    for (let at = 0; at < values.length; at += 1) {
      if (at > 0) this.mark(COMMA);
      this.value(values[at], depth + 1);
    }
    this.mark(CLOSE_LIST);
  }

  #object(value: object, depth: number): void {
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) {
      this.#foreign(value);
      return;
    }
    const [start, unfaithful] = [this.#length, this.#unfaithful];
    let before = OPEN_OBJECT;
    for (const name in value) {
      const member = (value as Readonly<Record<string, unknown>>)[name];
      if (member === undefined) continue;
      if (typeof member === 'function' || typeof member === 'symbol') {
        // It may be how the object wants to be written.
        this.#length = start;
        this.#unfaithful = unfaithful;
        this.#foreign(value);
        return;
      }
      this.mark(before);
      before = COMMA;
      this.text(name);
      this.mark(COLON);
      this.value(member, depth + 1);
    }
    if (before === OPEN_OBJECT) this.mark(OPEN_OBJECT);
    this.mark(CLOSE_OBJECT);
  }

  #need(room: number): void {
    const needed = this.#length + room;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** @param count below PART, not negative */
function digitsOf(count: number): number {
  let digits = 1;
  for (let least = 10; least <= count; least *= 10) digits += 1;
  return digits;
}

// JSON.stringify writes NUL and half surrogate pairs as escapes; an even number of backslashes before
// them is escaped text, not an escape.
const UNFAITHFUL = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/;

/** Whether a database keeps every text in this JSON as it is: neither a NUL nor half a surrogate pair is in it. */
export function isFaithful(json: string): boolean {
  return !(json.includes('\\u') && UNFAITHFUL.test(json));
}
