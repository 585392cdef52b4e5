import { rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { ManualClock, MemoryDisk, Power } from '../machine.fixture.ts';
import { openJournal } from './journal.ts';
import { openNodeDisk } from './node-file-system.ts';
import { readJournalFrom, readTerminalJournal } from './read-back.ts';

const IDENTITY = { terminalId: '12345678', merchantId: '898410000000001' };
const SEGMENT = 'segment-000001-batch-000001.journal';

async function journalWith(count: number, disk = new MemoryDisk()) {
  const clock = new ManualClock();
  const { journal } = await openJournal({ disk, clock, ...IDENTITY });
  for (let index = 0; index < count; index += 1) await journal.append({ type: 'logged off' });
  return { disk, clock, journal };
}

function damaged(...parts: readonly string[]) {
  return (error: unknown) =>
    error instanceof PosError &&
    error.code === 'JOURNAL_DAMAGED' &&
    parts.every((part) => error.detail.includes(part));
}

const chain = suite('journal: JSON and the SHA-256 of the record before and this one');

chain('has in each line the hash over the head before and its own JSON', async () => {
  const { disk, journal } = await journalWith(2);
  const lines = (await disk.read(SEGMENT)).toString().trimEnd().split('\n');
  let head = createHash('sha256').update('zunka terminal journal 12345678').digest('hex');
  for (const line of lines) {
    const [json = '', hash] = line.split('\t');
    head = createHash('sha256').update(Buffer.from(head, 'hex')).update(json).digest('hex');
    assert.is(hash, head);
  }
  assert.is(lines.length, 3);
  assert.is(journal.head, head);
});

chain('goes on over a restart and over segments', async () => {
  const { disk, clock, journal } = await journalWith(1);
  await journal.append({ type: 'batch adopted', batch: 42 });
  const again = await openJournal({ disk, clock, ...IDENTITY });
  assert.is(again.journal.head, journal.head);
  assert.is(again.journal.state.batch, 42);
  const report = await readJournalFrom(disk);
  assert.equal(
    report.batches.map(({ batch, closed }) => [batch, closed]),
    [
      [1, true],
      [42, false],
    ],
  );
  assert.is(report.head, journal.head);
});

chain('refuses the journal of another terminal', async () => {
  const { disk, clock } = await journalWith(1);
  const isConfig = (error: unknown) => error instanceof PosError && error.code === 'CONFIG_BAD';
  await rejects(openJournal({ disk, clock, ...IDENTITY, terminalId: '87654321' }), isConfig);
});

chain.run();

const torn = suite('journal: after a power cut');

torn('a last line cut at any byte is set aside in a file and the record before it is the last', async () => {
  const { disk: whole } = await journalWith(2);
  const bytes = await whole.read(SEGMENT);
  const lastLine = bytes.lastIndexOf(0x0a, bytes.length - 2) + 1;
  for (let length = lastLine + 1; length < bytes.length; length += 1) {
    const disk = new MemoryDisk(new Map([[SEGMENT, bytes.subarray(0, length)]]));
    const { repair } = await openJournal({ disk, clock: new ManualClock(), ...IDENTITY });
    assert.is(repair?.tornBytes, length - lastLine);
    assert.is(disk.files.get(repair?.tornFile ?? '')?.length, length - lastLine);
    assert.is((await disk.read(SEGMENT)).length, lastLine);
    assert.is((await readJournalFrom(disk)).records, 2);
  }
});

torn('a block of zeros that never reached the disk is torn too', async () => {
  const { disk } = await journalWith(1);
  disk.files.set(SEGMENT, Buffer.concat([await disk.read(SEGMENT), Buffer.alloc(300), Buffer.from('\n')]));
  const { repair } = await openJournal({ disk, clock: new ManualClock(), ...IDENTITY });
  assert.is(repair?.tornBytes, 301);
});

torn('a segment whose first record is torn is begun again from the one before', async () => {
  const { disk, journal } = await journalWith(1);
  disk.power = new Power(2, 'torn');
  await rejects(journal.append({ type: 'batch adopted', batch: 42 }));
  const again = new MemoryDisk(disk.files);
  const { journal: next, repair } = await openJournal({ disk: again, clock: new ManualClock(), ...IDENTITY });
  assert.ok(repair);
  assert.is(next.state.batch, 42);
  assert.is((await readJournalFrom(again)).batches.length, 2);
});

torn('nothing is appended after a record that the disk did not take', async () => {
  const { disk, journal } = await journalWith(1);
  disk.power = new Power(1, 'before');
  const isWrite = (error: unknown) => error instanceof PosError && error.code === 'JOURNAL_WRITE';
  await rejects(journal.append({ type: 'logged off' }), isWrite);
  disk.power = new Power();
  await rejects(journal.append({ type: 'logged off' }), isWrite);
});

torn('that a full disk leaves nowhere to set aside changes nothing, and the start says why', async () => {
  const { disk } = await journalWith(1);
  const bytes = Buffer.concat([await disk.read(SEGMENT), Buffer.from('{"n":3')]);
  const full = new MemoryDisk(new Map([[SEGMENT, bytes]]));
  full.place = () => Promise.reject(new Error('ENOSPC'));
  const isWrite = (error: unknown) => error instanceof PosError && error.code === 'JOURNAL_WRITE';
  await rejects(openJournal({ disk: full, clock: new ManualClock(), ...IDENTITY }), isWrite);
  assert.ok((await full.read(SEGMENT)).equals(bytes));
});

torn('an incomplete line before another segment is damage for whoever proves the journal', async () => {
  const { disk, journal } = await journalWith(1);
  await journal.append({ type: 'batch adopted', batch: 42 });
  const files = new Map<string, Buffer>();
  for (const name of await disk.list()) files.set(name, await disk.read(name));
  const first = files.get(SEGMENT) ?? Buffer.alloc(0);
  files.set(SEGMENT, first.subarray(0, -5));
  await rejects(
    readJournalFrom(new MemoryDisk(files)),
    damaged(SEGMENT, 'record 3', 'incomplete, though a later segment follows', 'records 1 to 2 are sound'),
  );
});

torn.run();

const damage = suite('journal: damage is named and refused');

damage(
  'any changed byte but the last line feed is found, with record, offset and what is sound',
  async () => {
    const { disk: whole } = await journalWith(3);
    const bytes = await whole.read(SEGMENT);
    const second = bytes.indexOf(0x0a) + 1;
    for (let at = 0; at < bytes.length - 1; at += 7) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      const disk = new MemoryDisk(new Map([[SEGMENT, changed]]));
      await rejects(
        openJournal({ disk, clock: new ManualClock(), ...IDENTITY }),
        damaged(SEGMENT, 'record', 'byte'),
      );
      if (at > second) continue;
      await rejects(
        openJournal({ disk, clock: new ManualClock(), ...IDENTITY }),
        damaged('no record of this file is sound'),
      );
    }
    const changed = Buffer.from(bytes);
    changed[second + 10] = 0x21;
    const disk = new MemoryDisk(new Map([[SEGMENT, changed]]));
    await rejects(
      openJournal({ disk, clock: new ManualClock(), ...IDENTITY }),
      damaged(`record 2 at byte ${second}`, 'records 1 to 1 are sound', 'put this file back'),
    );
  },
);

