/** What the journal keeps of every administrative act. */
import { PosError } from '../../protocol/index.ts';
import type { JournalDraft } from '../store/port.ts';
import { canonicalJson, leafHash } from './record.ts';

export interface AdministrativeAct {
  /** Who did it and in which role: staff, by the name on the token. */
  readonly person: string;
  readonly role: string;
  /** What was done, for example `contract.change`, `day.cut-over`. */
  readonly act: string;
  /** To what, for example `contract:C1`. A cardholder only by account or card id. */
  readonly subject: string;
  readonly reason: string;
  /** The thing before and after, null when it was not there; only their digests are recorded. */
  readonly before: unknown;
  readonly after: unknown;
  /** UTC milliseconds. */
  readonly at: number;
  readonly businessDate: string;
  /** Commitments to personal data (`commitTo`), by label. */
  readonly commitments?: Readonly<Record<string, string>>;
}

/**
 * @throws INVARIANT when person, role, act, subject or reason is empty: an act without them is not to
 *   happen
 */
export function actRecord(act: AdministrativeAct): JournalDraft {
  for (const name of ['person', 'role', 'act', 'subject', 'reason'] as const) {
    if (act[name].trim() === '') throw new PosError('INVARIANT', `an administrative act names its ${name}`);
  }
  return {
    body: canonicalJson({
      type: 'act',
      person: act.person,
      role: act.role,
      act: act.act,
      subject: act.subject,
      reason: act.reason,
      before: digestOf(act.before),
      after: digestOf(act.after),
      at: act.at,
      businessDate: act.businessDate,
      commitments: act.commitments,
    }),
  };
}

/** SHA-256 (as a leaf) over a thing's canonical JSON; null for nothing. The thing holds no personal data. */
export function digestOf(thing: unknown): string | null {
  return thing === null || thing === undefined ? null : leafHash(canonicalJson(thing));
}
