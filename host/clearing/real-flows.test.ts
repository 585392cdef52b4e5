import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Fixture,
  holdFrame,
  openFixture,
  preAuthorisationFrame,
  refundFrame,
  reversalFrame,
  SHOP,
  saleFrame,
  TENTH,
  voidFrame,
} from '../acquiring/node-acquiring.fixture.ts';
import { settleFrame, side, uploadFrame, uploadItem } from '../acquiring/request-frames.fixture.ts';
import type { Parsed } from '../acquiring/wire-terminal.fixture.ts';
import type { Directory } from '../programme/directory.ts';
import type { Documents } from '../programme/model.ts';
import { cutOver } from './cut-over.ts';
import { memoryFiles } from './memory-files.ts';
import { readBack } from './read-back.ts';
import { runClearing } from './run.ts';

const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const who = { person: '李结算', reason: '日终' };
const DAY = '20261122';
const NEXT = '20261123';
const HOURS_24 = 86_400_000;

/** A discount that issuer and merchant fund half each: its merchant part is in no posting. */
const HALF_EACH = {
  ...TENTH,
  caps: {},
  effect: { kind: 'discount', basisPoints: 1_235 },
  issuerShareBp: 5_000,
} as const;

async function opened(): Promise<{
  host: Fixture;
  directory: Directory;
  files: ReturnType<typeof memoryFiles>;
}> {
  const host = await openFixture();
  host.rules.push(HALF_EACH);
  const all = <K extends keyof Documents>(kind: K) =>
    (kind === 'merchant' ? [...host.merchants.values()] : []) as Documents[K][];
  return {
    host,
    directory: { ...host.deps.directory, programme: host.deps.directory.programme, all },
    files: memoryFiles(),
  };
}
type Scene = Awaited<ReturnType<typeof opened>>;

const clear = ({ host, directory, files }: Scene, businessDate: string) =>
  runClearing({ store: host.deps.store, clock: host.clock, directory, files, log }, { businessDate, ...who });
const nextDay = ({ host }: Scene) => {
  host.clock.pass(HOURS_24);
  return cutOver({ store: host.deps.store, clock: host.clock }, who);
};
async function rowsOf(scene: Scene, businessDate: string) {
  const bytes = await scene.files.read(`${businessDate}-${SHOP}-detail-01.csv`);
  return readBack('d.csv', bytes ?? Buffer.alloc(0)).rows.map(({ text }) => [
    text['交易类型'],
    text['交易金额'],
  ]);
}
const traceOf = (answer: Parsed) => answer.fields[11] ?? '';
const approved = async (host: Fixture, frame: Buffer) => {
  const answer = await host.answer(frame);
  assert.is(answer.fields[39], '00');
  return answer;
};
const flows = suite('clearing of what terminals really did');

flows('a partly refunded sale that is reversed, and a void that is reversed, each to the fen', async () => {
  const scene = await opened();
  const { host } = scene;
  try {
    await host.signIn(host.shop);
    const card = await host.card();
    const sold = await approved(host, saleFrame(host.shop, card, 90_01));
    await approved(host, refundFrame(host.shop, card, sold, 40_00));
    await approved(
      host,
      reversalFrame(host.shop, { de3: '000000', type: '22', amount: 90_01, trace: traceOf(sold) }),
    );
    const voided = await approved(host, saleFrame(host.shop, card, 33_33));
    const voiding = await approved(host, voidFrame(host.shop, voided));
    await approved(
      host,
      reversalFrame(host.shop, { de3: '200000', type: '23', amount: 33_33, trace: traceOf(voiding) }),
    );
    await approved(host, settleFrame(host.shop, side(33_33, 1, 40_00, 1)));
    await nextDay(scene);
    const result = await clear(scene, DAY);
    assert.ok(result.proof.every(({ ok }) => ok));
    assert.is(result.openBatches, 0);
    assert.equal(await rowsOf(scene, DAY), [
      ['消费', '90.01'],
      ['退货', '-40.00'],
      ['冲正', '-50.01'],
      ['消费', '33.33'],
      ['消费撤销', '-33.33'],
      ['冲正', '33.33'],
    ]);
    const totals = result.merchants.find(({ merchantId }) => merchantId === SHOP)?.totals;
    // What is left is the one sale of 33.33: 4.12 discount, 2.06 each; base 31.27, of which 80 % are 25.02.
    assert.equal(
      [totals?.gross, totals?.discountMerchant, totals?.discountIssuer, totals?.net, totals?.fee],
      [33_33, 2_06, 2_06, 25_02, 6_25],
    );
  } finally {
    await host.close();
  }
});

