/**
 * What a receipt printer can show, and how wide it is there.
 *
 * A printer in Chinese mode (`FS &`) takes GB18030 bytes and gives each two-byte code a full cell, so
 * the width of printable text in columns IS its length in GB18030 bytes: also for ×, ·, Greek and other
 * characters whose Unicode width is ambiguous.
 */
import iconv from 'iconv-lite';

/**
 * The printers' trade mark for a missing character. A name on a receipt must not be silently wrong:
 * old fonts have no four-byte GB18030 characters, so these are shown as this one, two columns wide.
 */
export const MISSING_CHARACTER = '〓';

const PRIVATE_USE = /\p{Co}/u;
const CONTROL = /^[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u;
const clusters = new Intl.Segmenter('zh', { granularity: 'grapheme' });

/** Each of these stands for itself and is in the oldest fonts: nearly all that is ever printed. */
const PLAIN = /^[\x20-\x7e\u4e00-\u9fa5]*$/;

/** The same text with a space for each control character and 〓 for what the printer cannot show. */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  let shown = '';
  for (const { segment } of clusters.segment(text)) {
    if (CONTROL.test(segment)) shown += ' ';
    else shown += isInFont(segment) ? segment : MISSING_CHARACTER;
  }
  return shown;
}

/** Columns of a text that went through `printable`. */
export function columnsOf(text: string): number {
  return iconv.encode(text, 'gb18030').length;
}

/** The bytes that a printer in Chinese mode gets. Nothing in it can be taken for a command. */
export function printerBytes(text: string): Buffer {
  return iconv.encode(printable(text), 'gb18030');
}

/** Cuts into pieces of at most `columns`, between words where it can. An empty text is one empty piece. */
export function wrapColumns(text: string, columns: number): readonly string[] {
  const pieces: string[] = [];
  let piece = '';
  let used = 0;
  for (const character of printable(text)) {
    const width = columnsOf(character);
    if (used + width > columns) {
      const end = wordBreak(piece, character);
      pieces.push(piece.slice(0, end));
      piece = piece.slice(end);
      used = columnsOf(piece);
    }
    piece += character;
    used += width;
  }
  pieces.push(piece);
  return pieces;
}

/** Where a full row ends: behind a blank when it would cut an English word, unless that leaves most of it empty. */
function wordBreak(piece: string, next: string): number {
  const isCut = /[\x21-\x7e]/.test(next) && /[\x21-\x7e]$/.test(piece);
  const blank = piece.lastIndexOf(' ');
  return isCut && blank >= piece.length / 3 ? blank + 1 : piece.length;
}

/** One or two bytes a character, as GBK has them; a cluster of several characters has no single glyph. */
function isInFont(cluster: string): boolean {
  const characters = [...cluster];
  if (characters.length !== 1 || PRIVATE_USE.test(cluster)) return false;
  return iconv.encode(cluster, 'gb18030').length <= 2;
}
