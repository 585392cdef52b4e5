import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Fixture,
  HOTEL,
  holdFrame,
  openFixture,
  preAuthorisationFrame,
  refundFrame,
  reversalFrame,
  saleFrame,
  voidFrame,
} from './node-acquiring.fixture.ts';
import { NO_SIDE, settleFrame, side, uploadFrame, uploadItem } from './request-frames.fixture.ts';
import { buildBody, buildItems, itemsOf, type Parsed, type TestCard, wrap } from './wire-terminal.fixture.ts';

const settlements = suite('the dialect: settlement and batch upload');
let host: Fixture;
settlements.before.each(async () => {
  host = await openFixture();
  await host.signIn(host.shop, 'TEST 1');
});
settlements.after.each(async () => {
  assert.equal(await host.faults(), [], 'the books are proven');
  await host.close();
});

const traceOf = (answer: Parsed) => answer.fields[11] ?? '';

async function someSales(card: TestCard): Promise<{ sale: Parsed; voided: Parsed; refunded: Parsed }> {
  const sale = await host.answer(saleFrame(host.shop, card, 100_00));
  const voided = await host.answer(saleFrame(host.shop, card, 20_00));
  await host.answer(voidFrame(host.shop, voided));
  const refunded = await host.answer(refundFrame(host.shop, card, sale, 30_00));
  const reversed = await host.answer(saleFrame(host.shop, card, 7_00));
  await host.answer(
    reversalFrame(host.shop, { de3: '000000', type: '22', amount: 7_00, trace: traceOf(reversed) }),
  );
  await host.answer(saleFrame(host.shop, card, 2_900_00));
  return { sale, voided, refunded };
}

settlements('balanced: closes the batch and opens the next at once', async () => {
  await someSales(await host.card());
  // Debit: two sales of gross 120.00. Credit: the void and the refund, 50.00. Reversed and declined: not counted.
  const own = side(120_00, 2, 50_00, 2);
  const frame = settleFrame(host.shop, own);
  const answer = await host.answer(frame);
  assert.equal([answer.mti, answer.fields[39], answer.fields[48]], ['0510', '00', `${own}1${NO_SIDE}1`]);
  assert.is(itemsOf(answer)['HT'], own + NO_SIDE);
  assert.is(answer.macData, null, '05xx carries no MAC');
  assert.equal(
    (await host.rows('batches')).map((row) => `${row.batch} ${row.state} ${row.closedBy}`),
    ['1 closed settlement', '2 open null'],
  );
  assert.is((await host.rows('terminals'))[0]?.batch, 2);

  assert.is(
    (await host.answer(frame)).fields[48],
    answer.fields[48],
    'a batch that is closed again gets the same answer',
  );
  assert.is(
    (await host.answer(uploadFrame(host.shop, '0000', '207'))).fields[39],
    '00',
    '207 after a balanced 0510',
  );
  assert.is((await host.rows('batches')).length, 2);

  const card = await host.card();
  assert.is((await host.answer(saleFrame(host.shop, card, 1_00))).fields[39], '77');
  host.shop.batch = 2;
  assert.is((await host.answer(saleFrame(host.shop, card, 1_00))).fields[39], '00');
  const signIn = await host.signIn(host.shop, 'TEST 1');
  assert.is(signIn.fields[60], '00000002003', 'a sign-in returns the open batch');
});

settlements(
  'closes a batch though an advice of the next one came first: terminals count on by themselves',
  async () => {
    const card = await host.card();
    const sale = await host.answer(saleFrame(host.shop, card, 10_00));
    const next = { 60: host.shop.de60('25', '000', 2) };
    assert.is((await host.answer(refundFrame(host.shop, card, sale, 4_00, next))).fields[39], '00');
    const own = side(10_00, 1, 0, 0);
    assert.is((await host.answer(settleFrame(host.shop, own))).fields[48], `${own}1${NO_SIDE}1`);
    host.shop.batch = 2;
    const second = side(0, 0, 4_00, 1);
    assert.is((await host.answer(settleFrame(host.shop, second))).fields[48], `${second}1${NO_SIDE}1`);
    assert.equal(
      (await host.rows('batches')).map((row) => `${row.batch} ${row.state}`),
      ['1 closed', '2 closed', '3 open'],
    );
  },
);

settlements(
  "an upload's end without a 0500, as some terminals send it for the next batch: 00, and it stays open",
  async () => {
    for (const end of ['207', '202']) {
      assert.is((await host.answer(uploadFrame(host.shop, '0000', end))).fields[39], '00');
    }
    assert.equal(
      (await host.rows('batches')).filter(({ state }) => state === 'closed'),
      [],
    );
  },
);