flows('a refund so small that the merchant gives nothing back is a row, and the day is cleared', async () => {
  const scene = await opened();
  const { host } = scene;
  try {
    await host.signIn(host.shop);
    const card = await host.card();
    const sold = await approved(host, saleFrame(host.shop, card, 90));
    // 80 % of what is left of the base rounds as before for one of these: then only the commission moves.
    for (let taken = 0; taken < 5; taken += 1) await approved(host, refundFrame(host.shop, card, sold, 1));
    await approved(host, settleFrame(host.shop, side(90, 1, 5, 5)));
    await nextDay(scene);
    const { proof, merchants } = await clear(scene, DAY);
    assert.equal(
      proof.filter(({ ok }) => !ok),
      [],
    );
    assert.equal(await rowsOf(scene, DAY), [
      ['消费', '0.90'],
      ...Array.from({ length: 5 }, () => ['退货', '-0.01']),
    ]);
    assert.is(merchants.find(({ merchantId }) => merchantId === SHOP)?.totals.refundCount, 5);
  } finally {
    await host.close();
  }
});

flows('a refund that is repeated after its batch closed is cleared, and was in no settlement', async () => {
  const scene = await opened();
  const { host } = scene;
  try {
    await host.signIn(host.shop);
    const card = await host.card();
    const sold = await approved(host, saleFrame(host.shop, card, 90_01));
    const late = refundFrame(host.shop, card, sold, 40_00);
    await approved(host, settleFrame(host.shop, side(90_01, 1, 0, 0)));
    host.clock.pass(60_000);
    await approved(host, late);
    await nextDay(scene);
    const { proof } = await clear(scene, DAY);
    assert.equal(
      proof.filter(({ ok }) => !ok),
      [],
    );
    assert.equal(await rowsOf(scene, DAY), [
      ['消费', '90.01'],
      ['退货', '-40.00'],
    ]);
  } finally {
    await host.close();
  }
});

flows('what is reversed between the 0500 and the end of its upload is no difference of the day', async () => {
  const scene = await opened();
  const { host } = scene;
  try {
    await host.signIn(host.shop);
    const card = await host.card();
    const [early, late, kept] = [
      await approved(host, saleFrame(host.shop, card, 10_00)),
      await approved(host, saleFrame(host.shop, card, 20_00)),
      await approved(host, saleFrame(host.shop, card, 30_00)),
    ];
    const reversed = (sale: Parsed, amount: number) =>
      approved(host, reversalFrame(host.shop, { de3: '000000', type: '22', amount, trace: traceOf(sale) }));
    await reversed(early, 10_00);
    await approved(host, settleFrame(host.shop, side(30_00, 1, 0, 0)));
    await reversed(late, 20_00);
    await approved(host, uploadFrame(host.shop, `01${uploadItem(card, traceOf(kept), 30_00)}`));
    await approved(host, uploadFrame(host.shop, '0001', '202'));
    const [batch] = await host.rows('batches');
    const totals = (one: string) => `${one}${side(0, 0, 0, 0)}`;
    assert.equal(
      [batch?.hostTotals, batch?.closingTotals],
      [totals(side(50_00, 2, 0, 0)), totals(side(30_00, 1, 0, 0))],
    );
    await nextDay(scene);
    const { proof } = await clear(scene, DAY);
    assert.equal(
      proof.filter(({ ok }) => !ok),
      [],
    );
  } finally {
    await host.close();
  }
});

flows(
  'a void and a reversal after the cut-over leave the cleared day alone and post in the open one',
  async () => {
    const scene = await opened();
    const { host } = scene;
    try {
      await host.signIn(host.shop);
      await host.signIn(host.second);
      const card = await host.card();
      const first = await approved(host, saleFrame(host.shop, card, 50_00));
      const second = await approved(host, saleFrame(host.second, card, 20_00));
      await nextDay(scene);
      await clear(scene, DAY);
      const before = scene.files.snapshot();
      await approved(host, voidFrame(host.shop, first));
      await approved(
        host,
        reversalFrame(host.second, { de3: '000000', type: '22', amount: 20_00, trace: traceOf(second) }),
      );
      await nextDay(scene);
      const result = await clear(scene, NEXT);
      assert.equal(await rowsOf(scene, NEXT), [
        ['消费撤销', '-50.00'],
        ['冲正', '-20.00'],
      ]);
      assert.is(
        result.overdueBatches,
        1,
        'the first terminal voided in its old batch; the second has nothing left to settle',
      );
      for (const [name, bytes] of before) assert.equal(await scene.files.read(name), bytes);
      const days = await Promise.all(
        [DAY, NEXT].map(
          async (day) =>
            readBack('x.csv', (await scene.files.read(`${day}-overview-01.csv`)) ?? Buffer.alloc(0)).sums[
              'net'
            ] ?? 0,
        ),
      );
      assert.is((days[0] ?? 0) + (days[1] ?? 0), 0);
    } finally {
      await host.close();
    }
  },
);

