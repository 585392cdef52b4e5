/** Which transaction a void, refund or completion is about: by the till's own requestId, or as on a slip. */
import type { TerminalState } from '../journal/model.ts';
import type { TillCode } from './codes.ts';
import type { TillRequestRecord, TillTransaction } from './model.ts';
import type { TillOp } from './ops.ts';
import { amountOf, type ResolvedRequest, type TillRequest } from './request.ts';

export type Resolution =
  | { readonly ok: true; readonly original: ResolvedRequest }
  | { readonly ok: false; readonly code: TillCode; readonly detail: string };

/** What each operation may be about. A void looks in the open batch only, by a voucher that comes round again. */
// biome-ignore format: a table is read by column
const ORIGINAL_OF: Partial<Record<TillOp, { readonly ops: readonly TillOp[]; readonly sameBatch: boolean }>> = {
  'void':         { ops: ['sale', 'complete'],                                      sameBatch: true },
  'refund':       { ops: ['sale', 'complete'],                                      sameBatch: false },
  'complete':     { ops: ['preauth'],                                               sameBatch: false },
  'preauth-void': { ops: ['preauth'],                                               sameBatch: false },
  'reprint':      { ops: ['sale', 'void', 'refund', 'preauth', 'complete', 'preauth-void'], sameBatch: true },
};

export function resolveOriginal(state: TerminalState, request: TillRequest): Resolution {
  const { voucher = '', rrn = '', date = '', auth = '', requestId } = request.orig ?? {};
  const amount = amountOf(request);
  if (requestId === undefined) return { ok: true, original: { amount, voucher, rrn, date, auth } };
  const record = state.tillRequests.find((one) => one.requestId === requestId);
  if (record === undefined)
    return refused('NOT_FOUND', 'orig names a requestId that is not (or no longer) kept');
  return fromRecord(state, request, record);
}

function fromRecord(state: TerminalState, request: TillRequest, record: TillRequestRecord): Resolution {
  const rule = ORIGINAL_OF[request.op];
  if (rule === undefined || !rule.ops.includes(record.op))
    return refused('NOT_ALLOWED_NOW', `${request.op} of a ${record.op}`);
  const transaction = approved(record);
  if (transaction === null) return refused('NOT_ALLOWED_NOW', 'the original is not finally approved');
  const { batch, voucher, rrn, auth, hostDate } = transaction;
  if (rule.sameBatch && batch !== state.batch)
    return refused('NOT_FOUND', `the original is of batch ${batch}, which is closed`);
  return {
    ok: true,
    original: { amount: amountOf(request), voucher, rrn: rrn ?? '', date: hostDate ?? '', auth: auth ?? '' },
  };
}

function approved({ answer }: TillRequestRecord): TillTransaction | null {
  return answer?.state === 'approved' ? answer.transaction : null;
}

function refused(code: TillCode, detail: string): Resolution {
  return { ok: false, code, detail };
}