settlements('a batch that never was: result 3, nothing is closed, and the journal says so', async () => {
  host.shop.batch = 9;
  const own = side(10_00, 1, 0, 0);
  assert.is((await host.answer(settleFrame(host.shop, own))).fields[48], `${own}3${NO_SIDE}3`);
  assert.is((await host.answer(uploadFrame(host.shop, '0000', '202'))).fields[39], '00');
  assert.equal(
    (await host.rows('batches')).map((row) => `${row.batch} ${row.state}`),
    ['1 open'],
  );
  const events: string[] = [];
  for await (const page of host.deps.store.scanJournal())
    for (const { body } of page) events.push((JSON.parse(body) as { event?: string }).event ?? '');
  assert.equal(events.slice(-2), ['settlement of an unknown batch', 'upload of an unknown batch']);
});

/** The open batch is the last number there is. */
async function atLastBatch() {
  const [terminal] = await host.rows('terminals');
  const [first] = await host.rows('batches');
  if (terminal === undefined || first === undefined) throw new Error('the terminal has signed in');
  const next = { ...terminal, batch: 999_999, version: terminal.version + 1 };
  const batches = [{ ...first, batch: 999_999, version: 1 }];
  await host.deps.store.commit([{ guards: [], changes: { terminals: [next], batches }, journal: [] }]);
  host.shop.batch = 999_999;
  return first;
}

settlements('after batch 999999 comes batch 1', async () => {
  // This terminal's batch 1 never came: it is taken over with batch 999998.
  const taken = host.terminal('10000009');
  const other = { terminalId: taken.id, version: 1, batch: 999_999, keys: null, previousKeys: null };
  const rest = { previousKeysUntil: null, macFailures: 0, speaksDe57: false, wanted: 0 };
  await host.deps.store.commit([
    { guards: [], changes: { terminals: [{ ...other, ...rest }] }, journal: [] },
  ]);
  await host.signIn(taken);
  assert.is(taken.batch, 999_999);
  const card = await host.card();
  await host.answer(saleFrame(taken, card, 10_00));
  assert.is((await host.answer(settleFrame(taken, side(10_00, 1, 0, 0)))).fields[48]?.[30], '1');
  await host.signIn(taken);
  assert.is(taken.batch, 1);
  assert.is((await host.answer(saleFrame(taken, card, 10_00))).fields[39], '00');
});

settlements(
  'where batch 1 was used before, 999999 is not closed: 58 says why, and trading goes on in it',
  async () => {
    const card = await host.card();
    const old = await host.answer(saleFrame(host.shop, card, 5_00));
    const first = await atLastBatch();
    const closed = { ...first, version: first.version + 1, state: 'closed', closedBy: 'act' } as const;
    const [outcome] = await host.deps.store.commit([
      { guards: [], changes: { batches: [closed] }, journal: [] },
    ]);
    assert.ok(outcome?.committed);
    host.shop.trace = 0;
    const sale = await host.answer(saleFrame(host.shop, card, 10_00));
    assert.is(sale.fields[39], '00');
    const answer = await host.answer(settleFrame(host.shop, side(10_00, 1, 0, 0)));
    assert.is(answer.fields[39], '58');
    assert.match(answer.fields[63] ?? '', '请更换终端号');
    const end = await host.answer(uploadFrame(host.shop, '0000', '202'));
    assert.is(end.fields[39], '58');
    assert.ok(host.log.some(({ about }) => JSON.stringify(about).includes('batch numbers left')));
    assert.is((await host.answer(saleFrame(host.shop, card, 1_00))).fields[39], '00');
    assert.equal(
      (await host.rows('batches')).map((row) => `${row.batch} ${row.state}`),
      ['1 closed', '999999 open'],
    );
    const [known] = (await host.rows('transactions')).filter(({ rrn }) => rrn === old.fields[37]);
    assert.is(known?.state, 'approved', 'the sale of the old batch 1 is what it was');
  },
);

settlements('an empty batch balances with zeros', async () => {
  assert.is((await host.answer(settleFrame(host.shop, NO_SIDE))).fields[48], `${NO_SIDE}1${NO_SIDE}1`);
});

settlements('completions count as debit, their voids as credit, pre-authorisations not', async () => {
  await host.signIn(host.hotel);
  const card = await host.card();
  const pre = await host.answer(preAuthorisationFrame(host.hotel, card, 100_00));
  const done = await host.answer(holdFrame(host.hotel, 'completion', pre, 90_00));
  await host.answer(holdFrame(host.hotel, 'completion void', done, 90_00));
  const answer = await host.answer(settleFrame(host.hotel, side(90_00, 1, 90_00, 1)));
  assert.is(answer.fields[48]?.[30], '1');
  assert.is(answer.fields[42], HOTEL);
});

