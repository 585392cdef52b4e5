/**
 * The fixed-length file of a merchant's day. Every line is 299 bytes and a line feed: a header (`HDR`),
 * one record a row, a trailer (`TRL`) with counts and totals, an end mark (`END`).
 *
 * Our header, trailer and end mark are additions: a record of the layout starts with an institution code,
 * which is digits, so that a reader of plain records can tell and skip them.
 */
import iconv from 'iconv-lite';
import { ensure, type FenDelta } from '../../protocol/index.ts';
import { COMN_BYTES, COMN_FIELDS, type ComnField, type ComnRow, settled } from './comn-columns.ts';
import type { MerchantDay, PricedDay } from './model.ts';

const SEPARATOR = Buffer.from(' ');
const LINE_END = Buffer.from('\n');

/** What a character that GBK does not have is written as: visibly wrong rather than silently another. */
export const NOT_IN_GBK = '〓';

export function comnFile(day: PricedDay, merchant: MerchantDay, rows: readonly ComnRow[]): Buffer {
  const lines = [
    freeRecord(['HDR', 'ZUNKA-COMN', '01', ...identity(day, merchant), 'CNY', merchant.nameZh]),
    ...rows.map(record),
    freeRecord(['TRL', ...identity(day, merchant), ...totals(rows)]),
    freeRecord(['END', ...identity(day, merchant)]),
  ];
  return Buffer.concat(lines.flatMap((line) => [line, LINE_END]));
}

/** Merchant, business date and file number: enough to see that header, trailer and end belong together. */
function identity(day: PricedDay, merchant: MerchantDay): string[] {
  return [merchant.merchantId.padEnd(15), day.businessDate, String(day.sequence).padStart(2, '0')];
}

/** Rows, then count and sum of amounts that the merchant gets and gives back, then both fees, then the net. */
function totals(rows: readonly ComnRow[]): string[] {
  const got = rows.filter(({ movement }) => movement.net >= 0);
  const given = rows.filter(({ movement }) => movement.net < 0);
  const sum = (part: readonly ComnRow[], of: (row: ComnRow) => number) =>
    String(part.reduce((so, row) => so + of(row), 0)).padStart(15, '0');
  const net = rows.reduce((so, row) => so + row.movement.net, 0) as FenDelta;
  return [
    String(rows.length).padStart(9, '0'),
    String(got.length).padStart(9, '0'),
    sum(got, (row) => Math.abs(row.movement.gross)),
    String(given.length).padStart(9, '0'),
    sum(given, (row) => Math.abs(row.movement.gross)),
    sum(rows, (row) => Math.max(row.movement.fee, 0)),
    sum(rows, (row) => Math.max(-row.movement.fee, 0)),
    settled(net),
  ];
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

/** GBK, and 〓 for what it does not have (rare characters of names, other scripts). */
export function toGbk(text: string): Buffer {
  const parts: Buffer[] = [];
  for (const character of text) {
    const bytes = iconv.encode(character, 'gbk');
    parts.push(iconv.decode(bytes, 'gbk') === character ? bytes : iconv.encode(NOT_IN_GBK, 'gbk'));
  }
  return Buffer.concat(parts);
}
