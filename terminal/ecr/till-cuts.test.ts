import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Mischief, TestHost } from '../host.fixture.ts';
import { Power } from '../machine.fixture.ts';
import { openShop, openShopForBusiness, type Shop } from '../shop.fixture.ts';
import type { TillAnswer } from './model.ts';
import { ask, kept, saleOf } from './till.fixture.ts';

const MODES = ['before', 'after', 'torn'] as const;
const text = (answer: TillAnswer) => JSON.stringify(answer);

/** How often the journal says that a request was sent. */
function timesSent(shop: Shop, requestId: string): number {
  // File by file: what is torn has no line end, and must not run on into the next file's first line.
  return [...shop.disk.files.values()]
    .flatMap((file) => file.toString().split('\n'))
    .filter((line) => line.includes('"type":"transaction sent"') && line.includes(`"${requestId}"`)).length;
}

/** Closes what is owed, so that every request becomes final. */
async function settleDebts({ terminal }: Shop): Promise<void> {
  await terminal.command('reversal send');
  await terminal.command('repeat send');
}

const cuts = suite('the till: the power goes at any act of a request');

/**
 * Runs a request with the power cut at act `cutAt`, and restarts.
 * @returns undefined when the power outlived it
 */
async function cutDuring(
  scene: {
    readonly request: object;
    readonly before?: readonly object[];
    readonly mischief?: Mischief;
    readonly declined?: true;
  },
  cutAt: number,
  mode: (typeof MODES)[number],
) {
  const host = new TestHost();
  const opened = await openShopForBusiness({ host });
  for (const request of scene.before ?? []) await opened.terminal.till.handle(request);
  if (scene.mischief !== undefined) host.mischief = [scene.mischief];
  if (scene.declined === true) host.declineNext = '51';
  const power = new Power(cutAt, mode);
  const dying = await openShop({ ...kept(opened, host), power });
  const told = await dying.terminal.till.handle(scene.request);
  if (power.isOn) return undefined;
  assert.is(told.final, false, `act ${cutAt}: what is final is on the disk`);
  return { host, shop: await openShop(kept(dying, host)) };
}

const SALE = saleOf('request-0001');
const SCENES = {
  'a sale': { request: SALE },
  'a sale whose answer is lost': { request: SALE, mischief: { mti: '0200', lose: true } },
  'a sale that is declined': { request: SALE, declined: true },
} as const;

for (const [name, scene] of Object.entries(SCENES)) {
  for (const mode of MODES) {
    cuts(
      `${name} (${mode}): status tells what became of the money, and the same until it is acknowledged`,
      async () => {
        let moments = 0;
        for (let cutAt = 1; ; cutAt += 1) {
          const cut = await cutDuring(scene, cutAt, mode);
          if (cut === undefined) break;
          moments += 1;
          await assertTold(cut.host, cut.shop, `${name}, ${mode}, act ${cutAt}`);
        }
        assert.ok(moments >= 4, `${moments} moments were tried`);
      },
    );
  }
}

/** What the till learns after the restart agrees with the host, is repeated word for word, and has one effect. */
async function assertTold(host: TestHost, shop: Shop, where: string): Promise<void> {
  const first = await shop.terminal.till.handle(ask('status', 'request-0001'));
  const next = first.code === 'NOT_FOUND' ? await shop.terminal.till.handle(SALE) : first;
  if (next.state === 'unknown') await settleDebts(shop);
  const answer = await shop.terminal.till.handle(SALE);
  assert.ok(answer.final, `${where}: ${answer.state} is final`);
  const paid = answer.state === 'approved' ? 12800 : 0;
  assert.is(host.standing('sale'), paid, `${where}: ${answer.state}`);
  assert.ok(timesSent(shop, 'request-0001') <= 1, `${where}: it was sent once`);
  if (first.code === 'NOT_FOUND')
    assert.is(timesSent(shop, 'request-0001'), 1, `${where}: asked again, it went out`);
  await shop.terminal.till.handle(ask('settle', 'settle-00001'));
  const again = await openShop(kept(shop, host));
  for (const request of [SALE, ask('status', 'request-0001'), ask('ack', 'request-0001')])
    assert.is(text(await again.terminal.till.handle(request)), text(answer), where);
}

