/** The journal as NDJSON: one record a line, in canonical JSON, so that equal journals are equal bytes. */
import type { StorePort } from '../store/port.ts';
import { canonicalJson } from './record.ts';

/**
 * Lines with their line ends, one text a page. `body` stays a text inside the line: its bytes are what
 * the leaf hash covers.
 */
export async function* exportJournal(
  store: Pick<StorePort, 'scanJournal'>,
  stream?: string,
): AsyncIterable<string> {
  for await (const page of store.scanJournal(stream)) {
    yield page.map((row) => `${canonicalJson(row)}\n`).join('');
  }
}
