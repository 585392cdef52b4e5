/** A fate query answers at once and for ever: by UT, by place, by both, for every kind and every fate. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cutOver } from '../clearing/cut-over.ts';
import { memoryFiles } from '../clearing/memory-files.ts';
import { runClearing } from '../clearing/run.ts';
import { assembleHost, type HostDeps } from '../deps.ts';
import { bound } from '../store/bound-store.fixture.ts';
import type { StorePort } from '../store/port.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { handleFrame } from './handle-frame.ts';
import {
  type Fixture,
  holdFrame,
  openFixture,
  preAuthorisationFrame,
  refundFrame,
  reversalFrame,
  saleFrame,
  TODAY,
  voidFrame,
} from './node-acquiring.fixture.ts';
import { utOf } from './owed-frames.fixture.ts';
import {
  buildBody,
  buildItems,
  itemsOf,
  type Parsed,
  parseAnswer,
  type TestCard,
  wrap,
} from './wire-terminal.fixture.ts';

const fates = suite('the dialect: what a fate query says of every kind, for ever');
let host: Fixture;
fates.before.each(async () => {
  host = await openFixture();
  await host.signIn(host.shop, 'TEST 1');
});
fates.after.each(async () => {
  assert.equal(await host.faults(), [], 'the books are proven');
  await host.close();
});

/** What was done, and what a query must say of it. */
interface Done {
  readonly name: string;
  readonly ut: string;
  readonly trace: string;
  /** MTI 4, DE3 6, DE39 2, state 1; null for what never came. */
  readonly fa: string | null;
  readonly amount: string | undefined;
  readonly rrn: string | undefined;
  readonly auth: string | undefined;
  /** PA of its own answer: a refund that is closed by its fate tells the same money. */
  readonly paid: string | undefined;
}

/** Sends the deeds of a clerk, each with a UT of its own, and keeps what a query must say of each. */
class Scene {
  readonly done: Done[] = [];
  #uts = 0;

