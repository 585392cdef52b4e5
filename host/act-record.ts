/**
 * The audit journal's record of an administrative act: who did what to what, why and when. It is committed
 * together with the change itself, so that neither exists without the other.
 */
import { canonicalJson } from './journal/record.ts';
import type { JournalDraft } from './store/port.ts';

export interface Act {
  /** What was done, for example `cut-over` or `freeze card`. */
  readonly act: string;
  /** The person that the token names. */
  readonly person: string;
  /** In that person's words. */
  readonly reason: string;
  /** UTC milliseconds. */
  readonly at: number;
  /** Identifiers and figures of the act: whole numbers, texts, no card number, key or personal data. */
  readonly about: Readonly<Record<string, unknown>>;
}

export function actRecord(act: Act): JournalDraft {
  return { body: canonicalJson({ record: 'act', ...act }) };
}
