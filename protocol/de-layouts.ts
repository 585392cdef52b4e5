import { hasDigits } from './digits.ts';
import { PosError } from './errors.ts';
import { type FenDelta, fenDelta } from './money.ts';
import { decodeText, encodedBytes, encodeText, isAscii } from './text.ts';

/**
 * What stands inside the fields that hold more than one value: 53, 54, 60, 61, 62 of a sign-in, 63.
 * DE48 and DE57 have their own files. Readers throw FIELD_BAD_LENGTH or FIELD_BAD_CONTENT with the field's
 * number, writers too. Source: the dialect, clause «Fields».
 */

// ---- DE53: how PIN and tracks are protected ----------------------------------------------------------

export interface SecurityControl {
  /** Digit 1. */
  readonly pin: 'none' | 'without PAN' | 'with PAN';
  /** Digit 2. */
  readonly algorithm: 'single DES' | '3DES' | 'SM4';
  /** Digit 3. */
  readonly tracksEncrypted: boolean;
}

const PIN_DIGIT = { none: '0', 'without PAN': '1', 'with PAN': '2' } as const;
const ALGORITHM_DIGIT = { 'single DES': '0', '3DES': '6', SM4: '3' } as const;

export function parseDe53(text: string): SecurityControl {
  if (!/^\d{16}$/.test(text)) throw badLength(53, 'has sixteen digits');
  const pin = keyOf(PIN_DIGIT, text.charAt(0));
  const algorithm = keyOf(ALGORITHM_DIGIT, text.charAt(1));
  if (pin === undefined) throw badContent(53, `digit 1 is ${text.charAt(0)}`);
  if (algorithm === undefined) throw badContent(53, `digit 2 is ${text.charAt(1)}`);
  return { pin, algorithm, tracksEncrypted: text.charAt(2) === '1' };
}

/** @example buildDe53({ pin: 'with PAN', algorithm: '3DES', tracksEncrypted: true }) is '2610000000000000' */
export function buildDe53(control: SecurityControl): string {
  const { pin, algorithm, tracksEncrypted } = control;
  return `${PIN_DIGIT[pin]}${ALGORITHM_DIGIT[algorithm]}${tracksEncrypted ? '1' : '0'}`.padEnd(16, '0');
}

// ---- DE54: balances --------------------------------------------------------------------------------------

/** One amount of 20 characters. Readers go by account and type together: 0210, 0290, 0291, 6510. */
export interface Balance {
  /** Two digits: 02 the card account, 65 points. */
  readonly account: string;
  /** Two digits: 10 available, 90 principal, 91 bonus. */
  readonly type: string;
  /** Three digits: 156 yuan (the amount is fen), 000 points. */
  readonly currency: string;
  /** Sign C above or at zero, D below. */
  readonly amount: FenDelta;
}

const BALANCE_LENGTH = 20;
const BALANCES_MAX = 6;
const BALANCE_SHAPE = /^(\d{2})(\d{2})(\d{3})([CD])(\d{12})$/;
const AMOUNT_DIGITS = 12;

/** One to six amounts, the available balance first. */
export function parseDe54(text: string): readonly Balance[] {
  return Array.from({ length: checkBalances(text) }, (_, index) => {
    const match = BALANCE_SHAPE.exec(text.slice(index * BALANCE_LENGTH, (index + 1) * BALANCE_LENGTH));
    if (match === null) throw badBalance(index);
    const [, account = '', type = '', currency = '', sign, digits] = match;
    const amount = Number(digits);
    return { account, type, currency, amount: fenDelta(sign === 'D' ? -amount : amount) };
  });
}

/** @example buildDe54([{ account: '02', type: '10', currency: '156', amount: fenDelta(1234) }]) is '0210156C000000001234' */
export function buildDe54(balances: readonly Balance[]): string {
  let text = '';
  for (let index = 0; index < balances.length; index += 1) {
    const { account, type, currency, amount } = balances[index] as Balance;
    const digits = String(Math.abs(amount)).padStart(AMOUNT_DIGITS, '0');
    const isRight =
      hasDigits(account, 2) &&
      hasDigits(type, 2) &&
      hasDigits(currency, 3) &&
      hasDigits(digits, AMOUNT_DIGITS);
    if (!isRight) throw badBalance(index);
    text += `${account}${type}${currency}${amount < 0 ? 'D' : 'C'}${digits}`;
  }
  checkBalances(text);
  return text;
}

