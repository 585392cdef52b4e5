/** A slip as plain text for the terminal window: the same columns as on paper. */
import { SLIP_COLUMNS, type Slip, type SlipLine } from './model.ts';
import { columnsOf, printable } from './text.ts';

/** One row a line, without a frame and without spaces at the right. Double-size text stands once, spaced out. */
export function slipText(slip: Slip): string {
  return slip.lines.map((line) => rowOf(line).trimEnd()).join('\n');
}

/** Double size takes two columns a column: shown at normal size, at the place where it begins on paper. */
function rowOf(line: SlipLine): string {
  const text = printable(line.text);
  const scale = line.size === 'double' ? 2 : 1;
  if (line.align === 'center') return ' '.repeat(Math.max(0, (SLIP_COLUMNS - columnsOf(text)) >> 1)) + text;
  const indent = text.length - text.trimStart().length;
  return ' '.repeat(indent * (scale - 1)) + text;
}
