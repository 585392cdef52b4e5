import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, fenDelta, yuan } from '../../protocol/index.ts';
import { loadEntry } from '../ledger/entries.ts';
import { bound } from '../store/bound-store.fixture.ts';
import type { StorePort } from '../store/port.ts';
import { csvFile } from './csv-file.ts';
import { cutOver } from './cut-over.ts';
import { DayRows } from './day-rows.ts';
import { memoryFiles } from './memory-files.ts';
import type { Movement } from './model.ts';
import { askToSettle } from './open-batches.ts';
import { inPieces, PIECE_ROWS } from './pieces.ts';
import { readBack, readBackSlowly } from './read-back.ts';
import {
  FIRST_DAY,
  HOTEL,
  MONEY,
  MORNING,
  playFirstDay,
  type SampleWorld,
  type Spent,
  sale,
  sampleWorld,
  stampOf,
  terminalRow,
  transactionRow,
} from './sample-day.ts';
import { clear, HOUR, soleLot, who } from './scene.fixture.ts';

const noPause = () => Promise.resolve();

/** More than one piece holds, and no whole number of pieces. */
const MANY = 2 * PIECE_ROWS + 57;

const rowsAtRest = suite('the rows of a day at rest');

rowsAtRest('come back by merchant, in the order of their authorisation, however they came', async () => {
  const row = fc.record({
    merchantId: fc.constantFrom('M1', 'M2'),
    at: fc.integer({ min: MORNING, max: MORNING + 50 }),
    trace: fc.string({ unit: 'grapheme', maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { maxLength: 40 }),
      fc.constantFrom(1, 40),
      fc.boolean(),
      async (some, times, areInOrder) => {
        const made = Array.from({ length: times }, () => some)
          .flat()
          .map((one, at) => ({ ...one, entryId: `E${String(at).padStart(6, '0')}` }) as unknown as Movement);
        const inOrder = [...made].sort((a, b) => a.at - b.at || (a.entryId < b.entryId ? -1 : 1));
        const rows = new DayRows(noPause);
        await rows.add(areInOrder ? inOrder : made);
        for (const merchantId of ['M1', 'M2', 'M3']) {
          const expected = inOrder.filter((one) => one.merchantId === merchantId);
          for (const _ of ['once', 'and again']) {
            const found: Movement[] = [];
            for await (const piece of rows.of(merchantId)) {
              assert.ok(piece.length <= PIECE_ROWS);
              found.push(...piece);
            }
            assert.equal(found, expected);
          }
        }
      },
    ),
    { seed: 41, numRuns: 60 },
  );
});

rowsAtRest.run();

const reading = suite('a file of more rows than one piece holds');

const table = (rows: readonly (readonly [string, string])[]) =>
  csvFile({
    layout: 'zunka-t/1',
    header: [
      ['营业日 d', '20261122'],
      ['序号 s', '01'],
    ],
    columns: [
      { zh: '甲', kind: 'text' },
      { zh: '乙', kind: 'money' },
    ],
    rows: inPieces(rows, noPause),
    totals: [['乙 b', yuan(fenDelta(rows.length))]],
  });
/** Line ends and quotation marks in the cells: a piece of the file may end at none of them. */
const cellAt = (at: number) => `${at}"\r\n",甲${'\r\n"'.repeat(at % 5)}${'x'.repeat(at % 61)}`;
const many = Array.from({ length: 20 * MANY }, (_, at) => [cellAt(at), '0.01'] as const);

reading('is read row by row as it is read whole, with pauses', async () => {
  const bytes = await table(many);
  const { rows, ...figures } = readBack('t.csv', bytes);
  assert.equal(
    rows.map(({ text }) => text['甲']),
    many.map(([cell]) => cell),
  );
  assert.is(figures.sums['乙'], many.length);
  let pauses = 0;
  const told: unknown[] = [];
  const slowly = await readBackSlowly('t.csv', bytes, {
    each: (row) => told.push(row),
    pause: async () => {
      pauses += 1;
    },
  });
  assert.equal([slowly, told], [figures, rows]);
  assert.ok(pauses > 5);
});

reading('names the line of a row that is wrong, wherever it stands', async () => {
  const bytes = await table(many.map(([, amount], at) => [`row ${at}`, amount] as const));
  const text = bytes.toString('utf8');
  for (const at of [0, MANY, 15 * MANY, many.length - 1]) {
    const damaged = Buffer.from(text.replace(`\r\nrow ${at},`, `\r\nrow ${at},,`), 'utf8');
    assert.throws(() => readBack('t.csv', damaged), new RegExp(`t\\.csv:${at + 3}: `));
  }
});

reading.run();

const large = suite('a merchant with more sales in a day than one piece holds');

/** Of the clocks of several hosts: entries in another order than the sales. */
const spends = Array.from({ length: MANY }, (_, at): Spent => {
  const id = `T${10_000 + at}`;
  return {
    ...{ id, terminalId: '41010001', trace: String(100 + at).padStart(6, '0'), kind: 'sale' },
    ...{ amount: fen(12_800), money: MONEY.issuerFunded, businessDate: FIRST_DAY },
    at: MORNING + 2 * HOUR + ((at * 37) % MANY) * 1_000,
  };
});

async function largeDay(): Promise<SampleWorld> {
  const world = await sampleWorld();
  await playFirstDay(world);
  const paid = 11_520;
  const load = loadEntry(
    {
      ...stampOf(spends[0] as Spent),
      entryId: 'E-more',
      at: MORNING,
      cause: { kind: 'provisioning', id: 'more' },
    },
    {
      ...{ accountId: 'A1', salePointId: 'S1', principalLotId: 'L1', bonus: fen(0), bonusLotId: null },
      principal: fen(MANY * paid),
    },
  );
  await world.commit({
    changes: {
      lots: [await soleLot(world, 0)],
      transactions: spends.map(transactionRow),
      entries: [load, ...spends.map(sale)],
    },
  });
  world.pass(13 * HOUR);
  await cutOver(world, who);
  return world;
}

large(
  'has all of them in its files, once, in the order of their authorisation, and it is proven',
  async () => {
    const world = await largeDay();
    const files = memoryFiles();
    const result = await clear({ world, files });
    assert.is(
      result.proof.every(({ ok }) => ok),
      true,
    );
    const bytes = (await files.read(`${FIRST_DAY}-${HOTEL}-detail-01.csv`)) ?? Buffer.alloc(0);
    const ids = readBack('d.csv', bytes).rows.map(({ text }) => text['交易单号'] ?? '');
    const sold = [...spends].sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1)).map(({ id }) => id);
    assert.equal(
      ids.filter((id) => id.length > 4),
      sold,
    );
    const hotel = result.merchants.find(({ merchantId }) => merchantId === HOTEL);
    // 128.00 at 80 %, less 2.30 rebate that the operator bears: 102.40 each (money design page).
    assert.is(hotel?.totals.net, 13_120 + MANY * 10_240);
    assert.is(hotel?.totals.rows, ids.length);
  },
);

