/**
 * How every CSV file of the clearing looks: UTF-8 with a byte order mark, CRLF, then
 * `#H` header record · column names · rows · `#T` trailer with count and totals · `#END`.
 *
 * Records that start with `#` are ours; between them lies a plain table that a spreadsheet or a
 * merchant's tool imports. The bytes depend on the content only: no clock, no run number.
 */
import { stringify } from 'csv-stringify/sync';

/** `label:value`, the label Chinese and English. */
export type Labelled = readonly [label: string, value: string];

export interface CsvContent {
  /** For example `zunka-detail/1`: which layout, which version of it. */
  readonly layout: string;
  readonly header: readonly Labelled[];
  readonly columns: readonly { readonly zh: string; readonly kind: 'text' | 'money' }[];
  /** Some at a time: see `inPieces`. */
  readonly rows: AsyncIterable<readonly (readonly string[])[]>;
  readonly totals: readonly Labelled[];
}

const BYTE_ORDER_MARK = '\uFEFF';

/** A spreadsheet runs a cell that starts so as a formula; also in their full-width forms. */
const FORMULA_START = /^[=+\-@\t\r\n＝＋－＠]/;

/** Text that a spreadsheet could run gets an apostrophe in front, which spreadsheets do not show. */
export function guardCell(text: string): string {
  return FORMULA_START.test(text) ? `'${text}` : text;
}

export async function csvFile({ layout, header, columns, rows, totals }: CsvContent): Promise<Buffer> {
  const text = (records: readonly (readonly string[])[]) =>
    Buffer.from(stringify(records as string[][], { record_delimiter: '\r\n' }), 'utf8');
  const written = [
    Buffer.from(BYTE_ORDER_MARK, 'utf8'),
    text([['#H', layout, ...header.map(labelled)], columns.map(({ zh }) => zh)]),
  ];
  let count = 0;
  for await (const piece of rows) {
    const guarded = piece.map((row) =>
      row.map((cell, index) => (columns[index]?.kind === 'money' ? cell : guardCell(cell))),
    );
    written.push(text(guarded));
    count += piece.length;
  }
  written.push(text([['#T', labelled(['笔数 count', String(count)]), ...totals.map(labelled)], ['#END']]));
  return Buffer.concat(written);
}

function labelled([label, value]: Labelled): string {
  return `${label}:${value}`;
}
