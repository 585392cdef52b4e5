import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { assembleHost } from '../deps.ts';
import { bound } from '../store/bound-store.fixture.ts';
import type { StorePort } from '../store/port.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { handleFrame } from './handle-frame.ts';
import {
  balanceFrame,
  openFixture,
  reversalFrame,
  saleFrame,
  TENTH,
  TODAY,
  voidFrame,
} from './node-acquiring.fixture.ts';
import { parseAnswer } from './wire-terminal.fixture.ts';

const many = suite('many requests at once come out as if one after the other');

many(
  'fifty sales on one card at once: as many as the balance pays, in order, and the books are proven',
  async () => {
    const host = await openFixture();
    await host.signIn(host.shop);
    const card = await host.card({ principal: 300_00, bonus: 0 });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => host.answer(saleFrame(host.shop, card, 10_00))),
    );
    const codes = answers.map((answer) => answer.fields[39]);
    assert.equal(codes, [...Array<string>(30).fill('00'), ...Array<string>(20).fill('51')]);
    const balances = answers.slice(0, 30).map((answer) => Number(answer.fields[54]?.slice(-12)));
    assert.equal(
      balances,
      Array.from({ length: 30 }, (_, index) => 290_00 - index * 10_00),
    );
    assert.is(await host.available(card.accountId), 0);
    assert.equal(await host.faults(), []);
    assert.ok(host.deps.metrics.value('engine', 'commits') < 30, 'they rode in few commits');
    await host.close();
  },
);

many('a capped rule gives its budget and no fen more, however many ask at once', async () => {
  const host = await openFixture();
  host.rules.push(TENTH);
  await host.signIn(host.shop);
  const card = await host.card({ principal: 2_000_00, bonus: 0 });
  await Promise.all(Array.from({ length: 20 }, () => host.answer(saleFrame(host.shop, card, 70_00))));
  // Twenty times 7.00 would be 140.00; the card gets 50.00 a day.
  assert.is(await host.available(card.accountId), 2_000_00 - 20 * 70_00 + 50_00);
  assert.equal(await host.faults(), []);
  await host.close();
});

many('sales on many cards and terminals, with repeats among them, have one effect each', async () => {
  const host = await openFixture();
  await host.signIn(host.shop);
  await host.signIn(host.second);
  const cards = await Promise.all([1, 2, 3, 4].map(() => host.card()));
  const frames = Array.from({ length: 40 }, (_, index) => {
    const card = cards[index % 4];
    if (card === undefined) throw new Error('there are four cards');
    return saleFrame(index % 2 === 0 ? host.shop : host.second, card, 1_00);
  });
  await Promise.all([...frames, ...frames, ...frames].map((frame) => host.answer(frame)));
  for (const card of cards) assert.is(await host.available(card.accountId), 1_090_00);
  assert.equal(await host.faults(), []);
  await host.close();
});

many('another writer came first: decided again, with the new facts', async () => {
  const { host, interfere } = await openInterfered();
  await host.signIn(host.shop);
  const card = await host.card({ principal: 100_00, bonus: 0 });
  interfere(async () => {
    // An administrator freezes the account between the decision and its commit.
    const [account] = await host.rows('accounts');
    if (account === undefined) throw new Error('the account is there');
    const frozen = { ...account, state: 'frozen' as const, version: account.version + 1 };
    const guards = [
      { kind: 'version', table: 'accounts', key: account.accountId, version: account.version },
    ] as const;
    await host.deps.store.commit([{ guards, changes: { accounts: [frozen] }, journal: [] }]);
  });
  assert.is((await host.answer(saleFrame(host.shop, card, 10_00))).fields[39], '62');
  assert.is(await host.available(card.accountId), 100_00);
  await host.close();
});

many(
  'who was told "not enough" because of a sale that another writer then refused is judged again',
  async () => {
    const { host, interfere } = await openInterfered();
    await host.signIn(host.shop);
    await host.signIn(host.second);
    const card = await host.card({ principal: 15_00, bonus: 0 });
    interfere(async () => {
      // An act closes the shop's batch between the decision and its commit.
      const batch = (await host.rows('batches')).find(({ terminalId }) => terminalId === host.shop.id);
      const terminal = (await host.rows('terminals')).find(({ terminalId }) => terminalId === host.shop.id);
      if (batch === undefined || terminal === undefined) throw new Error('the shop has signed in');
      const closed = { ...batch, version: batch.version + 1, state: 'closed', closedBy: 'act' } as const;
      const next = { ...terminal, version: terminal.version + 1, batch: terminal.batch + 1 };
      await host.deps.store.commit([
        { guards: [], changes: { batches: [closed], terminals: [next] }, journal: [] },
      ]);
    });
    const [first, second] = await Promise.all([
      host.answer(saleFrame(host.shop, card, 10_00)),
      host.answer(saleFrame(host.second, card, 10_00)),
    ]);
    assert.equal([first.fields[39], second.fields[39]], ['77', '00']);
    assert.is(await host.available(card.accountId), 5_00);
    await host.close();
  },
);

many(
  'a commit that failed gives no answer that lies: 96 and nothing changed, then the same request succeeds',
  async () => {
    let failing = false;
    const host = await openFixture((store) => ({
      ...bound(store),
      commit: async (items, how) => {
        if (failing) throw new PosError('STORE_FAILED', 'injected');
        return store.commit(items, how);
      },
    }));
    await host.signIn(host.shop);
    const card = await host.card();
    const frame = saleFrame(host.shop, card, 10_00);
    failing = true;
    const answers = await Promise.all([host.answer(frame), host.answer(balanceFrame(host.shop, card))]);
    assert.equal(
      answers.map((answer) => answer.fields[39]),
      ['96', '96'],
    );
    assert.is(await host.available(card.accountId), 1_100_00);
    failing = false;
    assert.is((await host.answer(frame)).fields[39], '00');
    await host.close();
  },
);

