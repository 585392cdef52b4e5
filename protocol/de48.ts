import { PosError } from './errors.ts';
import { amount12, type Fen, fen } from './money.ts';

/**
 * DE48: the totals of a settlement (0500, 0510) and the items of a batch upload (0320). Digits only.
 * Source: the dialect, clause «Settlement».
 */
export interface SideTotals {
  readonly debitAmount: Fen;
  readonly debitCount: number;
  readonly creditAmount: Fen;
  readonly creditCount: number;
}

/** Both sides: our own cards, then foreign ones, each with the result the host gave. */
export interface Totals {
  readonly own: SideTotals;
  readonly ownResult: number;
  readonly foreign: SideTotals;
  readonly foreignResult: number;
}

/** Result digits of the 0510; a request has `none`. */
export const RESULT = { none: 0, balanced: 1, unbalanced: 2, error: 3 } as const;

/** Amount 12, count 3, amount 12, count 3: one side without its result. */
const SIDE_DIGITS = 30;
const COUNT_DIGITS = 3;
/** Our HT widens its counts to six digits when three cannot tell the truth. */
const WIDE_COUNT_DIGITS = 6;

/** Reads the 62 digits of 0500 and 0510. Throws FIELD_BAD_LENGTH or FIELD_BAD_CONTENT on DE48. */
export function parseTotals(de48: string): Totals {
  digits(de48, 62, 62);
  const second = SIDE_DIGITS + 1;
  return {
    own: parseSide(de48.slice(0, SIDE_DIGITS), COUNT_DIGITS),
    ownResult: Number(de48[SIDE_DIGITS]),
    foreign: parseSide(de48.slice(second, second + SIDE_DIGITS), COUNT_DIGITS),
    foreignResult: Number(de48[second + SIDE_DIGITS]),
  };
}

/** The 62 digits. Throws FIELD_BAD_LENGTH for a count above 999, FIELD_BAD_CONTENT for a result above 3. */
export function buildTotals(totals: Totals): string {
  const side = (figures: SideTotals, result: number) => {
    if (![0, 1, 2, 3].includes(result)) throw badContent(`a settlement result is 0 to 3, not ${result}`);
    return buildSide(figures, COUNT_DIGITS) + String(result);
  };
  return side(totals.own, totals.ownResult) + side(totals.foreign, totals.foreignResult);
}

/** DE57 `HT`: the host's own figures, 60 digits in the order of DE48 without results. */
export function buildHt(own: SideTotals, foreign: SideTotals): string {
  const counts = [own.debitCount, own.creditCount, foreign.debitCount, foreign.creditCount];
  const width = Math.max(...counts) > 999 ? WIDE_COUNT_DIGITS : COUNT_DIGITS;
  return buildSide(own, width) + buildSide(foreign, width);
}

/** Reads `HT`: 60 digits, or 72 where a side has more than 999 items (counts of six digits). */
export function parseHt(text: string): { readonly own: SideTotals; readonly foreign: SideTotals } {
  const width = text.length === 72 ? WIDE_COUNT_DIGITS : COUNT_DIGITS;
  digits(text, 60, 72);
  const half = text.length / 2;
  if (half !== 24 + 2 * width) throw badLength(`HT has 60 or 72 digits, not ${text.length}`);
  return { own: parseSide(text.slice(0, half), width), foreign: parseSide(text.slice(half), width) };
}

/** One transaction of a batch upload. */
export interface UploadItem {
  /** 00 our own card, 01 a foreign one. */
  readonly cardClass: '00' | '01';
  readonly trace: string;
  readonly pan: string;
  readonly amount: Fen;
}

const ITEM_DIGITS = 40;
/** One 0320 carries no more: 2 + 8 × 40 digits fill DE48. */
export const UPLOAD_ITEMS_MAX = 8;

/** Reads a 0320: count n2, then class 2, trace 6, card number 20 (left zero padded), amount 12 an item. */
export function parseUpload(de48: string): { readonly items: readonly UploadItem[] } {
  digits(de48, 2, 2 + UPLOAD_ITEMS_MAX * ITEM_DIGITS);
  const count = Number(de48.slice(0, 2));
  if (de48.length !== 2 + count * ITEM_DIGITS) {
    throw badLength(`announces ${count} items and has ${de48.length - 2} digits of them`);
  }
  const items = Array.from({ length: count }, (_, index) => {
    const at = 2 + index * ITEM_DIGITS;
    const cardClass = de48.slice(at, at + 2);
    if (cardClass !== '00' && cardClass !== '01')
      throw badContent(`item ${index + 1} has the card class ${cardClass}`);
    return {
      cardClass,
      trace: de48.slice(at + 2, at + 8),
      pan: de48.slice(at + 8, at + 28).replace(/^0+/, ''),
      amount: fen(Number(de48.slice(at + 28, at + ITEM_DIGITS))),
    } as const;
  });
  return { items };
}

/** One to eight items. Throws FIELD_BAD_LENGTH or FIELD_BAD_CONTENT. */
export function buildUpload(items: readonly UploadItem[]): string {
  if (items.length > UPLOAD_ITEMS_MAX)
    throw badLength(`carries ${items.length} items, at most ${UPLOAD_ITEMS_MAX}`);
  const written = items.map(({ cardClass, trace, pan, amount }) => {
    if (!/^\d{6}$/.test(trace) || !/^\d{1,20}$/.test(pan))
      throw badContent('an item has no trace or card number');
    return cardClass + trace + pan.padStart(20, '0') + amount12(amount);
  });
  return String(items.length).padStart(2, '0') + written.join('');
}

/** The count that a 0330 says it took: its first two digits. */
export function parseUploadCount(de48: string): number {
  digits(de48, 2, 322);
  return Number(de48.slice(0, 2));
}

/** The upload's end message: the total count, n4. */
export function buildUploadEnd(count: number): string {
  if (!Number.isInteger(count) || count < 0 || count > 9_999) throw badContent(`a total count of ${count}`);
  return String(count).padStart(4, '0');
}

export function parseUploadEnd(de48: string): number {
  digits(de48, 4, 4);
  return Number(de48);
}

function parseSide(text: string, width: number): SideTotals {
  const second = 12 + width;
  return {
    debitAmount: fen(Number(text.slice(0, 12))),
    debitCount: Number(text.slice(12, second)),
    creditAmount: fen(Number(text.slice(second, second + 12))),
    creditCount: Number(text.slice(second + 12)),
  };
}

function buildSide(side: SideTotals, width: number): string {
  const count = (value: number) => {
    const text = String(value).padStart(width, '0');
    if (Number.isInteger(value) && value >= 0 && text.length === width) return text;
    throw badLength(`a count of ${value} does not fit ${width} digits`);
  };
  return (
    amount12(side.debitAmount) +
    count(side.debitCount) +
    amount12(side.creditAmount) +
    count(side.creditCount)
  );
}

function digits(text: string, least: number, most: number): void {
  if (text.length < least || text.length > most) throw badLength(`has ${text.length} digits`);
  if (!/^\d*$/.test(text)) throw badContent('is not digits only');
}

function badLength(what: string): PosError {
  return new PosError('FIELD_BAD_LENGTH', `DE48: ${what}`, { field: 48 });
}

function badContent(what: string): PosError {
  return new PosError('FIELD_BAD_CONTENT', `DE48: ${what}`, { field: 48 });
}
