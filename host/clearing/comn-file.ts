/**
 * The fixed-length file of a merchant's day. Every line is 299 bytes and a line feed: a header (`HDR`),
 * one record a row, a trailer (`TRL`) with counts and totals, an end mark (`END`).
 *
 * Our header, trailer and end mark are additions: a record of the layout starts with an institution code,
 * which is digits, so that a reader of plain records can tell and skip them.
 */
import iconv from 'iconv-lite';
import { ensure, fenDelta } from '../../protocol/index.ts';
import { COMN_BYTES, COMN_FIELDS, type ComnField, type ComnRow, settled } from './comn-columns.ts';
import type { MerchantDay, Movement, PricedDay } from './model.ts';

const SEPARATOR = Buffer.from(' ');
const LINE_END = Buffer.from('\n');

/** What a character that GBK does not have is written as: visibly wrong rather than silently another. */
export const NOT_IN_GBK = '〓';

export async function comnFile(
  day: PricedDay,
  merchant: MerchantDay,
  rows: AsyncIterable<readonly ComnRow[]>,
): Promise<Buffer> {
  const of = identity(day, merchant);
  const written = [line(freeRecord(['HDR', 'ZUNKA-COMN', '01', ...of, 'CNY', merchant.nameZh]))];
  const totals = new Totals();
  for await (const piece of rows) {
    written.push(Buffer.concat(piece.map((row) => line(record(row)))));
    for (const { movement } of piece) totals.add(movement);
  }
  written.push(line(freeRecord(['TRL', ...of, ...totals.told])), line(freeRecord(['END', ...of])));
  return Buffer.concat(written);
}

function line(record: Buffer): Buffer {
  return Buffer.concat([record, LINE_END]);
}

/** Merchant, business date and file number: enough to see that header, trailer and end belong together. */
function identity(day: PricedDay, merchant: MerchantDay): string[] {
  return [merchant.merchantId.padEnd(15), day.businessDate, String(day.sequence).padStart(2, '0')];
}

/** Rows, then count and sum of amounts that the merchant gets and gives back, then both fees, then the net. */
class Totals {
  #got = { rows: 0, gross: 0 };
  #given = { rows: 0, gross: 0 };
  #charged = 0;
  #returned = 0;
  #net = 0;

  add({ gross, fee, net }: Movement): void {
    const side = net >= 0 ? this.#got : this.#given;
    side.rows += 1;
    side.gross += Math.abs(gross);
    this.#charged += Math.max(fee, 0);
    this.#returned += Math.max(-fee, 0);
    this.#net += net;
  }

  get told(): string[] {
    const count = (rows: number) => String(rows).padStart(9, '0');
    const sum = (fen: number) => String(fen).padStart(15, '0');
    return [
      count(this.#got.rows + this.#given.rows),
      count(this.#got.rows),
      sum(this.#got.gross),
      count(this.#given.rows),
      sum(this.#given.gross),
      sum(this.#charged),
      sum(this.#returned),
      settled(fenDelta(this.#net)),
    ];
  }
}

function record(row: ComnRow): Buffer {
  const parts = COMN_FIELDS.flatMap((field, index) => {
    const cell = padded(field, field.value?.(row) ?? '');
    return index === 0 ? [cell] : [SEPARATOR, cell];
  });
  const line = Buffer.concat(parts);
  ensure(line.length === COMN_BYTES, `a record of ${line.length} bytes`);
  return line;
}

function padded(field: ComnField, text: string): Buffer {
  const bytes = toGbk(text);
  ensure(bytes.length <= field.length, `${field.name}: ${bytes.length} bytes in ${field.length}`);
  if (field.pad === 'number') return Buffer.from(text.padStart(field.length, '0'), 'latin1');
  return Buffer.concat([bytes, Buffer.alloc(field.length - bytes.length, ' ')]);
}

/** Header, trailer and end: values with a space between, filled with spaces; a long name is cut by characters. */
function freeRecord(values: readonly string[]): Buffer {
  const filled = Buffer.alloc(COMN_BYTES, ' ');
  let at = 0;
  for (const character of values.join(' ')) {
    const bytes = toGbk(character);
    if (at + bytes.length > COMN_BYTES) break;
    at += bytes.copy(filled, at);
  }
  return filled;
}

const PRINTABLE = /^[ -~]*$/;

/** GBK, and 〓 for what it does not have (rare characters of names, other scripts). */
export function toGbk(text: string): Buffer {
  if (PRINTABLE.test(text)) return Buffer.from(text, 'latin1');
  const parts: Buffer[] = [];
  for (const character of text) {
    const bytes = iconv.encode(character, 'gbk');
    parts.push(iconv.decode(bytes, 'gbk') === character ? bytes : iconv.encode(NOT_IN_GBK, 'gbk'));
  }
  return Buffer.concat(parts);
}
