import type { Message } from './message.ts';
import type { Column, Shape } from './shape.ts';
import { decodeText, isAscii } from './text.ts';

/**
 * A message whose bytes were found right. Values are cut when asked for, out of one text of the whole message;
 * nothing but `bytes` and `macData` looks at the bytes again.
 */
export class DecodedMessage implements Message {
  readonly mti: string;
  readonly #body: Buffer;
  readonly #shape: Shape;
  /** What `transcribe` wrote: MTI and values. */
  readonly #text: string;
  /** Where each segment begins in the text; behind a prefix, the count follows. */
  readonly #marks: readonly number[];
  /** No ans holds a byte beyond ASCII. */
  readonly #isAscii: boolean;
  /** Those of the shape, as the text is. */
  readonly #places: Int32Array;

  constructor(body: Buffer, shape: Shape, text: string, marks: readonly number[], isAscii: boolean) {
    this.mti = text.substring(0, 4);
    this.#body = body;
    this.#shape = shape;
    this.#text = text;
    this.#marks = marks;
    this.#isAscii = isAscii;
    this.#places = isAscii ? shape.places : shape.placesBeyondAscii;
  }

  has(field: number): boolean {
    return this.#shape.columns[field] !== undefined;
  }

  get(field: number): string | undefined {
    const place = this.#places[field] ?? 0;
    if (place > 0) {
      // See Place; its bits stand here as figures, because names for them would be variables in the bundle.
      const start = (this.#marks[place & 0xff] as number) + ((place >> 8) & 0xfff);
      return this.#text.substring(start, start + (place >> 20));
    }
    return place === 0 ? undefined : this.#cut(this.#shape.columns[field] as Column);
  }

  /** The value of a field whose length the message says, or that is not all of what stands there. */
  #cut(column: Column): string {
    const start = (this.#marks[column.mark] as number) + column.relative;
    const length = column.length || (this.#marks[column.mark + 1] as number) * column.unit;
    const from = column.right ? start + (length & 1) : start;
    const value = this.#text.substring(from, from + length);
    return column.text ? this.#textOf(column, value) : value;
  }

  fields(): readonly number[] {
    return this.#shape.fields;
  }

  get unknown(): readonly number[] {
    return this.#shape.unknown;
  }

  bytes(field: 52 | 64): Buffer | undefined {
    const column = this.#shape.columns[field];
    if (column === undefined) return undefined;
    const start = this.#byteOf(column);
    return this.#body.subarray(start, start + (column.length >> 1));
  }

  macData(): Buffer | undefined {
    const column = this.#shape.columns[64];
    return column === undefined ? undefined : this.#body.subarray(0, this.#byteOf(column));
  }

  toObject(): { mti: string; fields: Record<number, string> } {
    const fields: Record<number, string> = {};
    for (const field of this.#shape.fields) fields[field] = this.get(field) as string;
    return { mti: this.mti, fields };
  }

  #textOf({ trim }: Column, characters: string): string {
    const text =
      this.#isAscii || isAscii(characters) ? characters : decodeText(Buffer.from(characters, 'latin1'));
    return trim ? text.replace(/ +$/, '') : text;
  }

  /** Where a fixed value begins in the bytes. */
  #byteOf(column: Column): number {
    const { segments, head } = this.#shape;
    let at = head + column.bytesBefore;
    for (let index = 0; index < column.segment; index += 1) {
      const segment = segments[index] as (typeof segments)[number];
      const count = segment.prefix === 0 ? 0 : (this.#marks[segment.mark + 1] as number);
      at += segment.prefix === 0 ? segment.bytes : segment.prefix;
      at += segment.packed ? (count + 1) >> 1 : count;
    }
    return at;
  }
}