settlements(
  'unbalanced: result 2, host totals in HT; the upload names each difference with its cause',
  async () => {
    const card = await host.card();
    const other = await host.card();
    const { sale, voided, refunded } = await someSales(card);
    const answer = await host.answer(settleFrame(host.shop, side(999_99, 2, 0, 0)));
    assert.is(answer.fields[48], `${side(999_99, 2, 0, 0)}2${NO_SIDE}1`);
    assert.is(itemsOf(answer)['HT'], side(120_00, 2, 50_00, 2) + NO_SIDE);

    // The sale with another amount, the voided sale right, a trace that was reversed, one that never was; no refund, no void.
    const reversedTrace =
      (await host.rows('transactions')).find((row) => row.state === 'reversed')?.trace ?? '';
    const items = [
      uploadItem(card, traceOf(sale), 100_01),
      uploadItem(card, traceOf(voided), 20_00),
      uploadItem(card, reversedTrace, 7_00),
      uploadItem(other, '000777', 5_00),
    ];
    const taken = await host.answer(uploadFrame(host.shop, `04${items.join('')}`));
    assert.equal([taken.mti, taken.fields[39], taken.fields[48]], ['0330', '00', '04']);
    const end = await host.answer(uploadFrame(host.shop, '0004', '202'));
    assert.equal([end.fields[39], end.fields[48]], ['00', '0004']);

    assert.match(
      end.fields[57] ?? '',
      /流水\d{6} 金额不符 终端100\.01 主机100\.00/,
      'the clerk reads each difference',
    );
    const named = (await host.rows('differences')).map((row) => `${row.kind} ${row.trace}`).sort();
    const voidTrace = (await host.rows('transactions')).find((row) => row.kind === 'void')?.trace;
    assert.equal(
      named,
      [
        `amount ${traceOf(sale)}`,
        `shortage ${voidTrace}`,
        `shortage ${traceOf(refunded)}`,
        `status ${reversedTrace}`,
        'surplus 000777',
      ].sort(),
    );
    assert.equal(
      (await host.rows('batches')).map((row) => `${row.batch} ${row.state} ${row.closedBy}`),
      ['1 closed upload', '2 open null'],
    );
    assert.ok((await host.rows('differences')).every((row) => row.causeZh !== '' && row.causeEn !== ''));
  },
);

settlements('an upload message that comes twice counts once, and so does an item', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 10_00));
  await host.answer(settleFrame(host.shop, side(11_00, 1, 0, 0)));
  const frame = uploadFrame(host.shop, `01${uploadItem(card, traceOf(sale), 10_00)}`);
  assert.is((await host.answer(frame)).fields[48], '01');
  assert.is((await host.answer(frame)).fields[48], '01');
  assert.is((await host.rows('uploads')).length, 1);
  assert.is((await host.rows('differences')).length, 0, 'the same message again is no difference');
  await host.answer(uploadFrame(host.shop, `01${uploadItem(card, traceOf(sale), 10_00)}`));
  assert.equal(
    (await host.rows('differences')).map((row) => row.kind),
    ['duplicate'],
  );
  assert.is((await host.rows('uploads')).length, 1);
  await host.answer(uploadFrame(host.shop, '0001', '202'));
  assert.equal(
    (await host.rows('differences')).map((row) => row.kind),
    ['duplicate', 'totals'],
    'the items match: other totals arrived',
  );
  const named = (await host.rows('differences')).find(({ kind }) => kind === 'totals');
  assert.match(named?.causeZh ?? '', /逐笔相符.*终端有误或途中被改/);
  assert.match(named?.causeEn ?? '', /every item matches.*wrong at the terminal, or changed on the way/);
});

settlements(
  'the same 0500 once more, its totals right after the line had changed them: balanced, nothing is named',
  async () => {
    const card = await host.card();
    await host.answer(saleFrame(host.shop, card, 10_00));
    const changed = side(110_00, 1, 0, 0);
    const first = await host.answer(settleFrame(host.shop, changed));
    assert.is(first.fields[48], `${changed}2${NO_SIDE}1`);
    const right = side(10_00, 1, 0, 0);
    host.shop.trace -= 1;
    const second = await host.answer(settleFrame(host.shop, right));
    assert.is(second.fields[48], `${right}1${NO_SIDE}1`);
    assert.equal(
      (await host.rows('batches')).map((row) => `${row.batch} ${row.state} ${row.closedBy}`),
      ['1 closed settlement', '2 open null'],
    );
    assert.is((await host.rows('differences')).length, 0);
  },
);