/** How many balances there are. */
function checkBalances(text: string): number {
  const count = text.length / BALANCE_LENGTH;
  if (!Number.isInteger(count) || count < 1 || count > BALANCES_MAX) {
    throw badLength(54, `has one to six amounts of 20 characters, not ${text.length} characters`);
  }
  return count;
}

function badBalance(index: number): PosError {
  return badContent(54, `amount ${index + 1} is not type, currency, sign, amount`);
}

// ---- DE60: what a transaction is, and its batch --------------------------------------------------------

export interface De60 {
  /** 60.1, two digits: the type of transaction. */
  readonly type: string;
  /** 60.2: the batch, 0…999,999. */
  readonly batch: number;
  /** 60.3, three digits: network management code; '' in the shortest form. */
  readonly code: string;
  /** What follows, 60.4 on: '', or 2, 3 or 6 digits. */
  readonly rest: string;
}

/** Every length that terminals send; 11 is ours without a chip. */
const DE60_LENGTHS: readonly number[] = [8, 11, 13, 14, 17];

export function parseDe60(text: string): De60 {
  if (!DE60_LENGTHS.includes(text.length))
    throw badLength(60, `has 8, 11, 13, 14 or 17 digits, not ${text.length}`);
  if (!hasDigits(text, text.length)) throw badContent(60, 'is not digits only');
  const batch = Number(text.slice(2, 8));
  return { type: text.slice(0, 2), batch, code: text.slice(8, 11), rest: text.slice(11) };
}

/** @example buildDe60({ type: '22', batch: 1, code: '000' }) is '22000001000' */
export function buildDe60(de60: Omit<De60, 'rest'> & { readonly rest?: string }): string {
  const text = de60.type + sixDigits(60, de60.batch) + de60.code + (de60.rest ?? '');
  parseDe60(text);
  return text;
}

// ---- DE61: the original transaction -------------------------------------------------------------------

export interface De61 {
  /** The original's batch, 0…999,999; 0 where it is not known. */
  readonly batch: number;
  /** The original's trace, six digits; zeros where it is not known. */
  readonly trace: string;
  /** The original's local date (its DE13), MMDD; null where the transaction does not need it. */
  readonly date: string | null;
}

/** Reads 12 or 16 digits; what UnionPay terminals may append (authorisation mode and body) is passed over. */
export function parseDe61(text: string): De61 {
  if (![12, 16, 18, 29].includes(text.length)) throw badLength(61, `has 12 or 16 digits, not ${text.length}`);
  if (!hasDigits(text, text.length)) throw badContent(61, 'is not digits only');
  const date = text.length >= 16 ? text.slice(12, 16) : null;
  return { batch: Number(text.slice(0, 6)), trace: text.slice(6, 12), date };
}

export function buildDe61(de61: De61): string {
  const { batch, trace, date } = de61;
  if (!/^\d{6}$/.test(trace) || !/^(?:\d{4})?$/.test(date ?? '')) {
    throw badContent(61, 'has a trace of six digits and a date of four');
  }
  return sixDigits(61, batch) + trace + (date ?? '');
}

// ---- DE62 of a sign-in answer: working keys ------------------------------------------------------------

/** A working key as it travels: encrypted under the TMK, with its check value. Upper-case hex. */
export interface WrappedKey {
  /** 16 bytes; a MAK of 8 bytes stands left, 8 zero bytes behind. Mode 001: 8 bytes. */
  readonly wrapped: string;
  /** 4 bytes. */
  readonly checkValue: string;
}

export interface WorkingKeys {
  readonly pik: WrappedKey;
  readonly mak: WrappedKey;
  /** Modes 004 and 005. */
  readonly tdk: WrappedKey | null;
}

/** Sign-in modes (60.3): how many keys of how many bytes DE62 carries. */
// biome-ignore format: a table is read by column
export const SIGN_IN_MODES = {
  '001': { keys: 2, keyBytes: 8,  algorithm: 'single DES', nameZh: '单倍长密钥' },
  '003': { keys: 2, keyBytes: 16, algorithm: '3DES',       nameZh: '双倍长密钥' },
  '004': { keys: 3, keyBytes: 16, algorithm: '3DES',       nameZh: '双倍长密钥含磁道密钥' },
  '005': { keys: 3, keyBytes: 16, algorithm: 'SM4',        nameZh: '国密密钥' },
} as const;

