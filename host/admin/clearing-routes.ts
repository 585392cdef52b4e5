/** The acts of the day's end: close a batch by an act, cut over, run the clearing; and its files. */
import { Type } from 'typebox';
import { buildHt, PosError } from '../../protocol/index.ts';
import { hostTotals, NO_TOTALS } from '../acquiring/effects/batch-totals.ts';
import { openBatch } from '../acquiring/effects/deed.ts';
import type { By } from '../cards/issue.ts';
import { cutOver } from '../clearing/cut-over.ts';
import { runClearing, stepsOf } from '../clearing/run.ts';
import { runIdOf } from '../clearing/step-context.ts';
import { actRecord } from '../journal/act-record.ts';
import type { Guard } from '../store/port.ts';
import type { BatchRow, FileRow } from '../store/rows.ts';
import {
  BUSINESS_DATE,
  collected,
  type Door,
  decided,
  keyBehind,
  listed,
  noSuchRow,
  REASON,
  reader,
  TERMINAL_ID,
  writer,
} from './door.ts';

const BATCH_MAX = 999_999;
const FILE_NAME = Type.String({ pattern: '^[A-Za-z0-9._-]{1,120}$' });

export function clearingRoutes(door: Door): void {
  const { server, deps, longWorks } = door;

  server.post(
    '/v1/terminals/:terminalId/batches/:batch/close',
    {
      schema: {
        params: Type.Object({ terminalId: TERMINAL_ID, batch: Type.String({ pattern: '^\\d{1,6}$' }) }),
        body: Type.Object(
          {
            cause: Type.String({
              minLength: 2,
              maxLength: 200,
              description: '为何由管理方结批 why not by the terminal',
            }),
            reason: REASON,
          },
          { additionalProperties: false },
        ),
      },
    },
    async (request) => {
      const { terminalId, batch } = request.params;
      const { cause, reason } = request.body;
      const by = await writer(door, request, 'batch.close', reason ?? cause);
      return closeByAct(door, { terminalId, batch: Number(batch), cause }, by);
    },
  );

  server.post(
    '/v1/clearing/cut-over',
    {
      schema: {
        body: Type.Object(
          {
            expected: Type.Optional(BUSINESS_DATE),
            aheadOfCalendar: Type.Optional(Type.Boolean()),
            reason: REASON,
          },
          { additionalProperties: false },
        ),
      },
    },
    async (request) => {
      const { reason, ...options } = request.body;
      const by = await writer(door, request, 'day.cut-over', reason);
      return cutOver(deps, { ...options, person: by.person, role: by.role, reason: by.reason });
    },
  );

  server.post(
    '/v1/clearing/runs',
    {
      schema: {
        body: Type.Object(
          { businessDate: BUSINESS_DATE, correction: Type.Optional(Type.Boolean()), reason: REASON },
          { additionalProperties: false },
        ),
      },
    },
    async (request) => {
      const { reason, ...options } = request.body;
      const by = await writer(door, request, 'clearing.run', reason);
      return runClearing(
        { ...deps, ...longWorks.act() },
        { ...options, person: by.person, role: by.role, reason: by.reason },
      );
    },
  );

  server.get(
    '/v1/clearing/runs/:businessDate/:sequence',
    {
      schema: {
        params: Type.Object({
          businessDate: BUSINESS_DATE,
          sequence: Type.String({ pattern: '^\\d{1,2}$' }),
        }),
      },
    },
    async (request) => {
      reader(door, request, 'query');
      const runId = runIdOf(request.params.businessDate, Number(request.params.sequence));
      return { runId, steps: await stepsOf(deps.store, runId) };
    },
  );

  server.get(
    '/v1/files',
    {
      schema: {
        querystring: Type.Object(
          { businessDate: Type.Optional(BUSINESS_DATE), after: Type.Optional(FILE_NAME) },
          { additionalProperties: false },
        ),
      },
    },
    async (request) => {
      reader(door, request, 'file.read');
      const { businessDate = '', after } = request.query;
      const behind = await keyBehind(door, 'files', after === undefined ? after : { name: after });
      if (after !== undefined && !after.startsWith(businessDate)) throw noSuchRow();
      // A day's names begin with it, so they lie together behind the date alone, which is nobody's name.
      const files = deps.store.scan('files', {}, after === undefined ? [businessDate] : behind);
      const { rows, more } = await listed(beginning(files, businessDate));
      return { files: rows, more };
    },
  );

  server.get(
    '/v1/files/:name',
    { schema: { params: Type.Object({ name: FILE_NAME }) } },
    async (request, reply) => {
      reader(door, request, 'file.read');
      const { name } = request.params;
      const [row] = await collected(deps.store.scan('files', { name }));
      const bytes = row === undefined ? undefined : await deps.files.read(name);
      if (row === undefined || bytes === undefined) throw new PosError('NOT_FOUND', name);
      reply.header('x-sha256', row.sha256).header('content-disposition', `attachment; filename="${name}"`);
      return reply
        .type(name.endsWith('.csv') ? 'text/csv; charset=utf-8' : 'application/octet-stream')
        .send(bytes);
    },
  );
}

