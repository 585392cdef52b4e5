import { rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { ManualClock } from '../machine.fixture.ts';
import {
  type Aftermath,
  DATA_AFTER_CUT,
  type Fault,
  FaultyFiles,
  NAMES_AFTER_CUT,
} from './faulty-files.fixture.ts';
import { fileDisk } from './file-disk.ts';
import { type OpenedJournal, openJournal } from './journal.ts';
import type { JournalEvent } from './model.ts';
import { readJournalFrom } from './read-back.ts';
import { traceAfter } from './state.ts';

const IDENTITY = { terminalId: '12345678', merchantId: '898410000000001' };
const DIRECTORY = 'journal';
/** Two batches: the change of segment is in the middle. */
const STEPS = 6;
const NEW_BATCH_AT = 3;
const NO_FAULT: Fault = { kind: 'none' };

function open(files: FaultyFiles): Promise<OpenedJournal> {
  return openJournal({ disk: fileDisk(files, DIRECTORY), clock: new ManualClock(), ...IDENTITY });
}

function stepOf(opened: OpenedJournal): number {
  return Number(opened.journal.state.nextTrace) - 1 + (opened.journal.state.batch > 1 ? 1 : 0);
}

function eventOf(step: number, trace: string): JournalEvent {
  return step === NEW_BATCH_AT
    ? { type: 'batch adopted', batch: 42 }
    : { type: 'trace taken', kind: 'signIn', trace };
}

/** Opens and appends until all steps are done or the disk ends it. Gives how many were acknowledged. */
async function work(
  files: FaultyFiles,
  upTo = STEPS,
  isNoted = false,
): Promise<{ acknowledged: number; isWhole: boolean }> {
  let acknowledged = 0;
  try {
    const opened = await open(files);
    acknowledged = stepOf(opened);
    while (acknowledged < upTo) {
      await opened.journal.append(eventOf(acknowledged, opened.journal.state.nextTrace));
      acknowledged += 1;
      if (isNoted) await opened.journal.note();
    }
    return { acknowledged, isWhole: true };
  } catch {
    return { acknowledged, isWhole: false };
  }
}

/** Every different disk that a power cut now may leave. */
function aftermaths(files: FaultyFiles): Map<string, Buffer>[] {
  const images = new Map<string, Map<string, Buffer>>();
  for (const data of DATA_AFTER_CUT) {
    for (const names of NAMES_AFTER_CUT) {
      const image = files.afterCut({ data, names } satisfies Aftermath);
      const hash = createHash('sha256');
      for (const [name, bytes] of [...image].sort(([a], [b]) => (a < b ? -1 : 1)))
        hash.update(`${name} ${bytes.toString('hex')} `);
      images.set(hash.digest('hex'), image);
    }
  }
  return [...images.values()];
}

const tornBytes = (image: ReadonlyMap<string, Buffer>) =>
  [...image].filter(([name]) => name.endsWith('.torn')).map(([, bytes]) => bytes.length);

/** What was acknowledged is there, what is there goes on, and the whole chain proves. */
async function assertSound(
  image: ReadonlyMap<string, Buffer>,
  acknowledged: number,
  where: string,
): Promise<void> {
  const files = new FaultyFiles(NO_FAULT, image);
  const found = await open(files);
  assert.ok(
    stepOf(found) >= acknowledged,
    `${where}: ${stepOf(found)} records of ${acknowledged} acknowledged`,
  );
  assert.ok(stepOf(found) <= acknowledged + 1, `${where}: no more than was begun`);
  const { journal } = found;
  if (stepOf(found) > NEW_BATCH_AT) assert.is(journal.state.batch, 42, where);
  assert.ok((await work(files)).isWhole, `${where}: it goes on`);
  const report = await readJournalFrom(fileDisk(files, DIRECTORY));
  assert.is(report.tornBytes, 0, where);
  assert.is(report.records, STEPS + 2, `${where}: every record once, and one opening a segment`);
}

const cuts = suite('journal: the power cut at every effect on the disk');

cuts(
  'leaves every acknowledged record, whatever became of what was not synced, also when cut again while it is put right',
  async () => {
    let points = 0;
    let pairs = 0;
    for (let at = 1; ; at += 1) {
      const files = new FaultyFiles({ kind: 'cut', at });
      const { acknowledged } = await work(files);
      if (!files.met) break;
      for (const image of aftermaths(files)) {
        points += 1;
        await assertSound(image, acknowledged, `cut at ${at}`);
        for (let second = 1; ; second += 1) {
          const again = new FaultyFiles({ kind: 'cut', at: second }, image);
          const resumed = await work(again, acknowledged);
          if (!again.met || resumed.isWhole) break;
          for (const after of aftermaths(again)) {
            pairs += 1;
            await assertSound(after, acknowledged, `cut at ${at}, then at ${second}`);
          }
        }
      }
    }
    assert.ok(points >= 58, `${points} disks after one cut`);
    assert.ok(pairs >= 1_169, `${pairs} disks after two`);
  },
);

cuts('the mark beside the journal, lost, kept or torn, never refuses what is right', async () => {
  let points = 0;
  for (let at = 1; ; at += 1) {
    const files = new FaultyFiles({ kind: 'cut', at });
    const { acknowledged } = await work(files, STEPS, true);
    if (!files.met) break;
    for (const image of aftermaths(files)) {
      points += 1;
      await assertSound(image, acknowledged, `cut at ${at}`);
    }
  }
  assert.ok(points >= 100, `${points} disks`);
});

cuts('never loses the bytes of a torn record: they are in the segment or in the file beside it', async () => {
  let torn = 0;
  for (let at = 1; ; at += 1) {
    const files = new FaultyFiles({ kind: 'cut', at });
    await work(files);
    if (!files.met) break;
    for (const image of aftermaths(files)) {
      const report = await readJournalFrom(fileDisk(new FaultyFiles(NO_FAULT, image), DIRECTORY));
      if (report.tornBytes === 0) continue;
      torn += 1;
      for (let second = 1; ; second += 1) {
        const again = new FaultyFiles({ kind: 'cut', at: second }, image);
        await open(again).catch(() => undefined);
        for (const after of aftermaths(again)) {
          const still = (await readJournalFrom(fileDisk(new FaultyFiles(NO_FAULT, after), DIRECTORY)))
            .tornBytes;
          assert.ok(
            still === report.tornBytes || tornBytes(after).includes(report.tornBytes),
            `cut at ${at}, then at ${second}`,
          );
        }
        if (!again.met) break;
      }
    }
  }
  assert.ok(torn >= 10, `${torn} torn records were tried`);
});

cuts.run();

const failures = suite('journal: a write, sync or name that the disk refuses');

for (const code of ['ENOSPC', 'EIO'] as const) {
  failures(
    `${code} at any effect: nothing is believed any more, and the next process starts from what is sound`,
    async () => {
      let refusals = 0;
      for (let at = 1; ; at += 1) {
        const files = new FaultyFiles({ kind: 'fails', at, code });
        const { acknowledged, isWhole } = await work(files);
        if (isWhole) break;
        refusals += 1;
        // The machine dies with the process, or the process alone does, and the machine later.
        for (const image of aftermaths(files))
          await assertSound(image, acknowledged, `refused at ${at}, then cut`);
        files.restartProcess();
        const resumed = await work(files);
        assert.ok(resumed.isWhole, `refused at ${at}: the next process goes on`);
        for (const image of aftermaths(files))
          await assertSound(image, STEPS, `refused at ${at}, resumed, then cut`);
      }
      assert.is(refusals, 20, 'each effect was refused once');
    },
  );
}

failures('after one that was refused the same process writes nothing more, and says why', async () => {
  const files = new FaultyFiles(NO_FAULT);
  const { journal } = await open(files);
  files.restartProcess({ kind: 'fails', at: 1, code: 'ENOSPC' });
  const isWrite = (error: unknown) => error instanceof PosError && error.code === 'JOURNAL_WRITE';
  const event = eventOf(0, traceAfter('000000'));
  await rejects(journal.append(event), isWrite);
  files.restartProcess();
  await rejects(journal.append(event), isWrite);
  assert.is(files.effects, 0);
  assert.is(journal.state.nextTrace, '000001', 'what was refused is not in the state');
});

failures(
  'a process that was killed between write and sync: what the next one read is on the disk before it acts',
  async () => {
    const files = new FaultyFiles(NO_FAULT);
    assert.ok((await work(files, 1)).isWhole);
    const { journal } = await open(files);
    // Killed after the write, before the sync: the record is in the machine's memory only.
    files.restartProcess({ kind: 'cut', at: 1 });
    await journal.append(eventOf(1, journal.state.nextTrace)).catch(() => undefined);
    files.restartProcess();
    assert.is(stepOf(await open(files)), 2, 'the next process reads it');
    for (const image of aftermaths(files)) assert.is(stepOf(await open(new FaultyFiles(NO_FAULT, image))), 2);
  },
);

failures.run();
