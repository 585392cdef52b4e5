import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, fenDelta, PosError } from '../../protocol/index.ts';
import { REBATE_EXPENSE, REBATE_PAYABLE } from '../ledger/accounts.ts';
import { saleEntry } from '../ledger/entries.ts';
import type { Entry, SaleMoney } from '../ledger/model.ts';
import { bound } from '../store/bound-store.fixture.ts';
import type { StorePort } from '../store/port.ts';
import { cutOver } from './cut-over.ts';
import type { FilePort } from './file-port.ts';
import { memoryFiles } from './memory-files.ts';
import {
  batchRow,
  FIRST_DAY,
  HOTEL,
  MONEY,
  MORNING,
  playFirstDay,
  type Spent,
  sale,
  sampleWorld,
  stampOf,
  terminalRow,
  transactionRow,
  WINE,
  WINE_TOTALS,
} from './sample-day.ts';
import { clear, closedDay, codeIs, HOUR, type Scene, soleLot, who } from './scene.fixture.ts';

const refusing = suite('a clearing stops rather than pays from books or files that disagree');

refusing('when a row tells another story than its posting', async () => {
  const scene = await closedDay();
  const entry = sale({
    id: 'T099',
    terminalId: '41010003',
    trace: '000009',
    kind: 'sale',
    amount: fen(12_800),
    money: MONEY.issuerFunded,
    at: MORNING + 900_000,
    businessDate: FIRST_DAY,
  });
  const row = transactionRow({
    id: 'T099',
    terminalId: '41010003',
    trace: '000009',
    kind: 'sale',
    amount: fen(12_800),
    money: MONEY.halfEach,
    at: MORNING,
    businessDate: FIRST_DAY,
  });
  await scene.world.commit({
    changes: { entries: [entry], transactions: [row], lots: [await soleLot(scene.world, -11_520)] },
  });
  await rejects(clear(scene), codeIs('BOOKS_UNBALANCED', 'E-T099'));
  assert.equal(await scene.files.list(), []);
});

refusing('when the books do not balance: before anything is written', async () => {
  const scene = await closedDay();
  await scene.world.commit({ changes: { lots: [await soleLot(scene.world, 1)] } });
  await rejects(clear(scene), codeIs('BOOKS_UNBALANCED'));
  assert.equal(await scene.files.list(), []);
});

refusing('when a settled batch was told other totals than the files hold', async () => {
  const scene = await closedDay();
  await scene.world.commit({
    changes: {
      batches: [
        batchRow('41010003', 1, {
          version: 2,
          state: 'closed',
          closedAt: MORNING + HOUR,
          closedBy: 'settlement',
          closingTotals: WINE_TOTALS.replace('25600002', '12800001'),
          result: 1,
        }),
      ],
    },
  });
  await rejects(clear(scene), codeIs('BOOKS_UNBALANCED', '41010003|1'));
});

for (const merchants of [
  [WINE, HOTEL],
  [HOTEL, WINE],
] as const)
  refusing(`when the row of ${merchants[1]} in a batch of two merchants was settled as another`, async () => {
    const { world, files } = { world: await sampleWorld(), files: memoryFiles() };
    await playFirstDay(world);
    const place = { terminalId: '41010009', kind: 'sale', businessDate: FIRST_DAY } as const;
    const spent = (id: string, money: SaleMoney): Spent => ({
      ...{ ...place, id, money, trace: `0001${id.slice(-2)}` },
      ...{ amount: fen(12_800), at: MORNING + 5 * HOUR },
    });
    // The books and the file of the second tell 100.00; the terminal was settled with 128.00.
    const spends = [spent('T901', MONEY.issuerFunded), spent('T902', MONEY.completed)];
    const entries = spends.map((one, at) =>
      saleEntry(stampOf(one), {
        parties: { accountId: 'A1', salePointId: 'S1', merchantId: merchants[at] ?? HOTEL },
        money: one.money ?? MONEY.completed,
      }),
    );
    const closingTotals = WINE_TOTALS;
    const closed = { state: 'closed', closedAt: MORNING, closedBy: 'settlement', result: 1 } as const;
    await world.commit({
      changes: {
        terminals: [terminalRow('41010009', 2)],
        batches: [batchRow('41010009', 1, { ...closed, closingTotals, hostTotals: closingTotals })],
        transactions: spends.map((one, at) => ({
          ...transactionRow(one),
          merchantId: merchants[at] ?? HOTEL,
        })),
        entries,
        lots: [await soleLot(world, -11_520 - 10_000)],
      },
    });
    world.pass(13 * HOUR);
    await cutOver(world, who);
    await rejects(clear({ world, files }), codeIs('BOOKS_UNBALANCED', '41010009|1'));
  });

for (const [how, changed] of [
  ['lost', () => undefined],
  [
    'changed',
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 500), Buffer.from('9'), bytes.subarray(501)]),
  ],
] as const)
  refusing(`when a merchant's file is ${how} after its proof and before the end of the run`, async () => {
    const scene = await closedDay();
    const store: StorePort = {
      ...bound(scene.world.store),
      async commit(items) {
        if (items.some(({ changes }) => changes.steps?.some(({ step }) => step === 'rebate-list')))
          throw new Error('killed');
        return scene.world.store.commit(items);
      },
    };
    await rejects(clear(scene, { store }));
    const files: FilePort = {
      ...scene.files,
      async read(name) {
        const bytes = await scene.files.read(name);
        return name.includes('detail') && bytes !== undefined ? changed(bytes) : bytes;
      },
    };
    await rejects(clear(scene, { files }), codeIs('FILE_DAMAGED', 'detail'));
  });

