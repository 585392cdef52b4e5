import { rejects } from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { nodeRandom } from '../node-random.ts';
import { AFTERMATHS, type Fault, FaultyFiles } from './faulty-files.fixture.ts';
import { folderFiles } from './folder-files.ts';
import { nodeSettlementFiles } from './node-file-system.ts';

const disk = suite('settlement files on a disk');

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-files-'));
  try {
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

disk('are whole, private, and never overwritten', () =>
  inFolder(async (folder) => {
    const files = await folderFiles(nodeSettlementFiles, folder, nodeRandom);
    await files.write('a.csv', Buffer.from('one'));
    await rejects(
      files.write('a.csv', Buffer.from('two')),
      (error) => error instanceof PosError && error.code === 'FILE_EXISTS',
    );
    assert.equal(await files.read('a.csv'), Buffer.from('one'));
    assert.is(statSync(join(folder, 'a.csv')).mode & 0o777, 0o600);
    assert.is(await files.read('b.csv'), undefined);
    assert.equal(await files.list(), ['a.csv']);
    assert.equal(readdirSync(folder), ['a.csv']);
  }),
);

disk('are written by one of two who write at the same time', () =>
  inFolder(async (folder) => {
    const files = await folderFiles(nodeSettlementFiles, folder, nodeRandom);
    const both = await Promise.allSettled(
      ['one', 'two'].map((text) => files.write('a.csv', Buffer.from(text))),
    );
    assert.equal(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    assert.equal(readdirSync(folder), ['a.csv']);
  }),
);

disk('that were being written when the power went are removed at the next start', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, '.writing-0123'), 'half');
    const files = await folderFiles(nodeSettlementFiles, folder, nodeRandom);
    assert.equal(await files.list(), []);
    assert.equal(readdirSync(folder), []);
  }),
);

disk('have names that cannot leave the folder', () =>
  inFolder(async (folder) => {
    const files = await folderFiles(nodeSettlementFiles, folder, nodeRandom);
    for (const name of ['../a', '/etc/passwd', 'a/b', '.hidden', '', 'a..b', 'x'.repeat(200)]) {
      await rejects(files.read(name), PosError);
      await rejects(files.write(name, Buffer.alloc(0)), PosError);
    }
  }),
);

disk.run();

const cuts = suite('settlement files when an effect of the disk is cut or fails');

const FOLDER = '/host/settlement';
const BYTES = Buffer.from('0123456789abcdef');
const open = (files: FaultyFiles) => folderFiles(files, FOLDER, nodeRandom);
const isFault = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'EIO';

/** Opens the folder and writes one file under every fault of the kind in turn, until one comes too late. */
async function underEach(
  kind: 'cut' | 'fails',
  check: (files: FaultyFiles, seen: { readonly told: 'written' | 'failed' | 'nothing' }) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at += 1) {
    const fault: Fault = { kind, at };
    const files = new FaultyFiles(fault);
    const seen: { told: 'written' | 'failed' | 'nothing' } = { told: 'nothing' };
    const writing = open(files).then((port) => port.write('a.csv', BYTES));
    void writing.then(
      () => {
        seen.told = 'written';
      },
      (error) => {
        seen.told = isFault(error) ? 'failed' : 'nothing';
      },
    );
    // A promise of a machine without power never settles: all that can happen has happened after some turns.
    await someTurns();
    const hasCome = files.mend();
    await check(files, seen);
    if (!hasCome) return at - 1;
  }
}

for (const aftermath of AFTERMATHS) {
  const { data, names } = aftermath;
  cuts(`a power cut leaves the whole file or none (bytes ${data}, names ${names})`, async () => {
    const points = await underEach('cut', async (files, { told }) => {
      const after = await open(files.afterCut(aftermath));
      const found = await after.read('a.csv');
      if (found !== undefined || told === 'written') assert.equal(found, BYTES);
      assert.equal(await after.list(), found === undefined ? [] : ['a.csv']);
      if (found === undefined) await after.write('a.csv', BYTES);
      else await rejects(after.write('a.csv', BYTES), exists);
    });
    assert.is(points, 8);
  });
}

cuts('an effect that fails is told, and the file is there whole or can be written afterwards', async () => {
  const points = await underEach('fails', async (files, { told }) => {
    if (told === 'written') return;
    assert.is(told, 'failed');
    const port = await open(files);
    const found = await port.read('a.csv');
    if (found === undefined) await port.write('a.csv', BYTES);
    else assert.equal(found, BYTES);
    assert.equal(files.namesIn(FOLDER), ['a.csv']);
  });
  assert.is(points, 8);
});

cuts('a file that is found is on the disk, also when its writer ended before its name was', async () => {
  // The fault comes before the directory is synced: the name is seen, and not on the disk.
  const before = new FaultyFiles({ kind: 'fails', at: 8 });
  const writer = await open(before);
  await rejects(writer.write('a.csv', BYTES), isFault);
  assert.equal(before.afterCut({ data: 'kept', names: 'lost' }).namesIn(FOLDER), []);
  before.mend();
  assert.equal(await writer.read('a.csv'), BYTES);
  assert.equal(before.afterCut({ data: 'kept', names: 'lost' }).namesIn(FOLDER), ['a.csv']);
});

cuts('unfinished files that a cut has left are removed at the next start, durably', async () => {
  const files = new FaultyFiles({ kind: 'none' });
  await files.makeDirectory(FOLDER);
  await (await files.open(`${FOLDER}/.writing-01`)).close();
  await files.syncDirectory(FOLDER);
  await open(files);
  assert.equal(files.afterCut({ data: 'kept', names: 'lost' }).namesIn(FOLDER), []);
});

cuts.run();

function exists(error: unknown): boolean {
  return error instanceof PosError && error.code === 'FILE_EXISTS';
}

async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
}
