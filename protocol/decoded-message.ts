import type { Message } from './message.ts';
import { ASCII, announcedCount, BYTES, type Column, DIGITS, NIBBLES, type Shape, TEXT } from './shape.ts';
import { decodeText } from './text.ts';

/**
 * A message whose bytes were found right. Values are cut out of one text of the whole message, made when
 * the first value is asked for: a native call costs more than all the cutting (facts: performance, 1).
 */
export class DecodedMessage implements Message {
  readonly mti: string;
  readonly #body: Buffer;
  readonly #shape: Shape;
  /** The byte where each segment's value begins. */
  readonly #starts: readonly number[];
  #hex: string | undefined;
  #latin: string | undefined;

  constructor(mti: string, body: Buffer, shape: Shape, starts: readonly number[]) {
    this.mti = mti;
    this.#body = body;
    this.#shape = shape;
    this.#starts = starts;
    this.#hex = undefined;
    this.#latin = undefined;
  }

  has(field: number): boolean {
    return this.#shape.columns[field] !== undefined;
  }

  get(field: number): string | undefined {
    const column = this.#shape.columns[field];
    if (column === undefined) return undefined;
    const { prefix } = column;
    const start = (this.#starts[column.segment] as number) + column.relative;
    const count = prefix === 0 ? column.length : announcedCount(this.#body, start - prefix, prefix);
    switch (column.reading) {
      case DIGITS:
        return this.#nibbles(column, start, count);
      case NIBBLES:
        return this.#nibbles(column, start, count).toUpperCase();
      case BYTES:
        this.#hex ??= this.#body.toString('hex');
        return this.#hex.substring(start * 2, (start + count) * 2).toUpperCase();
      case ASCII:
        this.#latin ??= this.#body.toString('latin1');
        return this.#latin.substring(start, start + count);
      case TEXT:
        return this.#text(column, start, count);
      default:
        return this.#body.toString('latin1', start, start + 1) + this.#nibbles(column, start + 1, count);
    }
  }

  fields(): readonly number[] {
    return this.#shape.fields;
  }

  get unknown(): readonly number[] {
    return this.#shape.unknown;
  }

  macData(): Buffer | undefined {
    const column = this.#shape.columns[64];
    if (column === undefined) return undefined;
    return this.#body.subarray(0, (this.#starts[column.segment] as number) + column.relative);
  }

  toObject(): { mti: string; fields: Record<number, string> } {
    const fields: Record<number, string> = {};
    for (const field of this.#shape.fields) fields[field] = this.get(field) as string;
    return { mti: this.mti, fields };
  }

  #nibbles(column: Column, start: number, count: number): string {
    this.#hex ??= this.#body.toString('hex');
    const first = column.right ? start * 2 + (count & 1) : start * 2;
    return this.#hex.substring(first, first + count);
  }

  #text(column: Column, start: number, count: number): string {
    const end = start + count;
    let text: string;
    if (isAscii(this.#body, start, end)) {
      this.#latin ??= this.#body.toString('latin1');
      text = this.#latin.substring(start, end);
    } else text = decodeText(this.#body.subarray(start, end));
    return column.spec.trim ? text.replace(/ +$/, '') : text;
  }
}

function isAscii(body: Buffer, start: number, end: number): boolean {
  let all = 0;
  for (let at = start; at < end; at += 1) all |= body[at] as number;
  return all < 0x80;
}
