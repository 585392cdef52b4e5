/**
 * Batch upload 批上送: the items of a batch whose totals differed, eight a message; the end message
 * matches them one by one, names each difference with its cause, and closes the batch.
 */
import {
  buildUploadEnd,
  maskPan,
  parseUpload,
  parseUploadEnd,
  type UploadItem,
} from '../../../protocol/index.ts';
import type { BatchRow } from '../../store/rows.ts';
import { type Answer, plainAnswer } from '../answer.ts';
import {
  batchOf,
  closeBatch,
  type Named,
  nameDifference,
  wantToClose,
  writeBatch,
} from '../effects/batch-closing.ts';
import { differenceLines, namesOfDifferences } from '../effects/batch-matching.ts';
import { remember } from '../effects/deed.ts';
import type { Flow } from '../flow.ts';
import { journalTerminalEvent } from '../journal-body.ts';
import type { Judgement } from '../judgement.ts';
import { batchKey } from '../row-names.ts';

const ITEMS_FOLLOW = '201';

export const batchUpload: Flow = {
  wants: ({ terminalId, batch }) => wantToClose(terminalId, batch),

  readable: ({ message, code }) => {
    const de48 = message.get(48) ?? '';
    if (code === ITEMS_FOLLOW) parseUpload(de48);
    else parseUploadEnd(de48);
  },

  act(j) {
    const de48 = j.request.message.get(48) ?? '';
    const row = batchOf(j);
    const isOpen = row !== null && row.state !== 'closed';
    // The terminal goes on; that it holds a batch which never was here must not be lost with it.
    if (row === null) journalTerminalEvent(j, 'upload of an unknown batch', { batch: j.request.batch });
    if (j.request.code === ITEMS_FOLLOW) {
      const { items } = parseUpload(de48);
      if (isOpen) keepItems(j, row, items);
      return answered(j, String(items.length).padStart(2, '0'), isOpen);
    }
    const count = parseUploadEnd(de48);
    // An upload ends what a 0500 began. For a closed batch, after a balanced settlement or without any 0500,
    // the end message has no effect: some terminals send it under the number of the next batch.
    const ends = isOpen && row.result !== null;
    if (isOpen && !ends) journalTerminalEvent(j, 'upload ended without a settlement', { batch: row.batch });
    const named = ends ? endUpload(j, row, count) : [];
    return answered(j, buildUploadEnd(count), ends, differenceLines(named));
  },
};

/** An item counts once, whichever messages bring it; a second one under its trace is named. */
function keepItems(j: Judgement, row: BatchRow, items: readonly UploadItem[]): void {
  const kept = new Set(j.view.uploads(batchKey(row.terminalId, row.batch)).map((upload) => upload.trace));
  for (const item of items) {
    if (kept.has(item.trace)) {
      nameDifference(j, row, {
        kind: 'duplicate',
        trace: item.trace,
        theirs: item.amount,
        causeZh: '重复上送，只计一次',
        causeEn: 'uploaded twice, counted once',
      });
      continue;
    }
    kept.add(item.trace);
    j.writes.put('uploads', {
      terminalId: row.terminalId,
      batch: row.batch,
      trace: item.trace,
      panHash: j.deps.vault.lookupHash(j.deps.keys.lookup, item.pan),
      panMasked: item.pan.length < 13 ? '' : maskPan(item.pan),
      amount: item.amount,
      cardClass: item.cardClass,
      at: j.now,
    });
  }
  // A settlement decided meanwhile must see the items.
  writeBatch(j, row, {});
}

function endUpload(j: Judgement, row: BatchRow, count: number): readonly Named[] {
  const key = batchKey(row.terminalId, row.batch);
  const { names, explained } = namesOfDifferences({
    rows: j.view.batchTransactions(key),
    uploads: j.view.uploads(key),
    announced: count,
    owed: j.request.owed,
  });
  const named = names.length === 0 ? [TOTALS_ALONE] : names;
  for (const difference of named) nameDifference(j, row, difference);
  journalTerminalEvent(j, 'batch upload ended', { batch: row.batch, count, differences: named.length });
  const owed = closeBatch(j, row, 'upload', { explained });
  return [...named, ...owed];
}

/** An 0500 has no MAC: the host cannot know whether its terminal counted wrong or a digit was changed on the way. */
const TOTALS_ALONE: Named = {
  kind: 'totals',
  causeZh: '逐笔相符，到达的总计不符：终端有误或途中被改',
  causeEn: 'every item matches, the totals that arrived do not: wrong at the terminal, or changed on the way',
};

function answered(j: Judgement, de48: string, hadEffect: boolean, lines: readonly string[] = []): Answer {
  const answer = plainAnswer(
    j,
    { 48: de48 },
    lines.map((line) => ['TX', line] as const),
  );
  if (hadEffect) remember(j, answer, null);
  return answer;
}
