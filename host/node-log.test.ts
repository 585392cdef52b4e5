import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../protocol/index.ts';
import { isUrgent, openLog } from './log.ts';
import { logDestination, logTime } from './node-log.ts';

const files = suite('where the log goes');

function inFolder(act: (folder: string) => Promise<void> | void): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'zunka-log-'));
    try {
      await act(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

/** Of the lines that are there in full. */
const messagesIn = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { msg: string }).msg);

files(
  'warnings and errors are urgent, as pino writes their level; what is fatal it writes out itself',
  () => {
    const lines: string[] = [];
    const log = openLog({ level: 'trace', destination: { write: (line) => void lines.push(line) } });
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) log[level](level);
    assert.equal(lines.map(isUrgent), [false, false, false, true, true, false]);
  },
);

files(
  'a line of little weight waits, a warning takes it along, both in order, in a folder made for them',
  inFolder(async (folder) => {
    const file = join(folder, 'made', 'host.log');
    const log = openLog({ level: 'info', destination: logDestination(file) });
    log.info('first');
    assert.equal(messagesIn(file), []);
    log.warn('second');
    while (messagesIn(file).length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(messagesIn(file), ['first', 'second']);
  }),
);

files(
  'what is fatal is written when the call returns, with all before it',
  inFolder((folder) => {
    const file = join(folder, 'host.log');
    const log = openLog({ level: 'info', destination: logDestination(file) });
    log.info('first');
    log.fatal('last');
    assert.equal(messagesIn(file), ['first', 'last']);
  }),
);

files(
  'much is written before its time comes, in order, and what is longer than a piece in full',
  inFolder(async (folder) => {
    const file = join(folder, 'host.log');
    const to = logDestination(file);
    const lines = Array.from({ length: 300 }, (_, at) => `{"level":30,"msg":"${at} ${'尊'.repeat(at)}"}\n`);
    for (const line of lines) to.write(line);
    to.write(`{"level":30,"msg":"${'x'.repeat(40_000)}"}\n`);
    to.flushSync();
    while (messagesIn(file).length < 301) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.is(readFileSync(file, 'utf8'), `${lines.join('')}{"level":30,"msg":"${'x'.repeat(40_000)}"}\n`);
  }),
);

files(
  'of more lines than may wait each one is written, or counted as given up',
  inFolder(async (folder) => {
    const file = join(folder, 'host.log');
    const to = logDestination(file);
    let dropped = 0;
    to.on('drop', () => {
      dropped += 1;
    });
    const count = 10_000;
    for (let at = 0; at < count; at += 1) to.write(`{"level":30,"msg":"${'x'.repeat(1000)}"}\n`);
    to.flushSync();
    assert.ok(dropped > 0);
    while (messagesIn(file).length + dropped < count) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.is(messagesIn(file).length, count - dropped);
  }),
);

files(
  'what waits when the process ends is written',
  inFolder((folder) => {
    const file = join(folder, 'host.log');
    const program = `import { logDestination } from ${JSON.stringify(new URL('./node-log.ts', import.meta.url).href)};
      const to = logDestination(${JSON.stringify(file)});
      setTimeout(() => { to.write('{"msg":"last"}\\n'); process.exit(0); }, 20);`;
    execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program]);
    assert.equal(messagesIn(file), ['last']);
  }),
);

files(
  'a place where no file can be is told at once',
  inFolder((folder) => {
    writeFileSync(join(folder, 'file'), '');
    assert.throws(
      () => logDestination(join(folder, 'file', 'host.log')),
      (error: unknown) => error instanceof PosError && error.code === 'CONFIG_BAD',
    );
  }),
);

files('the time of a line is spelled as pino spells it, and anew with each millisecond', () => {
  const time = logTime();
  const before = Date.now();
  let first = time();
  const asPino = /^,"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"$/;
  for (let changes = 0; changes < 3; ) {
    const next = time();
    const at = Date.parse(asPino.exec(next)?.[1] ?? '');
    assert.ok(at >= before && at <= Date.now(), next);
    if (next !== first) changes += 1;
    first = next;
  }
});

files.run();
