import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Dice } from '../dice.ts';
import { DiskError, type DiskHooks, PowerIsOff, WorldDisk } from './disk.ts';
import { SECTOR_BYTES } from './disk-file.ts';
import { diskFiles } from './disk-files.ts';
import { PagedBytes } from './paged-bytes.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const ALWAYS: DiskHooks = { mayHappen: () => true, isOn: true };

/** The files of a disk, in a life that nothing interrupts. */
const filesOf = (disk: WorldDisk) => diskFiles(disk.mount(ALWAYS));

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'done',
    (error: unknown) => (error instanceof DiskError ? error.code : String(error)),
  );
}

/** What a call has come to when nothing more can happen by itself. */
async function outcomeOf(promise: Promise<unknown>): Promise<string> {
  const never = new Promise<string>((resolve) => setImmediate(() => resolve('never')));
  return Promise.race([codeOf(promise), never]);
}

async function written(
  disk: WorldDisk,
  path: string,
  text: string,
  sync: readonly ('file' | 'name')[],
  files = filesOf(disk),
) {
  const file = await files.open(path, 'append');
  await file.write(Buffer.from(text));
  if (sync.includes('file')) await file.sync();
  if (sync.includes('name')) await files.syncDirectory('.');
  return file;
}

async function textOf(disk: WorldDisk, path: string): Promise<string> {
  return filesOf(disk)
    .read(path)
    .then(String, (error: unknown) => (error as DiskError).code);
}

const keeping = suite('what a disk keeps when the power goes');

// biome-ignore format: a table is read by column
for (const [sync, lost, kept] of [
  [[],               'ENOENT', 'hello'],
  [['file'],         'ENOENT', 'hello'],
  [['name'],         '',       'hello'],
  [['file', 'name'], 'hello',  'hello'],
] as const) {
  keeping(`a new file with ${sync.join(' and ') || 'nothing'} synced`, async () => {
    for (const [how, expected] of [
      ['lose everything un-synced', lost],
      ['keep everything', kept],
    ] as const) {
      const disk = new WorldDisk();
      await written(disk, 'a', 'hello', sync);
      assert.is(await textOf(disk, 'a'), 'hello');
      disk.powerCut(how);
      assert.is(await textOf(disk, 'a'), expected, how);
      disk.powerCut('lose everything un-synced');
      assert.is(await textOf(disk, 'a'), expected, 'a second cut finds nothing open');
    }
  });
}

keeping('a rename as a whole: the old pair of names or the new one, and both are met', async () => {
  const met = new Set<string>();
  for (let seed = SEED; seed < SEED + 40; seed += 1) {
    const disk = new WorldDisk();
    await written(disk, 'new', 'new', ['file', 'name']);
    await written(disk, 'old', 'old', ['file', 'name']);
    await filesOf(disk).rename('new', 'old');
    disk.powerCut(new Dice(`rename ${seed}`));
    met.add(`${await textOf(disk, 'old')} ${await textOf(disk, 'new')}`);
  }
  assert.equal([...met].sort(), ['new ENOENT', 'old new']);
});

keeping('an unlinked name, unless its directory was synced', async () => {
  const disk = new WorldDisk();
  await written(disk, 'a', 'hello', ['file', 'name']);
  await filesOf(disk).unlink('a');
  disk.powerCut('lose everything un-synced');
  assert.is(await textOf(disk, 'a'), 'hello');
  await filesOf(disk).unlink('a');
  await filesOf(disk).syncDirectory('.');
  disk.powerCut('lose everything un-synced');
  assert.is(await textOf(disk, 'a'), 'ENOENT');
});

keeping('nothing in a directory whose own name was lost', async () => {
  const disk = new WorldDisk();
  await filesOf(disk).makeDirectory('x/y');
  await written(disk, 'x/y/a', 'hello', ['file']);
  await filesOf(disk).syncDirectory('x/y');
  disk.powerCut('lose everything un-synced');
  assert.is(await textOf(disk, 'x/y/a'), 'ENOENT');
  assert.equal(await filesOf(disk).list('.'), []);
});

