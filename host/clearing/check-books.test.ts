import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { addDays, fenDelta } from '../../protocol/index.ts';
import { FEE_INCOME } from '../ledger/accounts.ts';
import type { Entry } from '../ledger/model.ts';
import { carriedId } from '../ledger/reading.ts';
import { bound } from '../store/bound-store.fixture.ts';
import type { StorePort } from '../store/port.ts';
import { WHOLE_EVERY_DAYS } from './check-books.ts';
import { cutOver } from './cut-over.ts';
import { runClearing, stepsOf } from './run.ts';
import { FIRST_DAY, SECOND_DAY } from './sample-day.ts';
import { clear, closedDay, codeIs, HOUR, log, type Scene, soleLot, who } from './scene.fixture.ts';
import { runIdOf } from './step-context.ts';

const dayAt = (index: number) => addDays(FIRST_DAY, index);

/** Closes the next day, which begins with an entry when one is given. */
async function nextDay({ world }: Scene, entry?: Entry): Promise<void> {
  world.pass(24 * HOUR);
  if (entry !== undefined) await world.commit({ changes: { entries: [entry] } });
  await cutOver(world, who);
}

/** Balanced, on accounts that no file tells of and no lot pays. */
function fee(entryId: string, businessDate: string): Entry {
  const line = (account: string, amount: number) =>
    ({ account, amount: fenDelta(amount), lot: null, unit: 'fen' }) as const;
  return {
    ...{
      entryId,
      businessDate,
      event: 'adjustment',
      at: 0,
      corrects: null,
      branchId: null,
      terminalId: null,
    },
    cause: { kind: 'approval', id: 'AP9' },
    postings: [line(FEE_INCOME, -7), line('suspense:shortage', 7)],
  };
}

async function checked({ world }: Scene, businessDate: string, sequence = 1) {
  const steps = await stepsOf(world.store, runIdOf(businessDate, sequence));
  return steps.find(({ step }) => step === 'check-books')?.output as {
    readonly entries: number;
    readonly since: string | null;
    readonly wholeOn: string;
    readonly proven: { readonly upTo: string; readonly run: string } | null;
  };
}

const begins = suite('the books are proven from the sums of an earlier clearing');

begins('the first reads all, the next only what came since', async () => {
  const scene = await closedDay();
  await clear(scene);
  const first = await checked(scene, FIRST_DAY);
  assert.equal([first.since, first.wholeOn, first.proven?.upTo], [null, FIRST_DAY, FIRST_DAY]);
  await nextDay(scene, fee('F1', SECOND_DAY));
  const store: StorePort = {
    ...bound(scene.world.store),
    scan(table, where) {
      assert.ok((table as string) !== 'entries' || (where !== undefined && Object.keys(where).length > 0));
      return scene.world.store.scan(table, where);
    },
    sums(options) {
      assert.ok((options?.afterBusinessDate ?? '') >= FIRST_DAY, JSON.stringify(options));
      return scene.world.store.sums(options);
    },
  };
  await clear(scene, { store }, SECOND_DAY);
  const second = await checked(scene, SECOND_DAY);
  assert.equal([second.since, second.wholeOn, second.entries], [FIRST_DAY, FIRST_DAY, 1]);
});

begins('sums are written anew when as many entries came since, not every day', async () => {
  const scene = await closedDay();
  await clear(scene);
  await nextDay(scene, fee('F1', SECOND_DAY));
  await clear(scene, {}, SECOND_DAY);
  assert.is((await checked(scene, SECOND_DAY)).proven?.upTo, FIRST_DAY);
  const many = Array.from({ length: 20 }, (_, at) => fee(`G${at}`, dayAt(2)));
  await scene.world.commit({ changes: { entries: many } });
  await nextDay(scene);
  await clear(scene, {}, dayAt(2));
  assert.equal(
    [(await checked(scene, dayAt(2))).entries, (await checked(scene, dayAt(2))).proven?.upTo],
    [21, dayAt(2)],
  );
});

