/** Seals records into a stream: numbers them and links them. */
import type { JournalRow } from '../store/rows.ts';
import { chainHead, genesisHead } from './record.ts';

/** Where a stream stands: its last record's number (0 before the first) and the head after it. */
export interface StreamHead {
  readonly sequence: number;
  readonly head: string;
}

export function startOf(stream: string): StreamHead {
  return { sequence: 0, head: genesisHead(stream) };
}

/** A record that is hashed but has no place in a stream yet. */
export interface HashedRecord {
  readonly body: string;
  readonly leaf: string;
}

/** The rows for these records, in order, and where the stream stands after them. */
export function seal(
  stream: string,
  from: StreamHead,
  records: readonly HashedRecord[],
): { readonly rows: readonly JournalRow[]; readonly after: StreamHead } {
  const rows: JournalRow[] = [];
  let { sequence, head } = from;
  for (const { body, leaf } of records) {
    sequence += 1;
    head = chainHead(head, leaf);
    rows.push({ stream, sequence, body, leaf, head });
  }
  return { rows, after: { sequence, head } };
}
