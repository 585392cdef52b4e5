import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import type { Contract } from '../programme/model.ts';
import type { Rule } from '../rules/model.ts';
import { price } from '../rules/price.ts';
import type { LotRow } from '../store/rows.ts';
import * as entries from './entries.ts';
import { giveBack } from './give-back.ts';
import type { Entry, LotPart, SaleMoney } from './model.ts';
import { takePart } from './parts.ts';
import { credit, debit, entryOf } from './postings.ts';
import { priceMoney, takeForCompletion } from './spend.ts';

const PARTIES = { accountId: 'A1', merchantId: 'M1', salePointId: 'S1' };
const STAMP: entries.Stamp = {
  entryId: 'E1',
  businessDate: '20261122',
  cause: { kind: 'transaction', id: 'T1' },
  at: Date.UTC(2026, 10, 22, 4, 0),
  branchId: 'B1',
  terminalId: '00000001',
};
const CONTRACT: Contract = {
  id: 'C1',
  version: 3,
  settlementBp: 8_000,
  rebateBp: 200,
  agentBp: 50,
  payoutDays: 1,
  minimumPayout: fen(0),
};

const sales = suite('sale: 128.00, discount 10 %, settlement rate 80 %');

// The design page, "Sale": the three ways to fund the discount.
// biome-ignore format: a table is read by column
for (const [issuerShareBp, postings, sentence] of [
  [10_000, ['Dr purse:principal:A1 115.20', 'Dr expense:discount 12.80', 'Cr payable:merchant:M1 102.40', 'Cr income:commission 25.60'], 'issuer-funded: 115.20 + 12.80 = 102.40 + 25.60'],
  [     0, ['Dr purse:principal:A1 115.20', 'Cr payable:merchant:M1 92.16', 'Cr income:commission 23.04'],                               'merchant-funded: 115.20 = 92.16 + 23.04'],
  [ 5_000, ['Dr purse:principal:A1 115.20', 'Dr expense:discount 6.40', 'Cr payable:merchant:M1 97.28', 'Cr income:commission 24.32'],   'half each: 115.20 + 6.40 = 97.28 + 24.32'],
] as const) {
  sales(sentence, () => {
    const entry = entries.saleEntry(STAMP, { parties: PARTIES, money: saleOf(issuerShareBp) });
    assert.equal(told(entry).slice(0, postings.length), postings);
  });
}

sales('accrues 2 % rebate, 0.5 % to the agent and a point a yuan in the same entry', () => {
  const entry = entries.saleEntry(STAMP, { parties: PARTIES, money: saleOf(10_000) });
  assert.equal(told(entry).slice(4), [
    'Dr expense:rebate 2.30',
    'Cr payable:rebate 2.30',
    'Dr expense:agent 0.58',
    'Cr payable:agent:S1 0.58',
    'Dr points:expense 115 points',
    'Cr points:liability 115 points',
  ]);
});

sales("keeps the contract's version and the rules with the sale", () => {
  const { rates } = priceMoney(pricedWith(10_000), principal(115_20), CONTRACT);
  assert.equal(rates, {
    contractId: 'C1',
    contractVersion: 3,
    settlementBp: 8_000,
    rebateBp: 200,
    agentBp: 50,
    ruleIds: ['D10'],
  });
});

sales('bonus money earns no points', () => {
  const lots: readonly LotPart[] = [
    { lotId: 'B', purse: 'bonus', amount: fen(15_20) },
    { lotId: 'P', purse: 'principal', amount: fen(100_00) },
  ];
  assert.is(priceMoney(pricedWith(10_000), lots, CONTRACT).money.points, 100);
});

sales('refuses money whose lots do not sum to what is paid', () => {
  const money = { ...saleOf(10_000), lots: principal(115_19) };
  assert.throws(() => entries.saleEntry(STAMP, { parties: PARTIES, money }), failsWith('INVARIANT'));
});

sales.run();

const undoing = suite('void, reversal and refund');

