import { rejects } from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import { bound } from '../store/bound-store.fixture.ts';
import type { StorePort } from '../store/port.ts';
import { cutOver } from './cut-over.ts';
import { readBack } from './read-back.ts';
import { runClearing } from './run.ts';
import {
  batchRow,
  FARM,
  FIRST_DAY,
  HOTEL,
  MONEY,
  MORNING,
  mirror,
  SECOND_DAY,
  sale,
  sampleWorld,
  terminalRow,
  transactionRow,
  WINE,
  WINE_TOTALS,
} from './sample-day.ts';

import { clear, closedDay, codeIs, HOUR, log, soleLot, who } from './scene.fixture.ts';

const days = suite('the business date is a row that one act changes');

days('closes D and opens D + 1, and says who did it and why', async () => {
  const { world } = await closedDay();
  const { day } = await world.store.read({});
  assert.is(day.businessDate, SECOND_DAY);
  assert.is(day.state, 'open');
  const records: Record<string, unknown>[] = [];
  for await (const page of world.store.scanJournal()) {
    for (const { body } of page) records.push(JSON.parse(body) as Record<string, unknown>);
  }
  const { type, act, subject, person, role, reason, at, businessDate } = records.at(-1) ?? {};
  assert.equal(
    { type, act, subject, person, role, reason, at, businessDate },
    {
      type: 'act',
      act: 'day.cut-over',
      subject: `day:${FIRST_DAY}`,
      ...who,
      role: 'settlement',
      at: MORNING + 13 * HOUR,
      businessDate: FIRST_DAY,
    },
  );
});

days('refuses a second cut-over on the same evening, which would close a day before it begins', async () => {
  const { world } = await closedDay();
  await rejects(cutOver(world, who), codeIs('NOT_ALLOWED_NOW', SECOND_DAY));
  assert.is((await world.store.read({})).day.businessDate, SECOND_DAY);
  assert.is((await cutOver(world, { ...who, aheadOfCalendar: true })).closed, SECOND_DAY);
});

days('refuses when another day is open than the person believes', async () => {
  const { world } = await closedDay();
  await rejects(cutOver(world, { ...who, expected: FIRST_DAY }), codeIs('NOT_ALLOWED_NOW'));
});

