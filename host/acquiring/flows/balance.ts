/** Balance 余额查询: judged afresh each time, so that it never shows an old figure. */
import { ensure } from '../../../protocol/index.ts';
import { balances } from '../answer.ts';
import { conclude } from '../effects/deed.ts';
import type { Flow } from '../flow.ts';

export const balance: Flow = {
  act(j) {
    const { account } = j;
    ensure(account !== undefined, 'the card was judged before its balance is shown');
    return conclude(j, j.deps.numbers.nextId(j.now), {
      code: '00',
      state: 'approved',
      remembered: false,
      balances: balances(j, j.view.lots(account.accountId)),
    });
  },
};