cuts('between acceptance and the first send it is cancelled for good: nothing was sent', async () => {
  const cut = await cutDuring(SCENES['a sale'], 2, 'before');
  const answer = await cut?.shop.terminal.till.handle(SALE);
  assert.equal(
    [answer?.state, answer?.final, answer?.code, cut?.host.kept.size],
    ['cancelled', true, 'INTERRUPTED', 0],
  );
});

for (const mode of MODES) {
  cuts(`a refund (${mode}) is repeated until it is answered, then its request is final, once`, async () => {
    const REFUND = ask('refund', 'refund-00001', {
      amountFen: 64_00,
      currency: 'CNY',
      orig: { requestId: 'request-0001' },
    });
    for (let cutAt = 1; ; cutAt += 1) {
      const cut = await cutDuring({ request: REFUND, before: [SALE] }, cutAt, mode);
      if (cut === undefined) break;
      const { host, shop } = cut;
      await settleDebts(shop);
      const answer = await shop.terminal.till.handle(REFUND);
      assert.ok(answer.final, `act ${cutAt}`);
      assert.is(
        host.standing('refund'),
        answer.state === 'approved' ? 6400 : 0,
        `act ${cutAt}: ${answer.state}`,
      );
      assert.ok(timesSent(shop, 'refund-00001') <= 1);
    }
  });

  cuts(
    `a settle (${mode}) says done exactly when its batch is closed; else asking again closes it`,
    async () => {
      for (let cutAt = 1; ; cutAt += 1) {
        const cut = await cutDuring({ request: ask('settle', 'settle-00001'), before: [SALE] }, cutAt, mode);
        if (cut === undefined) break;
        const { terminal } = cut.shop;
        const { batch } = terminal.state;
        const answer = await terminal.till.handle(ask('status', 'settle-00001'));
        if (answer.code === 'NOT_FOUND') continue;
        assert.is(answer.state, batch === 8 ? 'done' : 'failed', `act ${cutAt}`);
        if (batch === 8) assert.equal([answer.facts?.['batch'], answer.facts?.['debitFen']], [7, 12800]);
        else
          assert.is(
            (await terminal.till.handle(ask('settle', 'settle-00002'))).state,
            'done',
            `act ${cutAt}`,
          );
      }
    },
  );
}

cuts.run();

const any = suite('the till: whatever the order of requests, doubles, aborts, acknowledgements and cuts');

type Asking =
  | { readonly does: 'sale'; readonly id: number; readonly amount: number }
  | { readonly does: 'status' | 'ack' | 'last' | 'settle'; readonly id: number };
type Step =
  | Asking
  | { readonly does: 'abort'; readonly id: number }
  | { readonly does: 'debts' }
  | { readonly does: 'decline' }
  | { readonly does: 'misbehave'; readonly how: Partial<Mischief> }
  | { readonly does: 'cut'; readonly at: number; readonly mode: (typeof MODES)[number] };

const id = fc.nat({ max: 3 });
const STEP: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ does: fc.constant('sale' as const), id, amount: fc.constantFrom(100, 200) }),
  },
  { weight: 4, arbitrary: fc.record({ does: fc.constantFrom('status', 'ack', 'last'), id }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('settle' as const), id }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('abort' as const), id }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ does: 'debts' }, { does: 'decline' }) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom<Partial<Mischief>>(
        { lose: true },
        { loseRequest: true },

        { wrongMac: true },
      )
      .map((how) => ({ does: 'misbehave' as const, how })),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      does: fc.constant('cut' as const),
      at: fc.integer({ min: 1, max: 14 }),
      mode: fc.constantFrom(...MODES),
    }),
  },
);

