/** A failure as the caller sees it: a stable code, what happened, and what to do, in Chinese and English. */
import { FAILURES, type FailureCode, PosError } from '../../protocol/index.ts';

export interface FailureAnswer {
  readonly code: FailureCode;
  readonly detail: string;
  readonly hint: { readonly zh: string; readonly en: string };
}

/** Status by code; what is not here is 500 or, when it may be tried again, 503. */
// biome-ignore format: a table is read by column
const STATUS: Readonly<Partial<Record<FailureCode, number>>> = {
  REQUEST_BAD:      400,
  INPUT_BAD:        400,
  AMOUNT_BAD:       400,
  DATE_BAD:         400,
  PAN_BAD:          400,
  PIN_BLOCK_BAD:    400,
  RULE_BAD:         400,
  KEY_BAD:          400,
  KEY_USE:          400,
  CERTIFICATE_BAD:  400,
  CERTIFICATE_EXPIRED: 409,
  CERTIFICATE_REVOKED: 409,
  NOT_AUTHORISED:   403,
  FOUR_EYES:        403,
  NOT_FOUND:        404,
  KEY_UNKNOWN:      404,
  ALREADY_EXISTS:   409,
  FILE_EXISTS:      409,
  STORE_CONFLICT:   409,
  STORE_REFUSED:    409,
  NOT_ALLOWED_NOW:  409,
  // As nginx writes it down; nobody is there to read it.
  CANCELLED:        499,
  LIMIT_EXCEEDED:   422,
  BOOKS_UNBALANCED: 500,
  STORE_DAMAGED:    500,
  FILE_DAMAGED:     500,
  CLEARING_STEP:    503,
  HOST_BUSY:        503,
  STORE_BUSY:       503,
  STORE_FAILED:     503,
  STORE_UNKNOWN:    503,
};

/** Any error as status and body. What is not ours is told as a defect, without its text: it may quote the request. */
export function failureAnswer(error: unknown): { readonly status: number; readonly body: FailureAnswer } {
  const failure = error instanceof PosError ? error : foreign(error);
  const { retry, zh, en } = FAILURES[failure.code];
  const status = STATUS[failure.code] ?? (retry ? 503 : 500);
  return { status, body: { code: failure.code, detail: failure.detail, hint: { zh, en } } };
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
