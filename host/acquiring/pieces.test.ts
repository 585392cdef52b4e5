/** What is decided while a batch is being committed, on the real host: it sees all that was decided before it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { CommitHow, CommitItem, CommitOutcome, Found } from '../store/port.ts';
import { accountRow, lotRow } from '../store/sample-rows.ts';
import { StoreAround } from '../store/store-around.ts';
import {
  holdFrame,
  openFixture,
  preAuthorisationFrame,
  reversalFrame,
  saleFrame,
  voidFrame,
} from './node-acquiring.fixture.ts';
import { Snapshot } from './view.ts';

const pieces = suite('what is decided while a batch is being committed');

/** Holds up one commit: in the database it is through, the host hears of it later. */
class HeldStore extends StoreAround {
  #gate: Promise<void> | null = null;

  /** @returns lets the next commit return */
  hold(): () => void {
    let release: () => void = () => undefined;
    this.#gate = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }

  override async commit(items: readonly CommitItem[], how?: CommitHow): Promise<readonly CommitOutcome[]> {
    const gate = this.#gate;
    this.#gate = null;
    const outcomes = await this.store.commit(items, how);
    await gate;
    return outcomes;
  }
}

/** A host whose terminals are signed in, with a card, and a second card at a second terminal that keeps it busy. */
async function busyHost({ principal, bonus }: { principal: number; bonus: number }) {
  let store: HeldStore | undefined;
  const host = await openFixture((inner) => {
    store = new HeldStore(inner);
    return store;
  });
  for (const terminal of [host.shop, host.hotel, host.second]) await host.signIn(terminal);
  const card = await host.card({ principal, bonus });
  const other = await host.card();
  // What is awaited is one from now on: each request below is a piece of its own.
  await host.answer(saleFrame(host.second, other, 1_00));
  /** Asks one after the other, each decided before the next one comes, all while the commit of another sale is held up. */
  const whileCommitting = async (...asks: readonly (() => Buffer)[]) => {
    const release = store?.hold();
    const first = host.answer(saleFrame(host.second, other, 1_00));
    const answers = [];
    for (const ask of asks) {
      await settled();
      answers.push(host.answer(ask()));
    }
    await settled();
    release?.();
    await first;
    return Promise.all(answers);
  };
  const lastTrace = (terminal: { readonly trace: number }) => String(terminal.trace).padStart(6, '0');
  return { host, card, whileCommitting, lastTrace };
}

/** Long enough for a request to be read and decided. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

pieces('a 0400 of a sale that was decided a moment ago tells the balance of all lots', async () => {
  const { host, card, whileCommitting, lastTrace } = await busyHost({ principal: 1_000_00, bonus: 100_00 });
  const [sale, reversal] = await whileCommitting(
    () => saleFrame(host.shop, card, 50_00),
    () => reversalFrame(host.shop, { de3: '000000', type: '22', amount: 50_00, trace: lastTrace(host.shop) }),
  );
  assert.equal([sale?.fields[39], reversal?.fields[39]], ['00', '00']);
  assert.is(Number(reversal?.fields[54]?.slice(-12)), 1_100_00);
  await host.close();
});

pieces('a 0400 of a completion that took its hold exactly finds the emptied lot', async () => {
  const { host, card, whileCommitting, lastTrace } = await busyHost({ principal: 1_000_00, bonus: 0 });
  const hold = await host.answer(preAuthorisationFrame(host.hotel, card, 50_00));
  const [completion, reversal] = await whileCommitting(
    () => holdFrame(host.hotel, 'completion', hold, 50_00),
    () =>
      reversalFrame(host.hotel, {
        de3: '000000',
        de25: '06',
        type: '20',
        amount: 50_00,
        trace: lastTrace(host.hotel),
      }),
  );
  assert.equal([completion?.fields[39], reversal?.fields[39]], ['00', '00']);
  await host.close();
});

pieces('a 0400 of a void makes no debt while the account has the money', async () => {
  const { host, card, whileCommitting, lastTrace } = await busyHost({ principal: 1_000_00, bonus: 100_00 });
  const sold = await host.answer(saleFrame(host.shop, card, 50_00));
  let trace = '';
  const answers = await whileCommitting(
    () => {
      const frame = voidFrame(host.shop, sold);
      trace = lastTrace(host.shop);
      return frame;
    },
    () => saleFrame(host.second, card, 100_00),
    () => reversalFrame(host.shop, { de3: '200000', type: '23', amount: 50_00, trace }),
  );
  assert.equal(
    answers.map(({ fields }) => fields[39]),
    ['00', '00', '00'],
  );
  const account = (await host.rows('accounts')).find(({ accountId }) => accountId === card.accountId);
  assert.is(account?.owed, 0);
  assert.is(await host.available(card.accountId), 950_00);
  assert.equal(await host.faults(), []);
  await host.close();
});

pieces('an account that another host changed between two reads has the lots of the second', () => {
  const snapshot = new Snapshot([]);
  const found = (version: number, lotId: string): Found => ({
    identities: [],
    transactions: [],
    cards: [],
    accounts: [accountRow('A', { version })],
    lots: [lotRow(lotId, 'A')],
    terminals: [],
    batches: [],
    uploads: [],
    owedReversals: [],
    counters: new Map(),
    day: { businessDate: '20261122', version: 1, state: 'open', openedAt: 0, closedAt: null },
  });
  snapshot.read({ accountIds: ['A'] }, found(1, 'L1'));
  snapshot.read({ accountIds: ['A'] }, found(1, 'L2'));
  assert.equal(
    snapshot.lots('A').map(({ lotId }) => lotId),
    ['L1', 'L2'],
    'those of one version belong together',
  );
  snapshot.read({ accountIds: ['A'] }, found(2, 'L3'));
  assert.is(snapshot.account('A')?.version, 2);
  assert.equal(
    snapshot.lots('A').map(({ lotId }) => lotId),
    ['L3'],
  );
});

pieces.run();
