import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import * as accounts from './accounts.ts';

const names = suite('ledger accounts: the list of the design page');

// biome-ignore format: a table is read by column
for (const [account, family, accountClass, party] of [
  [accounts.CUSTODY,                            'custody',               'asset',     null],
  [accounts.IN_TRANSIT,                         'in-transit',            'asset',     null],
  [accounts.salePointReceivable('S1'),          'receivable:sale-point', 'asset',     'S1'],
  [accounts.OPERATOR_FUNDS,                     'operator-funds',        'equity',    null],
  [accounts.purseAccount('principal', 'A1'),    'purse:principal',       'liability', 'A1'],
  [accounts.purseAccount('bonus', 'A1'),        'purse:bonus',           'liability', 'A1'],
  [accounts.holdsAccount('A1'),                 'holds',                 'liability', 'A1'],
  [accounts.holderReceivable('A1'),             'receivable:holder',     'asset',     'A1'],
  [accounts.merchantPayable('M1'),              'payable:merchant',      'liability', 'M1'],
  [accounts.agentPayable('S1'),                 'payable:agent',         'liability', 'S1'],
  [accounts.REBATE_PAYABLE,                     'payable:rebate',        'liability', null],
  [accounts.COMMISSION_INCOME,                  'income:commission',     'income',    null],
  [accounts.FEE_INCOME,                         'income:fee',            'income',    null],
  [accounts.DISCOUNT_EXPENSE,                   'expense:discount',      'expense',   null],
  [accounts.BONUS_EXPENSE,                      'expense:bonus',         'expense',   null],
  [accounts.REBATE_EXPENSE,                     'expense:rebate',        'expense',   null],
  [accounts.AGENT_EXPENSE,                      'expense:agent',         'expense',   null],
  [accounts.POINTS_LIABILITY,                   'points:liability',      'liability', null],
  [accounts.POINTS_EXPENSE,                     'points:expense',        'expense',   null],
  [accounts.SUSPENSE_SURPLUS,                   'suspense:surplus',      'liability', null],
  [accounts.SUSPENSE_SHORTAGE,                  'suspense:shortage',     'asset',     null],
] as const) {
  names(`${account} is of the family ${family}, class ${accountClass}`, () => {
    const found = accounts.familyOf(account);
    assert.equal([found?.family, found?.party, accounts.classOf(account)], [family, party, accountClass]);
  });
}

names('there is no other family', () => {
  assert.is(Object.keys(accounts.ACCOUNTS).length, 21);
});

for (const name of [
  '',
  'cash',
  'custody:1',
  'payable:merchant',
  'payable:merchant:',
  'purse:principal:A1:B',
  'constructor',
]) {
  names(`"${name}" is none of ours`, () => {
    assert.is(accounts.familyOf(name), undefined);
    assert.throws(
      () => accounts.classOf(name),
      (error: unknown) => error instanceof PosError && error.code === 'INVARIANT',
    );
  });
}

names.run();