settlements('a reversal that was set aside is a named difference', async () => {
  const owed = `000001000042${'01JD9Q4C7N5W8R2Z6X3V1T0ABC'}000000001500`;
  await host.answer(settleFrame(host.shop, NO_SIDE, [['OW', owed]]));
  const [difference] = await host.rows('differences');
  assert.equal([difference?.kind, difference?.trace, difference?.theirs], ['status', '000042', 15_00]);
});

const owedItem = (batch: number, trace: string, ut: string, amount: number) =>
  ['OW', `${String(batch).padStart(6, '0')}${trace}${ut}${String(amount).padStart(12, '0')}`] as const;
const UT = '01JD9Q4C7N5W8R2Z6X3V1T0ABC';
const linesOf = (answer: Parsed) => answer.fields[57]?.match(/流水\d{6}/g) ?? [];

settlements(
  'a counted sale that was not uploaded because its reversal is set aside is one shortage, said once',
  async () => {
    const card = await host.card();
    const kept = await host.answer(saleFrame(host.shop, card, 10_00));
    const lost = await host.answer(saleFrame(host.shop, card, 66_00, { 57: buildItems([['UT', UT]]) }));
    const owed = [owedItem(1, traceOf(lost), UT, 66_00), owedItem(1, '000777', `${UT.slice(0, -1)}D`, 5_00)];
    await host.answer(settleFrame(host.shop, side(10_00, 1, 0, 0), owed));
    await host.answer(uploadFrame(host.shop, `01${uploadItem(card, traceOf(kept), 10_00)}`, '201', owed));
    const end = await host.answer(uploadFrame(host.shop, '0001', '202', owed));

    const named = (await host.rows('differences')).map(({ kind, trace, ours, theirs, causeZh, causeEn }) => ({
      ...{ kind, trace, ours, theirs, causeZh, causeEn },
    }));
    assert.equal(named, [
      {
        kind: 'shortage',
        trace: traceOf(lost),
        ours: 66_00,
        theirs: null,
        causeZh: '终端已挂起其冲正',
        causeEn: 'the terminal holds its reversal set aside',
      },
      {
        kind: 'status',
        trace: '000777',
        ours: null,
        theirs: 5_00,
        causeZh: '终端搁置的冲正 批次000001 流水000777',
        causeEn: 'a reversal that the terminal has set aside, batch 000001 trace 000777',
      },
    ]);
    assert.equal(linesOf(end).slice(0, 2), [`流水${traceOf(lost)}`, '流水000777']);
    assert.is(linesOf(end).filter((line) => line === `流水${traceOf(lost)}`).length, 1);
    assert.match(end.fields[57] ?? '', '终端已挂起其冲正 主机66.00');
  },
);

settlements('a reversal set aside of another transaction id explains no shortage', async () => {
  const card = await host.card();
  const lost = await host.answer(saleFrame(host.shop, card, 66_00, { 57: buildItems([['UT', UT]]) }));
  const owed = [owedItem(1, traceOf(lost), `${UT.slice(0, -1)}D`, 66_00)];
  await host.answer(settleFrame(host.shop, NO_SIDE, owed));
  await host.answer(uploadFrame(host.shop, '0000', '202', owed));
  assert.equal(
    (await host.rows('differences')).map(({ kind, causeZh }) => `${kind} ${causeZh.slice(0, 5)}`),
    ['shortage 主机有此交', 'status 终端搁置的'],
  );
});

settlements('a set-aside reversal of a sale that was uploaded all the same is named by itself', async () => {
  const card = await host.card();
  const sale = await host.answer(saleFrame(host.shop, card, 66_00));
  const owed = [owedItem(1, traceOf(sale), UT, 66_00), ['OW', 'no layout'] as const];
  await host.answer(settleFrame(host.shop, side(66_00, 1, 0, 0), owed));
  assert.equal(
    (await host.rows('differences')).map(({ kind, trace, theirs }) => [kind, trace, theirs]),
    [
      ['status', traceOf(sale), 66_00],
      ['status', null, null],
    ],
  );
});

settlements('wrong layouts of DE48: 30', async () => {
  assert.is((await host.answer(uploadFrame(host.shop, '0212'))).fields[39], '30');
  assert.is((await host.answer(uploadFrame(host.shop, '12', '202'))).fields[39], '30');
  const short = {
    11: '000099',
    41: host.shop.id,
    42: host.shop.merchantId,
    48: '12',
    49: '156',
    60: host.shop.de60('00', '201'),
    63: '01 ',
  };
  assert.is((await host.answer(wrap(buildBody('0500', short)))).fields[39], '30');
});

settlements.run();