damage('a record that was taken out is found', async () => {
  const { disk } = await journalWith(3);
  const lines = (await disk.read(SEGMENT)).toString().split('\n');
  disk.files.set(SEGMENT, Buffer.from([lines[0], ...lines.slice(2)].join('\n')));
  await rejects(openJournal({ disk, clock: new ManualClock(), ...IDENTITY }), damaged('record 2'));
});

damage('a segment that does not continue the one before is found', async () => {
  const { disk, journal } = await journalWith(1);
  await journal.append({ type: 'batch adopted', batch: 42 });
  const cut = (await disk.read(SEGMENT)).toString().trimEnd().split('\n').slice(0, -1).join('\n');
  disk.files.set(SEGMENT, Buffer.from(`${cut}\n`));
  await rejects(openJournal({ disk, clock: new ManualClock(), ...IDENTITY }), damaged('does not continue'));
  await rejects(readJournalFrom(disk), damaged('record 1'));
});

damage.run();

const real = suite('journal on a real disk');

real('belongs to one process, until it is given free', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'zunka-journal-'));
  try {
    const disk = await openNodeDisk(directory);
    const isTaken = (error: unknown) => error instanceof PosError && error.code === 'NOT_ALLOWED_NOW';
    await rejects(openNodeDisk(directory), isTaken);
    await disk.release();
    await (await openNodeDisk(directory)).release();
  } finally {
    await rm(directory, { recursive: true });
  }
});

real('is read back by its directory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'zunka-journal-'));
  try {
    const disk = await openNodeDisk(directory);
    const { journal } = await openJournal({ disk, clock: new ManualClock(), ...IDENTITY });
    await journal.append({ type: 'logged off' });
    await disk.append(SEGMENT, Buffer.from('{"n":3'));
    assert.is((await readTerminalJournal(directory)).tornBytes, 6);
    const { repair } = await openJournal({ disk, clock: new ManualClock(), ...IDENTITY });
    assert.is(repair?.tornBytes, 6);
    const report = await readTerminalJournal(directory);
    assert.equal([report.records, report.head, report.tornBytes], [2, journal.head, 0]);
    await disk.release();
  } finally {
    await rm(directory, { recursive: true });
  }
});

real.run();
