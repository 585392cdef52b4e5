import { parseDe54, parseDe60, parseDe61 } from './de-layouts.ts';
import { parseTotals, parseUpload, type SideTotals } from './de48.ts';
import { ITEMS, parseDe57 } from './de57.ts';
import { PosError } from './errors.ts';
import type { FieldSpec } from './fields.ts';
import { fen, yuan } from './money.ts';
import { isLuhnValid, maskPan, PAN_DIGITS_MAX, PAN_DIGITS_MIN } from './pan.ts';
import { responseCode } from './response-codes.ts';
import { isConstructed, parseTlv } from './tlv.ts';

/**
 * What a person may see of a field's value. The table's `show` column decides; a field that is not plain
 * shows less, never more, when it cannot be taken apart. Values are made safe for a log or a screen: control
 * and direction characters appear as `·`.
 */
export function showValue(field: number, spec: FieldSpec, value: string): string {
  switch (spec.show) {
    case 'plain':
      return plain(field, spec, value);
    case 'pan':
      return maskPan(value);
    case 'hidden':
      return size(spec, value);
    case 'shape':
      return `${size(spec, value)} ${shapeOf(value)}`;
    case 'totals':
      return orElse(() => totals(value), size(spec, value));
    case 'items':
      return orElse(() => items(value), size(spec, value));
    case 'tags':
      return orElse(() => tags(value), size(spec, value));
  }
}

/** What a plain value means, where that is not plain: '' for most. */
export function explain(field: number, value: string): string {
  return orElse(() => meaning(field, value), '');
}

function meaning(field: number, value: string): string {
  switch (field) {
    case 4:
      return `${yuan(fen(Number(value)))} 元 yuan`;
    case 39: {
      const { zh, en } = responseCode(value);
      return `${zh} ${en}`;
    }
    case 54:
      return parseDe54(value)
        .map(
          (one) =>
            `${one.account}${one.type} ${one.currency === '156' ? yuan(one.amount) : String(one.amount)}`,
        )
        .join(', ');
    case 60: {
      const { type, batch, code } = parseDe60(value);
      return `类型 type ${type}, 批次 batch ${batch}, 管理码 code ${code === '' ? '—' : code}`;
    }
    case 61: {
      const { batch, trace, date } = parseDe61(value);
      return `原批次 batch ${batch}, 原流水 trace ${trace}${date === null ? '' : `, 原日期 date ${date}`}`;
    }
    default:
      return '';
  }
}

function plain(field: number, spec: FieldSpec, value: string): string {
  if (spec.format !== 'an' && spec.format !== 'ans') return value;
  // Identifiers stay whole; free text might hold a card number that nobody announced.
  const isFreeText = field === 43 || field === 44 || field === 63;
  return `"${safe(isFreeText ? withoutCardNumbers(value) : value)}"`;
}

function size(spec: FieldSpec, value: string): string {
  if (spec.format === 'b') return `(${value.length / 2} 字节 bytes)`;
  const unit = spec.format === 'an' || spec.format === 'ans' ? '字符 characters' : '位 digits';
  return `(${value.length} ${unit})`;
}

const SHAPE_LENGTH_MAX = 40;

/** 9 for a digit, A for a letter, 文 for anything beyond ASCII: enough to tell a format, nothing to misuse. */
function shapeOf(value: string): string {
  const shape = [...value.slice(0, SHAPE_LENGTH_MAX)].map((character) => {
    if (/\d/.test(character)) return '9';
    if (/[a-z]/i.test(character)) return 'A';
    return character > '\u007e' ? '文' : character;
  });
  return `${safe(shape.join(''))}${value.length > SHAPE_LENGTH_MAX ? '…' : ''}`;
}

function totals(value: string): string {
  if (value.length <= 4) return value;
  if (value.length !== 62) {
    const list = parseUpload(value).items.map(
      ({ trace, pan, amount }) => `${trace} ${maskPan(pan)} ${yuan(amount)}`,
    );
    return `${list.length} 笔 items: ${list.join('; ')}`;
  }
  const { own, ownResult, foreign, foreignResult } = parseTotals(value);
  return `内卡 own ${side(own, ownResult)}; 外卡 foreign ${side(foreign, foreignResult)}`;
}

function side(figures: SideTotals, result: number): string {
  const debit = `借 debit ${figures.debitCount} × ${yuan(figures.debitAmount)}`;
  return `${debit}, 贷 credit ${figures.creditCount} × ${yuan(figures.creditAmount)}, 结果 result ${result}`;
}

function items(value: string): string {
  return parseDe57(value)
    .map(([tag, text]) => {
      const row = Object.entries(ITEMS).find(([known]) => known === tag)?.[1];
      if (row?.show === 'plain') return `${tag}="${safe(text)}"`;
      if (row?.show === 'text') return `${tag}="${safe(withoutCardNumbers(text))}"`;
      return `${safe(tag)}(${text.length})`;
    })
    .join(' ');
}

function tags(value: string): string {
  return parseTlv(value)
    .map(({ tag, value: inside }) => {
      const inner = isConstructed(tag) ? ` { ${tags(inside)} }` : '';
      return `${tag}(${inside.length / 2})${inner}`;
    })
    .join(' ');
}

/**
 * Any run of digits in which a card number may stand, masked: also one with digits before or behind it, and one
 * in groups parted by single blanks or hyphens.
 */
function withoutCardNumbers(text: string): string {
  return text
    .replace(/\d{13,}/g, (run) => (holdsCardNumber(run) ? maskPan(run) : run))
    .replace(/(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)/g, (groups) => {
      const digits = groups.replace(/[ -]/g, '');
      return isLuhnValid(digits) ? maskPan(digits) : groups;
    });
}

function holdsCardNumber(run: string): boolean {
  for (let at = 0; at + PAN_DIGITS_MIN <= run.length; at += 1) {
    for (let digits = PAN_DIGITS_MIN; digits <= PAN_DIGITS_MAX; digits += 1) {
      if (at + digits <= run.length && isLuhnValid(run.slice(at, at + digits))) return true;
    }
  }
  return false;
}

/** Control characters, direction marks and halves of characters would act on the screen instead of being seen. */
function safe(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '·');
}

function orElse(show: () => string, otherwise: string): string {
  try {
    return show();
  } catch (error) {
    if (error instanceof PosError) return otherwise;
    throw error;
  }
}
