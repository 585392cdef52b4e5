/** A failure as the caller sees it: a stable code, what happened, and what to do, in Chinese and English. */
import { FAILURES, type FailureCode, PosError } from '../../protocol/index.ts';

export interface FailureAnswer {
  readonly code: FailureCode;
  readonly detail: string;
  readonly hint: { readonly zh: string; readonly en: string };
}

/** Status and Chinese hint by code; what is not here is 500 or, when it may be tried again, 503. */
// biome-ignore format: a table is read by column
const ANSWERS: Readonly<Partial<Record<FailureCode, readonly [status: number, zh: string]>>> = {
  REQUEST_BAD:      [400, '请对照接口文档检查请求。'],
  INPUT_BAD:        [400, '请对照接口文档检查请求。'],
  AMOUNT_BAD:       [400, '金额为整数分,0 至 999999999999。'],
  DATE_BAD:         [400, '营业日格式为 YYYYMMDD。'],
  PAN_BAD:          [400, '请核对卡号:位数、校验位或号段不符。'],
  PIN_BLOCK_BAD:    [400, '密码块与该卡号不符。'],
  RULE_BAD:         [400, '请更正所指出的规则。'],
  KEY_BAD:          [400, '请检查密钥分量的长度、奇偶与弱密钥。'],
  KEY_USE:          [400, '一把密钥只有一种用途。'],
  CERTIFICATE_BAD:  [400, '证书或请求无效:被改动、非本机构签发、用途或终端号不符。'],
  CERTIFICATE_EXPIRED: [409, '证书不在有效期内:请核对时钟,或重新申请。'],
  CERTIFICATE_REVOKED: [409, '证书已吊销:查明原因后重新申请。'],
  NOT_AUTHORISED:   [403, '请使用具有相应角色的令牌。'],
  FOUR_EYES:        [403, '须由另一人复核。'],
  NOT_FOUND:        [404, '请核对编号。'],
  KEY_UNKNOWN:      [404, '密钥库中无此密钥。'],
  ALREADY_EXISTS:   [409, '同一编号已存在且内容不同;如需变更请申请新版本。'],
  FILE_EXISTS:      [409, '结算文件从不覆盖;更正用下一序号。'],
  STORE_CONFLICT:   [409, '数据刚被他人改动,请重试。'],
  STORE_REFUSED:    [409, '数据库拒绝了这一改动,详见说明。'],
  NOT_ALLOWED_NOW:  [409, '请先完成未了事项。'],
  LIMIT_EXCEEDED:   [422, '超过法规或方案限额。'],
  BOOKS_UNBALANCED: [500, '停止操作并联系账务负责人:账簿核对不符。'],
  STORE_DAMAGED:    [500, '停止主机:数据库受损,请按 host/README.md「恢复」处理。'],
  FILE_DAMAGED:     [500, '勿据此文件付款:请恢复或重新获取。'],
  CLEARING_STEP:    [503, '请重新执行清算:已完成的步骤不会重复。'],
  HOST_BUSY:        [503, '主机繁忙,请稍后重试。'],
  STORE_BUSY:       [503, '数据库被占用,请稍后重试。'],
  STORE_FAILED:     [503, '数据库未接受改动,未作任何变更,请重试。'],
  STORE_UNKNOWN:    [503, '提交结果不明:请先查询再决定是否重试。'],
};

/** Any error as status and body. What is not ours is told as a defect, without its text: it may quote the request. */
export function failureAnswer(error: unknown): { readonly status: number; readonly body: FailureAnswer } {
  const failure = error instanceof PosError ? error : foreign(error);
  const { retry, hint } = FAILURES[failure.code];
  const [status, zh] = ANSWERS[failure.code] ?? [retry ? 503 : 500, '请将代码与说明告知维护人员。'];
  return { status, body: { code: failure.code, detail: failure.detail, hint: { zh, en: hint } } };
}

/** Fastify's own refusals carry a status and, for a schema, where in the request the first wrong value stands. */
function foreign(error: unknown): PosError {
  const { statusCode, validation, validationContext, code } = (error ?? {}) as {
    statusCode?: number;
    validation?: readonly { instancePath: string; message?: string; params?: Record<string, unknown> }[];
    validationContext?: string;
    code?: string;
  };
  const [first] = validation ?? [];
  if (first !== undefined) {
    const surplus = first.params?.['additionalProperty'];
    const what =
      typeof surplus === 'string' ? `${surplus.slice(0, 40)}: 无此字段 no such field` : (first.message ?? '');
    return new PosError('REQUEST_BAD', `${validationContext ?? 'request'}${first.instancePath}: ${what}`);
  }
  if (statusCode !== undefined && statusCode < 500) return new PosError('REQUEST_BAD', code ?? 'HTTP');
  return new PosError('INVARIANT', '内部错误 internal error', { cause: error });
}
