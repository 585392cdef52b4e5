/**
 * Fate query 交易状态查询: what became of a transaction. One that never came has its identity burnt,
 * so that the terminal can safely start anew.
 */
import { amount12, TRANSACTIONS, type TransactionKind } from '../../../protocol/index.ts';
import type { TransactionRow } from '../../store/rows.ts';
import type { Items } from '../answer.ts';
import { burn, burnUt, conclude } from '../effects/deed.ts';
import { moneyItems } from '../effects/money-shown.ts';
import { everyIdentityAt, LEAVES_NO_FATE } from '../facts/originals.ts';
import type { Flow } from '../flow.ts';
import type { Request } from '../request.ts';
import { traceKey } from '../row-names.ts';
import type { View } from '../view.ts';

/** What `FA` says of each state. */
// biome-ignore format: a table is read by column
const FATE: Readonly<Record<TransactionRow['state'], 'A' | 'D' | 'R' | 'V'>> = {
  approved:  'A',
  completed: 'A',
  declined:  'D',
  reversed:  'R',
  released:  'R',
  voided:    'V',
};

export const fateQuery: Flow = {
  wants: (request) => ({
    uts: request.ut === null ? [] : [request.ut],
    traces: request.original === null ? [] : [placeOf(request, request.original)],
    identities: identitiesToBurn(request),
  }),

  act(j) {
    const { request, view } = j;
    const original = find(request, view);
    const transactionId = j.deps.numbers.nextId(j.now);
    if (original === undefined) {
      for (const identity of identitiesToBurn(request)) burn(j, identity);
      if (request.ut !== null) burnUt(j, request.ut);
      return conclude(j, transactionId, { code: '25', state: 'declined', remembered: false });
    }
    const { mti, de3 } = TRANSACTIONS[original.kind as TransactionKind];
    return conclude(j, transactionId, {
      code: '00',
      state: 'approved',
      original,
      remembered: false,
      fields: {
        4: amount12(original.amount),
        37: original.rrn,
        ...(original.auth === null ? {} : { 38: original.auth }),
      },
      items: [['FA', `${mti}${de3}${original.responseCode}${FATE[original.state]}`], ...moneyOf(original)],
    });
  },
};

/** A repeat that its terminal can send no more is closed by this answer: its slip tells the same money. */
function moneyOf({ kind, state, money }: TransactionRow): Items {
  const isClosedByIt = TRANSACTIONS[kind as TransactionKind].lostAnswer === 'repeat' && state === 'approved';
  return isClosedByIt && money !== null ? moneyItems(money) : [];
}

/** By `UT` where it was sent, else by DE61; only this terminal's and merchant's own. */
function find(request: Request, view: View): TransactionRow | undefined {
  const ours = (row: TransactionRow) =>
    row.terminalId === request.terminalId &&
    row.merchantId === request.merchantId &&
    !LEAVES_NO_FATE.includes(row.kind);
  const byUt = request.ut === null ? [] : view.transactionsByUt(request.ut);
  const byPlace =
    request.original === null ? [] : view.transactionsByTrace(placeOf(request, request.original));
  // An original may have come before the peer sent any UT.
  const places = request.ut === null ? byPlace : byPlace.filter(({ ut }) => ut === null || ut === request.ut);
  return [...byUt, ...places].find(ours);
}

const placeOf = (request: Request, original: { batch: number; trace: string }) =>
  traceKey(request.terminalId, original.batch, original.trace);

/** DE61 names no MTI and no DE3: every kind that could have stood there is burnt. */
function identitiesToBurn({ original, terminalId, merchantId }: Request): readonly string[] {
  if (original === null) return [];
  return everyIdentityAt({ terminalId, merchantId, batch: original.batch, trace: original.trace });
}
