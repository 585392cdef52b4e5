/**
 * Reads settlement files again, as their receiver would, and checks them against themselves: header,
 * trailer, end mark, count, totals, hash. It shares no code and no table with the writers: its own
 * parser, its own column names, its own offsets. What it returns is what a proof may rely on.
 */
import { createHash } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import iconv from 'iconv-lite';
import { PosError } from '../../protocol/index.ts';

/** One file, read again, but for its rows. Amounts in fen, signed. */
export interface FileFigures {
  readonly name: string;
  /** `detail`, `summary`, `comn`, `rebates`, `differences`, `overview`. */
  readonly layout: string;
  /** The layout's version. */
  readonly version: number;
  readonly merchantId: string | null;
  readonly businessDate: string;
  readonly sequence: number;
  readonly sha256: string;
  /**
   * The sums over the rows, equal to those that the trailer states: by the file's own names, and as `gross`,
   * `fee` and `net` in every kind of file that has them.
   */
  readonly sums: Readonly<Record<string, number>>;
}
export interface FileReading extends FileFigures {
  readonly rows: readonly FileRecord[];
}
/** A row by the file's own column names; money columns also as fen. */
export interface FileRecord {
  readonly text: Readonly<Record<string, string>>;
  readonly fen: Readonly<Record<string, number>>;
}

/** What the store remembers of a file. */
export interface FileExpectation {
  readonly name: string;
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * Reads one file whole.
 *
 * Throws FILE_DAMAGED naming file and line when a byte of it contradicts another, or the expectation.
 */
export function readBack(name: string, bytes: Buffer, expected?: FileExpectation): FileReading {
  const rows: FileRecord[] = [];
  const reading = readingOf(name, bytes, { expected, each: (row) => rows.push(row) });
  for (;;) {
    const { done, value } = reading.next();
    if (done === true) return { ...value, rows };
  }
}

/** As `readBack`, row by row with pauses in between: a file may have millions. */
export async function readBackSlowly(
  name: string,
  bytes: Buffer,
  how: Take & { readonly pause: () => Promise<void> },
): Promise<FileFigures> {
  const reading = readingOf(name, bytes, how);
  for (;;) {
    const { done, value } = reading.next();
    if (done === true) return value;
    await how.pause();
  }
}

interface Take {
  readonly expected?: FileExpectation | undefined;
  /** Told of each row, in order; what a file that turns out damaged has told of means nothing. */
  readonly each: (row: FileRecord) => void;
}
/** Yields after some milliseconds of work. */
type Reading = Generator<undefined, FileFigures>;

function* readingOf(name: string, bytes: Buffer, { expected, each }: Take): Reading {
  const hash = createHash('sha256');
  for (let from = 0; from < bytes.length; from += HASHED_BYTES) {
    hash.update(bytes.subarray(from, from + HASHED_BYTES));
    if (from > 0) yield;
  }
  const sha256 = hash.digest('hex');
  if (expected !== undefined && (expected.sha256 !== sha256 || expected.bytes !== bytes.length)) {
    throw damaged(name, 0, 'SHA-256 或长度不符 hash or length differs');
  }
  return yield* name.endsWith('.txt')
    ? readFixed(name, bytes, { sha256, each })
    : readCsv(name, bytes, { sha256, each });
}

/** Between two pauses: a millisecond or two. */
const HASHED_BYTES = 1_048_576;

interface Known {
  readonly sha256: string;
  readonly each: Take['each'];
}

const MONEY = /^(-?)(\d{1,13})\.(\d\d)$/;
const CSV_BEGIN = Buffer.from('\uFEFF#H,', 'utf8');
const CSV_END = Buffer.from('\r\n#END\r\n', 'utf8');
const BYTE_ORDER_MARK_BYTES = 3;

function* readCsv(name: string, bytes: Buffer, { sha256, each }: Known): Reading {
  if (!bytes.subarray(0, CSV_BEGIN.length).equals(CSV_BEGIN))
    throw damaged(name, 1, '缺少文件头 no header record');
  if (!bytes.subarray(-CSV_END.length).equals(CSV_END)) throw damaged(name, 0, '缺少结束标志 no end mark');
  let line = 0;
  let head: readonly string[] = [];
  let columns: readonly string[] = [];
  /** The last two are trailer and end mark; which they are is known at the end. */
  const held: (readonly string[])[] = [];
  const sums = new Map<string, number>();
  let rows = 0;
  for (const text of csvPieces(name, bytes)) {
    for (const record of csvRecords(name, text)) {
      line += 1;
      if (line === 1) head = record;
      else if (line === 2) columns = record;
      else held.push(record);
    }
    const whole = held.splice(0, Math.max(0, held.length - 2));
    for (const record of whole) {
      rows += 1;
      const row = csvRecord(name, rows + 2, columns, record);
      for (const column in row.fen) sums.set(column, (sums.get(column) ?? 0) + (row.fen[column] ?? 0));
      each(row);
    }
    yield;
  }
  const [trailer] = held;
  if (held.length < 2 || trailer?.[0] !== '#T')
    throw damaged(name, 0, '缺少列名或文件尾 no column names or no trailer');
  const stated = labels(trailer.slice(1));
  if (stated.get('笔数') !== String(rows)) {
    throw damaged(name, line - 1, `文件尾笔数 trailer count ${stated.get('笔数') ?? '?'}, 实有 read ${rows}`);
  }
  const header = labels(head.slice(2));
  return {
    name,
    ...layoutOf(name, head[1] ?? ''),
    merchantId: header.get('商户') ?? null,
    businessDate: header.get('营业日') ?? '',
    sequence: Number(header.get('序号')),
    sha256,
    sums: csvSums(name, { columns, sums, stated }),
  };
}

const PIECE_BYTES = 65_536;
const [QUOTE, LINE_END] = [0x22, Buffer.from('\r\n')];

/** The file's text in pieces of whole records: one ends at a line end that no quotation mark encloses. */
function* csvPieces(name: string, bytes: Buffer): Generator<string> {
  let from = BYTE_ORDER_MARK_BYTES;
  while (from < bytes.length) {
    let end = from;
    let marks = 0;
    do {
      const lineEnd = bytes.indexOf(LINE_END, Math.max(end, from + PIECE_BYTES));
      const next = lineEnd < 0 ? bytes.length : lineEnd + LINE_END.length;
      for (let at = end; at < next; at += 1) if (bytes[at] === QUOTE) marks += 1;
      end = next;
    } while (marks % 2 === 1 && end < bytes.length);
    yield utf8(name, bytes.subarray(from, end));
    from = end;
  }
}

function utf8(name: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw damaged(name, 0, '不是 UTF-8 is not UTF-8', error);
  }
}

