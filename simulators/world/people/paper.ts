/** What stands on the slips that came out of a printer: read as a person reads them, from the print alone. */
import type { PrintedSlip } from '../../devices/simulated-printer.ts';

/** One print of one copy of a transaction's slip. Amounts in fen. */
export interface PaperSlip {
  /** The transaction's own name at the foot; null when the paper ended before it. */
  readonly ut: string | null;
  readonly copy: string;
  /** Carries the mark 重打印. */
  readonly marked: boolean;
  /** The paper did not end before the cut. */
  readonly complete: boolean;
  /** Null when the paper ended before it. */
  readonly kind: PaperKind | null;
  readonly batch: number;
  readonly trace: string;
  readonly rrn: string;
  readonly auth: string | null;
  readonly gross: number | null;
  readonly paid: number | null;
  readonly balance: number | null;
}

const UT = /^\s*([0-9A-HJKMNP-TV-Z]{26})\s*$/m;
const MARK = '重打印';

/** Slips of transactions among the prints; settlement slips and failure slips are other papers. */
export function paperSlips(prints: readonly PrintedSlip[]): readonly PaperSlip[] {
  return prints.filter(({ text }) => text.includes('POS SALES SLIP')).map(paperSlip);
}

function paperSlip({ text, complete }: PrintedSlip): PaperSlip {
  return {
    ut: UT.exec(text)?.[1] ?? null,
    copy: /(MERCHANT|CARDHOLDER|BANK) COPY/.exec(text)?.[1] ?? '',
    marked: text.includes(MARK),
    complete,
    kind: kindOf(behind(text, 'TXN TYPE') ?? ''),
    batch: Number(behind(text, 'BATCH NO') ?? 0),
    trace: behind(text, 'VOUCHER NO') ?? '',
    rrn: behind(text, '交易参考号 REF NO') ?? '',
    auth: behind(text, '授权码 AUTH NO'),
    gross: fenOf(behind(text, '金额 AMOUNT')),
    paid: paidOn(text),
    balance: fenOf(behind(text, '余额 BALANCE')),
  };
}

/** The catalogue's names, by what the slip calls them. */
// biome-ignore format: a table is read by column
const KINDS: Readonly<Record<string, PaperKind>> = {
  '消费 SALE':                     'sale',
  '消费撤销 VOID':                 'void',
  '退货 REFUND':                   'refund',
  '预授权 AUTH':                   'preAuthorisation',
  '预授权撤销 AUTH VOID':          'preAuthorisationVoid',
  '预授权完成 AUTH COMPLETE':      'completion',
  '预授权完成撤销 COMPLETE VOID':  'completionVoid',
};
export type PaperKind =
  | 'sale'
  | 'void'
  | 'refund'
  | 'preAuthorisation'
  | 'preAuthorisationVoid'
  | 'completion'
  | 'completionVoid';

function kindOf(title: string): PaperKind | null {
  return KINDS[title] ?? null;
}

/**
 * What the card paid or got back. A terminal that was told in words only (DE63) prints the words; where there are
 * none, the price is what was paid. Null: the paper ended before it.
 */
export function paidOn(text: string): number | null {
  const figure = fenOf(behind(text, '(?:实付 PAID|退还 GIVEN BACK|冻结 HELD|解冻 RELEASED)'));
  const words = /(?:实付|退回) (\d+\.\d\d)/.exec(text)?.[1] ?? null;
  const gross = fenOf(behind(text, '金额 AMOUNT'));
  return figure ?? fenOf(words) ?? (gross === null ? null : Math.abs(gross));
}

/** What stands behind a label, in its line or in the next. */
function behind(text: string, label: string): string | null {
  const found = new RegExp(`${label}[ \\t]*\\n?[ \\t]*(\\S[^\\n]*?)[ \\t]*(?:\\n|$)`).exec(text);
  return found?.[1] ?? null;
}

function fenOf(text: string | null): number | null {
  const found = /(-?)(\d+)\.(\d\d)/.exec(text?.replaceAll(',', '') ?? '');
  if (found === null) return null;
  const [, sign, yuan, fen] = found;
  return (sign === '-' ? -1 : 1) * (Number(yuan) * 100 + Number(fen));
}
