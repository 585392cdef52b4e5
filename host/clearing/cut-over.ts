/**
 * The business date is a row that one act changes: D closes and D + 1 opens in the same commit. Whatever
 * is authorised after it is stamped D + 1; nothing derives the date from a clock.
 */
import { businessDateOf, nextBusinessDate, PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import { actRecord } from '../journal/act-record.ts';
import type { StorePort } from '../store/port.ts';

export interface CutOverDeps {
  readonly store: StorePort;
  readonly clock: Clock;
}
export interface CutOverOptions {
  readonly person: string;
  /** As the token names it; `settlement` when it is not given. */
  readonly role?: string;
  readonly reason: string;
  /** The day that the person believes to be open: the act is refused when it is another. */
  readonly expected?: string;
  /** Closes a day that has not begun by the calendar (UTC+8). Refused without this: it is nearly always a second click. */
  readonly aheadOfCalendar?: boolean;
}

/**
 * Closes the open day and opens the next.
 *
 * Throws NOT_ALLOWED_NOW when the open day is not the expected one, has not begun by the calendar, or was
 * closed by somebody else in between; nothing has changed then.
 */
export async function cutOver(
  deps: CutOverDeps,
  options: CutOverOptions,
): Promise<{ readonly closed: string; readonly opened: string }> {
  const { day } = await deps.store.read({});
  const now = deps.clock.now();
  const closed = day.businessDate;
  const opened = nextBusinessDate(closed);
  if (options.expected !== undefined && options.expected !== closed) {
    throw new PosError('NOT_ALLOWED_NOW', `开放的营业日是 the open business date is ${closed}`);
  }
  if (closed > businessDateOf(now) && options.aheadOfCalendar !== true) {
    throw new PosError('NOT_ALLOWED_NOW', `营业日 ${closed} 按日历尚未开始 has not begun by the calendar`);
  }
  const [outcome] = await deps.store.commit([
    {
      guards: [
        { kind: 'version', table: 'days', key: closed, version: day.version },
        { kind: 'absent', table: 'days', key: opened },
      ],
      changes: {
        days: [
          { ...day, version: day.version + 1, state: 'closed', closedAt: now },
          { businessDate: opened, version: 1, state: 'open', openedAt: now, closedAt: null },
        ],
      },
      journal: [
        actRecord({
          act: 'day.cut-over',
          subject: `day:${closed}`,
          person: options.person,
          role: options.role ?? 'settlement',
          reason: options.reason,
          before: { open: closed },
          after: { open: opened },
          at: now,
          businessDate: closed,
        }),
      ],
    },
  ]);
  if (outcome?.committed === true) return { closed, opened };
  if (outcome?.failure) throw outcome.failure;
  throw new PosError('NOT_ALLOWED_NOW', `营业日 ${closed} 刚被他人切换 was closed by somebody else just now`);
}
