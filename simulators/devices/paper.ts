/**
 * The paper of a simulated receipt printer: rows of characters, each on its column, as a 58 mm head of
 * 384 dots prints them (32 columns of 12 dots, Chinese 24 dots).
 */
import iconv from 'iconv-lite';

export const COLUMNS = 32;

export interface Look {
  readonly align: 'left' | 'center' | 'right';
  readonly bold: boolean;
  /** Width and height factors, 1 to 8. */
  readonly wide: number;
  readonly high: number;
}

/** One character at its column, before the size factor: `wide` times that is its place on paper. */
export interface Glyph {
  readonly text: string;
  /** Column of its left edge on paper. */
  readonly column: number;
  /** Columns that it takes on paper. */
  readonly columns: number;
}

export interface Row {
  readonly glyphs: readonly Glyph[];
  readonly look: Look;
  /** Printed with the red edge that tells that the roll is nearly at its end. */
  readonly nearEnd: boolean;
}

/** Print data of one line as the printer's own character generator reads it. */
export function rowsOf(bytes: Buffer, chinese: boolean, look: Look, nearEnd: boolean): readonly Row[] {
  const lines: Glyph[][] = [[]];
  let column = 0;
  for (const text of charactersOf(bytes, chinese)) {
    const columns = (text.charCodeAt(0) < 0x80 ? 1 : 2) * look.wide;
    if (column + columns > COLUMNS) {
      lines.push([]);
      column = 0;
    }
    lines.at(-1)?.push({ text, column, columns });
    column += columns;
  }
  return lines.map((glyphs) => ({ glyphs: aligned(glyphs, look.align), look, nearEnd }));
}

/** As plain text, one row a line: what a person reads from left to right. */
export function textOf(rows: readonly Row[]): string {
  return rows.map(rowText).join('\n');
}

/** Double width stands once, at the place where it begins on paper. */
function rowText({ glyphs, look }: Row): string {
  const visible = glyphs.findIndex(({ text }) => text !== ' ');
  const [first] = visible < 0 ? [] : glyphs.slice(visible);
  if (first === undefined) return '';
  const columns = glyphs.reduce((sum, glyph) => sum + glyph.columns, 0) / look.wide;
  const start = look.align === 'center' ? Math.max(0, (COLUMNS - columns) >> 1) : first.column;
  const text = glyphs.map((glyph) => glyph.text).join('');
  return ' '.repeat(start) + (look.align === 'center' ? text : text.trimStart()).trimEnd();
}

function aligned(glyphs: readonly Glyph[], align: Look['align']): readonly Glyph[] {
  const last = glyphs.at(-1);
  if (last === undefined || align === 'left') return glyphs;
  const free = COLUMNS - last.column - last.columns;
  const shift = align === 'center' ? free / 2 : free;
  return glyphs.map((glyph) => ({ ...glyph, column: glyph.column + shift }));
}

/**
 * In Chinese mode two bytes from 0x81 on are one character. Old fonts know no four-byte codes: they show
 * junk, and so does this one, so that an encoder that sends them is found out. Without Chinese mode each
 * high byte is junk.
 */
function charactersOf(bytes: Buffer, chinese: boolean): readonly string[] {
  const characters: string[] = [];
  for (let at = 0; at < bytes.length; at += 1) {
    const [lead = 0, trail = 0] = bytes.subarray(at, at + 2);
    if (lead < 0x80) {
      characters.push(lead < 0x20 ? '?' : String.fromCharCode(lead));
    } else if (chinese && trail >= 0x40) {
      characters.push(iconv.decode(bytes.subarray(at, at + 2), 'gb18030'));
      at += 1;
    } else {
      characters.push('?');
    }
  }
  return characters;
}