days('is closed once when two people do it at the same moment', async () => {
  const world = await sampleWorld();
  const both = await Promise.allSettled([cutOver(world, who), cutOver(world, who)]);
  assert.equal(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  assert.is((await world.store.read({})).day.businessDate, SECOND_DAY);
});

days('that is still open is not cleared, nor one that never was', async () => {
  const scene = await closedDay();
  await rejects(clear(scene, {}, SECOND_DAY), codeIs('NOT_ALLOWED_NOW'));
  await rejects(clear(scene, {}, '20261121'), codeIs('NOT_FOUND'));
  await rejects(clear(scene, {}, '2026-11-22'), codeIs('DATE_BAD'));
  assert.equal(await scene.files.list(), []);
});

days.run();

const pricing = suite('clearing prices each merchant by business date');

pricing('sums rounded rows: gross, cancelled, refund, discount, fee, rebate, net', async () => {
  const result = await clear(await closedDay());
  const totals = (merchantId: string) =>
    result.merchants.find((one) => one.merchantId === merchantId)?.totals;
  // 128.00 + 128.00 + 128.00 sold, 100.00 completed; two of them cancelled; 64.00 refunded.
  assert.equal(totals(HOTEL), {
    rows: 7,
    salesCount: 4,
    sales: 48_400,
    cancelledCount: 2,
    cancelled: -25_600,
    refundCount: 1,
    refunds: -6_400,
    adjustmentCount: 0,
    adjustments: 0,
    gross: 16_400,
    discountIssuer: 1_280 - 640,
    discountMerchant: 0,
    paid: 11_520 - 5_760 + 10_000,
    fee: 2_560 - 1_280 + 2_000,
    rebate: 230 - 115 + 200,
    net: 10_240 - 5_120 + 8_000,
  });
  assert.is(totals(WINE)?.net, 2 * 9_216);
  assert.is(totals(WINE)?.discountMerchant, 2 * 1_280);
  assert.is(totals(FARM)?.rows, 0);
  assert.is(result.net, 13_120 + 18_432);
  assert.is(result.rebate, 315 + 460);
});

pricing('writes three files for each merchant with rows, and three for the programme', async () => {
  const scene = await closedDay();
  await clear(scene);
  assert.equal(await scene.files.list(), [
    '20261122-898410159210002-comn-01.txt',
    '20261122-898410159210002-detail-01.csv',
    '20261122-898410159210002-summary-01.csv',
    '20261122-898410170110001-comn-01.txt',
    '20261122-898410170110001-detail-01.csv',
    '20261122-898410170110001-summary-01.csv',
    '20261122-differences-01.csv',
    '20261122-overview-01.csv',
    '20261122-rebates-01.csv',
  ]);
});

pricing('proves ledger = files = batches = lists, each line with its figure', async () => {
  const { proof } = await clear(await closedDay());
  assert.equal(
    proof.map(({ ok, detail }) => [ok, detail]),
    [
      [true, '2 商户 merchants, 315.52'],
      [true, '9 行 rows'],
      [true, '78.88'],
      [true, '1 批 batches'],
      // 2.30 − 1.15 + 2.00 at the hotel, 4.60 at the wine club; what is voided and reversed cancels.
      [true, '7.75'],
      [true, '315.52'],
    ],
  );
});

pricing('seals the hash of every file in the journal', async () => {
  const scene = await closedDay();
  const { files } = await clear(scene);
  const sealed = new Map<string, string>();
  for await (const page of scene.world.store.scanJournal()) {
    for (const { body } of page) {
      const record = JSON.parse(body) as { type: string; name: string; sha256: string };
      if (record.type === 'settlement-file') sealed.set(record.name, record.sha256);
    }
  }
  assert.is(files.length, 9);
  for (const { name, sha256 } of files) {
    const bytes = await scene.files.read(name);
    assert.is(
      sha256,
      createHash('sha256')
        .update(bytes ?? '')
        .digest('hex'),
    );
    assert.is(sealed.get(name), sha256);
  }
});

pricing('does not run a finished day again: nothing is written or committed', async () => {
  const scene = await closedDay();
  const first = await clear(scene);
  const frozen: StorePort = {
    ...bound(scene.world.store),
    commit: () => Promise.reject(new Error('commit')),
  };
  const again = await clear(scene, {
    store: frozen,
    files: { ...scene.files, write: () => Promise.reject(new Error('write')) },
  });
  assert.equal(again.files, first.files);
  assert.equal(new Set(again.steps.map(({ done }) => done)), new Set(['before']));
});

pricing('gives a correction the next number and leaves the first files as they are', async () => {
  const scene = await closedDay();
  await clear(scene);
  const before = scene.files.snapshot();
  const result = await runClearing(
    { ...scene.world, files: scene.files, log },
    { businessDate: FIRST_DAY, ...who, correction: true },
  );
  assert.is(result.runId, 'clearing-20261122-02');
  assert.ok(result.files.every(({ name }) => /-02\.(csv|txt)$/.test(name)));
  for (const [name, bytes] of before) assert.equal(await scene.files.read(name), bytes);
});

pricing.run();

const batches = suite('a clearing waits for no batch');

batches('asks the terminals of open batches to settle, by header digit 6', async () => {
  const scene = await closedDay();
  const result = await clear(scene);
  assert.is(result.openBatches, 2);
  assert.is(result.overdueBatches, 0);
  const { terminals } = await scene.world.store.read({ terminalIds: ['41010001', '41010002', '41010003'] });
  assert.equal(terminals.map(({ terminalId, wanted }) => [terminalId, wanted]).sort(), [
    ['41010001', 9],
    ['41010002', 9],
    ['41010003', 0],
  ]);
});

batches('names a batch that stayed open through the next day, and clears that day all the same', async () => {
  const scene = await closedDay();
  await clear(scene);
  scene.world.pass(24 * HOUR);
  await cutOver(scene.world, who);
  const result = await clear(scene, {}, SECOND_DAY);
  assert.is(result.overdueBatches, 2);
  const reading = readBack('d', (await scene.files.read('20261123-differences-01.csv')) ?? Buffer.alloc(0));
  assert.equal(
    reading.rows.map(({ text }) => [text['类别'], text['终端号'], text['批次号']]),
    [
      ['逾期未结批次 overdue-batch', '41010001', '000001'],
      ['逾期未结批次 overdue-batch', '41010002', '000001'],
    ],
  );
});

batches('tells again when a terminal changed between reading and asking', async () => {
  const scene = await closedDay();
  let meddled = false;
  const store: StorePort = {
    ...bound(scene.world.store),
    async commit(items) {
      if (!meddled && items.some(({ changes }) => (changes.terminals?.length ?? 0) > 0)) {
        meddled = true;
        await scene.world.commit({
          changes: { terminals: [{ ...terminalRow('41010001'), version: 2, macFailures: 1 }] },
        });
      }
      return scene.world.store.commit(items);
    },
  };
  await clear(scene, { store });
  const { terminals } = await scene.world.store.read({ terminalIds: ['41010001'] });
  assert.equal([terminals[0]?.wanted, terminals[0]?.macFailures], [9, 1]);
});

for (const asked of ['never', 'yesterday'])
  batches(`names no batch that settled between the look and the asking, asked ${asked}`, async () => {
    const scene = await closedDay();
    if (asked === 'yesterday') await clear(scene);
    let settled = false;
    const store: StorePort = {
      ...bound(scene.world.store),
      async *scan(table, where) {
        yield* scene.world.store.scan(table, where);
        // The look at its batch was the last of the terminals'.
        if (
          settled ||
          table !== 'transactions' ||
          (where as { terminalId?: string }).terminalId !== '41010003'
        )
          return;
        settled = true;
        const [one] = (await scene.world.store.read({ terminalIds: ['41010001'] })).terminals;
        if (one !== undefined)
          await scene.world.commit({
            changes: { terminals: [{ ...one, version: one.version + 1, batch: one.batch + 1, wanted: 0 }] },
          });
      },
    };
    scene.world.pass(24 * HOUR);
    await cutOver(scene.world, who);
    const result = await clear(scene, { store }, SECOND_DAY);
    assert.equal([settled, result.openBatches, result.overdueBatches, result.differences], [true, 1, 1, 1]);
  });

batches.run();

const late = suite('late voids and reversals post in the open day, with both dates');

late('leave the closed day as it was and stand in the next day with the original date', async () => {
  const scene = await closedDay();
  const { world } = scene;
  await clear(scene);
  const first = scene.files.snapshot();
  const sold = {
    id: 'T001',
    terminalId: '41010001',
    trace: '000001',
    kind: 'sale',
    amount: fen(12_800),
    money: MONEY.issuerFunded,
    at: MORNING + 60_000,
    businessDate: FIRST_DAY,
  };
  const wine = {
    ...sold,
    id: 'T010',
    terminalId: '41010003',
    trace: '000002',
    money: MONEY.merchantFunded,
    at: MORNING + 600_000,
  };
  const undo = {
    ...wine,
    id: 'T011',
    kind: 'reversal',
    money: null,
    originalId: 'T010',
    at: MORNING + 14 * HOUR,
    businessDate: SECOND_DAY,
  };
  const original = sale(wine);
  await world.commit({
    changes: {
      transactions: [
        { ...transactionRow(wine), version: 2, state: 'reversed', afterClose: 'reversed' },
        transactionRow(undo),
      ],
      entries: [mirror(original, 'reversal', undo)],
      lots: [await soleLot(world, 11_520)],
      batches: [
        batchRow('41010003', 1, {
          version: 2,
          state: 'closed',
          closedAt: MORNING + HOUR,
          closedBy: 'settlement',
          hostTotals: WINE_TOTALS,
          closingTotals: WINE_TOTALS,
          result: 1,
        }),
      ],
    },
  });
  world.pass(24 * HOUR);
  await cutOver(world, who);
  const result = await clear(scene, {}, SECOND_DAY);
  for (const [name, bytes] of first) assert.equal(await scene.files.read(name), bytes);
  const row = readBack('x', (await scene.files.read(`20261123-${WINE}-detail-01.csv`)) ?? Buffer.alloc(0))
    .rows[0];
  assert.is(row?.text['交易类型'], '冲正');
  assert.is(row?.text['结算金额'], '-92.16');
  assert.is(row?.text['原交易单'], 'T010');
  assert.match(row?.text['商户备注'] ?? '', '营业日=20261123;原营业日=20261122;');
  assert.is(result.net, -9_216);
  // A correction of the first day comes out with the same content, though its sale is reversed by now.
  await runClearing(
    { ...world, files: scene.files, log },
    { businessDate: FIRST_DAY, ...who, correction: true },
  );
  const detail = (sequence: string) =>
    scene.files.snapshot().get(`20261122-${WINE}-detail-${sequence}.csv`)?.toString();
  assert.is(detail('02')?.replace('sequence:02', 'sequence:01'), detail('01'));
});

late.run();
