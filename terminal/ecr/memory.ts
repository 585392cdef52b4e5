/** The till's part of the fold: records → which requests are known, and what became of each. Pure. */
import { ensure } from '../../protocol/index.ts';
import type { TillEvent, TillRequestRecord } from './model.ts';

export type TillRequests = readonly TillRequestRecord[];

export function applyTill(requests: TillRequests, event: TillEvent): TillRequests {
  switch (event.type) {
    case 'till request accepted':
      ensure(
        !requests.some((one) => one.requestId === event.request.requestId),
        'a requestId is accepted once',
      );
      return [...requests.filter((one) => !event.forgets.includes(one.requestId)), event.request];
    case 'till request finished':
      return changed(requests, event.requestId, (one) => {
        ensure(one.answer === null, 'a final answer never changes');
        return { ...one, answer: event.answer };
      });
    case 'till request acknowledged':
      return changed(requests, event.requestId, (one) => {
        ensure(one.answer !== null, 'only a final answer is acknowledged');
        // The lines of the slip were for the till to print: it has them now.
        return { ...one, acknowledgedAt: event.at, answer: { ...one.answer, slips: [] } };
      });
  }
}

/** The record that is on the disk before the first send names the request: from then on it has a UT. */
export function linked(requests: TillRequests, requestId: string | undefined, ut: string): TillRequests {
  return requestId === undefined ? requests : changed(requests, requestId, (one) => ({ ...one, ut }));
}

/** The settle that is under way has closed this batch. */
export function withClosedBatch(requests: TillRequests, batch: number): TillRequests {
  return requests.map((one) => (isRunningSettle(one) ? { ...one, closedBatch: batch } : one));
}

export function isRunningSettle(one: TillRequestRecord): boolean {
  return one.op === 'settle' && one.answer === null;
}

/** How a new slip's copies begin: printed here, unless the request that it belongs to says otherwise. */
export function firstCopyState(
  requests: TillRequests,
  belongsTo: (one: TillRequestRecord) => boolean,
): 'spooled' | 'elsewhere' {
  const { print = 'terminal' } = requests.find(belongsTo) ?? {};
  return print === 'terminal' ? 'spooled' : 'elsewhere';
}

/** Transactions that an answer is still to be made of: they must outlive their batch. */
export function neededByTill(requests: TillRequests): ReadonlySet<string> {
  return new Set(requests.flatMap((one) => (one.answer === null && one.ut !== null ? [one.ut] : [])));
}

function changed(
  requests: TillRequests,
  requestId: string,
  change: (one: TillRequestRecord) => TillRequestRecord,
): TillRequests {
  ensure(
    requests.some((one) => one.requestId === requestId),
    'the record names a request that was accepted',
  );
  return requests.map((one) => (one.requestId === requestId ? change(one) : one));
}