export type SignInMode = keyof typeof SIGN_IN_MODES;

const CHECK_VALUE_BYTES = 4;

/** Splits DE62 (hex): PIK, MAK and, by mode, TDK, each key followed by its check value. */
export function parseWorkingKeys(mode: SignInMode, de62: string): WorkingKeys {
  const { keys, keyBytes } = SIGN_IN_MODES[mode];
  const size = (keyBytes + CHECK_VALUE_BYTES) * 2;
  if (de62.length !== keys * size) {
    throw badLength(62, `has ${(keys * size) / 2} bytes in mode ${mode}, not ${de62.length / 2}`);
  }
  if (!/^[\dA-F]+$/i.test(de62)) throw badContent(62, 'is not hexadecimal');
  const [pik, mak, tdk] = Array.from({ length: keys }, (_, index) => {
    const slot = de62.slice(index * size, (index + 1) * size).toUpperCase();
    return { wrapped: slot.slice(0, keyBytes * 2), checkValue: slot.slice(keyBytes * 2) };
  });
  if (pik === undefined || mak === undefined) throw badLength(62, 'has no PIK and MAK');
  return { pik, mak, tdk: tdk ?? null };
}

export function buildWorkingKeys(mode: SignInMode, keys: WorkingKeys): string {
  const text = [keys.pik, keys.mak, keys.tdk]
    .map((key) => (key === null ? '' : key.wrapped + key.checkValue))
    .join('')
    .toUpperCase();
  parseWorkingKeys(mode, text);
  return text;
}

// ---- DE63: operator or organisation, and slip lines ----------------------------------------------------

export interface De63 {
  /** 63.1, three characters: the operator in a request (`01 `), the card organisation in an answer (`CUP`). */
  readonly operator: string;
  /** 63.2: lines for the slip, blanks at their right end taken off. */
  readonly lines: readonly string[];
}

const OPERATOR_BYTES = 3;
const LINE_BYTES = 20;
const BLANKS = ' '.repeat(LINE_BYTES);
const OPERATOR_SHAPE = /^[\x20-\x7e]{1,3}$/;
/** Up to three lines for anybody; more only to a peer that speaks DE57. */
const LINES_MAX = 8;

/** Never throws: a text that is too short has what there is of 63.1, and no line. */
export function parseDe63(text: string): De63 {
  const lines: string[] = [];
  // The operator alone, as requests have it.
  if (text.length <= OPERATOR_BYTES && isAscii(text)) return { operator: text, lines };
  const bytes = encodeText(text);
  for (let at = OPERATOR_BYTES; at < bytes.length; at += LINE_BYTES) {
    lines.push(decodeText(bytes.subarray(at, at + LINE_BYTES)).replace(/[ \0]+$/, ''));
  }
  while (lines.at(-1) === '') lines.pop();
  return { operator: decodeText(bytes.subarray(0, OPERATOR_BYTES)), lines };
}

/** @param lines at most eight, each at most 20 bytes of GB18030 (ten Chinese characters) */
export function buildDe63(operator: string, lines: readonly string[]): string {
  if (!OPERATOR_SHAPE.test(operator)) throw badContent(63, '63.1 is one to three printable characters');
  if (lines.length > LINES_MAX) throw badLength(63, `has at most ${LINES_MAX} lines, not ${lines.length}`);
  let text = operator.padEnd(OPERATOR_BYTES);
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index] as string;
    const blanks = LINE_BYTES - encodedBytes(line);
    if (blanks < 0)
      throw badLength(63, `line ${index + 1} takes ${LINE_BYTES - blanks} bytes, at most ${LINE_BYTES}`);
    text += line + BLANKS.slice(0, blanks);
  }
  return text;
}

// ---------------------------------------------------------------------------------------------------

function sixDigits(field: number, value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 999_999)
    throw badContent(field, `a batch is 0 to 999999, not ${value}`);
  return String(value).padStart(6, '0');
}

function keyOf<K extends string>(table: Readonly<Record<K, string>>, digit: string): K | undefined {
  return (Object.keys(table) as K[]).find((key) => table[key] === digit);
}

function badLength(field: number, what: string): PosError {
  return new PosError('FIELD_BAD_LENGTH', `DE${field}: ${what}`, { field });
}

function badContent(field: number, what: string): PosError {
  return new PosError('FIELD_BAD_CONTENT', `DE${field}: ${what}`, { field });
}
