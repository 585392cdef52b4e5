/** A terminal whose power is cut at each journal append in turn, against a real host and a real folder. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Office } from '../office/index.ts';
import { assertAgreement, assertSettles } from './agreement.fixture.ts';
import { Counter, type Customer } from './counter.fixture.ts';

const cut = suite('power cut of a terminal at each journal append: money resolves exactly once');

interface Deed {
  /** Over a good line, before the power becomes bad; gives the command under test. */
  readonly prepare: (counter: Counter, holder: Customer) => Promise<string>;
}
const DEEDS: Readonly<Record<string, Deed>> = {
  sale: { prepare: async () => 'sale 2' },
  void: {
    prepare: async (counter, holder) =>
      `void ${String((await counter.must('sale 3', holder)).facts['trace'])}`,
  },
  refund: {
    prepare: async (counter, holder) => {
      const { facts } = await counter.must('sale 4', holder);
      return `refund 1 ref=${String(facts['rrn'])} date=${String(facts['date'])}`;
    },
  },
  settle: {
    prepare: async (counter, holder) => {
      await counter.must('sale 5', holder);
      return 'settle';
    },
  },
};

/** Types a command and pulls the plug at the append of that number. False: the command ended before it. */
async function cutAt(
  counter: Counter,
  line: string,
  holder: Customer,
  append: number,
  moment: 'before' | 'after',
): Promise<boolean> {
  let appends = 0;
  let isCut = false;
  let tell = () => {};
  const dark = new Promise<void>((resolve) => {
    tell = resolve;
  });
  counter.onAppend = async (write) => {
    appends += 1;
    if (appends !== append) return write();
    if (moment === 'after') await write();
    isCut = true;
    await counter.cutPower();
    tell();
    return new Promise(() => undefined);
  };
  await Promise.race([counter.type(line, holder), dark]);
  counter.onAppend = (write) => write();
  return isCut;
}

for (const [name, deed] of Object.entries(DEEDS)) {
  cut(`a ${name} cut before and after each append resolves; the terminal settles balanced`, async () => {
    const office = await Office.open({ terminals: 1, cards: 1 });
    const [card] = office.cards;
    assert.ok(card);
    const counter = await Counter.open({ office, index: 0 });
    let cuts = 0;
    try {
      for (const moment of ['before', 'after'] as const) {
        for (let append = 1; ; append += 1) {
          const line = await deed.prepare(counter, { card });
          if (!(await cutAt(counter, line, { card }, append, moment))) break;
          cuts += 1;
          await counter.start();
          const where = `${moment} append ${append}`;
          if (counter.terminal.state.settlement !== null)
            assert.is((await counter.type('settle')).code, '00', `${where}: the settlement is taken up`);
          const next = await counter.type('sale 1', { card });
          assert.is(next.code, '00', `${where}: the next sale goes through: ${next.en}`);
        }
      }
      await assertSettles(counter, 0);
      await counter.stop();
      const standing = await assertAgreement(office, [counter]);
      console.log(`${name}: ${cuts} cuts, ${standing} transactions stand`);
      assert.ok(cuts >= 6, `${cuts} cuts`);
    } finally {
      await counter.close();
      await office.close();
    }
  });
}

cut.run();