refusing('when a file of that name holds other bytes: it is not touched', async () => {
  const scene = await closedDay();
  const name = `20261122-${WINE}-detail-01.csv`;
  await scene.files.write(name, Buffer.from('not ours'));
  await rejects(clear(scene), codeIs('FILE_EXISTS', name));
  assert.equal(await scene.files.read(name), Buffer.from('not ours'));
});

refusing('when a written file was changed before the proof', async () => {
  const scene = await closedDay();
  const files: FilePort = {
    ...scene.files,
    async read(name) {
      const bytes = await scene.files.read(name);
      return name.includes('comn') && bytes !== undefined
        ? Buffer.concat([bytes.subarray(0, 700), Buffer.from('9'), bytes.subarray(701)])
        : bytes;
    },
  };
  await rejects(clear(scene, { files }), codeIs('FILE_DAMAGED', 'comn'));
});

refusing('when rebate payable moved by more than the rebate list tells', async () => {
  const scene = await closedDay();
  const posting = { lot: null, unit: 'fen' } as const;
  const missed: Entry = {
    ...{ entryId: 'E-missed', businessDate: FIRST_DAY, event: 'adjustment', at: MORNING, corrects: null },
    ...{ cause: { kind: 'approval', id: 'AP9' }, branchId: null, terminalId: null },
    postings: [
      { ...posting, account: REBATE_EXPENSE, amount: fenDelta(1) },
      { ...posting, account: REBATE_PAYABLE, amount: fenDelta(-1) },
    ],
  };
  const store: StorePort = {
    ...bound(scene.world.store),
    async commit(items) {
      const outcomes = await scene.world.store.commit(items);
      if (items.some(({ changes }) => changes.steps?.some(({ step }) => step === 'rebate-list')))
        await scene.world.commit({ changes: { entries: [missed] } });
      return outcomes;
    },
  };
  await rejects(clear(scene, { store }), codeIs('BOOKS_UNBALANCED', '返点清单'));
});

refusing.run();

const kills = suite('a clearing that is killed at any point resumes and ends with the same bytes');

/** Counts the acts of store and files, and fails the n-th: before it is done, or after it is done. */
function failing(scene: Scene, n: number, when: 'before' | 'after') {
  let acts = 0;
  const guard = async <T>(act: () => Promise<T>): Promise<T> => {
    acts += 1;
    if (acts === n && when === 'before') throw new Error('killed');
    const done = await act();
    if (acts === n) throw new Error('killed');
    return done;
  };
  const store: StorePort = {
    ...bound(scene.world.store),
    commit: (items) => guard(() => scene.world.store.commit(items)),
  };
  const files: FilePort = {
    ...scene.files,
    write: (name, bytes) => guard(() => scene.files.write(name, bytes)),
  };
  return { store, files, acts: () => acts };
}

kills('whichever commit or file write it was, done or not done', async () => {
  const reference = await closedDay();
  const whole = failing(reference, 0, 'before');
  await clear(reference, whole);
  // Eleven steps, the asking of terminals, nine files and the nine records of them, and the sums that the books were proven to come to.
  assert.is(whole.acts(), 31);
  for (let n = 1; n <= whole.acts(); n += 1) {
    for (const when of ['before', 'after'] as const) {
      const scene = await closedDay();
      await rejects(clear(scene, failing(scene, n, when)), `act ${n} was not reached`);
      const result = await clear(scene);
      assert.equal(scene.files.snapshot(), reference.files.snapshot(), `act ${n}, ${when}`);
      assert.is(result.files.length, 9);
    }
  }
});

kills('and of two at the same time one is told that the other is at it', async () => {
  const scene = await closedDay();
  const first = clear(scene);
  await rejects(clear(scene), codeIs('NOT_ALLOWED_NOW', `clearing ${FIRST_DAY}`));
  const { files } = await first;
  assert.equal((await clear(scene)).files, files);
});

kills('and two at the same time that know nothing of each other write each file once', async () => {
  const scene = await closedDay();
  // Two processes on one file, or hosts whose server was exchanged under them: no lease keeps them apart.
  const store: StorePort = {
    ...bound(scene.world.store),
    alone: (_, work) => work(() => Promise.resolve()),
  };
  const both = await Promise.all([clear(scene, { store }), clear(scene, { store })]);
  assert.equal(both[0].files, both[1].files);
  assert.is(both[0].files.length, 9);
});

kills('and one that lost its lease on the way stops at the next step', async () => {
  const scene = await closedDay();
  let asked = 0;
  const store: StorePort = {
    ...bound(scene.world.store),
    alone: (name, work) =>
      work(() => {
        asked += 1;
        return asked < 4 ? Promise.resolve() : Promise.reject(new PosError('NOT_ALLOWED_NOW', name));
      }),
  };
  await rejects(clear(scene, { store }), codeIs('NOT_ALLOWED_NOW'));
  const done = (await clear(scene)).steps.filter((step) => step.done === 'before');
  assert.equal(
    done.map(({ step }) => step),
    ['check-books', 'open-batches', 'owed-reversals'],
  );
});

kills.run();