/** One thing that a clerk may do; what does not fit at that moment is declined and moves nothing. */
type Deed = readonly [
  what:
    | 'sale'
    | 'refund'
    | 'void'
    | 'reverse sale'
    | 'reverse void'
    | 'hold'
    | 'complete'
    | 'void completion',
  amount: number,
];

async function play(host: Fixture, deeds: readonly Deed[]): Promise<void> {
  const card = await host.card({ principal: 3_000_00, bonus: 300_00 });
  let sold: Parsed | null = null;
  let voiding: Parsed | null = null;
  let held: Parsed | null = null;
  let completed: Parsed | null = null;
  const ok = (answer: Parsed) => (answer.fields[39] === '00' ? answer : null);
  for (const [what, amount] of deeds) {
    const shop = host.shop;
    const gross = Number(sold?.fields[4] ?? 0);
    if (what === 'sale') sold = ok(await host.answer(saleFrame(shop, card, amount))) ?? sold;
    else if (what === 'hold') held = ok(await host.answer(preAuthorisationFrame(shop, card, amount))) ?? held;
    else if (what === 'refund' && sold !== null)
      await host.answer(refundFrame(shop, card, sold, Math.min(amount, gross)));
    else if (what === 'void' && sold !== null)
      voiding = ok(await host.answer(voidFrame(shop, sold))) ?? voiding;
    else if (what === 'reverse sale' && sold !== null) {
      await host.answer(
        reversalFrame(shop, { de3: '000000', type: '22', amount: gross, trace: traceOf(sold) }),
      );
    } else if (what === 'reverse void' && voiding !== null) {
      await host.answer(
        reversalFrame(shop, {
          de3: '200000',
          type: '23',
          amount: Number(voiding.fields[4]),
          trace: traceOf(voiding),
        }),
      );
    } else if (what === 'complete' && held !== null) {
      completed =
        ok(
          await host.answer(holdFrame(shop, 'completion', held, Math.min(amount, Number(held.fields[4])))),
        ) ?? completed;
    } else if (what === 'void completion' && completed !== null) {
      await host.answer(holdFrame(shop, 'completion void', completed, Number(completed.fields[4])));
    }
  }
}

flows('any sequence of sales, refunds, voids, completions and reversals ties: ledger = files', async () => {
  const deed = fc.tuple(
    fc.constantFrom(
      'sale',
      'refund',
      'void',
      'reverse sale',
      'reverse void',
      'hold',
      'complete',
      'void completion',
    ),
    fc.integer({ min: 1, max: 99_99 }),
  );
  const seed = 20_261_122;
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 5, maxLength: 25 }), async (deeds) => {
      const scene = await opened();
      try {
        await scene.host.signIn(scene.host.shop);
        await play(scene.host, deeds as readonly Deed[]);
        await nextDay(scene);
        const { proof } = await clear(scene, DAY);
        assert.ok(proof.every(({ ok }) => ok));
      } finally {
        await scene.host.close();
      }
    }),
    { seed, numRuns: 15 },
  );
});

flows(
  'a terminal whose batch stayed open is asked to settle, overdue named; its settlement ends that',
  async () => {
    const scene = await opened();
    const { host } = scene;
    try {
      await host.signIn(host.shop);
      const card = await host.card({ pin: null });
      // Header: twelve digits, of which the sixth says what the host wants.
      const wanted = (answer: Parsed) => answer.header[5];
      const sell = () => approved(host, saleFrame(host.shop, card, 10_00));
      assert.is(wanted(await sell()), '0');
      await nextDay(scene);
      assert.is((await clear(scene, DAY)).overdueBatches, 0, 'open, but of this very day');
      assert.is(wanted(await sell()), '9');
      await nextDay(scene);
      const second = await clear(scene, NEXT);
      assert.equal([second.openBatches, second.overdueBatches], [1, 1]);
      assert.equal(
        (await host.rows('differences')).map(({ kind, terminalId, batch }) => [kind, terminalId, batch]),
        [['overdue-batch', host.shop.id, 1]],
      );
      assert.is(wanted(await sell()), '9', 'until it has settled');
      const settled = await approved(host, settleFrame(host.shop, side(30_00, 3, 0, 0)));
      assert.equal([settled.fields[48]?.[30], wanted(settled)], ['1', '0']);
      host.shop.batch = 2;
      assert.is(wanted(await sell()), '0');
    } finally {
      await host.close();
    }
  },
);

flows.run();