undoing('a void is the exact mirror of its sale and names it', () => {
  const sale = entries.saleEntry(STAMP, { parties: PARTIES, money: saleOf(5_000) });
  const voided = entries.mirrorEntry(sale, 'void', { ...STAMP, entryId: 'E2' });
  assert.is(voided.corrects, 'E1');
  assert.equal(
    voided.postings.map((posting) => [posting.account, posting.lot, posting.unit, posting.amount]),
    sale.postings.map((posting) => [posting.account, posting.lot, posting.unit, -posting.amount]),
  );
});

undoing('undoing all of an untouched sale as a refund makes the postings of its mirror', () => {
  const money = saleOf(5_000);
  const { part } = takePart(money, null, money.gross);
  const mirror = entries.mirrorEntry(entries.saleEntry(STAMP, { parties: PARTIES, money }), 'void', STAMP);
  const back = giveBack(part, null);
  const refund = entries.refundEntry(STAMP, { parties: PARTIES, part, back, event: 'void' });
  assert.equal([...told(refund)].sort(), [...told(mirror)].sort());
});

undoing(
  'a refund of 64.00: Dr payable 51.20, commission 12.80; Cr purses 57.60, discount expense 6.40; accruals mirrored',
  () => {
    const { part } = takePart(saleOf(10_000), null, fen(64_00));
    const entry = entries.refundEntry(STAMP, { parties: PARTIES, part, back: giveBack(part, null) });
    assert.equal(told(entry), [
      'Cr expense:discount 6.40',
      'Dr payable:merchant:M1 51.20',
      'Dr income:commission 12.80',
      'Cr expense:rebate 1.15',
      'Dr payable:rebate 1.15',
      'Cr expense:agent 0.29',
      'Dr payable:agent:S1 0.29',
      'Cr points:expense 58 points',
      'Dr points:liability 58 points',
      'Cr purse:principal:A1 57.60',
    ]);
  },
);

undoing('a rebate that was paid and is gone is kept from what the refund gives, bonus part first', () => {
  const money: SaleMoney = {
    ...saleOf(10_000),
    lots: [
      { lotId: 'P1', purse: 'principal', amount: fen(113_70) },
      { lotId: 'B1', purse: 'bonus', amount: fen(1_50) },
    ],
  };
  const { part } = takePart(money, null, fen(128_00));
  const back = giveBack(part, 'gone');
  assert.is(back.rebateKept, 2_30);
  assert.equal(back.given, [{ lotId: 'P1', purse: 'principal', amount: 113_70 - 80 }]);
  const entry = entries.refundEntry(STAMP, { parties: PARTIES, part, back });
  assert.not.ok(
    told(entry).some((line) => line.includes('payable:rebate')),
    'what was paid is not owed',
  );
  assert.ok(told(entry).includes('Cr expense:rebate 2.30'));
  assert.ok(told(entry).includes('Cr purse:principal:A1 112.90'));
});

undoing('a rebate that was paid and is still there is taken from the lot it was paid into', () => {
  const { part } = takePart(saleOf(10_000), null, fen(128_00));
  const back = giveBack(part, { ...rebateLot(), remaining: fen(2_00) });
  assert.equal(back.rebateFromLot, [{ lotId: 'R1', purse: 'bonus', amount: 2_00 }]);
  assert.is(back.rebateKept, 30);
  const entry = entries.refundEntry(STAMP, { parties: PARTIES, part, back });
  assert.ok(told(entry).includes('Dr purse:bonus:A1 2.00'));
  assert.ok(told(entry).includes('Cr purse:principal:A1 114.90'));
});

undoing.run();

const holds = suite('pre-authorisation, completion, lapse');

holds('a hold moves money from the purse to the holds, lot by lot', () => {
  assert.equal(told(entries.holdEntry(STAMP, { accountId: 'A1', lots: principal(115_20) })), [
    'Dr purse:principal:A1 115.20',
    'Cr holds:A1 115.20',
  ]);
});

