import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError, TRANSACTIONS } from '../../protocol/index.ts';
import { TestHost } from '../host.fixture.ts';
import { openShop, openShopForBusiness, type Shop, TestClerk, TRACK2 } from '../shop.fixture.ts';
import { MOVES, type Move, moveWithoutAnswer, STATES, type TransactionState } from '../transaction-states.ts';
import { segmentNames } from './journal.ts';
import type { AnswerFacts, JournalEvent, TerminalState, TransactionRecord } from './model.ts';
import { apply, carriedOver, newTerminalState } from './state.ts';

/** What the host said under a right MAC, and nothing else, ends a debt. */
const ENDS_A_DEBT: readonly Move[] = ['reversed', 'approve', 'decline'];
const ANSWER: AnswerFacts = {
  code: '00',
  rrn: 'R1',
  auth: null,
  date: '1122',
  time: '120000',
  amount: fen(100),
};

/** Small, and the same again under the same seed. */
class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed * 2_654_435_761 + 1;
  }

  below(count: number): number {
    this.#state = (Math.imul(this.#state ^ (this.#state >>> 15), 2_246_822_519) + 0x9e37_79b9) >>> 0;
    return (this.#state >>> 8) % count;
  }

  of<T>(things: readonly T[]): T {
    return things[this.below(things.length)] as T;
  }
}

/** A reversal or a repeat is owed, or will be when no answer comes. */
function isDebt(one: TransactionRecord): boolean {
  if (STATES[one.state].open === 'no') return false;
  const silence = moveWithoutAnswer(TRANSACTIONS[one.kind].lostAnswer);
  return one.state !== 'sent' || silence === 'owe' || silence === 'repeat';
}

/** Throws unless every debt of `before` is there afterwards, or was ended by this record with evidence. */
function assertDebtsKept(
  before: TerminalState,
  event: JournalEvent,
  after: TerminalState,
  where: string,
): void {
  for (const debt of before.transactions.filter(isDebt)) {
    const now = after.transactions.find(({ ut }) => ut === debt.ut);
    assert.ok(now, `${where}: ${event.type} lost ${debt.kind} ${debt.trace}`);
    assert.is(now.amount, debt.amount, `${where}: what is owed is not changed`);
    if (isDebt(now)) continue;
    assert.ok(
      event.type === 'transaction moved' && event.ut === debt.ut,
      `${where}: ${event.type} ended a debt`,
    );
    assert.ok(ENDS_A_DEBT.includes(event.move), `${where}: ${event.move} ended a debt`);
  }
}

const table = suite('debts: the table of moves');

for (const [state, moves] of Object.entries(MOVES)) {
  table(`${state}: a debt is left by evidence only`, () => {
    const { open } = STATES[state as TransactionState];
    for (const [move, to] of Object.entries(moves)) {
      if (open === 'no' || open === 'answer') continue;
      assert.ok(STATES[to].open !== 'no' || ENDS_A_DEBT.includes(move as Move), `${move} → ${to}`);
    }
    if (open !== 'no') assert.ok(Object.keys(moves).length > 0, 'it can be left');
  });
}

table.run();

const fold = suite('debts: any records in any order');

/** A record that may or may not fit: the fold refuses those that do not. */
function anyEvent(dice: Dice, state: TerminalState, nth: number): JournalEvent {
  const one = dice.of(state.transactions.length === 0 ? [null] : state.transactions);
  const ut = one?.ut ?? 'none';
  const moves = Object.keys(MOVES.sent).concat(
    'reversed',
    'exhaust',
    'tryAgain',
    'setAside',
    'void',
  ) as Move[];
  const move = dice.of(moves);
  const to = MOVES[one?.state ?? 'sent'][move] ?? dice.of(Object.keys(STATES) as TransactionState[]);
  const events: readonly JournalEvent[] = [
    { type: 'transaction sent', transaction: record(dice, state, nth) },
    { type: 'transaction moved', ut, move, to },
    { type: 'transaction moved', ut, move, to, answer: ANSWER, by: '00', code: '00' },
    { type: 'transaction moved', ut, move, to },
    { type: 'reversal tried', ut, code: 'silent' },
    { type: 'repeat tried', ut, code: '96' },
    { type: 'repeat confirmed', ut, by: '00', at: '2026-11-23T04:00:00.000Z' },
    { type: 'batch adopted', batch: 1 + dice.below(999) },
    { type: 'signed in', peerSpeaksDe57: dice.below(2) === 0 },
    { type: 'signed off' },
    { type: 'sign-in due', code: 'A0' },
    { type: 'logged off' },
    { type: 'segment opened', cause: 'new batch', headBefore: '', state: carriedOver(state) },
  ];
  return dice.of(events);
}

function record(dice: Dice, state: TerminalState, nth: number): TransactionRecord {
  const kind = dice.of([
    'sale',
    'void',
    'refund',
    'preAuthorisation',
    'completion',
    'balance',
    'fateQuery',
  ] as const);
  return {
    ut: `UT${nth}`,
    kind,
    state: 'sent',
    batch: state.batch,
    trace: state.nextTrace,
    amount: fen(1 + dice.below(9_999)),
    operator: '01',
    supervisor: null,
    panMasked: '627788******0016',
    sealedCard: 'sealed',
    entry: 'S',
    expiry: null,
    pinChecked: false,
    request: { mti: TRANSACTIONS[kind].mti, fields: {} },
    original: null,
    at: '2026-11-22T04:00:00.000Z',
    answer: null,
    reversal: null,
    repeats: 0,
  };
}