begins('a day that was not cleared is read with the next', async () => {
  const scene = await closedDay();
  await clear(scene);
  await nextDay(scene, fee('F1', SECOND_DAY));
  await nextDay(scene, fee('F2', dayAt(2)));
  await clear(scene, {}, dayAt(2));
  assert.is((await checked(scene, dayAt(2))).entries, 2);
  // And the day before it, later, begins where it would have begun.
  await clear(scene, {}, SECOND_DAY);
  assert.equal(
    [(await checked(scene, SECOND_DAY)).since, (await checked(scene, SECOND_DAY)).entries],
    [FIRST_DAY, 2],
  );
});

begins('a proof that failed leaves nothing to begin from: the next day fails for the same', async () => {
  const scene = await closedDay();
  await clear(scene);
  await nextDay(scene);
  await scene.world.commit({ changes: { lots: [await soleLot(scene.world, 1)] } });
  await rejects(clear(scene, {}, SECOND_DAY), codeIs('BOOKS_UNBALANCED'));
  await nextDay(scene);
  await rejects(clear(scene, {}, dayAt(2)), codeIs('BOOKS_UNBALANCED'));
  await scene.world.commit({ changes: { lots: [await soleLot(scene.world, -1)] } });
  await clear(scene, {}, dayAt(2));
  assert.is((await checked(scene, dayAt(2))).since, FIRST_DAY);
});

begins(
  'a year that left since then is not counted twice: all is read until those sums are of a later year',
  async () => {
    const scene = await closedDay();
    await clear(scene);
    const lastYear = String(Number(FIRST_DAY.slice(0, 4)) - 1);
    const carried = {
      ...fee('any', `${lastYear}1231`),
      entryId: carriedId(lastYear),
      event: 'carried-forward',
    };
    await scene.world.commit({ changes: { entries: [carried as Entry] } });
    await nextDay(scene, fee('F1', SECOND_DAY));
    await clear(scene, {}, SECOND_DAY);
    const second = await checked(scene, SECOND_DAY);
    assert.equal([second.since, second.wholeOn], [null, SECOND_DAY]);
  },
);

begins(
  'of many days at once each is summed by itself, also those after the one that is cleared',
  async () => {
    const scene = await closedDay();
    await clear(scene);
    for (let day = 1; day < 5; day += 1) await nextDay(scene, fee(`F${day}`, dayAt(day)));
    const asked: string[] = [];
    const store: StorePort = {
      ...bound(scene.world.store),
      sums(options = {}) {
        if (options.byLot === true)
          asked.push(`${options.afterBusinessDate}-${options.upToBusinessDate ?? ''}`);
        return scene.world.store.sums(options);
      },
    };
    await clear(scene, { store }, SECOND_DAY);
    for (let day = 1; day < 5; day += 1)
      assert.ok(asked.includes(`${dayAt(day - 1)}-${dayAt(day)}`), String(day));
    const open = asked.filter((range) => range.endsWith('-'));
    assert.ok(open.length > 0 && open.every((range) => range >= `${dayAt(3)}-`), asked.join(' '));
  },
);

/** A closed day on so many accounts that their sums take three rows. A later step of its clearing knows no such merchants. */
async function wideDay(): Promise<Scene> {
  const scene = await closedDay();
  const line = (account: string, amount: number) =>
    ({ account, amount: fenDelta(amount), lot: null, unit: 'fen' }) as const;
  const merchants = Array.from(
    { length: 1_200 },
    (_, at) => `payable:merchant:${String(at).padStart(15, '0')}`,
  );
  const wide = {
    ...fee('wide', FIRST_DAY),
    postings: [...merchants.map((account) => line(account, -1)), line('suspense:shortage', 1_200)],
  };
  await scene.world.commit({ changes: { entries: [wide] } });
  return scene;
}

/** The rows of sums that its clearing laid down. */
async function laidDown(scene: Scene) {
  await clear(scene).catch(() => undefined);
  const { proven } = await checked(scene, FIRST_DAY);
  return stepsOf(scene.world.store, proven?.run ?? '');
}