holds('a completion below the hold pays the merchant and gives the rest back to its lot', () => {
  const held = principal(200_00);
  const parts = takeForCompletion(held, [], fen(115_20), 'bonus-first', '20261122');
  assert.ok(parts);
  const entry = entries.completionEntry(STAMP, { parties: PARTIES, money: saleOf(10_000), parts });
  assert.equal(told(entry).slice(0, 5), [
    'Dr holds:A1 200.00',
    'Cr purse:principal:A1 84.80',
    'Dr expense:discount 12.80',
    'Cr payable:merchant:M1 102.40',
    'Cr income:commission 25.60',
  ]);
});

holds('a completion above the hold takes the excess from a free lot', () => {
  const held = principal(100_00);
  const parts = takeForCompletion(
    held,
    [{ ...rebateLot(), remaining: fen(50_00) }],
    fen(115_20),
    'bonus-first',
    '20261122',
  );
  assert.ok(parts);
  const money = { ...saleOf(10_000), lots: parts.lots };
  assert.equal(told(entries.completionEntry(STAMP, { parties: PARTIES, money, parts })).slice(0, 3), [
    'Dr holds:A1 100.00',
    'Dr purse:bonus:A1 15.20',
    'Dr expense:discount 12.80',
  ]);
});

holds('a lapse gives the hold back', () => {
  const entry = entries.releaseEntry(STAMP, { accountId: 'A1', lots: principal(115_20) });
  assert.equal(
    [entry.event, ...told(entry)],
    ['hold-released', 'Dr holds:A1 115.20', 'Cr purse:principal:A1 115.20'],
  );
});

holds.run();

const table = suite('the other lines of the table "Books"');

// biome-ignore format: a table is read by column
for (const [entry, postings, sentence] of [
  [entries.loadEntry(STAMP, { accountId: 'A1', salePointId: 'S1', principal: fen(1_000_00), principalLotId: 'P', bonus: fen(100_00), bonusLotId: 'B' }),
    ['Dr receivable:sale-point:S1 1000.00', 'Dr expense:bonus 100.00', 'Cr purse:principal:A1 1000.00', 'Cr purse:bonus:A1 100.00'], 'card loaded with 1,000 and a bonus of 100'],
  [entries.remittanceSentEntry(STAMP, 'S1', fen(500_00)),      ['Dr in-transit 500.00', 'Cr receivable:sale-point:S1 500.00'],  'remittance sent'],
  [entries.remittanceArrivedEntry(STAMP, fen(500_00)),         ['Dr custody 500.00', 'Cr in-transit 500.00'],                   'remittance arrived'],
  [entries.rebatePaidEntry(STAMP, { accountId: 'A1', amount: fen(2_30), lotId: 'R' }), ['Dr payable:rebate 2.30', 'Cr purse:bonus:A1 2.30'], 'rebate paid to the card'],
  [entries.payoutSentEntry(STAMP, 'M1', fen(102_40)),          ['Dr payable:merchant:M1 102.40', 'Cr in-transit 102.40'],       'payment file sent'],
  [entries.payoutPaidEntry(STAMP, fen(102_40)),                ['Dr in-transit 102.40', 'Cr custody 102.40'],                   'bank paid'],
  [entries.payoutRejectedEntry(STAMP, 'M1', fen(102_40)),      ['Dr in-transit 102.40', 'Cr payable:merchant:M1 102.40'],       'bank rejected'],
  [entries.operatorFundsEntry(STAMP, { direction: 'in', amount: fen(1_00) }),  ['Dr custody 1.00', 'Cr operator-funds 1.00'],    'operator pays in'],
  [entries.operatorFundsEntry(STAMP, { direction: 'out', amount: fen(1_00) }), ['Dr operator-funds 1.00', 'Cr custody 1.00'],    'operator takes out'],
  [entries.differenceEntry(STAMP, { kind: 'surplus', counterAccount: 'custody', amount: fen(7) }),  ['Dr custody 0.07', 'Cr suspense:surplus 0.07'],  'surplus found'],
  [entries.differenceEntry(STAMP, { kind: 'shortage', counterAccount: 'custody', amount: fen(7) }), ['Dr suspense:shortage 0.07', 'Cr custody 0.07'], 'shortage found'],
  [entries.debtCoveredEntry(STAMP, { accountId: 'A1', lots: principal(3_00) }), ['Dr purse:principal:A1 3.00', 'Cr receivable:holder:A1 3.00'], 'a holder\'s debt covered'],
] as const) {
  table(sentence, () => assert.equal(told(entry), postings));
}

