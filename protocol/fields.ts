/**
 * Every data element of the dialect, one row each. The codec, `describe`, the README's table and the
 * Wireshark dissector all read these rows; no other list of fields exists.
 *
 * Columns
 * - `format`: n packed decimal digits · z packed nibbles 0–F (a track; its separator is D) · an printable
 *   ASCII (or the zero bytes of an empty field) · ans GB18030 text · b bytes · xn one sign byte C or D, then packed digits.
 * - `length`: digits for n, z and xn; bytes for an, ans and b. With a length prefix it is the maximum.
 * - `prefix`: fixed, or ll (one BCD byte), or lll (two BCD bytes), which count like `length`.
 * - `align`: where the digits stand when their count is odd: left (pad nibble behind) or right (before).
 *   '' where the question does not arise.
 * - `trim`: decoding takes blanks off the right end of a fixed text; encoding puts them back.
 * - `show`: what may be seen of it anywhere outside the vault, see `Show`.
 *
 * Source: the dialect's fact sheet, section 2 (packed BCD, UnionPay Q/CUP 009 family), and DE57, which
 * is ours. Where implementations differ the row follows captured traffic.
 */

/**
 * What a log, a screen or an error may show of a field:
 * plain, all of it · pan, first six and last four · hidden, its length · shape, its length and 9 for
 * each digit, A for each letter · totals, plain for settlement totals, card numbers masked in upload
 * items · items, DE57 tag by tag · tags, DE55 tags and lengths.
 */
export type Show = 'plain' | 'pan' | 'hidden' | 'shape' | 'totals' | 'items' | 'tags';

export interface FieldSpec {
  readonly name: string;
  readonly nameZh: string;
  readonly format: 'n' | 'z' | 'an' | 'ans' | 'b' | 'xn';
  readonly length: number;
  readonly prefix: 'fixed' | 'll' | 'lll';
  readonly align: 'left' | 'right' | '';
  readonly trim: boolean;
  readonly show: Show;
}

// biome-ignore format: a table is read by column
export const FIELDS = {
  2:  { format: 'n',   length: 19,  prefix: 'll',    align: 'left',  trim: false, show: 'pan',    nameZh: '主账号',         name: 'primary account number' },
  3:  { format: 'n',   length: 6,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '交易处理码',     name: 'processing code' },
  4:  { format: 'n',   length: 12,  prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '交易金额',       name: 'amount, transaction' },
  11: { format: 'n',   length: 6,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '受卡方流水号',   name: 'trace number' },
  12: { format: 'n',   length: 6,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '受卡方所在地时间', name: 'time, local' },
  13: { format: 'n',   length: 4,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '受卡方所在地日期', name: 'date, local' },
  14: { format: 'n',   length: 4,   prefix: 'fixed', align: '',      trim: false, show: 'hidden', nameZh: '卡有效期',       name: 'date, expiration' },
  15: { format: 'n',   length: 4,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '清算日期',       name: 'date, settlement' },
  22: { format: 'n',   length: 3,   prefix: 'fixed', align: 'left',  trim: false, show: 'plain',  nameZh: '服务点输入方式码', name: 'point of service entry mode' },
  23: { format: 'n',   length: 3,   prefix: 'fixed', align: 'right', trim: false, show: 'plain',  nameZh: '卡序列号',       name: 'card sequence number' },
  25: { format: 'n',   length: 2,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '服务点条件码',   name: 'point of service condition code' },
  26: { format: 'n',   length: 2,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '服务点PIN获取码', name: 'PIN capture code' },
  32: { format: 'n',   length: 11,  prefix: 'll',    align: 'left',  trim: false, show: 'plain',  nameZh: '受理方标识码',   name: 'acquiring institution' },
  35: { format: 'z',   length: 37,  prefix: 'll',    align: 'left',  trim: false, show: 'hidden', nameZh: '第二磁道数据',   name: 'track 2 data' },
  36: { format: 'z',   length: 104, prefix: 'lll',   align: 'left',  trim: false, show: 'hidden', nameZh: '第三磁道数据',   name: 'track 3 data' },
  37: { format: 'an',  length: 12,  prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '检索参考号',     name: 'retrieval reference number' },
  38: { format: 'an',  length: 6,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '授权标识应答码', name: 'authorisation code' },
  39: { format: 'an',  length: 2,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '应答码',         name: 'response code' },
  41: { format: 'ans', length: 8,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '终端标识码',     name: 'terminal identification' },
  42: { format: 'ans', length: 15,  prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '商户标识码',     name: 'merchant identification' },
  43: { format: 'ans', length: 40,  prefix: 'fixed', align: '',      trim: true,  show: 'plain',  nameZh: '商户名称',       name: 'merchant name' },
  44: { format: 'ans', length: 25,  prefix: 'll',    align: '',      trim: false, show: 'plain',  nameZh: '附加响应数据',   name: 'additional response data' },
  48: { format: 'n',   length: 322, prefix: 'lll',   align: 'left',  trim: false, show: 'totals', nameZh: '附加数据',       name: 'totals, upload items' },
  49: { format: 'an',  length: 3,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '交易货币代码',   name: 'currency' },
  52: { format: 'b',   length: 8,   prefix: 'fixed', align: '',      trim: false, show: 'hidden', nameZh: '个人标识码数据', name: 'PIN block' },
  53: { format: 'n',   length: 16,  prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '安全控制信息',   name: 'security control' },
  54: { format: 'ans', length: 120, prefix: 'lll',   align: '',      trim: false, show: 'plain',  nameZh: '余额',           name: 'balances' },
  55: { format: 'b',   length: 255, prefix: 'lll',   align: '',      trim: false, show: 'tags',   nameZh: 'IC卡数据域',     name: 'chip card data' },
  57: { format: 'ans', length: 999, prefix: 'lll',   align: '',      trim: false, show: 'items',  nameZh: '尊卡私有数据',   name: 'Zunka items' },
  58: { format: 'ans', length: 100, prefix: 'lll',   align: '',      trim: false, show: 'shape',  nameZh: 'PBOC电子钱包数据', name: 'electronic purse data' },
  59: { format: 'ans', length: 999, prefix: 'lll',   align: '',      trim: false, show: 'shape',  nameZh: '扫码数据',       name: 'private items, scanned code' },
  60: { format: 'n',   length: 17,  prefix: 'lll',   align: 'left',  trim: false, show: 'plain',  nameZh: '自定义域60',     name: 'type, batch, management code' },
  61: { format: 'n',   length: 29,  prefix: 'lll',   align: 'left',  trim: false, show: 'plain',  nameZh: '原始信息域',     name: 'original transaction' },
  62: { format: 'b',   length: 512, prefix: 'lll',   align: '',      trim: false, show: 'hidden', nameZh: '自定义域62',     name: 'keys, identity, parameters' },
  63: { format: 'ans', length: 163, prefix: 'lll',   align: '',      trim: false, show: 'plain',  nameZh: '自定义域63',     name: 'operator, slip lines' },
  64: { format: 'b',   length: 8,   prefix: 'fixed', align: '',      trim: false, show: 'plain',  nameZh: '报文鉴别码',     name: 'message authentication code' },
} as const satisfies Record<number, FieldSpec>;

/** A data element that the dialect gives a meaning to. */
export type FieldNumber = keyof typeof FIELDS;
