/** Completion 预授权完成: priced anew; the hold pays first, an excess comes from the free balance. */
import { ensure } from '../../../protocol/index.ts';
import { coverOwed } from '../../cards/holder-debt.ts';
import { completionEntry } from '../../ledger/entries.ts';
import { applyToLots } from '../../ledger/spend.ts';
import { balances } from '../answer.ts';
import { conclude, stampOf, touchBatch, writeLots } from '../effects/deed.ts';
import { moneyItems, moneyLines, remarksOfDebt } from '../effects/money-shown.ts';
import { wantOriginal } from '../facts/originals.ts';
import { wantCounters } from '../facts/spend.ts';
import type { Flow } from '../flow.ts';

export const completion: Flow = {
  wants: wantOriginal,
  more: wantCounters,

  act(j) {
    const { account, spend, original, merchant } = j;
    ensure(account !== undefined && spend?.parts != null, 'a completion is judged before it acts');
    ensure(original !== undefined && merchant !== undefined, 'a completion has its hold');
    const { money, rates, priced, parts } = spend;
    const { accountId, salePointId } = account;
    const transactionId = j.deps.numbers.nextId(j.now);

    // 1. What the hold does not need goes back; what it lacks comes from free lots.
    const before = j.view.lots(accountId);
    const moved = applyToLots(applyToLots(before, parts.backToLots, 1), parts.fromFree, -1);
    // … unless the holder owes: what comes back covers a debt first.
    const debt = coverOwed(account, moved, j.businessDate, () => stampOf(j, transactionId));
    const after = debt.lots;
    writeLots(j, accountId, before, after, { owed: debt.owed });
    j.writes.count(priced.uses);

    // 2. A hold is completed once.
    j.writes.replace('transactions', original, { state: 'completed' });

    // 3. From here on it is a sale.
    const parties = { accountId, merchantId: merchant.id, salePointId };
    const entry = completionEntry(stampOf(j, transactionId, original.entryId), { parties, money, parts });
    touchBatch(j, j.request.terminalId, j.request.batch);

    return conclude(j, transactionId, {
      code: '00',
      state: 'approved',
      authorised: true,
      original,
      money,
      rates,
      trace57: priced.trace,
      entries: debt.entry === null ? [entry] : [entry, debt.entry],
      balances: balances(j, after),
      items: moneyItems(money),
      lines: () => moneyLines(money),
      remarks: remarksOfDebt(debt),
    });
  },
};
