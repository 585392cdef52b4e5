import { hidePans } from './hide-pans.ts';

/**
 * Every failure we report, one row each. The code is the contract; detail and hint may be reworded.
 *
 * Columns: `retry` says whether the same act may succeed later without a change; `zh` and `en` say
 * what a person does next. Retired codes stay listed, so that an old log can still be read.
 */
// biome-ignore format: a table is read by column
export const FAILURES = {
  // The wire
  FRAME_TOO_LONG:      { retry: false, zh: '端口不对,或对端分帧方式不同。', en: 'Wrong port, or the peer frames differently.' },
  FRAME_TOO_SHORT:     { retry: false, zh: '一帧至少含 TPDU、报文头、MTI 与位图(21 字节)。', en: 'A frame holds at least TPDU, header, MTI and bitmap (21 bytes).' },
  MESSAGE_TRUNCATED:   { retry: false, zh: '某域超出帧尾:请核对其长度前缀。', en: 'A field runs past the end of the frame: compare its length prefix.' },
  MESSAGE_TRAILING:    { retry: false, zh: '最后一域之后还有字节:位图与各域不符。', en: 'Bytes follow the last field: the bitmap and the fields disagree.' },
  MTI_BAD:             { retry: false, zh: 'MTI 为两个 BCD 字节的四位数字。', en: 'The MTI is four decimal digits in two BCD bytes.' },
  FIELD_BAD_LENGTH:    { retry: false, zh: '请对照 protocol/fields.ts 中该域一行。', en: 'Compare it with its row in protocol/fields.ts.' },
  FIELD_BAD_CONTENT:   { retry: false, zh: '请对照 protocol/fields.ts 中该域一行核对字符。', en: 'Compare its characters with its row in protocol/fields.ts.' },
  FIELD_UNKNOWN:       { retry: false, zh: '本规范未定义该域。', en: 'The field has no shape in this dialect.' },
  FIELD_MISSING:       { retry: false, zh: '请对照 protocol/transactions.ts 中该交易一行。', en: 'Compare the message with its row in protocol/transactions.ts.' },
  TRACK_BAD:           { retry: true,  zh: '请匀速重新刷卡。', en: 'Swipe the card again, at an even speed.' },
  PAN_BAD:             { retry: false, zh: '请核对卡号:位数或校验位不符。', en: 'Read the card number again: its check digit or length is wrong.' },
  TLV_BAD:             { retry: false, zh: 'TLV 数据提前结束,或长度过大。', en: 'The tag-length-value data ends too early or announces too much.' },
  AMOUNT_BAD:          { retry: false, zh: '金额为整数分,0 至 999999999999。', en: 'An amount is a whole number of fen, 0 to 999999999999.' },
  DATE_BAD:            { retry: false, zh: '营业日格式为 YYYYMMDD。', en: 'A business date is YYYYMMDD.' },
  // Keys
  KEY_BAD:             { retry: false, zh: '请检查密钥的长度、奇偶与弱密钥。', en: 'Check the key length, its parity and that it is not a known weak key.' },
  KEY_UNKNOWN:         { retry: false, zh: '密钥库中无此密钥。', en: 'The vault holds no key of that name.' },
  KEY_USE:             { retry: false, zh: '一把密钥只有一种用途。', en: 'A key serves one purpose only.' },
  KEY_CHECK_VALUE:     { retry: true,  zh: '密钥校验值不符:请重新录入。', en: 'The key check value differs: load the key again.' },
  KEY_FILE:            { retry: false, zh: '口令不对,或密钥文件被改动。', en: 'Wrong passphrase, or the key file was changed.' },
  KEY_BLOCK_BAD:       { retry: false, zh: '密钥块被改动、截断,或由另一保护密钥制成:请向发送方重新索取。', en: 'The key block was changed, cut, or made under another protection key: ask its sender for it again.' },
  KSN_BAD:             { retry: false, zh: '请与设备核对 KSN:长度不符或计数器用尽。', en: 'Compare the key serial number with the device: its length is wrong or its counter is used up.' },
  SEAL_BROKEN:         { retry: false, zh: '密文被改动,或由另一密钥库、为另一处所封。', en: 'The sealed text was changed, or sealed by another vault or for another place.' },
  CERTIFICATE_BAD:     { retry: false, zh: '证书或请求无效:被改动、非本机构签发、用途或终端号不符,请重新申请。', en: 'The certificate or request was changed, is of another authority, for another purpose or another terminal: enrol again.' },
  CERTIFICATE_EXPIRED: { retry: false, zh: '证书不在有效期内:请核对时钟,或重新申请。', en: 'Compare the clock; when it is right, enrol again.' },
  CERTIFICATE_REVOKED: { retry: false, zh: '证书已吊销:查明原因后重新申请。', en: 'Find out why it was revoked before the terminal is enrolled again.' },
  KEY_PACKAGE_BAD:     { retry: false, zh: '密钥包被改动,或属于另一终端、另一主机、另一时刻:请重新签到。', en: 'The key package was changed, or made for another terminal, by another host or at another time: sign in again for a new one.' },
  KEY_PACKAGE_REPLAYED: { retry: false, zh: '密钥包已用过,或对应较早的请求:请重新签到。', en: 'The key package was used before or answers an older question: sign in again for a new one.' },
  MAC_MISMATCH:        { retry: false, zh: 'MAC 密钥不一致:请重新签到。', en: 'Sign in again: the MAC keys differ.' },
  PIN_BLOCK_BAD:       { retry: false, zh: '密码块与该卡号不符。', en: 'The PIN block does not fit this card number.' },
  TOKEN_ABSENT:        { retry: false, zh: '请检查加密机的库、令牌标签与口令;口令错几次会自锁。', en: 'Check library, token label and PIN of the token; it locks itself after a few wrong PINs.' },
  TOKEN_FAILED:        { retry: true,  zh: '加密机未完成操作:CKR 名称见其手册;若持续,请重启主机。', en: 'The token did not do it: its manual explains the CKR name in the detail; restart the host if it goes on.' },
  SELF_TEST:           { retry: false, zh: '本机密码运算结果错误:请勿使用。', en: 'The cryptography of this machine gives wrong answers: do not use it.' },
  // Terminal and devices
  DEVICE_ABSENT:       { retry: true,  zh: '请重新插好设备并检查连线。', en: 'Plug the device in again and check its cable.' },
  DEVICE_SILENT:       { retry: true,  zh: '设备无应答:请关机再开。', en: 'The device does not answer: switch it off and on.' },
  DEVICE_GARBAGE:      { retry: true,  zh: '设备应答无法识别:请检查型号与波特率。', en: 'The device answers what its protocol does not know: check its type and speed.' },
  DEVICE_REFUSED:      { retry: false, zh: '设备拒绝了该命令。', en: 'The device refused the command.' },
  DEVICE_BUSY:         { retry: true,  zh: '设备正在执行另一命令。', en: 'The device is in another command.' },
  PAPER_OUT:           { retry: true,  zh: '请装纸;签购单以重打印补全。', en: 'Refill the paper; the slip is completed as a reprint.' },
  PRINTER_FAULT:       { retry: true,  zh: '请合上机盖并检查卡纸。', en: 'Close the cover and look for a jam.' },
  CANCELLED:           { retry: true,  zh: '请重新发起交易。', en: 'Start the transaction again.' },
  HOST_SILENT:         { retry: true,  zh: '请重试;未了结的在下一笔之前先发送。', en: 'Try again; what is owed goes out before the next transaction.' },
  HOST_UNREACHABLE:    { retry: true,  zh: '请检查网络;未发送任何报文。', en: 'Check the network; nothing was sent.' },
  NOT_SIGNED_IN:       { retry: true,  zh: '请先签到。', en: 'Sign in at the host first.' },
  OPERATOR_REFUSED:    { retry: true,  zh: '请由有权限的操作员登录。', en: 'Log on with an operator who may do this.' },
  NOT_ALLOWED_NOW:     { retry: true,  zh: '请先完成未了事项。', en: 'Finish what is open first.' },
  STATE_NOT_ALLOWED:   { retry: false, zh: '请重新启动,以便重放日志。', en: 'Restart, so that the journal is replayed.' },
  JOURNAL_DAMAGED:     { retry: false, zh: '请用副本恢复日志;勿编辑。', en: 'Restore the journal from its copy; do not edit it.' },
  JOURNAL_WRITE:       { retry: false, zh: '磁盘未写入该记录,因此未做任何事:腾出空间后重新启动。', en: 'The disk did not take the record, so nothing was done: free space, then restart.' },
  INPUT_BAD:           { retry: true,  zh: '请按提示的格式重新输入。', en: 'Type it again in the form that the prompt shows.' },
  // Host
  CONFIG_BAD:          { retry: false, zh: '请更正所指出的设置后重新启动。', en: 'Correct the setting that is named and start again.' },
  HOST_BUSY:           { retry: true,  zh: '主机繁忙,请稍后重试。', en: 'The host has more requests waiting than it allows: try again.' },
  HOST_STOPPING:       { retry: true,  zh: '主机正在停机:请待其恢复后再试;清算会从已完成的步骤继续。', en: 'The host is stopping: ask again when it is back; a clearing goes on behind its finished steps.' },
  STORE_CONFLICT:      { retry: true,  zh: '数据刚被他人改动,将重新判断。', en: 'Another change came first: it is decided again.' },
  STORE_REFUSED:       { retry: false, zh: '数据库拒绝了这一改动,详见说明。', en: 'The database refused this one change: the detail names the constraint.' },
  STORE_BUSY:          { retry: true,  zh: '数据库被另一进程占用:请待其完成。', en: 'Another process holds the database: let it finish.' },
  STORE_SCHEMA:        { retry: false, zh: '数据库由另一版本建立:请运行该版本或更新的版本。', en: 'The database was made by another version: run the version that made it, or a newer one.' },
  STORE_DAMAGED:       { retry: false, zh: '数据库受损:请按 host/README.md「恢复」处理;勿编辑或截短任何文件。', en: 'Restore the backup as host/README.md, "Restoring", says; edit and cut nothing.' },
  STORE_FAILED:        { retry: true,  zh: '数据库未接受改动,未作任何变更。', en: 'The database did not take the change; nothing was committed.' },
  STORE_UNKNOWN:       { retry: true,  zh: '提交结果不明:答复之前请先查询。', en: 'The outcome of the commit is unknown: read it back before answering.' },
  STOP_LATE:           { retry: false, zh: '请检查所指出的磁盘或服务器,再重新启动:未答复的,终端会查询或冲正。', en: 'Look at the disk or server behind what is named, then start again: terminals ask for what was not answered, or reverse it.' },
  BOOKS_UNBALANCED:    { retry: false, zh: '停止操作并联系账务负责人:账簿核对不符。', en: 'Stop and call the ledger owner: a proof of the books failed.' },
  RULE_BAD:            { retry: false, zh: '请更正所指出的规则。', en: 'Correct the rule that is named.' },
  REQUEST_BAD:         { retry: false, zh: '请对照接口文档检查请求。', en: 'Compare the request with the documented JSON.' },
  NOT_FOUND:           { retry: false, zh: '请核对编号。', en: 'Check the identifier.' },
  ALREADY_EXISTS:      { retry: false, zh: '同一编号已存在且内容不同。', en: 'The same identifier exists with other content.' },
  LIMIT_EXCEEDED:      { retry: false, zh: '超过法规或方案限额,详见说明。', en: 'The law or the programme allows less: the detail names the limit.' },
  NOT_AUTHORISED:      { retry: false, zh: '请使用具有相应角色的令牌。', en: 'Use a token that holds the role this act needs.' },
  FOUR_EYES:           { retry: false, zh: '须由另一人复核。', en: 'Another person must approve.' },
  CLEARING_STEP:       { retry: true,  zh: '请重新执行清算:已完成的步骤不会重复。', en: 'Run the clearing again: finished steps are not repeated.' },
  FILE_EXISTS:         { retry: false, zh: '结算文件从不覆盖;更正用下一序号。', en: 'A settlement file is never overwritten; a correction takes the next number.' },
  FILE_DAMAGED:        { retry: false, zh: '勿据此文件付款:请恢复或重新获取。', en: 'Do not pay from this file: restore it, or fetch it again.' },
  // Programmer's errors: an assertion that failed
  INVARIANT:           { retry: false, zh: '程序缺陷:请连同说明报告。', en: 'This is a defect: report it with the detail.' },
} as const satisfies Record<string, { readonly retry: boolean; readonly zh: string; readonly en: string }>;