keeping('a file under its other name: a link is a name like any', async () => {
  const disk = new WorldDisk();
  await written(disk, 'a', 'hello', ['file', 'name']);
  await filesOf(disk).link('a', 'b');
  await filesOf(disk).syncDirectory('.');
  await filesOf(disk).unlink('a');
  await written(disk, 'b', ' again', ['file']);
  disk.powerCut('lose everything un-synced');
  assert.is(await textOf(disk, 'a'), 'hello again');
  assert.is(await textOf(disk, 'b'), 'hello again');
});

keeping('nothing at all when its syncs are lies', async () => {
  const disk = new WorldDisk();
  disk.obeysSync = false;
  await written(disk, 'a', 'hello', ['file', 'name']);
  disk.powerCut('lose everything un-synced');
  assert.is(await textOf(disk, 'a'), 'ENOENT');
});

keeping(
  'each sector as it was at the last sync or after one of the writes since, and what was synced',
  async () => {
    let torn = 0;
    for (let seed = SEED; seed < SEED + 300; seed += 1) {
      const dice = new Dice(`sectors ${seed}`);
      const disk = new WorldDisk();
      disk.mount(ALWAYS).create('a');
      await filesOf(disk).syncDirectory('.');
      const file = disk.mount(ALWAYS).open('a');
      file.write(0, dice.bytes(dice.between(1, 6_000)));
      file.sync();
      const images = [await filesOf(disk).read('a')];
      const ends = new Set([file.size]);
      for (let write = dice.between(1, 5); write > 0; write -= 1) {
        const [offset, count] = [dice.next(file.size + 700), dice.between(1, 3_000)];
        file.write(offset, dice.bytes(count));
        ends.add(offset + count);
        images.push(await filesOf(disk).read('a'));
      }
      disk.powerCut(dice);
      const left = await filesOf(disk).read('a');
      for (let at = 0; at < left.length; at += SECTOR_BYTES) {
        const sector = left.subarray(at, at + SECTOR_BYTES);
        const isOfAnImage = images.some((image) => {
          const then = Buffer.alloc(sector.length);
          if (at < image.length) image.copy(then, 0, at);
          return then.equals(sector);
        });
        assert.ok(isOfAnImage, `seed ${seed}, sector ${at / SECTOR_BYTES} was never seen like that`);
      }
      assert.ok(left.length >= (images[0]?.length ?? 0), `seed ${seed}: synced bytes are missing`);
      if (!images.some((image) => image.equals(left))) torn += 1;
      assert.ok(
        ends.has(left.length) || left.length % SECTOR_BYTES === 0,
        `seed ${seed}: ${left.length} bytes`,
      );
    }
    assert.ok(torn > 30, `only ${torn} of 300 were torn`);
  },
);

keeping.run();

const faults = suite('a disk that fails');

faults('refuses with ENOSPC or EIO once, or until it is mended', async () => {
  const disk = new WorldDisk();
  const file = await written(disk, 'a', 'x', ['file', 'name']);
  disk.fail('disk write', 'io');
  assert.is(await codeOf(file.write(Buffer.from('lost'))), 'EIO');
  assert.is(await codeOf(file.write(Buffer.from('y'))), 'done');
  disk.fail('disk name', 'full', 'mended');
  assert.is(await codeOf(filesOf(disk).open('b', 'append')), 'ENOSPC');
  assert.is(await codeOf(filesOf(disk).rename('a', 'b')), 'ENOSPC');
  disk.mend();
  assert.is(await codeOf(filesOf(disk).rename('a', 'b')), 'done');
  assert.is(await textOf(disk, 'b'), 'xy');
});

faults('that is full takes of an append what fits into the last block', async () => {
  const disk = new WorldDisk();
  const file = await written(disk, 'a', 'x'.repeat(4_090), []);
  disk.fail('disk write', 'full');
  assert.is(await codeOf(file.write(Buffer.from('0123456789'))), 'ENOSPC');
  assert.is((await textOf(disk, 'a')).slice(4_090), '012345');
});