begins('of rows that lie there none is written again, and those that lack are', async () => {
  const rows = await laidDown(await wideDay());
  const scene = await wideDay();
  await scene.world.commit({ changes: { steps: rows.slice(1, 2) } });
  const content = (all: typeof rows) => all.map(({ runId, step, output }) => ({ runId, step, output }));
  assert.equal(content(await laidDown(scene)), content(rows));
});

begins('something else that lies there stops the run before anything names it', async () => {
  const [first, second] = await laidDown(await wideDay());
  assert.ok(first !== undefined && second !== undefined);
  const scene = await wideDay();
  await scene.world.commit({ changes: { steps: [{ ...second, output: first.output }] } });
  await rejects(clear(scene), codeIs('STORE_DAMAGED', first.runId));
  assert.is(await checked(scene, FIRST_DAY), undefined);
});

begins('sums rest in small rows, of which a thousand fit into memory', async () => {
  const scene = await wideDay();
  await clear(scene).catch(() => undefined);
  const { proven } = await checked(scene, FIRST_DAY);
  const sizes = (await stepsOf(scene.world.store, proven?.run ?? '')).map(
    ({ output }) => (output as readonly unknown[]).length,
  );
  assert.ok(sizes.length > 2 && sizes.slice(0, -1).every((size) => size === 500), sizes.join(' '));
  assert.ok((sizes.at(-1) ?? 0) <= 500);
});

begins('what a clearing that was killed laid down of them is taken by the next', async () => {
  const scene = await closedDay();
  let laid = 0;
  const dying: StorePort = {
    ...bound(scene.world.store),
    commit(items, how) {
      const steps = items.flatMap(({ changes }) => changes.steps ?? []);
      if (steps.some(({ step }) => step === 'check-books')) throw new Error('killed');
      laid += steps.length;
      return scene.world.store.commit(items, how);
    },
  };
  await rejects(clear(scene, { store: dying }), /killed/);
  assert.ok(laid > 0);
  await clear(scene);
  const { proven } = await checked(scene, FIRST_DAY);
  assert.is((await stepsOf(scene.world.store, proven?.run ?? '')).length, laid, 'no row more');
  await nextDay(scene, fee('F1', SECOND_DAY));
  await clear(scene, {}, SECOND_DAY);
  assert.is((await checked(scene, SECOND_DAY)).since, FIRST_DAY, 'they are believed');
});

begins('sums that a version before this one recorded are believed', async () => {
  const scene = await closedDay();
  await clear(scene);
  const run = (await checked(scene, FIRST_DAY)).proven?.run ?? '';
  await nextDay(scene, fee('F1', SECOND_DAY));
  const before: StorePort = {
    ...bound(scene.world.store),
    async *scan(table, where) {
      const isRun = JSON.stringify(where) === JSON.stringify({ runId: `sums-${FIRST_DAY}` });
      const asked = isRun ? ({ runId: run } as unknown as typeof where) : where;
      for await (const page of scene.world.store.scan(table, asked))
        yield JSON.parse(JSON.stringify(page).replace(`,"run":"${run}"`, '')) as typeof page;
    },
  };
  await clear(scene, { store: before }, SECOND_DAY);
  assert.equal((await checked(scene, SECOND_DAY)).since, FIRST_DAY);
});

begins('a correction reads all, as often as it is asked for', async () => {
  const scene = await closedDay();
  await clear(scene);
  for (const sequence of [2, 3]) {
    const options = { businessDate: FIRST_DAY, ...who, correction: true };
    assert.is((await runClearing({ ...scene.world, files: scene.files, log }, options)).sequence, sequence);
    assert.is((await checked(scene, FIRST_DAY, sequence)).since, null);
  }
});