export type FailureCode = keyof typeof FAILURES;

/** The one error this project throws. Callers match on `code`; people read `detail` and `hint`. */
export class PosError extends Error {
  readonly code: FailureCode;
  readonly detail: string;
  /** What to do next, in Chinese and English. */
  readonly hint: string;
  readonly retry: boolean;
  /** Where in a message the first wrong byte is, counted from the first byte given to the decoder. */
  readonly offset: number | undefined;
  /** The data element that is wrong, when one can be named. */
  readonly field: number | undefined;

  /**
   * @param detail may be printed anywhere: it names fields and positions, never card data or keys. What
   *   looks like a card number all the same, because somebody typed it where it does not belong, is masked
   */
  constructor(
    code: FailureCode,
    detail: string,
    options?: ErrorOptions & { readonly offset?: number; readonly field?: number },
  ) {
    const shown = hidePans(detail);
    super(`${code}: ${shown}`, options);
    this.name = 'PosError';
    this.code = code;
    this.detail = shown;
    const { retry, zh, en } = FAILURES[code];
    this.hint = `${zh} ${en}`;
    this.retry = retry;
    this.offset = options?.offset;
    this.field = options?.field;
  }
}

/** Throws INVARIANT unless the condition holds. `detail` never carries card data or keys. */
export function ensure(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new PosError('INVARIANT', detail);
}
