/** Sale 消费: the price under contract and rules, from the account's lots, in one balanced entry. */
import { ensure } from '../../../protocol/index.ts';
import { saleEntry } from '../../ledger/entries.ts';
import { applyToLots } from '../../ledger/spend.ts';
import { balances } from '../answer.ts';
import { conclude, stampOf, touchBatch, writeLots } from '../effects/deed.ts';
import { moneyLines, saleItems } from '../effects/money-shown.ts';
import { wantCounters } from '../facts/spend.ts';
import type { Flow } from '../flow.ts';

export const sale: Flow = {
  more: wantCounters,

  act(j) {
    const { account, spend, merchant } = j;
    ensure(
      account !== undefined && spend != null && merchant !== undefined,
      'a sale is judged before it acts',
    );
    const { money, rates, priced } = spend;
    const { accountId, salePointId } = account;
    const transactionId = j.deps.numbers.nextId(j.now);

    // 1. The lots pay, and the capped rules use up what they gave.
    const before = j.view.lots(accountId);
    const after = applyToLots(before, money.lots, -1);
    writeLots(j, accountId, before, after);
    j.writes.count(priced.uses);

    // 2. The entry: purses pay, the merchant is owed, rebate and the agent's share accrue.
    const parties = { accountId, merchantId: merchant.id, salePointId };
    const entry = saleEntry(stampOf(j, transactionId), { parties, money });

    // 3. It counts in the terminal's open batch.
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
      items: saleItems(money, rates.ruleIds),
      lines: () => moneyLines(money),
    });
  },
};
