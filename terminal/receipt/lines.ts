/** The few shapes of line that all slips are set from. Every text passes `printable` here. */
import type { SlipLine, SlipShop } from './model.ts';
import { SLIP_COLUMNS } from './model.ts';
import { columnsOf, printable, wrapColumns } from './text.ts';

export function rule(): SlipLine {
  return { text: '-'.repeat(SLIP_COLUMNS) };
}

export function centred(text: string, look: Omit<SlipLine, 'text' | 'align'> = {}): readonly SlipLine[] {
  const columns = look.size === 'double' ? SLIP_COLUMNS / 2 : SLIP_COLUMNS;
  return wrapColumns(text, columns).map((piece) => ({ text: piece, align: 'center', ...look }));
}

export function left(text: string, look: Omit<SlipLine, 'text' | 'align'> = {}): readonly SlipLine[] {
  return wrapColumns(text, SLIP_COLUMNS).map((piece) => ({ text: piece, ...look }));
}

/** English at word breaks. */
export function words(text: string): readonly SlipLine[] {
  const rows: string[] = [];
  for (const word of text.split(' ')) {
    const row = rows.at(-1);
    if (row !== undefined && row.length + 1 + word.length <= SLIP_COLUMNS) {
      rows[rows.length - 1] = `${row} ${word}`;
    } else {
      rows.push(word);
    }
  }
  return rows.map((row) => ({ text: row }));
}

/** Label at the left, value at the right; the value takes lines of its own when both do not fit in one. */
export function pair(
  label: string,
  value: string,
  look: { readonly bold?: boolean } = {},
): readonly SlipLine[] {
  const bold = look.bold === true ? { bold: true } : {};
  const shown = printable(value);
  const gap = SLIP_COLUMNS - columnsOf(label) - columnsOf(shown);
  if (gap >= 1) return [{ text: label + ' '.repeat(gap) + shown, ...bold }];
  return [
    { text: label },
    ...wrapColumns(shown, SLIP_COLUMNS).map((piece) => ({ text: toRight(piece.trimEnd()), ...bold })),
  ];
}

/** A large value at the right, under its label; at normal size when it is too wide for that. */
export function large(label: string, value: string): readonly SlipLine[] {
  const shown = printable(value);
  const room = SLIP_COLUMNS / 2 - columnsOf(shown);
  if (room < 0) return pair(label, shown, { bold: true });
  return [{ text: label }, { text: ' '.repeat(room) + shown, size: 'double', bold: true }];
}

/** Three columns of a table: 16 for the label, 4 for the count, 12 for the amount. */
export function counted(label: string, count: string, amount: string): readonly SlipLine[] {
  const numbers = count.padStart(4) + amount.padStart(12);
  const gap = SLIP_COLUMNS - numbers.length - columnsOf(label);
  if (gap >= 0) return [{ text: label + ' '.repeat(gap) + numbers }];
  return [...left(label), { text: toRight(numbers) }];
}

export function toRight(text: string): string {
  return ' '.repeat(Math.max(0, SLIP_COLUMNS - columnsOf(text))) + text;
}

/** Above everything: test state and reprint mark, so that neither can be overlooked or cut off. */
export function marks(test: boolean, reprint: boolean): readonly SlipLine[] {
  return [
    ...(test ? centred('测试/TESTING', { size: 'double', bold: true }) : []),
    ...(test ? centred('凭证无效 SLIP NOT VALID', { bold: true }) : []),
    ...(reprint ? centred('****重打印/DUPLICATED****', { bold: true }) : []),
  ];
}

export function shopLines(shop: SlipShop): readonly SlipLine[] {
  return [
    ...pair('商户名称 MERCHANT NAME', shop.merchantName, { bold: true }),
    ...pair('商户编号 MERCHANT NO', shop.merchantId.trim()),
    ...pair('终端编号 TERMINAL NO', shop.terminalId),
    ...pair('操作员号 OPERATOR NO', shop.operator),
  ];
}
