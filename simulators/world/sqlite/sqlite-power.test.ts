import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Dice } from '../dice.ts';
import { type DiskSnapshot, WorldDisk } from '../disk/disk.ts';
import {
  type Cut,
  computer,
  nothingTold,
  openOn,
  preparedDisk,
  provesWhole,
  provision,
  sell,
  type Told,
  untilDark,
} from './sqlite-scene.fixture.ts';

/** The first seed, and how many. A failure names its own. */
const SEED = Number(process.env['SEED'] ?? 1);
const SEEDS = Number(process.env['SEEDS'] ?? 40);
/** Three batches of different size, so that half of one cannot look like another. */
const BATCHES = [1, 3, 2];
/** Pages in the WAL after which it is brought into the database: so few that a life meets it between its batches. */
const CHECKPOINT_PAGES = 60;
/** Effects at the beginning of a life among which the recovery is, if there is one. */
const RECOVERY_EFFECTS = 12;

interface Life {
  readonly told: Told;
  /** Sales of the batch that was not answered. */
  readonly open: number;
  readonly effects: readonly string[];
}

/** One life of the computer: opens, commits the batches, closes; until its power goes. */
async function life(disk: WorldDisk, before: Told, cutBefore?: number): Promise<Life> {
  const told = { ...before };
  let open = 0;
  const { hooks, effects } = computer(cutBefore);
  await untilDark(async () => {
    const { store, driver } = await openOn(disk, hooks);
    await driver.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    if (!told.isProvisioned) await provision(store, told);
    for (const size of BATCHES) {
      open = size;
      await sell(store, told, size);
      open = 0;
    }
    await store.close();
  });
  return { told, open, effects };
}

/** Cuts the power before each effect of a life in turn. @returns how many points there were */
async function everyPoint(image: { snapshot: DiskSnapshot; told: Told }, how: Cut, obeysSync = true) {
  const whole = await life(WorldDisk.from(image.snapshot), image.told);
  assert.is(whole.told.sales, image.told.sales + 6);
  for (let point = 1; point <= whole.effects.length; point += 1) {
    const disk = WorldDisk.from(image.snapshot);
    disk.obeysSync = obeysSync;
    const { told, open } = await life(disk, image.told, point);
    disk.powerCut(how);
    await provesWhole(disk, told, open).catch((error: unknown) => {
      const at = `power cut before effect ${point}, ${whole.effects[point - 1]}`;
      throw new Error(`${at}: ${(error as Error).message}`, { cause: error });
    });
  }
  return whole.effects.length;
}

const empty = () => ({ snapshot: new WorldDisk().snapshot(), told: nothingTold() });

const cuts = suite('SQLite on a disk whose power goes');

// biome-ignore format: a table is read by column
for (const [what, image, how] of [
  ['its first day, from an empty disk',                      async () => empty(),         'lose everything un-synced'],
  ['three commits, a checkpoint among them, and of closing', async () => preparedDisk(3), 'lose everything un-synced'],
  ['three commits, a checkpoint among them, and of closing', async () => preparedDisk(3), 'keep everything'],
] as const) {
  cuts(`before each effect of ${what}: ${how}`, async () => {
    const points = await everyPoint(await image(), how);
    console.log(`${points} points, ${points} survived`);
  });
}

cuts(
  'before a drawn effect, with sectors, lengths and names lost, kept and torn, and again after it',
  async () => {
    const images = [empty(), await preparedDisk(3)];
    const lengths: number[] = [];
    for (const { snapshot, told } of images)
      lengths.push((await life(WorldDisk.from(snapshot), told)).effects.length);
    for (let seed = SEED; seed < SEED + SEEDS; seed += 1) {
      const dice = new Dice(`SQLite ${seed}`);
      const which = dice.next(images.length);
      const { snapshot, told } = images[which] as (typeof images)[number];
      const disk = WorldDisk.from(snapshot);
      let found = told;
      // The second life begins with the recovery from the first one's end: half of the cuts meet it early.
      for (const points of [
        lengths[which] ?? 1,
        dice.next(2) === 0 ? RECOVERY_EFFECTS : (lengths[which] ?? 1),
      ]) {
        const lived = await life(disk, found, 1 + dice.next(points));
        disk.powerCut(dice);
        found = await provesWhole(disk, lived.told, lived.open).catch((error: unknown) => {
          throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
        });
      }
    }
    console.log(`${SEEDS} seeds from ${SEED}`);
  },
);

cuts('is seen to lose what it acknowledged when the disk lies about its syncs', async () => {
  let caught = '';
  await everyPoint(empty(), 'lose everything un-synced', false).catch((error: unknown) => {
    caught = (error as Error).message;
  });
  assert.match(caught, /acknowledged/);
  caught = '';
  await everyPoint(await preparedDisk(3), 'lose everything un-synced', false).catch((error: unknown) => {
    caught = (error as Error).message;
  });
  assert.match(caught, /sales are acknowledged/);
});

cuts.run();
