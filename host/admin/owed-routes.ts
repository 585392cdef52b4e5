/**
 * Owed reversals: what terminals say they owe, what the books say of it, who must do what next; and closing
 * one by two people.
 */
import { Type } from 'typebox';
import { PosError } from '../../protocol/index.ts';
import { booksOf, type OwedBooks } from '../acquiring/facts/owed-books.ts';
import { traceKey } from '../acquiring/row-names.ts';
import type { By } from '../cards/issue.ts';
import type { OwedReversalRow } from '../store/rows.ts';
import {
  type Door,
  decided,
  keyBehind,
  listed,
  noSuchRow,
  REASON,
  reader,
  refuseCardNumber,
  TERMINAL_ID,
  writer,
} from './door.ts';
import type { LongWork } from './long-work.ts';
import {
  approve,
  keysToBurn,
  type NamesTaken,
  type OwedAct,
  owedId,
  partsOfId,
  propose,
  refuse,
} from './owed-acts.ts';

const ROWS_MAX = 500;
/** Places whose transactions one read asks for. */
const READ_AT_ONCE = 100;
const DAY_MS = 86_400_000;

const OWED_ID = Type.String({
  pattern: '^[0-9A-Za-z]{8}-\\d{6}-\\d{6}-[0-9A-Z]{26}$',
  description: '终端-批次-流水-UT',
});
const PARAMS = Type.Object({ id: OWED_ID });
const BECAUSE = Type.Object({ reason: REASON }, { additionalProperties: false });
const SEEN = Type.String({
  minLength: 2,
  maxLength: 500,
  description: '所见凭据 the evidence that was seen: slip, journal of the terminal, the holder',
});

export function owedRoutes(door: Door): void {
  const { server, longWorks } = door;

  server.get(
    '/v1/owed-reversals',
    {
      schema: {
        querystring: Type.Object(
          {
            state: Type.Optional(
              Type.Union([Type.Literal('open'), Type.Literal('closed'), Type.Literal('all')]),
            ),
            terminalId: Type.Optional(TERMINAL_ID),
            after: Type.Optional(OWED_ID),
          },
          { additionalProperties: false },
        ),
      },
    },
    async (request) => {
      reader(door, request, 'query');
      const { rows: shown, more } = await listed(
        await wanted(door, longWorks.lookFor(request), request.query),
        ROWS_MAX,
      );
      const { day } = await door.deps.store.read({});
      const now = { at: door.deps.clock.now(), businessDate: day.businessDate };
      const books = await allBooks(door, shown);
      return {
        owedReversals: shown.map((row, index) => told(row, books[index] as OwedBooks, now)),
        more,
      };
    },
  );

  server.post(
    '/v1/owed-reversals/:id/propose',
    {
      schema: {
        params: PARAMS,
        body: Type.Object({ seen: SEEN, reason: REASON }, { additionalProperties: false }),
      },
    },
    async (request) => {
      const by = await writer(door, request, 'owed.propose', request.body.reason);
      const { seen } = request.body;
      refuseCardNumber(seen, 'seen');
      return acted(door, request.params.id, by, ({ row, books }) => propose(row, books, seen, by));
    },
  );

  server.post(
    '/v1/owed-reversals/:id/approve',
    { schema: { params: PARAMS, body: BECAUSE } },
    async (request) => {
      const by = await writer(door, request, 'owed.approve', request.body.reason);
      return acted(door, request.params.id, by, ({ row, books, names }) => approve(row, books, names, by));
    },
  );

  server.post(
    '/v1/owed-reversals/:id/refuse',
    { schema: { params: PARAMS, body: BECAUSE } },
    async (request) => {
      const by = await writer(door, request, 'owed.approve', request.body.reason);
      return acted(door, request.params.id, by, ({ row }) => refuse(row, by));
    },
  );
}

interface Query {
  readonly state?: 'open' | 'closed' | 'all';
  readonly terminalId?: string;
  readonly after?: string;
}

/**
 * In the order of terminal, batch, trace and UT. Without a state: what somebody must look at, the open ones and those that
 * were told again after a closing. The one behind which a list goes on may have changed its state since it was shown.
 */
async function wanted(
  door: Door,
  { store }: LongWork,
  { state, terminalId, after }: Query,
): Promise<AsyncIterable<readonly OwedReversalRow[]>> {
  const ofTerminal = terminalId === undefined ? {} : { terminalId };
  const last = after === undefined ? after : partsOfId(after);
  if (last !== undefined && terminalId !== undefined && last.terminalId !== terminalId) throw noSuchRow();
  const behind = await keyBehind(door, 'owedReversals', last);
  const where = state === undefined || state === 'all' ? ofTerminal : { ...ofTerminal, state };
  const pages = store.scan('owedReversals', where, behind);
  return state === undefined ? toLookAt(pages) : pages;
}

async function* toLookAt(
  pages: AsyncIterable<readonly OwedReversalRow[]>,
): AsyncIterable<readonly OwedReversalRow[]> {
  for await (const page of pages)
    yield page.filter((row) => row.state === 'open' || row.toldAfterClosing !== null);
}

