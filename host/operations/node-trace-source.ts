/** Files of this machine as sources of a trace. An adapter: what is looked for in them is trace.ts's. */
import { createReadStream } from 'node:fs';
import { journalPages } from '../store/answers.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { SCAN_JOURNAL_SQL } from '../store/statements.ts';
import type { TraceSource } from './trace.ts';

const CHUNK_BYTES = 2 ** 20;

/**
 * A file as the trace reads it: a log, a terminal's journal, an exported audit journal, a settlement file, or a host's
 * database (`.sqlite`), of any length.
 * @throws what the system says of a file that cannot be read; STORE_FAILED, STORE_DAMAGED of a database, when its lines are asked
 */
export async function traceSource(name: string): Promise<TraceSource> {
  if (name.endsWith('.sqlite')) return { name, lines: () => recordsOf(name) };
  const encoding = await encodingOf(name);
  return { name, lines: () => linesOf(name, encoding) };
}

/** Chinese files of ours are UTF-8 or GB18030. */
async function encodingOf(file: string): Promise<'utf-8' | 'gb18030'> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of bytesOf(file)) decoder.decode(chunk, { stream: true });
    decoder.decode();
    return 'utf-8';
  } catch (error) {
    if (error instanceof TypeError) return 'gb18030';
    throw error;
  }
}

async function* bytesOf(file: string): AsyncGenerator<Buffer> {
  for await (const chunk of createReadStream(file, { highWaterMark: CHUNK_BYTES })) yield chunk as Buffer;
}

async function* linesOf(file: string, encoding: 'utf-8' | 'gb18030'): AsyncGenerator<readonly string[]> {
  const decoder = new TextDecoder(encoding);
  let rest = '';
  for await (const chunk of bytesOf(file)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    yield lines;
  }
  yield [rest + decoder.decode()];
}

async function* recordsOf(file: string): AsyncGenerator<readonly string[]> {
  const driver = await openSqlite(file, 'to read');
  try {
    const page = (after: readonly unknown[]) => driver.all(SCAN_JOURNAL_SQL, after);
    for await (const rows of journalPages(['', 0], page)) yield rows.map(({ body }) => body);
  } finally {
    await driver.close();
  }
}
