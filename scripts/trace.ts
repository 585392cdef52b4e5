/**
 * `npm run trace -- ID FILES…`: every line about one transaction. ID is a `ut`, a `transactionId` or a reference
 * number; FILES are logs, terminal journals, exported audit journals, host databases (`.sqlite`) and settlement files.
 */
import { createReadStream } from 'node:fs';
import { type TraceSource, traceOf } from '../host/operations/trace.ts';
import { journalPages } from '../host/store/answers.ts';
import { openSqlite } from '../host/store/sqlite-driver.ts';
import { SCAN_JOURNAL_SQL } from '../host/store/statements.ts';
import { toldFailure } from '../host/told-failure.ts';

const CHUNK_BYTES = 2 ** 20;

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

async function sourceOf(name: string): Promise<TraceSource> {
  if (name.endsWith('.sqlite')) return { name, lines: () => recordsOf(name) };
  const encoding = await encodingOf(name);
  return { name, lines: () => linesOf(name, encoding) };
}

async function main(): Promise<void> {
  const [id, ...files] = process.argv.slice(2);
  if (id === undefined || files.length === 0) {
    console.error('npm run trace -- ID FILES…    ID: ut、transactionId 或参考号 or a reference number');
    process.exitCode = 2;
    return;
  }
  const { names, lines } = await traceOf(id, await Promise.all(files.map(sourceOf)));
  console.log(`名称 names: ${names.join(' ')}`);
  for (const { source, line, text } of lines) console.log(`${source}:${line}: ${text}`);
  if (lines.length > 0) return;
  console.error(`这些文件中没有 in none of these files: ${id}`);
  process.exitCode = 1;
}

// Whoever reads on in `head` has read enough.
process.stdout.on('error', () => process.exit(0));
main().catch((error: unknown) => {
  console.error(`未完成 not done · ${toldFailure(error)}`);
  process.exitCode = 2;
});
