import type { Message } from './message.ts';
import { announcedCount, type Column, type Shape } from './shape.ts';
import { decodeText, isAscii } from './text.ts';

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
    const { spec } = column;
    const start = (this.#starts[column.segment] as number) + column.relative;
    const count =
      column.prefix === 0 ? spec.length : announcedCount(this.#body, start - column.prefix, column.prefix);
    switch (spec.format) {
      case 'n':
        return this.#nibbles(column, start, count);
      case 'z':
        return this.#nibbles(column, start, count).toUpperCase();
      case 'b':
        this.#hex ??= this.#body.toString('hex');
        return this.#hex.substring(start * 2, (start + count) * 2).toUpperCase();
      case 'xn':
        this.#latin ??= this.#body.toString('latin1');
        return this.#latin.charAt(start) + this.#nibbles(column, start + 1, count);
      case 'an':
      case 'ans':
        return this.#text(column, start, count);
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
    const first = start * 2 + (column.right ? count & 1 : 0);
    return this.#hex.substring(first, first + count);
  }

  #text(column: Column, start: number, count: number): string {
    this.#latin ??= this.#body.toString('latin1');
    const latin = this.#latin.substring(start, start + count);
    const text = isAscii(latin) ? latin : decodeText(this.#body.subarray(start, start + count));
    return column.spec.trim ? text.replace(/ +$/, '') : text;
  }
}
