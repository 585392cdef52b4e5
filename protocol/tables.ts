import { codec } from './codec.ts';
import { ITEMS } from './de57.ts';
import { FAILURES } from './errors.ts';
import { FIELDS, type FieldSpec } from './fields.ts';
import { openFrame } from './frame.ts';
import { ACTS, RESPONSE_CODES } from './response-codes.ts';
import { explain, showValue } from './show.ts';
import { STANDARD_FIELDS } from './standard-fields.ts';
import { TRANSACTIONS, type TransactionSpec } from './transactions.ts';

/** The tables of this folder's README as markdown, by section name; `npm run tables` writes them in. */
export function protocolTables(): Record<string, string> {
  return {
    fields: fieldTable(FIELDS),
    'standard-fields': standardFields(),
    items: itemTable(),
    transactions: transactionTable(),
    presence: presenceTable(),
    'response-codes': responseCodeTable(),
    failures: failureTable(),
    example: exampleTable(),
  };
}

/**
 * The worked example of the README: a sale of 128.00 yuan, trace 000123, batch 1, with a PIN, on the invented
 * card 6277880000000016. The keys are published test keys of github chfenix/iso8583 (PIK
 * 4567C298FB0B045DAB54BF499E10EFCD, MAK 7F52E3201FDF045E), the PIN is 123456; PIN block and MAC were computed
 * apart from this project, so whoever implements the dialect can check each step.
 */
export const EXAMPLE_FRAME: Buffer = Buffer.from(
  [
    '0073 6000030000 603100311812',
    '0200 302004C020C09811',
    '000000 000000012800 000123 0210 00 12',
    '37 6277880000000016D301210100000123000000',
    '3130303030303031 313030303030303030303030303031',
    '313536 20902CCABE74C717 2600000000000000 0011 220000010000 4332324541314530',
  ]
    .join('')
    .replaceAll(' ', ''),
  'hex',
);

function fieldTable(table: Readonly<Record<number, FieldSpec>>): string {
  const rows = Object.entries(table).map(([field, spec]) => [
    field,
    spec.nameZh,
    spec.name,
    notation(spec),
    spec.align === '' ? '' : spec.align,
    spec.trim ? 'trimmed' : '',
    spec.show,
  ]);
  return markdown(['DE', '名称', 'name', 'format', 'odd digits stand', 'blanks', 'shown'], rows);
}

/** `n 12` fixed, `n ..19` behind one BCD length byte, `ans ...163` behind two. */
function notation(spec: FieldSpec): string {
  const dots = { fixed: '', ll: '..', lll: '...' }[spec.prefix];
  return `${spec.format} ${dots}${spec.length}`;
}

/** Neighbours of the same shape and name share a row. */
function standardFields(): string {
  const rows: { first: string; last: string; name: string; shape: string }[] = [];
  for (const [field, spec] of Object.entries(STANDARD_FIELDS)) {
    const open = rows.at(-1);
    const shape = notation(spec);
    const continues =
      open?.name === spec.name && open.shape === shape && Number(open.last) + 1 === Number(field);
    if (open !== undefined && continues) open.last = field;
    else rows.push({ first: field, last: field, name: spec.name, shape });
  }
  const cells = rows.map(({ first, last, name, shape }) => [
    first === last ? first : `${first}–${last}`,
    name,
    shape,
  ]);
  return markdown(['DE', 'name', 'format'], cells);
}

function itemTable(): string {
  const rows = Object.entries(ITEMS).map(([tag, { way, nameZh, name }]) => [`\`${tag}\``, way, nameZh, name]);
  return markdown(['tag', 'in', '名称', 'value'], rows);
}

function transactionTable(): string {
  const rows = Object.values(TRANSACTIONS).map((spec) => [
    `${spec.nameZh} ${spec.nameEn}`,
    `${spec.mti} → ${spec.answerMti}`,
    original(spec, spec.de3),
    original(spec, spec.de25),
    original(spec, spec.type601),
    spec.code603.length > 0 ? spec.code603.join(' ') : '000',
    spec.lostAnswer,
    spec.counts,
    spec.usesTrace ? 'own' : spec.kind === 'reversal' ? "the original's" : 'none',
  ]);
  const head = [
    'transaction',
    'MTI',
    'DE3',
    'DE25',
    '60.1',
    '60.3',
    'when the answer is lost',
    'totals',
    'trace',
  ];
  return markdown(head, rows);
}

function original(spec: TransactionSpec, value: string | null): string {
  return value ?? (spec.kind === 'reversal' ? "the original's" : '–');
}

function presenceTable(): string {
  const rows = Object.values(TRANSACTIONS).map((spec) => [
    `${spec.nameZh} ${spec.nameEn}`,
    spec.mandatory.join(' '),
    spec.conditional.join(' '),
    spec.card,
  ]);
  return markdown(['request', 'mandatory', 'conditional', 'card (35, or 2 and 14, or 55)'], rows);
}

function responseCodeTable(): string {
  const rows = Object.entries(RESPONSE_CODES).map(([code, row]) => [
    code,
    row.zh,
    row.en,
    row.class,
    ACTS[row.act],
  ]);
  // A key that looks like a number comes first in an object: sort as the codes are read.
  rows.sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
  return markdown(['DE39', '显示', 'meaning', 'class', 'what the terminal does next'], rows);
}

function failureTable(): string {
  const rows = Object.entries(FAILURES).map(([code, { retry, zh, en }]) => [
    `\`${code}\``,
    retry ? 'yes' : 'no',
    zh,
    en,
  ]);
  return markdown(['code', 'may succeed when repeated', '怎么办', 'what to do'], rows);
}

/** The example frame, a row for each part: offset, bytes, meaning. */
function exampleTable(): string {
  const { body } = openFrame(EXAMPLE_FRAME.subarray(2));
  const message = codec.decode(body);
  const hex = (from: number, to: number) => `\`${EXAMPLE_FRAME.toString('hex', from, to).toUpperCase()}\``;
  const rows = [
    ['0', hex(0, 2), 'LEN', `${EXAMPLE_FRAME.readUInt16BE(0)} bytes follow`],
    ['2', hex(2, 7), 'TPDU', 'destination 0003, source 0000'],
    ['7', hex(7, 13), 'header', 'application 60, version 31, state 0, wish 0, software 311812'],
    ['13', hex(13, 15), 'MTI', 'financial request'],
    ['15', hex(15, 23), 'bitmap', message.fields().join(' ')],
  ];
  const bodyAt = EXAMPLE_FRAME.length - body.length;
  for (const { field, spec, offset, end } of codec.walk(body).places) {
    const value = message.get(field) ?? '';
    const meaning = explain(field, value);
    const shown =
      field === 35 ? '37 digits, D between number and expiry, one pad nibble' : showValue(field, spec, value);
    rows.push([
      String(bodyAt + offset),
      hex(bodyAt + offset, bodyAt + end),
      `DE${field} ${spec.nameZh}`,
      meaning === '' ? shown : `${shown} — ${meaning}`,
    ]);
  }
  return markdown(['offset', 'bytes', 'part', 'meaning'], rows);
}

/** A bar in a cell would end it. */
function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
