/** A batch's uploaded items against the host's transactions: each difference with its cause. Pure. */
import { type Fen, yuan } from '../../../protocol/index.ts';
import type { TransactionRow, UploadRow } from '../../store/rows.ts';
import { isOwed } from '../facts/owed-books.ts';
import type { Named } from './batch-closing.ts';
import { sideOf } from './batch-totals.ts';
import { type OwedReversal, owedReversal } from './owed-reversals.ts';

/** A line takes up to some ninety bytes. */
const LINES_MAX = 8;
const STATE_ZH: Readonly<Record<string, string>> = { declined: '已拒绝', reversed: '已冲正' };

interface Compared {
  readonly rows: readonly TransactionRow[];
  readonly uploads: readonly UploadRow[];
  /** The count that the end message gives. */
  readonly announced: number;
  /** The request's `OW` items. */
  readonly owed: readonly string[];
}

/**
 * Without any name every item is matched: then only the totals differed, and that is named by them.
 * `explained` are the reversals, set aside by the terminal, that are the cause of a named shortage.
 */
export function namesOfDifferences({ rows, uploads, announced, owed }: Compared): {
  readonly names: readonly Named[];
  readonly explained: readonly OwedReversal[];
} {
  const reversals = owed.map(owedReversal).filter((one) => one !== null);
  const explained: OwedReversal[] = [];
  const counted = new Map(rows.filter((row) => sideOf(row) !== null).map((row) => [row.trace, row]));
  const names: Named[] = [];
  for (const upload of uploads) {
    const row = counted.get(upload.trace);
    counted.delete(upload.trace);
    const name = row === undefined ? unknownItem(upload, rows) : differentItem(upload, row);
    if (name !== null) names.push(name);
  }
  for (const row of counted.values()) {
    const because = reversals.find((one) => isOwed(one, row));
    if (because !== undefined) explained.push(because);
    names.push({
      kind: 'shortage',
      ...about(row),
      ours: row.amount,
      ...(because === undefined ? NOT_UPLOADED : SET_ASIDE),
    });
  }
  if (announced !== uploads.length) {
    names.push({
      kind: 'totals',
      causeZh: `终端称上送${announced}笔，收到${uploads.length}笔`,
      causeEn: `the terminal announced ${announced} items, ${uploads.length} came`,
    });
  }
  return { names, explained };
}

const NOT_UPLOADED = {
  causeZh: '主机有此交易，终端未上送',
  causeEn: 'the host has it, the terminal did not upload it',
};
/** The terminal does not count what it wants reversed; the host counts it until the 0400 arrives. */
const SET_ASIDE = { causeZh: '终端已挂起其冲正', causeEn: 'the terminal holds its reversal set aside' };

function unknownItem(upload: UploadRow, rows: readonly TransactionRow[]): Named {
  const same = rows.find(
    (row) => row.trace === upload.trace && row.kind !== 'reversal' && row.kind !== 'balance',
  );
  if (same === undefined) {
    return {
      kind: 'surplus',
      trace: upload.trace,
      theirs: upload.amount,
      causeZh: '终端有此交易，主机无',
      causeEn: 'the terminal has it, the host never approved it',
    };
  }
  return {
    kind: 'status',
    ...about(same),
    theirs: upload.amount,
    ours: same.amount,
    causeZh: `终端记为成功，主机上${STATE_ZH[same.state] ?? '不计入对账'}`,
    causeEn: `the terminal counts it, at the host it is ${same.state}`,
  };
}

function differentItem(upload: UploadRow, row: TransactionRow): Named | null {
  const both = { ...about(row), theirs: upload.amount, ours: row.amount };
  if (upload.amount !== row.amount) {
    return { kind: 'amount', ...both, causeZh: '金额不符', causeEn: 'the amounts differ' };
  }
  if (upload.panMasked !== row.panMasked) {
    return { kind: 'status', ...both, causeZh: '卡号不符', causeEn: 'the card numbers differ' };
  }
  return null;
}

/** The first differences as lines for the clerk: DE57 carries 999 bytes in all. */
export function differenceLines(named: readonly Named[]): readonly string[] {
  const lines = named.slice(0, LINES_MAX).map(({ trace, causeZh, theirs, ours }) => {
    const amount = (who: string, value: Fen | null | undefined) =>
      value == null ? '' : ` ${who}${yuan(value)}`;
    return `${trace == null ? '' : `流水${trace} `}${causeZh}${amount('终端', theirs)}${amount('主机', ours)}`;
  });
  const rest = named.length - lines.length;
  return rest === 0 ? lines : [...lines, `另有${rest}笔差异 and ${rest} more`];
}

const about = (row: TransactionRow) => ({ trace: row.trace, transactionId: row.transactionId });