faults('whose sync failed never brings those writes by a later sync, but brings later ones', async () => {
  const met = new Set<string>();
  for (let seed = SEED; seed < SEED + 60; seed += 1) {
    const disk = new WorldDisk();
    disk.mount(ALWAYS).create('a').write(0, Buffer.alloc(SECTOR_BYTES, 'o'));
    const file = disk.mount(ALWAYS).open('a');
    file.sync();
    await filesOf(disk).syncDirectory('.');
    file.write(0, Buffer.alloc(SECTOR_BYTES, 'd'));
    disk.fail('disk sync', 'io');
    assert.throws(() => file.sync(), /^DiskError: EIO|EIO/);
    file.write(SECTOR_BYTES, Buffer.alloc(SECTOR_BYTES, 'c'));
    file.sync();
    assert.is((await textOf(disk, 'a'))[0], 'd', 'reads go on from the page cache');
    disk.powerCut(new Dice(`doubt ${seed}`));
    const left = await textOf(disk, 'a');
    met.add(`${left[0]}${left[SECTOR_BYTES]}`);
  }
  assert.equal([...met].sort(), ['dc', 'oc']);
});

faults.run();

const isPowerOff = (error: unknown) => error instanceof PowerIsOff;

const power = suite('a disk without power');

/** A machine whose power goes before effect number `last` + 1. */
function machine(last: number) {
  const effects: string[] = [];
  let isOn = true;
  const hooks: DiskHooks = {
    get isOn() {
      return isOn;
    },
    mayHappen: (kind, detail) => {
      isOn &&= effects.length < last;
      if (isOn) effects.push(`${kind}: ${detail}`);
      return isOn;
    },
  };
  return { hooks, effects, powerOn: () => (isOn = true) };
}

power('counts every effect and no read', async () => {
  const { hooks, effects } = machine(Number.POSITIVE_INFINITY);
  const disk = diskFiles(new WorldDisk().mount(hooks));
  await disk.makeDirectory('d');
  const file = await disk.open('d/a', 'new');
  await file.write(Buffer.from('abc'));
  await file.truncate(2);
  await file.sync();
  await disk.link('d/a', 'd/b');
  await disk.rename('d/a', 'd/c');
  await disk.unlink('d/b');
  await disk.syncDirectory('d');
  await Promise.all([disk.read('d/c'), disk.list('d'), file.size(), file.close()]);
  assert.equal(effects, [
    'disk name: make directory d',
    'disk name: create d/a',
    'disk write: write 3 bytes at 0 of d/a',
    'disk write: truncate d/a to 2',
    'disk sync: sync d/a',
    'disk name: link d/a to d/b',
    'disk name: rename d/a to d/c',
    'disk name: unlink d/b',
    'disk sync: sync directory d',
  ]);
});

power('never answers and changes nothing, from the refused effect on', async () => {
  const { hooks, powerOn } = machine(2);
  const disk = new WorldDisk();
  const door = disk.mount(hooks);
  const files = diskFiles(door);
  const file = await written(disk, 'a', 'kept', [], files);
  for (const off of ['while it is off', 'after it came back']) {
    assert.is(await outcomeOf(file.write(Buffer.from('lost'))), 'never', off);
    assert.is(await outcomeOf(file.size()), 'never', off);
    assert.is(await outcomeOf(files.read('a')), 'never', off);
    assert.is(await outcomeOf(files.list('.')), 'never', off);
    assert.is(await outcomeOf(files.open('absent', 'update')), 'never', off);
    assert.throws(() => door.open('a'), isPowerOff);
    powerOn();
  }
  disk.powerCut('keep everything');
  assert.is(await textOf(disk, 'a'), 'kept');
});

power('reads nothing either, when it was cut at somebody else’s effect', async () => {
  const { hooks } = machine(3);
  const disk = new WorldDisk();
  const files = diskFiles(disk.mount(hooks));
  await written(disk, 'a', 'kept', [], files);
  for (const effect of ['serial byte', 'one that is too many']) hooks.mayHappen('disk write', effect);
  assert.is(await outcomeOf(files.read('a')), 'never');
});

power('has no use for the files and doors of an earlier life', async () => {
  const disk = new WorldDisk();
  const door = disk.mount(ALWAYS);
  const file = await written(disk, 'a', 'kept', ['file', 'name'], diskFiles(door));
  disk.powerCut('keep everything');
  assert.is(await outcomeOf(file.write(Buffer.from('late'))), 'never');
  assert.throws(() => door.unlink('a'), isPowerOff);
  assert.is(await textOf(disk, 'a'), 'kept');
});

