/**
 * The host killed with SIGKILL while terminals sell. Afterwards every transaction that a terminal holds
 * approved is in the books once, and nothing more.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Dice, Office, pause } from '../office/index.ts';
import { assertAgreement, assertSettles } from './agreement.fixture.ts';
import { Counter, type Customer } from './counter.fixture.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);
const KILLS = 4;
const TERMINALS = 3;
/** Longest time from the start of a round to the kill. */
const LIFE_MS_MAX = 1_500;

const crash = suite(`crash of the host, seed ${SEED} (ZUNKA_SEED)`);

/** Sells until the host is gone, voids and refunds too. */
async function sellUntil(counter: Counter, holder: Customer, dice: Dice, over: () => boolean): Promise<void> {
  while (!over()) {
    const deed = dice.below(5);
    const last = counter.terminal.state.transactions.findLast(
      (one) => one.state === 'approved' && one.kind === 'sale',
    );
    if (deed === 0 && last !== undefined) await counter.type(`void ${last.trace}`, holder);
    else if (deed === 1 && last?.answer !== undefined)
      await counter.type(`refund 0.5 ref=${last.answer?.rrn ?? ''} date=${last.answer?.date ?? ''}`, holder);
    else await counter.type(`sale ${1 + dice.below(20)}`, holder);
    await pause(0);
  }
}

crash(
  'killed at random moments while terminals sell, void and refund: all resolve, settle balanced and agree',
  async () => {
    console.log(`seed ${SEED}`);
    const dice = new Dice(SEED);
    const office = await Office.open({ terminals: TERMINALS, cards: TERMINALS + 1, process: 'child' });
    const counters: Counter[] = [];
    try {
      for (let index = 0; index < TERMINALS; index += 1)
        counters.push(await Counter.open({ office, index, settings: { reversalTries: 8, repeatTries: 8 } }));
      for (let kill = 0; kill < KILLS; kill += 1) {
        let isOver = false;
        const selling = counters.map((counter, index) => {
          // The last terminal uses the first one's card: two shops, one account.
          const card = office.cards[index === TERMINALS - 1 ? 0 : index];
          assert.ok(card);
          return sellUntil(counter, { card }, new Dice(SEED + 97 * kill + index), () => isOver);
        });
        await pause(dice.below(LIFE_MS_MAX));
        await office.kill();
        isOver = true;
        await Promise.all(selling);
        await office.start();
      }
      for (const [index, counter] of counters.entries()) {
        const card = office.cards[index];
        assert.ok(card);
        const sold = await counter.type('sale 1', { card });
        assert.is(sold.code, '00', `terminal ${index} sells again: ${sold.en}`);
        await assertSettles(counter, index);
        await counter.stop();
      }
      const standing = await assertAgreement(office, counters);
      console.log(`${KILLS} kills, ${standing} transactions stand`);
      assert.ok(standing >= TERMINALS);
    } finally {
      for (const counter of counters) await counter.close();
      await office.close();
    }
  },
);

crash.run();
