/**
 * What the PIN pad understands: one row a command, one row an answer state. The driver and the
 * simulator read these tables; neither reads the other's code.
 *
 * DATA of every command and answer begins with one sequence byte, chosen by the terminal and returned
 * by the pad, so that a late answer is never taken for the answer to another command. Events carry 0.
 */
import type { MacAlgorithm } from '../../keys/index.ts';
import type { FailureCode } from '../../protocol/index.ts';

export interface PadCommand {
  readonly code: number;
  readonly nameZh: string;
  readonly nameEn: string;
  /** Milliseconds until an answer must be there; PIN entry adds the time that the holder has. */
  readonly answerMs: number;
  /** safe: may be sent again when no answer came; never: it may have been executed. */
  readonly again: 'safe' | 'never';
  /** What DATA holds after the sequence byte, in the request and in the answer. */
  readonly request: string;
  readonly answer: string;
}

// biome-ignore format: a table is read by column
export const PAD_COMMANDS = {
  status:        { code: 0x30, nameZh: '状态',         nameEn: 'status',            answerMs: 1_500, again: 'safe',  request: '-',                                              answer: 'version, TMK, MAK, PIK check values: each length 1 + text' },
  loadKeys:      { code: 0x41, nameZh: '装工作密钥',   nameEn: 'load working keys', answerMs: 5_000, again: 'never', request: 'mode 3 (003 004 005), MAC algorithm 1 (see PAD_MACS), DE62', answer: '-' },
  mac:           { code: 0x42, nameZh: '算MAC',        nameEn: 'make MAC',          answerMs: 3_000, again: 'safe',  request: 'data',                                           answer: 'MAC 8' },
  enterPin:      { code: 0x44, nameZh: '输入密码',     nameEn: 'enter PIN',         answerMs: 3_000, again: 'never', request: 'seconds 2, PAN and amount text: each length 1 + text', answer: 'PIN block 8 (SM4: 16)' },
  verifyMac:     { code: 0x48, nameZh: '验MAC',        nameEn: 'verify MAC',        answerMs: 3_000, again: 'safe',  request: 'MAC 8, data',                                    answer: '1: 0 none, 1 current key, 2 previous key' },
  seal:          { code: 0x49, nameZh: '密封',         nameEn: 'seal',              answerMs: 3_000, again: 'safe',  request: 'clear data',                                     answer: 'sealed text' },
  unseal:        { code: 0x4a, nameZh: '解封',         nameEn: 'unseal',            answerMs: 3_000, again: 'safe',  request: 'sealed text',                                    answer: 'clear data' },
  random:        { code: 0x4b, nameZh: '随机数',       nameEn: 'random',            answerMs: 3_000, again: 'safe',  request: 'count 1',                                        answer: 'count bytes' },
  display:       { code: 0x4c, nameZh: '显示',         nameEn: 'display',           answerMs: 1_500, again: 'safe',  request: 'GB18030 lines, parted by LF',                    answer: '-' },
  encryptTrack:  { code: 0x4e, nameZh: '加密磁道',     nameEn: 'encrypt track',     answerMs: 3_000, again: 'safe',  request: 'DE35 in digits and D',                           answer: 'the same, its middle under the TDK' },
  cancel:        { code: 0x4d, nameZh: '取消',         nameEn: 'cancel',            answerMs: 1_500, again: 'safe',  request: '-',                                              answer: '-; a PIN entry answers with state cancelled' },
  askKey:        { code: 0x51, nameZh: '请求主密钥',   nameEn: 'ask for a master key', answerMs: 3_000, again: 'safe', request: '-',                                            answer: 'check value 3 of the TMK to use (zeros: none), a new nonce 16' },
  loadKey:       { code: 0x52, nameZh: '装主密钥包',   nameEn: 'load a key package', answerMs: 8_000, again: 'never', request: 'DE57 KP, its bytes',                             answer: '-' },
  keyPressed:    { code: 0x50, nameZh: '按键',         nameEn: 'key pressed',       answerMs: 0,     again: 'never', request: 'the pad sends it: key 1, see PAD_KEYS',          answer: 'none' },
} as const satisfies Record<string, PadCommand>;

export type PadCommandName = keyof typeof PAD_COMMANDS;

/**
 * Codes of the family that this pad refuses with state `unknown`: set aside, so that no command of
 * ours ever means something else to a pad of the same family.
 */
// biome-ignore format: a table is read by column
export const PAD_SET_ASIDE = {
  loadMasterKey: { code: 0x40, nameZh: '装主密钥',     nameEn: 'load master key: in a key room only, never by the terminal' },
  cardReset:     { code: 0x43, nameZh: '卡复位',       nameEn: 'chip card reset' },
  cardExchange:  { code: 0x45, nameZh: '卡指令',       nameEn: 'chip card APDU' },
  cardPowerOff:  { code: 0x46, nameZh: '卡下电',       nameEn: 'chip card power off' },
  setTime:       { code: 0x47, nameZh: '设时间',       nameEn: 'set time' },
} as const;

export interface PadState {
  readonly code: number;
  readonly zh: string;
  readonly en: string;
  /** What the driver throws; null when the answer is good. */
  readonly failure: FailureCode | null;
}

// biome-ignore format: a table is read by column
export const PAD_STATES = {
  done:       { code: 0x00, zh: '成功',           en: 'done',                   failure: null },
  working:    { code: 0x01, zh: '处理中',         en: 'begun, the end follows', failure: null },
  bypassed:   { code: 0x02, zh: '未输密码',       en: 'no PIN, confirmed',      failure: null },
  cancelled:  { code: 0x10, zh: '已取消',         en: 'cancelled',              failure: 'CANCELLED' },
  timedOut:   { code: 0x11, zh: '输入超时',       en: 'nobody typed in time',   failure: 'DEVICE_SILENT' },
  checkValue: { code: 0x20, zh: '密钥校验值不符', en: 'key check value differs', failure: 'KEY_CHECK_VALUE' },
  noKey:      { code: 0x21, zh: '无密钥',         en: 'no such key',            failure: 'KEY_UNKNOWN' },
  unsealable: { code: 0x22, zh: '解封失败',       en: 'not sealed by this pad', failure: 'SEAL_BROKEN' },
  replayed:   { code: 0x23, zh: '密钥包已用过',   en: 'key package not for the last nonce', failure: 'KEY_PACKAGE_REPLAYED' },
  badPackage: { code: 0x24, zh: '密钥包无效',     en: 'key package is not sound', failure: 'KEY_PACKAGE_BAD' },
  badData:    { code: 0x30, zh: '参数错误',       en: 'wrong data',             failure: 'DEVICE_REFUSED' },
  unknown:    { code: 0x31, zh: '未知指令',       en: 'unknown command',        failure: 'DEVICE_REFUSED' },
  busy:       { code: 0x32, zh: '忙',             en: 'in another command',     failure: 'DEVICE_BUSY' },
} as const satisfies Record<string, PadState>;

/** How the pad makes MACs with the keys that it is given. */
export const PAD_MACS = { 'unionpay-ecb': 0x00, 'x9.19': 0x01, cmac: 0x02 } as const satisfies Record<
  MacAlgorithm,
  number
>;

/** Function keys as the event sends them. */
// biome-ignore format: a table is read by column
export const PAD_KEYS = {
  confirm: 0x0d, cancel: 0x1b, clear: 0x08, f1: 0xf1, f2: 0xf2, f3: 0xf3,
} as const;
