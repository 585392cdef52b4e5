/** Looking things up. Card numbers are masked in every answer; a card is looked for by its last four digits. */
import { Readable } from 'node:stream';
import { Type } from 'typebox';
import { PosError, responseCode } from '../../protocol/index.ts';
import { exportJournal } from '../journal/export.ts';
import { verifyJournal } from '../journal/verify.ts';
import { exportHledger } from '../ledger/export.ts';
import { familyBalances } from '../ledger/family-balances.ts';
import { proveBooks } from '../ledger/proofs.ts';
import { traceLines } from '../rules/trace.ts';
import type { TransactionRow } from '../store/rows.ts';
import { BUSINESS_DATE, type Door, keyBehind, LISTED_MAX, listed, reader, TERMINAL_ID } from './door.ts';
import type { LongWork } from './long-work.ts';

const ROWS_MAX = 500;
const TRANSACTION_ID = Type.String({ pattern: '^[0-9A-Za-z-]{1,40}$' });
/** A difference is named after what it is about, or by a number. */
const DIFFERENCE_ID = Type.String({ pattern: '^[0-9A-Za-z-]{1,100}$' });
const BATCH = Type.String({ pattern: '^\\d{1,6}$' });
/** A HEAD of a download would make all of it, and throw it away. */
const NO_HEAD = { exposeHeadRoute: false };

export function queryRoutes(door: Door): void {
  const { server, deps, longWorks } = door;

  server.get(
    '/v1/transactions',
    {
      schema: {
        querystring: Type.Object(
          {
            rrn: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z]{12}$' })),
            terminalId: Type.Optional(TERMINAL_ID),
            batch: Type.Optional(BATCH),
            cardTail: Type.Optional(Type.String({ pattern: '^\\d{4}$' })),
            businessDate: Type.Optional(BUSINESS_DATE),
            after: Type.Optional(TRANSACTION_ID),
          },
          { additionalProperties: false, minProperties: 1 },
        ),
      },
    },
    async (request) => {
      reader(door, request, 'query');
      const { rrn, terminalId, batch, cardTail, businessDate, after } = request.query;
      if (after !== undefined && Object.keys(request.query).length === 1)
        throw new PosError('REQUEST_BAD', 'after: 须与原查询条件同用 goes with the query whose list goes on');
      const where = {
        ...(rrn === undefined ? {} : { rrn }),
        ...(terminalId === undefined ? {} : { terminalId }),
        ...(batch === undefined ? {} : { batch: Number(batch) }),
        ...(businessDate === undefined ? {} : { businessDate }),
      };
      const hasTail = ({ panMasked }: TransactionRow) =>
        cardTail === undefined || panMasked.endsWith(cardTail);
      // Found by its key alone, and then compared: another column would lead to all rows that have it.
      const isListed = (row: TransactionRow) =>
        hasTail(row) &&
        Object.entries(where).every(([name, value]) => row[name as keyof typeof where] === value);
      const last = after === undefined ? after : { transactionId: after };
      const behind = await keyBehind(door, 'transactions', last, isListed);
      const pages = longWorks.lookFor(request).store.scan('transactions', where, behind);
      const { rows, more } = await listed(matching(pages, hasTail), ROWS_MAX);
      return { transactions: rows.map(told), more };
    },
  );

  server.get(
    '/v1/transactions/:transactionId',
    { schema: { params: Type.Object({ transactionId: TRANSACTION_ID }) } },
    async (request) => {
      reader(door, request, 'query');
      const { transactionId } = request.params;
      const { transactions } = await deps.store.read({ transactionIds: [transactionId] });
      const row = transactions.find((one) => one.transactionId === transactionId);
      if (row === undefined) throw new PosError('NOT_FOUND', `transaction ${transactionId}`);
      return { ...told(row), trace57: traceLines(row.trace57) };
    },
  );

  server.get(
    '/v1/terminals/:terminalId/batches',
    {
      schema: {
        params: Type.Object({ terminalId: TERMINAL_ID }),
        querystring: Type.Object({ after: Type.Optional(BATCH) }, { additionalProperties: false }),
      },
    },
    async (request) => {
      reader(door, request, 'query');
      const { terminalId } = request.params;
      const { after } = request.query;
      const last = after === undefined ? after : { terminalId, batch: Number(after) };
      const behind = await keyBehind(door, 'batches', last);
      const { rows, more } = await listed(deps.store.scan('batches', { terminalId }, behind));
      return { batches: rows, more };
    },
  );

  server.get(
    '/v1/differences',
    {
      schema: {
        querystring: Type.Object(
          { businessDate: BUSINESS_DATE, after: Type.Optional(DIFFERENCE_ID) },
          { additionalProperties: false },
        ),
      },
    },
    async (request) => {
      reader(door, request, 'query');
      const { businessDate, after } = request.query;
      const last = after === undefined ? after : { businessDate, differenceId: after };
      const behind = await keyBehind(door, 'differences', last);
      const { rows, more } = await listed(deps.store.scan('differences', { businessDate }, behind));
      return { differences: rows, more };
    },
  );

  bookRoutes(door);
}

/** The books and the journal as a whole. */
function bookRoutes(door: Door): void {
  const { server, deps, longWorks } = door;

  server.get('/v1/balances', NO_HEAD, async (request, reply) => {
    reader(door, request, 'query');
    const pieces = longWorks.download(request, reply, balancesText);
    return reply.type('application/json; charset=utf-8').send(Readable.from(pieces));
  });

  server.get('/v1/proof', async (request) => {
    reader(door, request, 'query');
    return longWorks.proof(request, ({ store, pause }) => proveBooks(store, { pause }));
  });

  server.get('/v1/journal/head', async (request) => {
    reader(door, request, 'query');
    return { streams: await deps.store.journalHeads() };
  });

  // Reads and hashes every record: for whoever asks for a proof, not for every look.
  server.get('/v1/journal/proof', async (request) => {
    reader(door, request, 'journal.read');
    return verifyJournal(longWorks.lookFor(request).store.scanJournal());
  });

  server.get('/v1/journal', NO_HEAD, async (request, reply) => {
    reader(door, request, 'journal.read');
    const lines = longWorks.download(request, reply, ({ store }) => exportJournal(store));
    return reply.type('application/x-ndjson; charset=utf-8').send(Readable.from(lines));
  });

  server.get('/v1/books', NO_HEAD, async (request, reply) => {
    reader(door, request, 'journal.read');
    const pieces = longWorks.download(request, reply, ({ store }) => exportHledger(store));
    return reply.type('text/plain; charset=utf-8').send(Readable.from(pieces));
  });
}

/** JSON in pieces: each merchant and sale point has accounts of its own, and the sales share this thread. */
async function* balancesText({ store, pause }: LongWork): AsyncIterable<string> {
  const balances = await familyBalances(store.sums(), pause);
  let piece = '{"balances":[';
  for (let from = 0; from < balances.length; from += LISTED_MAX) {
    const rows = balances.slice(from, from + LISTED_MAX).map((row) => JSON.stringify(row));
    yield `${piece}${rows.join(',')}`;
    piece = ',';
    await pause();
  }
  yield balances.length === 0 ? `${piece}]}` : ']}';
}

async function* matching(
  pages: AsyncIterable<readonly TransactionRow[]>,
  fits: (row: TransactionRow) => boolean,
) {
  for await (const page of pages) yield page.filter(fits);
}

/** A transaction as a clerk reads it. */
function told(row: TransactionRow) {
  const { identity: _identity, trace57: _trace57, ...shown } = row;
  const { zh, en } = responseCode(row.responseCode);
  return { ...shown, responseZh: zh, responseEn: en };
}
