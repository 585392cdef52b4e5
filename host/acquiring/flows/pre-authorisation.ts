/** Pre-authorisation 预授权: priced, and held at what the card would pay; nothing is earned yet. */
import { ensure } from '../../../protocol/index.ts';
import { holdEntry } from '../../ledger/entries.ts';
import { applyToLots } from '../../ledger/spend.ts';
import { balances } from '../answer.ts';
import { conclude, stampOf, touchBatch, writeLots } from '../effects/deed.ts';
import { moneyItems, moneyLines } from '../effects/money-shown.ts';
import { wantCounters } from '../facts/spend.ts';
import type { Flow } from '../flow.ts';

export const preAuthorisation: Flow = {
  more: wantCounters,

  act(j) {
    const { account, spend } = j;
    ensure(account !== undefined && spend != null, 'a pre-authorisation is judged before it acts');
    const { money, rates, priced } = spend;
    const { accountId } = account;
    const transactionId = j.deps.numbers.nextId(j.now);

    // The completion prices anew, so the capped rules are used up there, not here.
    const before = j.view.lots(accountId);
    const after = applyToLots(before, money.lots, -1);
    writeLots(j, accountId, before, after);
    const entry = holdEntry(stampOf(j, transactionId), { accountId, lots: money.lots });
    touchBatch(j, j.request.terminalId, j.request.batch);

    return conclude(j, transactionId, {
      code: '00',
      state: 'approved',
      authorised: true,
      money,
      rates,
      trace57: priced.trace,
      entries: [entry],
      balances: balances(j, after),
      items: moneyItems(money),
      lines: () => moneyLines(money),
    });
  },
};