function csvRecords(name: string, text: string): readonly string[][] {
  try {
    return parse(text, { relax_column_count: true, record_delimiter: '\r\n' });
  } catch (error) {
    throw damaged(name, 0, '不是 CSV is not CSV', error);
  }
}

function csvRecord(
  name: string,
  line: number,
  columns: readonly string[],
  record: readonly string[],
): FileRecord {
  if (record.length !== columns.length) {
    throw damaged(name, line, `${record.length} 列 columns, 应为 want ${columns.length}`);
  }
  const text: Record<string, string> = {};
  const fen: Record<string, number> = {};
  columns.forEach((column, index) => {
    const cell = record[index] ?? '';
    text[column] = cell;
    const money = MONEY.exec(cell);
    if (money !== null) fen[column] = signedFen(money);
  });
  return { text, fen };
}

/** Every total of the trailer whose Chinese name is a column must be that column's sum; the others are taken as stated. */
function csvSums(
  name: string,
  read: {
    readonly columns: readonly string[];
    readonly sums: ReadonlyMap<string, number>;
    readonly stated: ReadonlyMap<string, string>;
  },
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [label, value] of read.stated) {
    const money = MONEY.exec(value);
    if (money === null) continue;
    const total = signedFen(money);
    if (read.columns.includes(label)) {
      const sum = read.sums.get(label) ?? 0;
      if (sum !== total) throw damaged(name, 0, `${label}: 文件尾 trailer ${total}, 合计 sum ${sum} fen`);
    }
    sums[label] = total;
  }
  const discount = sums['商户承担优惠'];
  if (
    discount !== undefined &&
    sums['结算金额'] !== (sums['交易金额'] ?? 0) - discount - (sums['手续费'] ?? 0)
  ) {
    throw damaged(
      name,
      0,
      '结算金额 ≠ 交易金额 − 商户承担优惠 − 手续费 settled is not amount less discount less fee',
    );
  }
  for (const [common, ours] of COMMON_SUMS) {
    const value = sums[ours];
    if (value !== undefined) sums[common] = value;
  }
  return sums;
}

const COMMON_SUMS = [
  ['gross', '交易金额'],
  ['fee', '手续费'],
  ['net', '结算金额'],
  ['net', '净额'],
] as const;

/** `zunka-detail/1` is the first version of `detail`. */
function layoutOf(name: string, text: string): { layout: string; version: number } {
  const [, layout, version] = /^zunka-([a-z]+)\/(\d{1,3})$/.exec(text) ?? [];
  if (layout === undefined) throw damaged(name, 1, '布局未知 unknown layout');
  return { layout, version: Number(version) };
}

/** `交易金额 amount:12.80` under its Chinese name. */
function labels(cells: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    cells.map((cell) => {
      const colon = cell.indexOf(':');
      return [cell.slice(0, colon).split(' ')[0] ?? '', cell.slice(colon + 1)];
    }),
  );
}

/** Where the fields that are summed and matched lie in a 299-byte record: offset and length in bytes. */
// biome-ignore format: a table is read by column
const FIXED: readonly (readonly [name: string, offset: number, length: number])[] = [
  ['trace',          24, 6],
  ['card',           42, 19],
  ['amount',         62, 12],
  ['message type',   101, 4],
  ['terminal',       118, 8],
  ['merchant',       127, 15],
  ['reference',      143, 12],
  ['response',       185, 2],
  ['fee charged',    192, 12],
  ['fee returned',   205, 12],
  ['settled',        285, 14],
];
const FIXED_BYTES = 299;