table('an approved adjustment names the entry it corrects', () => {
  const postings = [debit('expense:discount', 7), credit('payable:merchant:M1', 7)];
  const entry = entries.adjustmentEntry({ ...STAMP, corrects: 'E0' }, postings);
  assert.equal(
    [entry.event, entry.corrects, ...told(entry)],
    ['adjustment', 'E0', 'Dr expense:discount 0.07', 'Cr payable:merchant:M1 0.07'],
  );
});

table.run();

const balance = suite('an entry that does not balance is never made');

balance('refuses a sum that is not zero in one unit, even when the other makes up for it', () => {
  assert.throws(
    () => entryOf(STAMP, 'adjustment', [debit('custody', 5), credit('points:liability', 5, null, 'points')]),
    failsWith('BOOKS_UNBALANCED'),
  );
});
balance('refuses an account that is none of ours', () => {
  assert.throws(
    () => entryOf(STAMP, 'adjustment', [debit('cash', 5), credit('custody', 5)]),
    failsWith('BOOKS_UNBALANCED'),
  );
});
balance('refuses a purse without a lot and a lot where there are none', () => {
  const lotless = [debit('purse:principal:A1', 5), credit('custody', 5)];
  const lotted = [debit('income:fee', 5, 'L1'), credit('custody', 5)];
  assert.throws(() => entryOf(STAMP, 'adjustment', lotless), failsWith('BOOKS_UNBALANCED'));
  assert.throws(() => entryOf(STAMP, 'adjustment', lotted), failsWith('BOOKS_UNBALANCED'));
});
balance("refuses an identifier that would break the account's name", () => {
  assert.throws(() => entries.payoutSentEntry(STAMP, 'M 1', fen(1)), failsWith('INVARIANT'));
});

balance.run();

function pricedWith(issuerShareBp: number) {
  const d10: Rule = {
    id: 'D10',
    version: 1,
    name: '九折',
    validFrom: '20260101',
    validTo: null,
    priority: 0,
    stackGroup: 'member',
    exclusive: false,
    conditions: {},
    effect: { kind: 'discount', basisPoints: 1_000 },
    issuerShareBp,
    caps: {},
  };
  const spend = {
    gross: fen(128_00),
    businessDate: '20261122',
    at: STAMP.at,
    merchantId: 'M1',
    branchId: 'B1',
    trade: 'restaurant',
    tier: 'green',
    accountId: 'A1',
    used: new Map(),
  };
  return price(spend, [d10], { tierPointsBp: 10_000, rebateBp: 200, yuanPerPoint: 1 });
}

function saleOf(issuerShareBp: number): SaleMoney {
  return priceMoney(pricedWith(issuerShareBp), principal(115_20), CONTRACT).money;
}

function principal(amount: number): readonly LotPart[] {
  return [{ lotId: 'P', purse: 'principal', amount: fen(amount) }];
}

function rebateLot(): LotRow {
  return {
    lotId: 'R1',
    accountId: 'A1',
    purse: 'bonus',
    salePointId: 'S1',
    loadedOn: '20261101',
    expiresOn: null,
    registered: true,
    loaded: fen(100_00),
    remaining: fen(100_00),
  };
}

function told(entry: Entry): readonly string[] {
  return entry.postings.map(({ account, unit, amount }) => {
    const size = unit === 'fen' ? (Math.abs(amount) / 100).toFixed(2) : `${Math.abs(amount)} points`;
    return `${amount > 0 ? 'Dr' : 'Cr'} ${account} ${size}`;
  });
}

function failsWith(code: string) {
  return (error: unknown) => error instanceof PosError && error.code === code;
}