interface Case {
  readonly row: OwedReversalRow;
  readonly books: OwedBooks;
  readonly names: NamesTaken;
}

/** Reads the case, acts on it, commits, and shows it as it is then. @throws NOT_FOUND */
async function acted(door: Door, id: string, by: By, act: (one: Case) => OwedAct) {
  return decided(door, async () => {
    const one = await caseOf(door, id);
    const { item, row } = act(one);
    return { item, answer: told(row, one.books, { at: by.at, businessDate: by.day.businessDate }) };
  });
}

async function caseOf(door: Door, id: string): Promise<Case> {
  const { terminalId, batch, trace, ut } = partsOfId(id);
  const place = traceKey(terminalId, batch, trace);
  const { store } = door.deps;
  const row = (await store.read({ owed: [place] })).owedReversals.find((one) => one.ut === ut);
  if (row === undefined) throw new PosError('NOT_FOUND', `owed reversal ${id}`);
  // The row again, with what the books say at the same moment.
  const found = await store.read({ owed: [place], traces: [place], uts: [ut], identities: keysToBurn(row) });
  const now = found.owedReversals.find((one) => one.ut === ut) ?? row;
  const names = { identities: found.identities, isUtUsed: found.transactions.some((one) => one.ut === ut) };
  return { row: now, books: booksAt(now, found.transactions), names };
}

/** In the rows' order. */
async function allBooks(door: Door, rows: readonly OwedReversalRow[]): Promise<readonly OwedBooks[]> {
  const books: OwedBooks[] = [];
  for (let from = 0; from < rows.length; from += READ_AT_ONCE) {
    const some = rows.slice(from, from + READ_AT_ONCE);
    const traces = some.map(({ terminalId, batch, trace }) => traceKey(terminalId, batch, trace));
    const { transactions } = await door.deps.store.read({ traces });
    books.push(...some.map((row) => booksAt(row, transactions)));
  }
  return books;
}

function booksAt(row: OwedReversalRow, transactions: Parameters<typeof booksOf>[2]): OwedBooks {
  const { terminalId, batch, trace, merchantId } = row;
  const here = transactions.filter(
    (one) => one.terminalId === terminalId && one.batch === batch && one.trace === trace,
  );
  return booksOf(row, merchantId, here);
}

/** A row as a clerk reads it. */
function told(
  row: OwedReversalRow,
  books: OwedBooks,
  now: { readonly at: number; readonly businessDate: string },
) {
  const { original, another, outcome } = books;
  return {
    id: owedId(row),
    ...row,
    ageDays: Math.floor((now.at - row.firstToldAt) / DAY_MS),
    overdue: row.state === 'open' && row.firstToldDate < now.businessDate,
    books: {
      outcome,
      transactionId: original?.transactionId ?? null,
      kind: original?.kind ?? null,
      state: original?.state ?? null,
      responseCode: original?.responseCode ?? null,
      amount: original?.amount ?? null,
      businessDate: original?.businessDate ?? null,
      amountDiffers: original !== null && original.amount !== row.amount,
      anotherAtItsPlace: another?.transactionId ?? null,
    },
    next: nextOf(row, books),
  };
}

interface Next {
  readonly who: 'terminal' | 'settlement' | 'nobody';
  readonly zh: string;
  readonly en: string;
}

function nextOf(row: OwedReversalRow, { another }: OwedBooks): Next {
  const next = (who: Next['who'], zh: string, en: string): Next => ({ who, zh, en });
  if (row.state === 'closed' && row.toldAfterClosing === null)
    return next('nobody', '已了结', 'it is settled');
  if (row.state === 'closed' && row.evidence !== null)
    return next('nobody', '关闭后冲正已收到', 'its 0400 came after it was closed');
  if (row.state === 'closed')
    return next(
      'settlement',
      '关闭后终端仍列示:到终端查看,让其重发冲正或换机',
      'the terminal tells it still: look at the terminal, let it send its 0400, or replace it',
    );
  if (row.proposal !== null)
    return next(
      'settlement',
      `等待 ${row.proposal.person} 以外的一人核准或退回`,
      `somebody other than ${row.proposal.person} approves or refuses`,
    );
  if (another !== null)
    return next(
      'settlement',
      '同一流水上是另一笔交易,冲正将被答94:查明后提出关闭',
      'another transaction stands at its place, its 0400 is answered 94: find out, then propose to close it',
    );
  if (!row.proven)
    return next(
      'terminal',
      '仅由无MAC的报文告知:等终端签到后以冲正证实;若为伪造,提出关闭',
      'told only without a MAC: the terminal proves it by its 0400; propose to close it if it was forged',
    );
  return next(
    'terminal',
    '终端继续发送冲正;若终端已损坏或换下,提出关闭',
    'the terminal keeps sending its 0400; propose to close it if the terminal is broken or gone',
  );
}