const name = (request: { readonly id: number }) => `request-000${request.id}`;

/** A shop that is opened again whenever its power was cut, and a note of every final answer that was told. */
class Story {
  readonly host = new TestHost();
  readonly finals = new Map<string, string>();
  #shop: Shop | null = null;
  #power = new Power();

  async shop(): Promise<Shop> {
    this.#shop ??= await openShopForBusiness({ host: this.host });
    if (!this.#power.isOn) {
      this.#power = new Power();
      this.#shop = await openShop({ ...kept(this.#shop, this.host), power: this.#power });
    }
    return this.#shop;
  }

  /** The plug will be pulled at the nth act from here. */
  async cut(at: number, mode: (typeof MODES)[number]): Promise<void> {
    const shop = await this.shop();
    this.#power = new Power(at, mode);
    this.#shop = await openShop({ ...kept(shop, this.host), power: this.#power }).catch(() => shop);
  }

  /** No more faults: the machine is switched off and on once more. */
  async calm(): Promise<Shop> {
    this.host.mischief = [];
    this.host.declineNext = null;
    await this.cut(Number.POSITIVE_INFINITY, 'before');
    return this.shop();
  }

  async take(step: Step): Promise<void> {
    if (step.does === 'cut') return this.cut(step.at, step.mode);
    if (step.does === 'misbehave') return void this.host.mischief.push({ mti: '0200', ...step.how });
    if (step.does === 'decline') {
      this.host.declineNext = '51';
      return;
    }
    const shop = await this.shop();
    if (step.does === 'debts') return settleDebts(shop);
    if (step.does === 'abort') return this.#abortInTheMiddle(shop, step.id);
    this.#note(await shop.terminal.till.handle(requestOf(step)));
  }

  /** The sale and the abort come at once: whichever wins, both are told the same. */
  async #abortInTheMiddle(shop: Shop, id: number): Promise<void> {
    const { till } = shop.terminal;
    const sale = till.handle(requestOf({ does: 'sale', id, amount: 100 }));
    const aborted = await till.handle(ask('abort', name({ id })));
    this.#note(aborted);
    this.#note(await sale);
  }

  /** A final answer is the same text for ever. */
  #note(answer: TillAnswer): void {
    if (!answer.final || answer.requestId === null) return;
    const before = this.finals.get(answer.requestId);
    assert.is(text(answer), before ?? text(answer), `${answer.requestId} keeps its answer`);
    this.finals.set(answer.requestId, text(answer));
  }
}

function requestOf(step: Asking): object {
  switch (step.does) {
    case 'sale':
      return saleOf(name(step), step.amount);
    case 'settle':
      return ask('settle', `settle-000${step.id}`);
    case 'last':
      return { v: 1, op: 'last', tillId: 'till-1' };
    default:
      return ask(step.does, name(step));
  }
}

any(
  'one effect for each requestId; a final answer never changes; what is told paid is what the host holds',
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(STEP, { minLength: 4, maxLength: 20 }), async (steps) => {
        const story = new Story();
        for (const step of steps) await story.take(step);
        // The faults end here: what is owed goes out, and every request becomes final.
        const shop = await story.calm();
        await settleDebts(shop);
        let paid = 0;
        for (const requestId of [0, 1, 2, 3].map((one) => name({ id: one }))) {
          const answer = await shop.terminal.till.handle(ask('status', requestId));
          assert.ok(answer.final || answer.code === 'NOT_FOUND', `${requestId} is ${answer.state}`);
          assert.is(
            story.finals.get(requestId) ?? text(answer),
            text(answer),
            `${requestId} keeps its answer`,
          );
          assert.ok(timesSent(shop, requestId) <= 1, `${requestId} was sent once`);
          paid += answer.transaction?.approvedFen ?? 0;
        }
        assert.is(story.host.standing('sale'), paid, 'told paid = paid');
      }),
      { numRuns: 300, includeErrorInReport: true },
    );
  },
);

any.run();
