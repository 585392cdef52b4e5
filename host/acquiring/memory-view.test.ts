import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import type { CommitItem, Found, Kept, Wants } from '../store/port.ts';
import { accountRow, identityRow, lotRow } from '../store/sample-rows.ts';
import { StoreAround } from '../store/store-around.ts';
import { fakeStore, take } from './engine.fixture.ts';
import { Layer } from './layer.ts';
import { MemoryView } from './memory-view.ts';
import { openFixture, saleFrame } from './node-acquiring.fixture.ts';
import { NotRead, type View } from './view.ts';

const memory = suite('deciding without a read');

const nothing = () => undefined;
const NOTHING: Kept = {
  day: undefined,
  card: nothing,
  account: nothing,
  openLots: nothing,
  terminal: nothing,
  batch: nothing,
  counter: nothing,
  isNew: () => false,
  isUnused: () => false,
};

const wantsOf = (ask: () => unknown): Wants | null => {
  try {
    ask();
    return null;
  } catch (error) {
    if (error instanceof NotRead) return error.wants;
    throw error;
  }
};

memory('what is decided lies over what is kept', () => {
  const layer = new Layer();
  const kept: Kept = {
    ...NOTHING,
    account: (id) => accountRow(id, { version: 3 }),
    openLots: (id) => new Map(['L1', 'L2'].map((lotId) => [lotId, lotRow(lotId, id)])),
  };
  const view = new MemoryView(kept, [new Layer(), layer]);
  assert.is(view.account('A').version, 3);
  const emptied = { ...lotRow('L1', 'A'), remaining: fen(0) };
  layer.putDecided({ accounts: [accountRow('A', { version: 4 })], lots: [emptied] }, new Map(), view);
  assert.is(view.account('A').version, 4);
  assert.equal(
    view.lots('A').map(({ lotId, remaining }) => [lotId, remaining === 0]),
    [
      ['L1', true],
      ['L2', false],
    ],
  );
});

memory('an identity and a UT are there, or certainly are not', () => {
  const layer = new Layer();
  const view = new MemoryView({ ...NOTHING, isNew: (key) => key !== 'old', isUnused: () => true }, [layer]);
  assert.is(view.identity('new'), undefined);
  assert.equal(view.transactionsByUt('UT'), []);
  assert.equal(
    wantsOf(() => view.identity('old')),
    { identities: ['old'] },
  );
  layer.putDecided({ identities: [identityRow('new')] }, new Map(), view);
  assert.is(view.identity('new')?.key, 'new', 'it was decided a moment ago');
});

memory('what is not kept is never "none": it is named, to be read', () => {
  const view: View = new MemoryView(NOTHING, [new Layer()]);
  const batch = (withTransactions: boolean) => ({ batches: [{ key: 'T|1', withTransactions }] });
  const asked: readonly (readonly [() => unknown, Wants])[] = [
    [() => view.day, {}],
    [() => view.identity('I'), { identities: ['I'] }],
    [() => view.transaction('X'), { transactionIds: ['X'] }],
    [() => view.transactionsByRrn('1'), { rrns: ['1'] }],
    [() => view.transactionsByUt('U'), { uts: ['U'] }],
    [() => view.transactionsByTrace('T|1|1'), { traces: ['T|1|1'] }],
    [() => view.transactionsByAuth('M|1'), { auths: ['M|1'] }],
    [() => view.card('hash'), { panHashes: ['hash'] }],
    [() => view.account('A'), { accountIds: ['A'] }],
    [() => view.lots('A'), { accountIds: ['A'] }],
    [() => view.terminal('T'), { terminalIds: ['T'] }],
    [() => view.batch('T|1'), batch(false)],
    [() => view.batchTransactions('T|1'), batch(true)],
    [() => view.uploads('T|1'), batch(true)],
    [() => view.owedAt('T|1|1'), { owed: ['T|1|1'] }],
    [() => view.counter('C'), { counters: ['C'] }],
  ];
  for (const [ask, wants] of asked) assert.equal(wantsOf(ask), wants);
  assert.is(view.hasAsked('hash'), false);
  assert.is(view.hasCounter('C'), false);
});

memory('what memory lacks is read also at the last attempt', async () => {
  const { store, engine, fake } = fakeStore();
  const { commit } = store;
  let conflicts = 5;
  Object.assign(store, {
    kept: () => ({ ...NOTHING, isNew: () => true }),
    commit: async (items: readonly CommitItem[]) => {
      if (conflicts === 0) return commit.call(store, items);
      conflicts -= 1;
      return items.map((item) => ({ committed: false, conflict: item.guards[0], failure: null }));
    },
  });
  assert.is(await engine.submit(take('a')), 'a 1 64');
  assert.is(fake.reads, 6);
});

memory('a sale of a card that was used before reads nothing; its repeat is read', async () => {
  class Counting extends StoreAround {
    reads = 0;
    override read(wants: Wants): Promise<Found> {
      this.reads += 1;
      return super.read(wants);
    }
  }
  let store: Counting | undefined;
  const host = await openFixture((inner) => {
    store = new Counting(inner);
    return store;
  });
  const readsOf = async (frame: Buffer) => {
    const before = store?.reads ?? 0;
    assert.is((await host.answer(frame)).fields[39], '00');
    return (store?.reads ?? 0) - before;
  };
  await host.signIn(host.shop);
  const card = await host.card({ pin: null, bonus: 0 });
  assert.is(await readsOf(saleFrame(host.shop, card, 10_00)), 1);
  const second = saleFrame(host.shop, card, 10_00);
  assert.is(await readsOf(second), 0);
  assert.is(await readsOf(second), 1);
  assert.is(await host.available(card.accountId), 980_00);
  assert.equal(await host.faults(), []);
  await host.close();
});

memory.run();
