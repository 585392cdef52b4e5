/** Long work in pieces of some milliseconds, so that the sales which share the thread wait for none of it. */

import { createHash } from 'node:crypto';

/** Rows that are worked on between two pauses. */
export const PIECE_ROWS = 250;

/** Bytes that are hashed between two pauses. */
const PIECE_BYTES = 1_048_576;

/** Ends a piece; may throw, which ends the work. */
export type Pause = () => Promise<void>;

/** The same rows, some at a time. */
export async function* inPieces<Row>(rows: readonly Row[], pause: Pause): AsyncIterable<readonly Row[]> {
  for (let from = 0; from < rows.length; from += PIECE_ROWS) {
    yield rows.slice(from, from + PIECE_ROWS);
    await pause();
  }
}

/** Few rows, in one piece. */
export async function* atOnce<Row>(rows: readonly Row[]): AsyncIterable<readonly Row[]> {
  yield rows;
}

/** The same pieces with something else for each row. */
export async function* mapped<From, To>(
  pieces: AsyncIterable<readonly From[]>,
  to: (row: From) => To,
): AsyncIterable<readonly To[]> {
  for await (const piece of pieces) yield piece.map(to);
}

/** 64 hex digits. */
export async function sha256Of(bytes: Buffer, pause: Pause): Promise<string> {
  const hash = createHash('sha256');
  for (let from = 0; from < bytes.length; from += PIECE_BYTES) {
    if (from > 0) await pause();
    hash.update(bytes.subarray(from, from + PIECE_BYTES));
  }
  return hash.digest('hex');
}