/** Of files in the order of their names, those whose names begin so. */
async function* beginning(
  pages: AsyncIterable<readonly FileRow[]>,
  text: string,
): AsyncIterable<readonly FileRow[]> {
  for await (const page of pages) {
    const found = page.filter(({ name }) => name.startsWith(text));
    yield found;
    if (found.length < page.length) return;
  }
}

/**
 * Closes the open batch of a terminal that cannot do it itself (a device exchanged), and opens the next.
 * The terminal's totals stay unknown; the host's own are kept with the cause.
 */
async function closeByAct(
  door: Door,
  wanted: { readonly terminalId: string; readonly batch: number; readonly cause: string },
  by: By,
): Promise<BatchRow> {
  const { terminalId, batch, cause } = wanted;
  const key = `${terminalId}|${batch}`;
  const next = batch === BATCH_MAX ? 1 : batch + 1;
  const nextKey = `${terminalId}|${next}`;
  return decided(door, async () => {
    const found = await door.deps.store.read({
      terminalIds: [terminalId],
      batches: [
        { key, withTransactions: true },
        { key: nextKey, withTransactions: false },
      ],
    });
    const terminal = found.terminals.find((row) => row.terminalId === terminalId);
    const there = found.batches.find((row) => row.terminalId === terminalId && row.batch === batch);
    if (there?.state === 'closed' && there.closedBy === 'act' && there.cause === cause)
      return { item: null, answer: there };
    if (terminal === undefined)
      throw new PosError('NOT_FOUND', `terminal ${terminalId}: 从未签到 never signed in`);
    if (terminal.batch !== batch) {
      throw new PosError(
        'NOT_ALLOWED_NOW',
        `terminal ${terminalId}: 未结批次为 its open batch is ${terminal.batch}`,
      );
    }
    const merchantId = there?.merchantId ?? door.deps.directory.terminal(terminalId)?.merchantId ?? '';
    const open = there ?? { ...openBatch(terminalId, batch, merchantId, by.at), version: 0 };
    const rows = found.transactions.filter((row) => row.terminalId === terminalId && row.batch === batch);
    const totals = buildHt(hostTotals(rows), NO_TOTALS);
    const closed: BatchRow = {
      ...open,
      version: open.version + 1,
      state: 'closed',
      closedAt: by.at,
      closedBy: 'act',
      cause,
      hostTotals: totals,
      closingTotals: totals,
    };
    // A terminal counts on by itself: an advice of its next batch may have opened that one already.
    const after = found.batches.find((row) => row.batch === next);
    const isNextOpen = after?.state === 'open';
    if (after !== undefined && !isNextOpen) {
      throw new PosError(
        'NOT_ALLOWED_NOW',
        `terminal ${terminalId}: 批次号已用尽,请更换终端号 its batch numbers are used up: give it another terminal number`,
      );
    }
    const batchGuard: Guard =
      there === undefined
        ? { kind: 'absent', table: 'batches', key }
        : { kind: 'version', table: 'batches', key, version: there.version };
    const { person, role, reason, at, day } = by;
    return {
      answer: closed,
      item: {
        guards: [
          batchGuard,
          { kind: 'version', table: 'terminals', key: terminalId, version: terminal.version },
          ...(isNextOpen ? [] : [{ kind: 'absent', table: 'batches', key: nextKey } as const]),
        ],
        changes: {
          terminals: [
            {
              ...terminal,
              version: terminal.version + 1,
              batch: next,
              wanted: terminal.wanted === 9 ? 0 : terminal.wanted,
            },
          ],
          batches: isNextOpen ? [closed] : [closed, openBatch(terminalId, next, merchantId, at)],
        },
        journal: [
          actRecord({
            ...{ person, role, reason, at, businessDate: day.businessDate },
            act: 'batch.close',
            subject: `batch:${key}`,
            before: { state: open.state },
            after: { state: 'closed', cause, hostTotals: closed.hostTotals },
          }),
        ],
      },
    };
  });
}