power.run();

const files = suite('files on a disk');

// biome-ignore format: a table is read by column
for (const [mode, absent, present] of [
  ['append',  'done',   'done'],
  ['new',     'done',   'EEXIST'],
  ['replace', 'done',   'done'],
  ['update',  'ENOENT', 'done'],
] as const) {
  files(`open for ${mode}: ${absent} when absent, ${present} when present`, async () => {
    const disk = new WorldDisk();
    assert.is(await codeOf(filesOf(disk).open('a', mode)), absent);
    await written(disk, 'b', 'text', []);
    assert.is(await codeOf(filesOf(disk).open('b', mode)), present);
    assert.is(await textOf(disk, 'b'), mode === 'replace' ? '' : 'text');
  });
}

files('answer with Node’s codes what cannot be done', async () => {
  const disk = new WorldDisk();
  const file = await written(disk, 'a', 'a', []);
  await filesOf(disk).makeDirectory('d');
  assert.is(await codeOf(filesOf(disk).open('absent/a', 'append')), 'ENOENT');
  assert.is(await codeOf(filesOf(disk).open('a/b', 'append')), 'ENOTDIR');
  assert.is(await codeOf(filesOf(disk).open('d', 'update')), 'EISDIR');
  assert.is(await codeOf(filesOf(disk).list('absent')), 'ENOENT');
  assert.is(await codeOf(filesOf(disk).link('a', 'd')), 'EEXIST');
  assert.is(await codeOf(filesOf(disk).unlink('b')), 'ENOENT');
  assert.is(await codeOf(filesOf(disk).rename('d', 'e')), 'ENOTSUP');
  await file.close();
  assert.is(await codeOf(file.write(Buffer.from('b'))), 'EBADF');
});

files('start from a snapshot and know nothing of each other', async () => {
  const first = new WorldDisk();
  const file = await written(first, 'a', 'synced', ['file', 'name']);
  await file.write(Buffer.from(' open'));
  const snapshot = first.snapshot();
  const [one, two] = [WorldDisk.from(snapshot), WorldDisk.from(snapshot)];
  await written(one, 'a', ' one', ['file']);
  await file.write(Buffer.from(' first'));
  assert.is(await textOf(two, 'a'), 'synced open');
  two.powerCut('lose everything un-synced');
  assert.is(await textOf(two, 'a'), 'synced');
  assert.is(await textOf(one, 'a'), 'synced open one');
  assert.is(await textOf(WorldDisk.from(snapshot), 'a'), 'synced open');
});

files('hold the same bytes as one plain buffer, whatever is written, cut and copied', () => {
  const dice = new Dice(`bytes ${SEED}`);
  let plain = Buffer.alloc(0);
  let paged = PagedBytes.empty();
  for (let step = 0; step < 2_000; step += 1) {
    const offset = dice.next(20_000);
    if (dice.next(5) === 0) {
      const grown = Buffer.alloc(offset);
      plain.copy(grown);
      plain = grown;
      paged.truncate(offset);
    } else {
      const bytes = dice.bytes(dice.next(9_000));
      const grown = Buffer.alloc(Math.max(plain.length, offset + bytes.length));
      plain.copy(grown);
      bytes.copy(grown, offset);
      plain = grown;
      paged.write(offset, bytes);
    }
    if (dice.next(4) === 0) {
      const copy = paged.copy();
      paged.write(0, dice.bytes(5_000));
      paged = copy;
    }
    const into = Buffer.alloc(dice.between(1, 9_000), 0xaa);
    const count = paged.read(into, offset);
    assert.is(count, Math.max(0, Math.min(into.length, plain.length - offset)));
    assert.ok(
      into.subarray(0, count).equals(plain.subarray(offset, offset + count)),
      `seed ${SEED}, step ${step}`,
    );
    assert.ok(into.subarray(count).every((byte) => byte === 0xaa));
  }
  assert.ok(paged.toBuffer().equals(plain));
});

files.run();
