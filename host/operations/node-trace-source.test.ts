import { rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodeClock } from '../node-clock.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { traceSource } from './node-trace-source.ts';
import type { TraceSource } from './trace.ts';

const source = suite('a file that a transaction is traced through');

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-trace-'));
  try {
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Its lines, and in how many pieces they came. */
async function read(
  from: TraceSource,
): Promise<{ readonly lines: readonly string[]; readonly pieces: number }> {
  const all: string[] = [];
  let pieces = 0;
  for await (const lines of from.lines()) {
    all.push(...lines);
    pieces += 1;
  }
  return { lines: all, pieces };
}

/** 尊卡 in two encodings: the bytes of UTF-8 from its standard, those of GB18030 as `iconv -t GB18030` gives them. */
const SPELLINGS = [
  { encoding: 'UTF-8', bytes: 'e5b08ae58da1' },
  { encoding: 'GB18030', bytes: 'd7f0bfa8' },
];
/** More than two of the chunks that a file is read in, with lines of every length: a chunk ends in a character, in CR LF. */
const LINES = 60_000;

for (const { encoding, bytes } of SPELLINGS)
  source(`in ${encoding} is the same however it is cut, and each time it is read`, () =>
    inFolder(async (folder) => {
      const name = join(folder, 'a.log');
      const parts: Buffer[] = [];
      const expected: string[] = [];
      for (let line = 0; line < LINES; line += 1) {
        const times = line % 13;
        const filling = 'x'.repeat(line % 7);
        const end = line % 3 === 0 ? '\r\n' : '\n';
        parts.push(
          Buffer.from(`${line}${filling}`),
          Buffer.from(bytes.repeat(times), 'hex'),
          Buffer.from(end),
        );
        expected.push(`${line}${filling}${'尊卡'.repeat(times)}`);
      }
      expected.push('without an end');
      writeFileSync(name, Buffer.concat([...parts, Buffer.from('without an end')]));
      const file = await traceSource(name);
      for (const time of ['first', 'second']) {
        const { lines, pieces } = await read(file);
        // The lists themselves would be compared for minutes where they differ.
        assert.is(lines.length, expected.length, time);
        assert.is(
          lines.findIndex((line, at) => line !== expected[at]),
          -1,
          `${time}: the first that differs`,
        );
        assert.ok(pieces > 2, `${pieces} pieces`);
      }
    }),
  );

source('that is a database gives the records of its journal, a page at a time', () =>
  inFolder(async (folder) => {
    const name = join(folder, 'host.sqlite');
    const driver = await openSqlite(name);
    const store = await openSqliteStore({
      driver,
      stream: 'host-01',
      clock: nodeClock,
      initialBusinessDate: '20261123',
    });
    const bodies = Array.from({ length: 2_500 }, (_, at) => JSON.stringify({ at }));
    await store.commit([{ guards: [], changes: {}, journal: bodies.map((body) => ({ body })) }]);
    const { lines, pieces } = await read(await traceSource(name));
    assert.equal(lines, bodies);
    assert.ok(pieces > 1, `${pieces} pieces`);
    await store.close();
  }),
);

source('that is not there is told by its name', () =>
  inFolder((folder) => rejects(traceSource(join(folder, 'no.log')), /ENOENT.*no\.log/)),
);

source.run();