function* readFixed(name: string, bytes: Buffer, { sha256, each }: Known): Reading {
  if (bytes.length % (FIXED_BYTES + 1) !== 0) throw damaged(name, 0, '行长不为 299 lines are not 299 bytes');
  const lines = bytes.length / (FIXED_BYTES + 1);
  const lineAt = (index: number) => {
    const at = index * (FIXED_BYTES + 1);
    if (bytes[at + FIXED_BYTES] !== LINE_FEED) throw damaged(name, index + 1, '行末不符 no line end');
    return bytes.subarray(at, at + FIXED_BYTES);
  };
  if (lines < 3 || !freeText(lineAt(0)).startsWith('HDR ZUNKA-COMN 01 '))
    throw damaged(name, 1, '缺少文件头 no header');
  const [head, trailer, end] = [lineAt(0), lineAt(lines - 2), lineAt(lines - 1)].map(freeText) as [
    string,
    string,
    string,
  ];
  if (!trailer.startsWith('TRL ')) throw damaged(name, lines - 1, '缺少文件尾 no trailer');
  if (!end.startsWith('END ')) throw damaged(name, lines, '缺少结束标志 no end mark');
  const identity = head.slice(18, 18 + 27);
  if (trailer.slice(4, 31) !== identity || end.slice(4, 31) !== identity) {
    throw damaged(name, lines - 1, '文件头尾不属同一文件 header, trailer and end differ');
  }
  const sums = new FixedSums();
  for (let index = 1; index < lines - 2; index += 1) {
    const row = fixedRecord(name, index + 1, lineAt(index));
    sums.add(row);
    each(row);
    if (index % FIXED_LINES === 0) yield;
  }
  return {
    name,
    layout: 'comn',
    version: 1,
    merchantId: identity.slice(0, 15).trimEnd(),
    businessDate: identity.slice(16, 24),
    sequence: Number(identity.slice(25, 27)),
    sha256,
    sums: sums.agreed(name, lines - 1, trailer.slice(32).trimEnd().split(' ')),
  };
}

const LINE_FEED = 0x0a;
/** Lines between two pauses. */
const FIXED_LINES = 500;

function fixedRecord(name: string, line: number, record: Buffer): FileRecord {
  const text: Record<string, string> = {};
  for (const [field, offset, length] of FIXED) {
    text[field] = record.toString('latin1', offset, offset + length).trimEnd();
  }
  const settled = /^([CD])(\d{13})$/.exec(text['settled'] ?? '');
  if (settled === null || text['response'] !== '00')
    throw damaged(name, line, '金额或应答码 settled amount or response code');
  const sign = settled[1] === 'D' ? -1 : 1;
  const digits = (field: string) => {
    if (!/^\d+$/.test(text[field] ?? '')) throw damaged(name, line, `${field} 非数字 is not digits`);
    return Number(text[field]);
  };
  const fen = {
    amount: sign * digits('amount'),
    fee: digits('fee charged') - digits('fee returned'),
    settled: sign * Number(settled[2]),
  };
  return { text, fen };
}

class FixedSums {
  #got = { rows: 0, amount: 0 };
  #given = { rows: 0, amount: 0 };
  #charged = 0;
  #fee = 0;
  #net = 0;

  add({ text, fen }: FileRecord): void {
    const side = text['settled']?.startsWith('C') === true ? this.#got : this.#given;
    side.rows += 1;
    side.amount += fen['amount'] ?? 0;
    this.#charged += Math.max(fen['fee'] ?? 0, 0);
    this.#fee += fen['fee'] ?? 0;
    this.#net += fen['settled'] ?? 0;
  }

  /** The sums, which the trailer states too. Throws FILE_DAMAGED. */
  agreed(name: string, line: number, stated: readonly string[]): Record<string, number> {
    const read = [
      this.#got.rows + this.#given.rows,
      this.#got.rows,
      this.#got.amount,
      this.#given.rows,
      -this.#given.amount,
      this.#charged,
      this.#charged - this.#fee,
    ];
    const statedNet = /^([CD])(\d{13})$/.exec(stated[7] ?? '');
    const agrees =
      stated.length === 8 &&
      read.every((value, index) => Number(stated[index]) === value) &&
      statedNet !== null &&
      (statedNet[1] === 'D' ? -1 : 1) * Number(statedNet[2]) === this.#net;
    if (!agrees) throw damaged(name, line, '文件尾与明细不符 trailer and records differ');
    return { gross: this.#got.amount + this.#given.amount, fee: this.#fee, net: this.#net };
  }
}

function freeText(line: Buffer | undefined): string {
  return line === undefined ? '' : iconv.decode(line, 'gbk');
}

function signedFen(money: RegExpExecArray): number {
  const [, sign, whole, rest] = money;
  return (sign === '-' ? -1 : 1) * (Number(whole) * 100 + Number(rest));
}

function damaged(name: string, line: number, what: string, cause?: unknown): PosError {
  const place = line === 0 ? name : `${name}:${line}`;
  return new PosError('FILE_DAMAGED', `${place}: ${what}`, { cause });
}
