import { PosError } from './errors.ts';
import { decodeText, encodeText, isAscii } from './text.ts';

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
const TAG = /^[\x21-\x7e]{2}$/;
/** 0 to 999 as three digits. */
const LENGTHS = Array.from({ length: FIELD_BYTES_MAX + 1 }, (_, count) => String(count).padStart(3, '0'));

/**
 * The items in the order in which they stand, unknown tags too.
 *
 * Throws TLV_BAD with the byte offset in the field: an item that is cut off, a length that is no number.
 */
export function parseDe57(text: string): readonly Item[] {
  // Lengths count bytes. Where each character is one, the text is cut as it is.
  if (isAscii(text)) return itemsIn(text, (start, end) => text.substring(start, end));
  const bytes = encodeText(text);
  return itemsIn(bytes, (start, end) => decodeText(bytes.subarray(start, end)));
}

function itemsIn({ length: end }: string | Buffer, cut: (start: number, end: number) => string): Item[] {
  const items: Item[] = [];
  let at = 0;
  while (at < end) {
    const length = cut(at + 2, at + 5);
    if (!/^\d{3}$/.test(length)) throw bad('an item does not begin with a tag and a length', at);
    const next = at + 5 + Number(length);
    if (next > end) throw bad(`an item announces ${Number(length)} bytes, ${end - at - 5} are left`, at);
    items.push([cut(at, at + 2), cut(at + 5, next)]);
    at = next;
  }
  return items;
}

/** The value of the first item with the tag. */
export function itemOf(items: readonly Item[], tag: ItemTag): string | undefined {
  return items.find(([found]) => found === tag)?.[1];
}

/** Throws TLV_BAD for a tag that is not two printable characters, or items longer than DE57 can carry. */
export function buildDe57(items: Iterable<Item>): string {
  let text = '';
  let length = 0;
  for (const [tag, value] of items) {
    if (!TAG.test(tag)) throw bad(`${JSON.stringify(tag)} is no tag`, length);
    const bytes = isAscii(value) ? value.length : encodeText(value).length;
    length += 5 + bytes;
    if (length > FIELD_BYTES_MAX)
      throw bad(`the items take more than ${FIELD_BYTES_MAX} bytes`, FIELD_BYTES_MAX);
    text += tag + (LENGTHS[bytes] as string) + value;
  }
  return text;
}

/** A ULID: 26 characters of Crockford's base 32, the first at most 7 (128 bits). */
export function isUt(text: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
}

function bad(what: string, offset: number): PosError {
  return new PosError('TLV_BAD', `DE57: ${what}, at byte ${offset}`, { offset, field: 57 });
}