fold('keep every debt until an answer ends it: 200 seeds of 300 records', () => {
  let ended = 0;
  let refused = 0;
  for (let seed = 1; seed <= 200; seed += 1) {
    const dice = new Dice(seed);
    let state = newTerminalState('12345678', '898410000000001');
    for (let nth = 0; nth < 300; nth += 1) {
      const event = anyEvent(dice, state, nth);
      let next: TerminalState;
      try {
        next = apply(state, event);
      } catch (error) {
        assert.instance(error, PosError);
        refused += 1;
        continue;
      }
      assertDebtsKept(state, event, next, `seed ${seed}, record ${nth}`);
      ended += state.transactions.filter(isDebt).length > next.transactions.filter(isDebt).length ? 1 : 0;
      state = next;
    }
  }
  assert.ok(ended > 700 && refused > 10_000, `${ended} debts ended, ${refused} records refused`);
});

fold.run();

const flows = suite('debts: all flows at a counter where everything goes wrong');

const LINES = [
  'sale 5',
  'sale 6',
  'sale 7',
  'sale 128',
  'balance',
  'preauth 50',
  'complete 20 auth=A12345 date=1122',
  'preauth-void 50 auth=A12345 date=1122',
  'void 2',
  'void 5',
  'refund 3 ref=R00000000002 date=1122',
  'refund 4 ref=R00000000004 date=1122',
  'fate 2',
  'settle',
  'reversal send',
  'reversal decide',
  'repeat send',
  'repeat decide',
  'signin',
  'signoff',
  'paper',
  'status send',
] as const;
const TROUBLE = [
  { lose: true },
  { loseRequest: true },
  { wrongMac: true },
  { noMac: true },
  { code: '96' },
  { code: '94' },
  { code: 'A0', noMac: true },
  { code: '77' },
  { code: '51' },
  { fields: { 4: '000000000001' } },
  { twice: true },
] as const;
/** What goes wrong most is what debts are made of. */
const MTIS = ['0100', '0200', '0200', '0220', '0400', '0400', '0400', '0500', '0320', '0800'] as const;

/** The records of all segments as they lie on the disk, in order. */
async function eventsOf(shop: Shop): Promise<readonly JournalEvent[]> {
  const events: JournalEvent[] = [];
  for (const name of segmentNames(await shop.disk.list())) {
    for (const line of (await shop.disk.read(name)).toString().trimEnd().split('\n')) {
      events.push(JSON.parse(line.slice(0, line.lastIndexOf('\t'))) as JournalEvent);
    }
  }
  return events;
}

async function badDay(seed: number): Promise<Shop> {
  const dice = new Dice(seed);
  const host = new TestHost();
  const clerk = new TestClerk();
  const settings = {
    reversalTries: 1 + dice.below(2),
    repeatTries: 1,
    afterReversalTries: dice.of(['ask', 'goOn'] as const),
  };
  const other = TRACK2.replace('0016', '0024');
  const answer = clerk.ask.bind(clerk);
  clerk.ask = (prompt) => {
    if (prompt.endsWith('Decision')) clerk.answers[prompt] = dice.of(['0', '1', '2']);
    return answer(prompt);
  };
  let shop = await openShopForBusiness({ host, clerk, settings });
  for (let step = 0; step < 40; step += 1) {
    host.mischief = Array.from({ length: dice.below(6) }, () => ({
      mti: dice.of(MTIS),
      ...dice.of(TROUBLE),
    }));
    shop.pad.opensSealed = dice.below(5) > 0;
    shop.printer.tearsAfter = dice.below(4) === 0 ? 3 : null;
    shop.printer.status = { ...shop.printer.status, paper: dice.below(4) === 0 ? 'out' : 'enough' };
    if (dice.below(10) === 0) shop.clock.time += 48 * 3_600_000;
    if (dice.below(8) === 0) {
      const { disk, pad, printer, clock } = shop;
      shop = await openShop({
        host,
        clerk,
        settings,
        disk,
        pad,
        printer,
        clock,
        track: dice.of([TRACK2, other]),
      });
    } else {
      if (!shop.terminal.state.signedIn) await shop.terminal.command('signin');
      await shop.terminal.command(dice.of(LINES));
    }
  }
  return shop;
}

flows(
  'leave no debt but by 00, 12 or 25 to a 0400, or an answer to the repeat: 40 seeds of 40 acts',
  async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 40; seed += 1) {
      const shop = await badDay(seed);
      let state = newTerminalState('', '');
      for (const [nth, event] of (await eventsOf(shop)).entries()) {
        const next = apply(state, event);
        if (event.type !== 'segment opened' || nth > 0)
          assertDebtsKept(state, event, next, `seed ${seed}, record ${nth}`);
        if (event.type === 'transaction moved') {
          seen.add(event.move);
          if (event.move === 'reversed')
            assert.ok(['00', '12', '25'].includes(event.code ?? ''), `seed ${seed}, record ${nth}`);
        }
        state = next;
      }
      assert.equal(
        state.transactions.map(({ ut }) => ut),
        shop.terminal.state.transactions.map(({ ut }) => ut),
        `seed ${seed}`,
      );
    }
    assert.equal([...seen].sort(), [
      'approve',
      'decline',
      'exhaust',
      'giveUp',
      'owe',
      'repeat',
      'reversed',
      'setAside',
      'tryAgain',
    ]);
  },
);

flows.run();
