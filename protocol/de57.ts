import { codeAt } from './code-at.ts';
import { hasDigits } from './digits.ts';
import { PosError } from './errors.ts';
import { decodeText, encodedBytes, encodeText, isAscii } from './text.ts';

/**
 * DE57, which is ours: items of tag (2 characters), length of the value in bytes (3 digits), value, in any
 * order; a tag may repeat. Nobody sends it unasked: only to a peer whose last 0800 or 0810 carried `V1`.
 * Source: the dialect, clause «Fields».
 */
export type Item = readonly [tag: string, value: string];

/**
 * The tags, one row each. `show`: hidden, its length · plain, all of it · text, free text in which card numbers
 * are masked. Unknown tags are skipped by readers, and hidden.
 */
// biome-ignore format: a table is read by column
export const ITEMS = {
  V1: { way: 'both',    show: 'text',   nameZh: '软件版本',       name: 'software version: says that the peer speaks DE57 (0800, 0810)' },
  OW: { way: 'request', show: 'plain',  nameZh: '未决冲正',       name: 'one open reversal: batch 6, trace 6, UT 26, amount n12' },
  TH: { way: 'request', show: 'plain',  nameZh: '终端日志摘要',   name: 'head of the terminal journal, 64 hex' },
  UT: { way: 'request', show: 'plain',  nameZh: '终端交易标识',   name: 'terminal transaction id, a ULID; a 0400 and a fate query carry the original\'s' },
  PB: { way: 'request', show: 'hidden', nameZh: '国密PIN块',      name: 'SM4 PIN block, 32 hex' },
  KN: { way: 'request', show: 'plain',  nameZh: '主密钥请求',     name: 'sign-in: check value 6 of the master key that the PIN pad uses, its nonce 32, hex' },
  KP: { way: 'answer',  show: 'hidden', nameZh: '主密钥密文包',   name: 'sign-in: a new master key for the PIN pad, encrypted and signed, base64' },
  GA: { way: 'answer',  show: 'plain',  nameZh: '应收金额',       name: 'gross, n12 fen' },
  DA: { way: 'answer',  show: 'plain',  nameZh: '优惠金额',       name: 'discount, n12 fen' },
  PA: { way: 'answer',  show: 'plain',  nameZh: '实付金额',       name: 'paid by the card, n12 fen' },
  RA: { way: 'answer',  show: 'plain',  nameZh: '返利金额',       name: 'rebate accrued, n12 fen; in voids and refunds: given back' },
  PT: { way: 'answer',  show: 'plain',  nameZh: '获得积分',       name: 'points earned' },
  PU: { way: 'answer',  show: 'plain',  nameZh: '使用积分',       name: 'points used' },
  RU: { way: 'answer',  show: 'text',   nameZh: '优惠规则',       name: 'ids of the rules that applied, joined by commas' },
  HH: { way: 'answer',  show: 'plain',  nameZh: '主机日志摘要',   name: 'head of the host journal after this answer\'s record' },
  TX: { way: 'answer',  show: 'text',   nameZh: '签购单文本',     name: 'one slip text line; repeatable, in order' },
  FA: { way: 'answer',  show: 'plain',  nameZh: '交易状态',       name: 'fate: MTI 4, DE3 6, DE39 2, state 1' },
  HT: { way: 'answer',  show: 'plain',  nameZh: '主机对账总计',   name: 'host totals, 60 digits (72 where a count is above 999)' },
} as const satisfies Record<string, { way: 'request' | 'answer' | 'both'; show: 'plain' | 'text' | 'hidden'; nameZh: string; name: string }>;

export type ItemTag = keyof typeof ITEMS;

const FIELD_BYTES_MAX = 999;
/** 0 to 999 as three digits. */
const LENGTHS = Array.from({ length: FIELD_BYTES_MAX + 1 }, (_, count) => String(count).padStart(3, '0'));

/**
 * The items in the order in which they stand, unknown tags too.
 *
 * Throws TLV_BAD with the byte offset in the field: an item that is cut off, a length that is no number.
 */
export function parseDe57(text: string): readonly Item[] {
  // Lengths count bytes. Where each character is one, the text is cut as it is.
  if (isAscii(text)) return itemsIn(text, (characters) => characters);
  return itemsIn(encodeText(text).toString('latin1'), (characters) =>
    decodeText(Buffer.from(characters, 'latin1')),
  );
}

/** @param bytes as one character each */
function itemsIn(bytes: string, textOf: (characters: string) => string): Item[] {
  const end = bytes.length;
  const items: Item[] = [];
  let at = 0;
  while (at < end) {
    const length = bytes.substring(at + 2, at + 5);
    if (!hasDigits(length, 3)) throw bad('an item does not begin with a tag and a length', at);
    const next = at + 5 + Number(length);
    if (next > end) throw bad(`an item announces ${Number(length)} bytes, ${end - at - 5} are left`, at);
    items.push([textOf(bytes.substring(at, at + 2)), textOf(bytes.substring(at + 5, next))]);
    at = next;
  }
  return items;
}

/** The value of the first item with the tag. */
export function itemOf(items: readonly Item[], tag: ItemTag): string | undefined {
  for (let index = 0; index < items.length; index += 1) {
    const [found, value] = items[index] as Item;
    if (found === tag) return value;
  }
  return undefined;
}

/** Throws TLV_BAD for a tag that is not two printable characters, or items longer than DE57 can carry. */
export function buildDe57(items: readonly Item[]): string {
  let text = '';
  let length = 0;
  for (let index = 0; index < items.length; index += 1) {
    const [tag, value] = items[index] as Item;
    if (!isTag(tag)) throw bad(`${JSON.stringify(tag)} is no tag`, length);
    const bytes = encodedBytes(value);
    length += 5 + bytes;
    if (length > FIELD_BYTES_MAX)
      throw bad(`the items take more than ${FIELD_BYTES_MAX} bytes`, FIELD_BYTES_MAX);
    text += tag + (LENGTHS[bytes] as string) + value;
  }
  return text;
}

/** Two printable characters, none of them a blank. */
function isTag(text: string): boolean {
  return text.length === 2 && isGraphic(codeAt(text, 0)) && isGraphic(codeAt(text, 1));
}

const isGraphic = (code: number) => code > 0x20 && code < 0x7f;

const UT_LENGTH = 26;
/** By the code of a character: 1 for Crockford's base 32, which leaves I, L, O and U out. */
const IS_CROCKFORD = Uint8Array.from({ length: 0x80 }, (_, code) =>
  '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.includes(String.fromCharCode(code)) ? 1 : 0,
);

/** A ULID: 26 characters of Crockford's base 32, the first at most 7 (128 bits). */
export function isUt(text: string): boolean {
  if (text.length !== UT_LENGTH || codeAt(text, 0) > 0x37) return false;
  for (let at = 0; at < UT_LENGTH; at += 1) if (IS_CROCKFORD[codeAt(text, at)] !== 1) return false;
  return true;
}

function bad(what: string, offset: number): PosError {
  return new PosError('TLV_BAD', `DE57: ${what}, at byte ${offset}`, { offset, field: 57 });
}