begins('also when the one before it wrote down sums that the first did not', async () => {
  const scene = await closedDay();
  await clear(scene);
  await nextDay(scene);
  await clear(scene, {}, SECOND_DAY);
  const many = Array.from({ length: 20 }, (_, at) => fee(`G${at}`, dayAt(2)));
  await scene.world.commit({ changes: { entries: many } });
  for (const sequence of [2, 3]) {
    const options = { businessDate: SECOND_DAY, ...who, correction: true };
    await runClearing({ ...scene.world, files: scene.files, log }, options);
    assert.is((await checked(scene, SECOND_DAY, sequence)).proven?.upTo, SECOND_DAY);
  }
});

begins('a version that left no sums is read behind: all', async () => {
  const scene = await closedDay();
  const runId = runIdOf(FIRST_DAY, 1);
  await scene.world.commit({
    changes: {
      steps: [{ runId, step: 'check-books', output: { entries: 1, postings: 2, checks: 11 }, at: 0 }],
    },
  });
  await nextDay(scene);
  await clear(scene, {}, SECOND_DAY);
  assert.is((await checked(scene, SECOND_DAY)).since, null);
});

begins('sums that are not those that were proven stop the run', async () => {
  const scene = await closedDay();
  await clear(scene);
  await nextDay(scene);
  const store: StorePort = {
    ...bound(scene.world.store),
    async *scan(table, where) {
      for await (const page of scene.world.store.scan(table, where))
        yield JSON.stringify(where ?? {}).includes('sums-')
          ? page.map((row) => ({ ...row, output: (row as unknown as { output: unknown[] }).output.slice(1) }))
          : page;
    },
  };
  await rejects(clear(scene, { store }, SECOND_DAY), codeIs('STORE_DAMAGED', 'sums-20261122'));
});

begins.run();

const whole = suite('and every so often from the first entry on');

/** Clears the days behind the first one, up to the last that need not read all. */
async function clearTo(scene: Scene, last: number): Promise<void> {
  for (let index = 1; index <= last; index += 1) {
    await nextDay(scene);
    await clear(scene, {}, dayAt(index));
  }
}

whole('after so many days, and then as many again', async () => {
  const scene = await closedDay();
  await clear(scene);
  await clearTo(scene, 2 * WHOLE_EVERY_DAYS);
  for (let index = 1; index <= 2 * WHOLE_EVERY_DAYS; index += 1) {
    const { since, wholeOn } = await checked(scene, dayAt(index));
    assert.is(since === null, index % WHOLE_EVERY_DAYS === 0, `day ${index}`);
    assert.is(wholeOn, dayAt(index - (index % WHOLE_EVERY_DAYS)));
  }
});

whole('what came late into a closed day stops the clearing then, though the books balance', async () => {
  const scene = await closedDay();
  await clear(scene);
  await nextDay(scene);
  await scene.world.commit({ changes: { entries: [fee('late', FIRST_DAY)] } });
  await clear(scene, {}, SECOND_DAY);
  for (let index = 2; index < WHOLE_EVERY_DAYS; index += 1) {
    await nextDay(scene);
    await clear(scene, {}, dayAt(index));
  }
  await nextDay(scene);
  await rejects(
    clear(scene, {}, dayAt(WHOLE_EVERY_DAYS)),
    codeIs('BOOKS_UNBALANCED', `fen ${FEE_INCOME}: 0 ≠ -7`),
  );
});

whole('what a closed day lost is seen then at the latest', async () => {
  const scene = await closedDay();
  await clear(scene);
  await clearTo(scene, WHOLE_EVERY_DAYS - 1);
  await nextDay(scene);
  const store: StorePort = {
    ...bound(scene.world.store),
    async *scan(table, where) {
      for await (const page of scene.world.store.scan(table, where))
        yield (table as string) === 'entries'
          ? page.filter((row) => (row as unknown as Entry).entryId !== 'E-T009')
          : page;
    },
  };
  await rejects(
    clear(scene, { store }, dayAt(WHOLE_EVERY_DAYS)),
    codeIs('BOOKS_UNBALANCED', 'every balance = fold of its postings'),
  );
});

whole.run();
