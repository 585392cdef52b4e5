/**
 * Optional blocks of a key block's header: identifier, length, data, all in ASCII. The length counts
 * the block's own characters: two hexadecimal digits, or, for long data, `00`, how many digits follow,
 * and those digits. Source: ANSI X9.143, optional blocks.
 */
import { PosError } from '../../protocol/index.ts';

export interface OptionalBlock {
  /** Two capital letters or digits: KS key serial number, KC and KP check values, TS time, LB label, CT certificate, PB padding … */
  readonly id: string;
  /** Printable ASCII. */
  readonly data: string;
}

const SHORT_HEAD = 4;
const LONG_HEAD = 10;
const SHORT_MAX = 0xff;
const PADDING_ID = 'PB';

/**
 * @param from where the first block begins in `text`
 * @returns the blocks, and where the last one ends
 * @throws KEY_BLOCK_BAD a block is malformed, ends behind the text, comes twice, or padding is not the last
 */
export function parseOptionalBlocks(
  text: string,
  from: number,
  count: number,
): { readonly optional: readonly OptionalBlock[]; readonly characters: number } {
  const optional: OptionalBlock[] = [];
  let at = from;
  for (let number = 1; number <= count; number += 1) {
    const id = text.slice(at, at + 2);
    if (!/^[A-Z0-9]{2}$/.test(id)) throw bad(number, 'its identifier is not two capital letters or digits');
    if (optional.some((other) => other.id === id)) throw bad(number, 'its identifier came before');
    if (optional.at(-1)?.id === PADDING_ID)
      throw bad(number, 'padding comes before it, which must be the last');
    const { head, characters } = lengthOf(text, at, number);
    if (characters < head) throw bad(number, 'its length does not cover its own head');
    const data = text.slice(at + head, at + characters);
    if (data.length !== characters - head) throw bad(number, 'it ends behind the end of the text');
    if (!/^[\x20-\x7E]*$/.test(data)) throw bad(number, 'it holds more than printable ASCII');
    optional.push({ id, data });
    at += characters;
  }
  return { optional, characters: at };
}

/**
 * The blocks as text, followed by a `PB` block when they do not fill whole cipher blocks.
 *
 * @throws KEY_BLOCK_BAD a block is longer than 65535 characters, or there are more than 99
 */
export function formatOptionalBlocks(
  optional: readonly OptionalBlock[],
  blockBytes: number,
): { readonly count: number; readonly text: string } {
  const text = optional.map(formatBlock).join('');
  const beyond = text.length % blockBytes;
  const count = optional.length + (beyond === 0 ? 0 : 1);
  if (count > 99)
    throw new PosError('KEY_BLOCK_BAD', `key block header: ${count} optional blocks, at most 99`);
  if (beyond === 0) return { count, text };
  const missing = blockBytes - beyond;
  const characters = missing < SHORT_HEAD ? missing + blockBytes : missing;
  return { count, text: text + formatBlock({ id: PADDING_ID, data: '0'.repeat(characters - SHORT_HEAD) }) };
}

function formatBlock({ id, data }: OptionalBlock): string {
  const short = SHORT_HEAD + data.length;
  if (short <= SHORT_MAX) return id + hexDigits(short, 2) + data;
  const long = LONG_HEAD + data.length;
  if (long > 0xffff)
    throw new PosError('KEY_BLOCK_BAD', `key block header: ${data.length} characters in one optional block`);
  return `${id}0004${hexDigits(long, 4)}${data}`;
}

function lengthOf(text: string, at: number, number: number): { head: number; characters: number } {
  const short = hexNumber(text.slice(at + 2, at + 4), 2);
  if (short === undefined) throw bad(number, 'its length is not two hexadecimal digits');
  if (short > 0) return { head: SHORT_HEAD, characters: short };
  const digits = hexNumber(text.slice(at + 4, at + 6), 2);
  if (digits === undefined || digits < 1 || digits > 4)
    throw bad(number, 'its long form does not have one to four digits of length');
  const long = hexNumber(text.slice(at + 6, at + 6 + digits), digits);
  if (long === undefined) throw bad(number, 'its long length is not hexadecimal');
  return { head: 6 + digits, characters: long };
}

function hexNumber(text: string, digits: number): number | undefined {
  return text.length === digits && /^[0-9A-F]+$/.test(text) ? Number.parseInt(text, 16) : undefined;
}

function hexDigits(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

function bad(number: number, why: string): PosError {
  return new PosError('KEY_BLOCK_BAD', `key block header, optional block ${number}: ${why}`);
}