large('and its clearing reads no transactions that sales would wait for, and pauses', async () => {
  const world = await largeDay();
  let pauses = 0;
  const store: StorePort = {
    ...bound(world.store),
    read(wants) {
      assert.equal(
        [wants.transactionIds ?? [], wants.batches?.some((one) => one.withTransactions) ?? false],
        [[], false],
      );
      return world.store.read(wants);
    },
  };
  const pause = async () => {
    pauses += 1;
  };
  await clear({ world, files: memoryFiles() }, { store, pause });
  assert.ok(pauses > 20, String(pauses));
});

large.run();

const asking = suite('terminals that are asked to settle');

asking('are asked each by itself: one that changes all the time keeps no other from it', async () => {
  const world = await sampleWorld();
  const terminals = Array.from({ length: 120 }, (_, at) => terminalRow(`5${String(at).padStart(7, '0')}`));
  await world.commit({ changes: { terminals } });
  const [restless = terminalRow('')] = terminals;
  let version = restless.version;
  const store: StorePort = {
    ...bound(world.store),
    async commit(items) {
      version += 1;
      await world.commit({ changes: { terminals: [{ ...restless, version, macFailures: version }] } });
      return world.store.commit(items);
    },
  };
  const { asked, settled } = await askToSettle(store, terminals);
  assert.equal([asked, settled.size], [119, 0]);
  const { terminals: now } = await world.store.read({ terminalIds: terminals.map((one) => one.terminalId) });
  assert.equal([now.filter(({ wanted }) => wanted === 9).length, version], [119, 1 + 8 + 2]);
});

asking('are not asked when they settled meanwhile, or must sign in', async () => {
  const world = await sampleWorld();
  const [settled, mustSignIn, asked] = ['50000001', '50000002', '50000003'].map((id) => terminalRow(id));
  if (settled === undefined || mustSignIn === undefined || asked === undefined) throw new Error('three');
  const rows = [settled, { ...mustSignIn, wanted: 3 as const }, { ...asked, wanted: 9 as const }];
  await world.commit({ changes: { terminals: rows } });
  await world.commit({ changes: { terminals: [{ ...settled, version: 2, batch: 2 }] } });
  assert.equal(await askToSettle(world.store, rows), { asked: 0, settled: new Set(['50000001']) });
  const { terminals } = await world.store.read({ terminalIds: rows.map(({ terminalId }) => terminalId) });
  assert.equal(terminals.map(({ terminalId, batch, wanted }) => [terminalId, batch, wanted]).sort(), [
    ['50000001', 2, 0],
    ['50000002', 1, 3],
    ['50000003', 1, 9],
  ]);
});

asking.run();
