/** Logs that SQLite itself wrote, cut and bent byte by byte; what SQLite then keeps is asked of SQLite. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSqlite } from './sqlite-driver.ts';
import { readWal } from './wal.ts';

const COMMITS = 12;
const FRAME_BYTES = 24 + 4096;

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

const reading = suite(`SQLite's write-ahead log, read as bytes, seed ${SEED} (SEED)`);

const folder = mkdtempSync(join(tmpdir(), 'zunka-wal-'));
const path = join(folder, 'a.db');
const driver = await openSqlite(path);
await driver.exec('CREATE TABLE "t" ("n" INTEGER PRIMARY KEY, "x" TEXT)');
await driver.exec('PRAGMA wal_checkpoint(TRUNCATE)');
// Some commits are one page, some several.
for (let n = 1; n <= COMMITS; n += 1) {
  await driver.run(`INSERT INTO "t" VALUES (?, hex(zeroblob(?)))`, [n, n % 3 === 0 ? 9_000 : 10]);
}
copyFileSync(path, join(folder, 'copy.db'));
const log = readFileSync(`${path}-wal`);
await driver.close();
const frames = (log.length - 32) / FRAME_BYTES;

/** How many rows SQLite finds with this log. */
async function rowsWith(bytes: Buffer): Promise<number> {
  const at = join(folder, 'tried.db');
  for (const suffix of ['', '-wal', '-shm']) rmSync(at + suffix, { force: true });
  copyFileSync(join(folder, 'copy.db'), at);
  writeFileSync(`${at}-wal`, bytes);
  const tried = await openSqlite(at, 'to read');
  const [row] = await tried.all('SELECT count(*) AS "n" FROM "t"', []);
  await tried.close();
  return Number(row?.['n']);
}
function bent(at: number): Buffer {
  const bytes = Buffer.from(log);
  bytes[at] = (bytes[at] ?? 0) ^ 0x40;
  return bytes;
}

reading('is sound as SQLite wrote it, to its last frame', async () => {
  assert.equal(await readWal([log]), { soundFrames: frames, damage: null });
  assert.ok(frames > COMMITS + 4);
  assert.is(await rowsWith(log), COMMITS);
});

reading('is sound when it is empty, or not yet longer than its header', async () => {
  assert.equal(await readWal([Buffer.alloc(0)]), { soundFrames: 0, damage: null });
  for (const length of [1, 31, 32])
    assert.is((await readWal([log.subarray(0, length)])).damage, null, `${length} bytes`);
});

reading('is sound wherever a power cut ends it, up to the last commit that came whole', async () => {
  let before = 0;
  for (let length = 32; length <= log.length; length += FRAME_BYTES / 4) {
    const cut = await readWal([log.subarray(0, length)]);
    assert.is(cut.damage, null, `${length} bytes`);
    assert.ok(cut.soundFrames >= before && cut.soundFrames * FRAME_BYTES <= length - 32);
    before = cut.soundFrames;
  }
  assert.is(before, frames);
});

reading('is damaged where SQLite would drop commits that were on the disk, and says how many', async () => {
  let refused = 0;
  for (let frame = 1; frame <= frames; frame += 1) {
    for (const inFrame of [0, 5, 9, 14, 17, 22, 24, 2_000, FRAME_BYTES - 1]) {
      const offset = 32 + (frame - 1) * FRAME_BYTES;
      const bytes = bent(offset + inFrame);
      const { damage, soundFrames } = await readWal([bytes]);
      const kept = await rowsWith(bytes);
      assert.ok(kept < COMMITS, 'SQLite drops it without a word');
      if (damage === null) {
        // It may be one of the last three commits: that looks like a power cut.
        assert.ok(kept >= COMMITS - 3, `frame ${frame}, byte ${inFrame}: ${COMMITS - kept} commits are gone`);
        continue;
      }
      refused += 1;
      assert.equal([damage.frame, damage.offset], [frame, offset]);
      assert.ok(soundFrames < frame);
      assert.ok((damage.commitsBehind ?? 0) <= COMMITS - kept);
    }
  }
  assert.ok(refused > frames * 6, `${refused} refused`);
});

reading('is damaged when its header is, with frames behind it', async () => {
  for (let at = 0; at < 32; at += 1) {
    assert.equal(await readWal([bent(at)]), {
      soundFrames: 0,
      damage: { frame: 0, offset: 0, commitsBehind: null },
    });
  }
});

reading('is sound when a shorter round of the log lies over an older one', async () => {
  const at = join(folder, 'rounds.db');
  const writer = await openSqlite(at);
  await writer.exec('CREATE TABLE "t" ("n" INTEGER PRIMARY KEY, "x" TEXT)');
  for (let n = 1; n <= 20; n += 1) await writer.run('INSERT INTO "t" VALUES (?, NULL)', [n]);
  await writer.exec('PRAGMA wal_checkpoint(RESTART)');
  await writer.run('INSERT INTO "t" VALUES (21, NULL)', []);
  const over = readFileSync(`${at}-wal`);
  await writer.close();
  const { damage, soundFrames } = await readWal([over]);
  assert.is(damage, null);
  assert.ok(soundFrames >= 1 && soundFrames < (over.length - 32) / FRAME_BYTES);
});

reading('is sound when the last transaction is torn in any of its frames', async () => {
  const at = join(folder, 'torn.db');
  const writer = await openSqlite(at);
  await writer.exec('CREATE TABLE "t" ("n" INTEGER PRIMARY KEY, "x" TEXT)');
  await writer.run('INSERT INTO "t" VALUES (1, NULL)', []);
  const whole = readFileSync(`${at}-wal`);
  await writer.run(`INSERT INTO "t" VALUES (2, hex(zeroblob(20000)))`, []);
  const longer = readFileSync(`${at}-wal`);
  await writer.close();
  const sound = (whole.length - 32) / FRAME_BYTES;
  for (let sector = whole.length; sector < longer.length; sector += 512) {
    const torn = Buffer.from(longer).fill(0xa5, sector, Math.min(sector + 512, longer.length));
    assert.equal(await readWal([torn]), { soundFrames: sound, damage: null }, `sector at ${sector}`);
  }
});

reading('says the same in whatever chunks it comes', async () => {
  const torn = Buffer.concat([bent(32 + 3 * FRAME_BYTES + 40), Buffer.alloc(700, 1)]);
  const wholes = await Promise.all([log, torn, bent(4)].map((bytes) => readWal([bytes])));
  assert.ok((wholes[1]?.damage?.commitsBehind ?? 0) > 1);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 1 }), async (lengths) => {
      for (const [at, bytes] of [log, torn, bent(4)].entries())
        assert.equal(await readWal(chunked(bytes, lengths)), wholes[at]);
    }),
    { seed: SEED, numRuns: 60 },
  );
});

/** The lengths are taken in turn. */
function* chunked(bytes: Buffer, lengths: readonly number[]): Generator<Buffer> {
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const length = lengths[n % lengths.length] as number;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

reading.after(() => rmSync(folder, { recursive: true }));
reading.run();