  /** @param fa what is to be said of it in the end */
  async does(name: string, fa: string, frame: (fields: Record<number, string>) => Buffer): Promise<Parsed> {
    this.#uts += 1;
    const ut = utOf(this.#uts);
    const answer = await host.answer(frame({ 57: buildItems([['UT', ut]]) }));
    const { 4: amount, 11: trace = '', 37: rrn, 38: auth, 39: code } = answer.fields;
    assert.is(code, fa.slice(10, 12), `${name}: ${code}`);
    const paid = fa.startsWith('0220') && fa.endsWith('A') ? itemsOf(answer)['PA'] : undefined;
    this.done.push({ name, ut, trace, fa, amount, rrn, auth, paid });
    return answer;
  }

  async reverses(original: Parsed, de3: string, type: string, de25 = '00'): Promise<void> {
    const { 4: amount, 11: trace = '' } = original.fields;
    const frame = reversalFrame(host.shop, { de3, type, de25, trace, amount: Number(amount) });
    assert.is((await host.answer(frame)).fields[39], '00', `0400 of ${trace}`);
  }
}

async function everySale(scene: Scene, card: TestCard): Promise<void> {
  const { shop } = host;
  const sells = (name: string, fa: string, amount: number) =>
    scene.does(name, fa, (fields) => saleFrame(shop, card, amount, fields));
  await sells('a sale', '020000000000A', 10_00);
  await sells('a declined sale', '020000000051D', 2_900_00);
  await scene.reverses(await sells('a reversed sale', '020000000000R', 11_00), '000000', '22');
  const voided = await sells('a voided sale', '020000000000V', 12_00);
  await scene.does('its void', '020020000000A', (fields) => voidFrame(shop, voided, fields));
  await scene.does('a declined void', '020020000012D', (fields) => voidFrame(shop, voided, fields));
  const standing = await sells('a sale whose void was reversed', '020000000000A', 13_00);
  const undone = await scene.does('a reversed void', '020020000000R', (fields) =>
    voidFrame(shop, standing, fields),
  );
  await scene.reverses(undone, '200000', '23');
  const sold = await sells('a refunded sale', '020000000000A', 14_00);
  await scene.does('a refund', '022020000000A', (fields) => refundFrame(shop, card, sold, 5_00, fields));
  await scene.does('a declined refund', '022020000064D', (fields) =>
    refundFrame(shop, card, sold, 14_00, fields),
  );
}

async function everyHold(scene: Scene, card: TestCard): Promise<void> {
  const { shop } = host;
  const holds = (name: string, fa: string, amount: number) =>
    scene.does(name, fa, (fields) => preAuthorisationFrame(shop, card, amount, fields));
  const on = (
    name: string,
    fa: string,
    kind: Parameters<typeof holdFrame>[1],
    hold: Parsed,
    amount: number,
  ) => scene.does(name, fa, (fields) => holdFrame(shop, kind, hold, amount, fields));
  await holds('a hold', '010003000000A', 20_00);
  await holds('a declined hold', '010003000051D', 2_900_00);
  await scene.reverses(await holds('a reversed hold', '010003000000R', 21_00), '030000', '10', '06');
  const given = await holds('a voided hold', '010003000000V', 22_00);
  await on('its void', '010020000000A', 'void', given, 22_00);
  await on('a declined void of a hold', '010020000012D', 'void', given, 22_00);
  const kept = await holds('a hold whose void was reversed', '010003000000A', 23_00);
  const undone = await on('a reversed void of a hold', '010020000000R', 'void', kept, 23_00);
  await scene.reverses(undone, '200000', '11', '06');
  const used = await holds('a completed hold', '010003000000A', 24_00);
  await on('a completion', '020000000000A', 'completion', used, 24_00);
  await on('a declined completion', '020000000012D', 'completion', used, 24_00);
  const again = await holds('a hold that is free again', '010003000000A', 25_00);
  await scene.reverses(
    await on('a reversed completion', '020000000000R', 'completion', again, 25_00),
    '000000',
    '20',
    '06',
  );
  const last = await holds('a hold whose completion was voided', '010003000000A', 26_00);
  const completed = await on('a voided completion', '020000000000V', 'completion', last, 26_00);
  await on('the void of a completion', '020020000000A', 'completion void', completed, 26_00);
}

const fateFrame = (fields: Record<number, string>) =>
  host.shop.sealed('0200', {
    ...{ 3: '320000', 11: host.shop.nextTrace(), 22: '012', 25: '00', 60: host.shop.de60('63'), ...fields },
  });

/** Asks in each of the three ways, and compares all that the dialect promises. */
async function askAll(all: readonly Done[], deps: HostDeps, when: string): Promise<void> {
  for (const { name, ut, trace, fa, amount, rrn, auth, paid } of all) {
    const byUt = { 57: buildItems([['UT', ut]]) };
    const byPlace = { 61: `000001${trace}` };
    for (const [how, fields] of [
      ['UT', byUt],
      ['DE61', byPlace],
      ['both', { ...byUt, ...byPlace }],
    ] as const) {
      const frame = await handleFrame(deps, { id: 1, remote: 'test' }, fateFrame(fields));
      if (frame === undefined) throw new Error('the host was silent');
      const answer = parseAnswer(frame);
      const said = [answer.fields[39], itemsOf(answer)['FA'] ?? null];
      const which = `${name}, by ${how}, ${when}`;
      assert.equal(said, fa === null ? ['25', null] : ['00', fa], which);
      if (fa === null) continue;
      assert.equal([answer.fields[4], answer.fields[37], answer.fields[38]], [amount, rrn, auth], which);
      assert.is(itemsOf(answer)['PA'], paid, which);
    }
  }
}

/** Ends the terminal's batch by an upload of nothing: each counted transaction is a named shortage. */
async function closeBatch(): Promise<void> {
  const { shop } = host;
  const none = '0'.repeat(30);
  const frame = (mti: string, code: string, fields: Record<number, string>) =>
    wrap(
      buildBody(mti, {
        ...{ 11: shop.nextTrace(), 41: shop.id, 42: shop.merchantId, 60: shop.de60('00', code), ...fields },
      }),
    );
  await host.answer(frame('0500', '201', { 48: `${none}0${none}0`, 49: '156', 63: '01 ' }));
  await host.answer(frame('0320', '202', { 48: '0000' }));
  shop.batch += 1;
}

async function clearTheDay(): Promise<void> {
  const { store } = host.deps;
  const who = { person: '李结算', reason: '日终' };
  const all = (kind: string) => (kind === 'merchant' ? [...host.merchants.values()] : []) as never[];
  const directory = { ...host.deps.directory, programme: host.deps.directory.programme, all };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  host.clock.pass(86_400_000);
  const { closed } = await cutOver({ store, clock: host.clock }, who);
  await runClearing(
    { store, clock: host.clock, directory, files: memoryFiles(), log },
    { businessDate: closed, ...who },
  );
}

/** A host of its own over the same database, as after a restart. */
async function another(wrapped: (store: StorePort) => StorePort = (store) => store) {
  const store = await openSqliteStore({
    driver: await openSqlite(host.path),
    stream: 'host-2',
    clock: host.clock,
    initialBusinessDate: TODAY,
  });
  const { engine: _, numbers: __, ...parts } = host.deps;
  const deps = await assembleHost({ ...parts, store: wrapped(store) }, { stream: '02' });
  return { deps, close: () => deps.engine.drain().then(() => store.close()) };
}

fates(
  'approved, declined, reversed, voided: at once, after batch and day closed, after a restart',
  async () => {
    const card = await host.card({ principal: 2_000_00 });
    const scene = new Scene();
    await everySale(scene, card);
    await everyHold(scene, card);
    assert.is(scene.done.length, 27);
    await askAll(scene.done, host.deps, 'at once');
    await closeBatch();
    await askAll(scene.done, host.deps, 'after the batch closed');
    await clearTheDay();
    await askAll(scene.done, host.deps, 'after the clearing');
    const restarted = await another();
    try {
      await askAll(scene.done, restarted.deps, 'after a restart');
    } finally {
      await restarted.close();
    }
  },
);

fates('what never came: unknown in every way of asking, and burnt for ever', async () => {
  const card = await host.card();
  const lost = (number: number) => {
    const ut = utOf(number);
    const frame = saleFrame(host.shop, card, 1_00, { 57: buildItems([['UT', ut]]) });
    const trace = String(host.shop.trace).padStart(6, '0');
    return { done: { name: 'lost', ut, trace, fa: null, ...NOTHING }, frame };
  };
  const all = [1, 2, 3].map(lost);
  const [first, second, third] = all;
  if (first === undefined || second === undefined || third === undefined) throw new Error('three were made');
  // One way of asking each, the first of which burns it.
  await host.answer(fateFrame({ 57: buildItems([['UT', first.done.ut]]) }));
  await host.answer(fateFrame({ 61: `000001${second.done.trace}` }));
  await host.answer(fateFrame({ 61: `000001${third.done.trace}`, 57: buildItems([['UT', third.done.ut]]) }));
  for (const { frame } of all) assert.match((await host.answer(frame)).fields[39] ?? '', /^(12|94)$/);
  const dones = all.map(({ done }) => done);
  await askAll(dones, host.deps, 'at once');
  await clearTheDay();
  const restarted = await another();
  try {
    await askAll(dones, restarted.deps, 'after a restart');
  } finally {
    await restarted.close();
  }
  for (const { frame } of all) assert.match((await host.answer(frame)).fields[39] ?? '', /^(12|94)$/);
  assert.is(await host.available('A1'), 1_100_00, 'nothing of it was ever charged');
});
const NOTHING = { amount: undefined, rrn: undefined, auth: undefined, paid: undefined };

fates('a hold that lapsed is told as given back', async () => {
  const card = await host.card();
  const scene = new Scene();
  await scene.does('a lapsed hold', '010003000000R', (fields) =>
    preAuthorisationFrame(host.shop, card, 20_00, fields),
  );
  // The programme's thirty days pass, one clearing each.
  for (let day = 0; day < 32; day += 1) await clearTheDay();
  await askAll(scene.done, host.deps, 'after it lapsed');
});

fates('what was never judged is unknown, and so is what another terminal or merchant did', async () => {
  const card = await host.card();
  await host.signIn(host.second, 'TEST 1');
  const ut = utOf(9);
  const sale = await host.answer(saleFrame(host.second, card, 10_00, { 57: buildItems([['UT', ut]]) }));
  assert.is(sale.fields[39], '00');
  const trace = sale.fields[11] ?? '';
  const query = { 61: `000001${trace}`, 57: buildItems([['UT', ut]]) };
  assert.is((await host.answer(fateFrame(query))).fields[39], '25');
  // The other terminal's own question is answered as before.
  const own = host.second.sealed('0200', {
    ...{
      3: '320000',
      11: host.second.nextTrace(),
      22: '012',
      25: '00',
      60: host.second.de60('63'),
      ...query,
    },
  });
  assert.is(itemsOf(await host.answer(own))['FA'], '020000000000A');
});

fates.run();

const races = suite('a fate query and its original on two hosts over one database');

for (const [first, byWhat] of [
  ['original', 'UT'],
  ['original', 'DE61'],
  ['query', 'UT'],
  ['query', 'DE61'],
] as const) {
  races(
    `the ${first} is committed first, the other knew nothing of it: one fate, asked by ${byWhat}`,
    async () => {
      host = await openFixture();
      let open: () => void = () => undefined;
      const gate = new Promise<void>((resolve) => {
        open = resolve;
      });
      let arrived: () => void = () => undefined;
      const decided = new Promise<void>((resolve) => {
        arrived = resolve;
      });
      // The second host has read and decided; its commit waits until the first host's is through.
      const second = await another((store) => ({
        ...bound(store),
        commit: async (items) => {
          // Not the block of numbers that it draws as it starts.
          if (items.some(({ journal }) => journal.length > 0)) {
            arrived();
            await gate;
          }
          return store.commit(items);
        },
      }));
      try {
        await host.signIn(host.shop, 'TEST 1');
        const card = await host.card();
        const sale = saleFrame(host.shop, card, 10_00, { 57: buildItems([['UT', utOf(1)]]) });
        const place = { 61: `000001${String(host.shop.trace).padStart(6, '0')}` };
        const query = fateFrame(byWhat === 'UT' ? { 57: buildItems([['UT', utOf(1)]]) } : place);
        const late = handleFrame(second.deps, { id: 2, remote: 'test' }, first === 'original' ? query : sale);
        await decided;
        const early = await host.answer(first === 'original' ? sale : query);
        open();
        const answer = await late;
        if (answer === undefined) throw new Error('the second host was silent');
        const { fields } = parseAnswer(answer);
        if (first === 'original') {
          assert.equal([early.fields[39], fields[39]], ['00', '00'], 'approved, and told so');
          assert.is(itemsOf(parseAnswer(answer))['FA'], '020000000000A');
        } else assert.equal([early.fields[39], fields[39]], ['25', '12'], 'unknown, and then too late');
        assert.is(await host.available(card.accountId), first === 'original' ? 1_090_00 : 1_100_00);
        assert.equal(await host.faults(), []);
      } finally {
        open();
        await second.close();
        await host.close();
      }
    },
  );
}

races.run();
