/**
 * Closing an owed reversal by two people: one proposes with what was seen, another approves or refuses.
 * Pure builders of what the store commits. No money moves: the books stand as they were judged, and the
 * closing states what they hold.
 */
import { PosError } from '../../protocol/index.ts';
import { unprovenCounter } from '../acquiring/effects/owed-list.ts';
import { everyIdentityAt } from '../acquiring/facts/originals.ts';
import type { OwedBooks } from '../acquiring/facts/owed-books.ts';
import { burntUtKey } from '../acquiring/identity.ts';
import type { By } from '../cards/issue.ts';
import { actRecord } from '../journal/act-record.ts';
import type { CommitItem, Guard } from '../store/port.ts';
import type { IdentityRow, OwedReversalRow } from '../store/rows.ts';
import { keyOf } from '../store/schema.ts';
import { isSamePerson } from './persons.ts';

/** An owed reversal as people name it: `10000001-000001-000042-01JD…`. */
export function owedId({ terminalId, batch, trace, ut }: OwedReversalRow): string {
  return `${terminalId}-${String(batch).padStart(6, '0')}-${trace}-${ut}`;
}

/** The place and UT that an id names; the id was matched by its pattern before. */
export function partsOfId(id: string) {
  const [terminalId = '', batch = '', trace = '', ut = ''] = id.split('-');
  return { terminalId, batch: Number(batch), trace, ut };
}

/** What an act does: the item to commit, null when it was done before, and the row after it. */
export interface OwedAct {
  readonly item: CommitItem | null;
  readonly row: OwedReversalRow;
}

/** What is there already of the names under which an original could still come. */
export interface NamesTaken {
  /** Of the keys of `keysToBurn`. */
  readonly identities: readonly IdentityRow[];
  /** Some transaction has the UT, wherever. */
  readonly isUtUsed: boolean;
}

/** @throws NOT_ALLOWED_NOW when it is closed, or another proposal waits */
export function propose(row: OwedReversalRow, books: OwedBooks, seen: string, by: By): OwedAct {
  demandOpen(row);
  const { proposal } = row;
  if (proposal !== null) {
    if (isSamePerson(proposal.person, by.person) && proposal.seen === seen && proposal.reason === by.reason)
      return { item: null, row };
    throw new PosError(
      'NOT_ALLOWED_NOW',
      `${owedId(row)}: ${proposal.person} 已提出关闭,待核准或退回 has proposed it: approve or refuse that first`,
    );
  }
  const { person, role, reason, at } = by;
  const transactionId = books.original?.transactionId ?? null;
  const next = changed(row, {
    proposal: { person, role, reason, seen, outcome: books.outcome, transactionId, at },
  });
  return { row: next, item: itemOf('owed.propose', row, next, by) };
}

/**
 * @throws NOT_AUTHORISED the same person; NOT_ALLOWED_NOW nothing was proposed, or the books changed since
 */
export function approve(row: OwedReversalRow, books: OwedBooks, names: NamesTaken, by: By): OwedAct {
  const { proposal, approval } = row;
  if (approval !== null && isSamePerson(approval.person, by.person)) return { item: null, row };
  demandOpen(row);
  if (proposal === null) throw nothingProposed(row);
  if (isSamePerson(proposal.person, by.person)) {
    throw new PosError(
      'NOT_AUTHORISED',
      `${owedId(row)}: 提出人不得自己核准 who proposed it may not approve it`,
    );
  }
  const transactionId = books.original?.transactionId ?? null;
  if (books.outcome !== proposal.outcome || transactionId !== proposal.transactionId) {
    throw new PosError(
      'NOT_ALLOWED_NOW',
      `${owedId(row)}: 提出时账上为 the books held ${proposal.outcome}, 现为 now ${books.outcome}: 请退回重提 refuse it, propose again`,
    );
  }
  const { person, role, reason, at } = by;
  const next = changed(row, {
    state: 'closed',
    closedBy: 'people',
    closedAt: at,
    approval: { person, role, reason, at },
  });
  const item = itemOf('owed.approve', row, next, by);
  const held = keptTrue(row, books, names, at);
  const count: readonly Guard[] = row.proven
    ? []
    : [{ kind: 'counter', counter: unprovenCounter(row.terminalId), add: -1, max: null }];
  return {
    row: next,
    item: {
      ...item,
      guards: [...item.guards, ...held.guards, ...count],
      changes: { ...item.changes, ...held.changes },
    },
  };
}

/** Whoever may approve may refuse, the proposer too: that takes the proposal back. @throws NOT_ALLOWED_NOW */
export function refuse(row: OwedReversalRow, by: By): OwedAct {
  demandOpen(row);
  if (row.proposal === null) throw nothingProposed(row);
  const next = changed(row, { proposal: null });
  return { row: next, item: itemOf('owed.refuse', row, next, by) };
}

/**
 * The names under which the original could still come: its UT, and every identity at its place. The place of
 * one that was never told under a MAC may be anybody's invention, and the terminal's next transaction.
 */
export function keysToBurn({ ut, proven, ...place }: OwedReversalRow): readonly string[] {
  return [burntUtKey(ut), ...(proven ? everyIdentityAt(place) : [])];
}

/**
 * What the closing states must be true when it is committed, and stay true. An original that is there keeps
 * its version; one that never came is answered 12 if it comes after all, as after a 0400 answered 25.
 */
function keptTrue(
  row: OwedReversalRow,
  { original }: OwedBooks,
  { identities, isUtUsed }: NamesTaken,
  at: number,
): Pick<CommitItem, 'guards' | 'changes'> {
  if (original !== null) {
    const { transactionId: key, version } = original;
    return { guards: [{ kind: 'version', table: 'transactions', key, version }], changes: {} };
  }
  const there = new Set(identities.map(({ key }) => key));
  const keys = keysToBurn(row).filter((key) => !there.has(key));
  return {
    guards: [
      ...keys.map((key): Guard => ({ kind: 'absent', table: 'identities', key })),
      ...(isUtUsed ? [] : [{ kind: 'unused', ut: row.ut } as const]),
    ],
    changes: {
      identities: keys.map((key) => ({
        ...{ key, fingerprint: '', ut: row.ut, transactionId: null, answer: null, at },
      })),
    },
  };
}

function demandOpen(row: OwedReversalRow): void {
  if (row.state === 'open') return;
  const by = row.closedBy === 'people' ? '两人核准 by two people' : '冲正应答 by its 0410';
  throw new PosError('NOT_ALLOWED_NOW', `${owedId(row)}: 已关闭 is closed, ${by}`);
}

const nothingProposed = (row: OwedReversalRow) =>
  new PosError('NOT_ALLOWED_NOW', `${owedId(row)}: 无待核准的提议 nobody has proposed to close it`);

function changed(row: OwedReversalRow, changes: Partial<OwedReversalRow>): OwedReversalRow {
  return { ...row, ...changes, version: row.version + 1 };
}

function itemOf(act: string, before: OwedReversalRow, after: OwedReversalRow, by: By): CommitItem {
  const { person, role, reason, at, day } = by;
  const key = keyOf('owedReversals', before);
  return {
    guards: [{ kind: 'version', table: 'owedReversals', key, version: before.version }],
    changes: { owedReversals: [after] },
    journal: [
      actRecord({
        ...{ person, role, reason, at, businessDate: day.businessDate, act, before, after },
        subject: `owed-reversal:${owedId(before)}`,
      }),
    ],
  };
}