many('an unknown outcome is read back: the true answer, and one effect', async () => {
  let breaking = false;
  const host = await openFixture((store) => ({
    ...bound(store),
    commit: async (items, how) => {
      const outcomes = await store.commit(items, how);
      if (!breaking) return outcomes;
      breaking = false;
      throw new PosError('STORE_UNKNOWN', 'injected after the commit');
    },
  }));
  await host.signIn(host.shop);
  const card = await host.card();
  breaking = true;
  assert.is((await host.answer(saleFrame(host.shop, card, 10_00))).fields[39], '00');
  assert.is(await host.available(card.accountId), 1_090_00);
  assert.equal(await host.faults(), []);
  await host.close();
});

many('an unknown outcome that cannot be read back is met with silence', async () => {
  let broken = false;
  const host = await openFixture((store) => ({
    ...bound(store),
    commit: async (items, how) => {
      const outcomes = await store.commit(items, how);
      if (broken) throw new PosError('STORE_UNKNOWN', 'injected');
      return outcomes;
    },
    read: async (wants) => {
      if (broken && host.deps.metrics.value('engine', 'commit outcome unknown') > 0)
        throw new PosError('STORE_FAILED', 'injected');
      return store.read(wants);
    },
  }));
  await host.signIn(host.shop);
  const card = await host.card();
  broken = true;
  assert.is(await host.ask(saleFrame(host.shop, card, 10_00)), undefined);
  assert.is(host.deps.metrics.value('silent'), 1);
  await host.close();
});

many('sales on one card by two hosts on one database come out as if one after the other', async () => {
  const host = await openFixture();
  await host.signIn(host.shop);
  await host.signIn(host.second);
  const card = await host.card({ principal: 300_00, bonus: 0 });
  const store = await openSqliteStore({
    driver: await openSqlite(host.path),
    stream: 'host-2',
    clock: host.clock,
    initialBusinessDate: TODAY,
  });
  const { engine: _, numbers: __, ...parts } = host.deps;
  const other = await assembleHost({ ...parts, store }, { stream: '02' });
  const frames = Array.from({ length: 40 }, (_unused, index) =>
    saleFrame(index % 2 === 0 ? host.shop : host.second, card, 10_00),
  );
  const answers = await Promise.all(
    frames.map((frame, index) =>
      handleFrame(index % 4 < 2 ? host.deps : other, { id: 1, remote: 'test' }, frame),
    ),
  );
  const codes = answers.map((answer) => (answer === undefined ? 'silent' : parseAnswer(answer).fields[39]));
  assert.equal(codes.filter((code) => code === '00').length, 30);
  assert.equal(codes.filter((code) => code === '51').length, 10);
  assert.is(await host.available(card.accountId), 0);
  assert.equal(await host.faults(), []);
  const rrns = (await host.rows('transactions')).map((row) => row.rrn);
  assert.is(new Set(rrns).size, rrns.length, 'DE37 is never used twice');
  await other.engine.drain();
  await store.close();
  await host.close();
});

many('a 0400 is judged again when another host changes its original before it is written', async () => {
  const host = await openFixture();
  await host.signIn(host.shop);
  const card = await host.card({ principal: 300_00, bonus: 0 });
  const traceOf = (frame: { readonly fields: Readonly<Record<number, string>> }) => frame.fields[11] ?? '';
  const sale = await host.answer(saleFrame(host.shop, card, 10_00));
  const voided = await host.answer(voidFrame(host.shop, sale));
  const ofSale = reversalFrame(host.shop, { de3: '000000', type: '22', amount: 10_00, trace: traceOf(sale) });
  const ofVoid = reversalFrame(host.shop, {
    de3: '200000',
    type: '23',
    amount: 10_00,
    trace: traceOf(voided),
  });
  // The second host has decided that a voided sale is not to be undone; then the void itself is undone.
  let isFirst = true;
  const store = await openSqliteStore({
    driver: await openSqlite(host.path),
    stream: 'host-2',
    clock: host.clock,
    initialBusinessDate: TODAY,
  });
  const { engine: _, numbers: __, ...parts } = host.deps;
  const wrapped: StorePort = {
    ...bound(store),
    commit: async (items, how) => {
      if (isFirst && items.some(({ journal }) => journal.length > 0)) {
        isFirst = false;
        assert.is((await host.answer(ofVoid)).fields[39], '00');
        assert.is(await host.available(card.accountId), 290_00, 'the sale stands again');
      }
      return store.commit(items, how);
    },
  };
  const other = await assembleHost({ ...parts, store: wrapped }, { stream: '02' });
  const answer = await handleFrame(other, { id: 2, remote: 'test' }, ofSale);
  assert.is(answer === undefined ? 'silent' : parseAnswer(answer).fields[39], '00');
  assert.is(await host.available(card.accountId), 300_00);
  assert.equal(await host.faults(), []);
  await other.engine.drain();
  await store.close();
  await host.close();
});

many.run();

/** A host, and another writer who acts once, between the next decision and its commit. */
async function openInterfered() {
  let next: (() => Promise<void>) | null = null;
  const host = await openFixture((store) => ({
    ...bound(store),
    commit: async (items, how) => {
      const act = next;
      next = null;
      await act?.();
      return store.commit(items, how);
    },
  }));
  const interfere = (act: () => Promise<void>) => {
    next = act;
  };
  return { host, interfere };
}
