import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codec } from './codec.ts';
import type { Message } from './message.ts';
import {
  answeredTransactionOf,
  hasCard,
  missingFields,
  reversedTransactionOf,
  TRANSACTIONS,
  type TransactionKind,
  transactionOf,
} from './transactions.ts';

function message(mti: string, fields: Readonly<Record<number, string>>): Message {
  return codec.decode(codec.encode({ mti, fields }));
}

const catalogue = suite('transactions are told by MTI, DE3, DE25 and 60.1, management by MTI and 60.3');

// The dialect's table, typed again: kind, MTI, DE3, DE25, 60.1.
// biome-ignore format: a table is read by column
const FINANCIAL: readonly (readonly [TransactionKind, string, string, string, string])[] = [
  ['balance',              '0200', '310000', '00', '01'],
  ['sale',                 '0200', '000000', '00', '22'],
  ['void',                 '0200', '200000', '00', '23'],
  ['refund',               '0220', '200000', '00', '25'],
  ['preAuthorisation',     '0100', '030000', '06', '10'],
  ['preAuthorisationVoid', '0100', '200000', '06', '11'],
  ['completion',           '0200', '000000', '06', '20'],
  ['completionVoid',       '0200', '200000', '06', '21'],
  ['pointsQuery',          '0200', '310000', '65', '03'],
  ['pointsSale',           '0200', '000000', '65', '22'],
  ['pointsVoid',           '0200', '200000', '65', '23'],
  ['pointsEarn',           '0220', '210000', '65', '28'],
  ['topUpVerification',    '0100', '330000', '00', '01'],
  ['cashTopUp',            '0200', '630000', '00', '48'],
  ['topUpConfirmation',    '0220', '630000', '00', '48'],
  ['accountTopUp',         '0200', '400000', '66', '49'],
  ['activation',           '0200', '900000', '00', '60'],
  ['lossReport',           '0200', '910000', '00', '61'],
  ['pinChange',            '0200', '920000', '00', '62'],
  ['fateQuery',            '0200', '320000', '00', '63'],
];

for (const [kind, mti, de3, de25, type601] of FINANCIAL) {
  catalogue(`${kind}: ${mti} ${de3} ${de25} ${type601}`, () => {
    const fields = { 3: de3, 25: de25, 60: `${type601}000001000` };
    assert.is(transactionOf(message(mti, fields))?.kind, kind);
    // Another 60.1 is another transaction, or none.
    assert.is.not(transactionOf(message(mti, { ...fields, 60: '99000001000' }))?.kind, kind);
    const answer = message(TRANSACTIONS[kind].answerMti, fields);
    assert.is(transactionOf(answer), undefined);
    assert.is(answeredTransactionOf(answer)?.kind, kind);
  });
}

// biome-ignore format: a table is read by column
for (const [kind, mti, code] of [
  ['signIn',        '0800', '001'], ['signIn',        '0800', '003'],
  ['signIn',        '0800', '004'], ['signIn',        '0800', '005'],
  ['signOff',       '0820', '002'], ['echo',          '0820', '301'],
  ['status',        '0820', '362'], ['parameters',    '0800', '360'],
  ['parametersEnd', '0800', '361'], ['blacklist',     '0800', '390'],
  ['blacklistEnd',  '0800', '391'], ['settlement',    '0500', '201'],
  ['batchUpload',   '0320', '201'], ['batchUpload',   '0320', '202'],
  ['batchUpload',   '0320', '207'],
] as const) {
  catalogue(`${kind}: ${mti} ${code}`, () => {
    assert.is(transactionOf(message(mti, { 60: `00000001${code}` }))?.kind, kind);
  });
}

catalogue('a 0400 is a reversal, and tells what it reverses', () => {
  const reversal = message('0400', { 3: '200000', 25: '06', 60: '11000001000' });
  assert.is(transactionOf(reversal)?.kind, 'reversal');
  assert.is(answeredTransactionOf(message('0410', {}))?.kind, 'reversal');
  assert.is(reversedTransactionOf(reversal)?.kind, 'preAuthorisationVoid');
  // Short DE60 of a captured 0400 (halo.pos).
  assert.is(reversedTransactionOf(message('0400', { 3: '000000', 25: '00', 60: '22000705' }))?.kind, 'sale');
  assert.is(
    reversedTransactionOf(message('0400', { 3: '630000', 25: '00', 60: '48000001000' }))?.kind,
    'cashTopUp',
  );
});

catalogue('what is not spoken is no transaction', () => {
  for (const [mti, fields] of [
    ['0200', {}],
    ['0200', { 3: '000000', 25: '00' }],
    ['0200', { 3: '000000', 25: '64', 60: '22000001000' }],
    ['0210', { 3: '000000', 25: '00', 60: '22000001000' }],
    ['0800', { 60: '00000001999' }],
    ['0800', { 60: '00000001' }],
    ['0900', { 60: '00000001003' }],
    ['0100', { 3: '000000', 25: '00', 60: '22000001000' }],
  ] as const) {
    assert.is(transactionOf(message(mti, fields)), undefined, mti);
  }
});

catalogue('a lost answer means what the dialect says', () => {
  const by = (lost: string) =>
    Object.values(TRANSACTIONS)
      .filter((spec) => spec.lostAnswer === lost)
      .map((spec) => spec.kind);
  assert.equal(by('nothing'), ['balance', 'pointsQuery', 'topUpVerification']);
  assert.equal(by('reversal'), [
    'sale',
    'void',
    'preAuthorisation',
    'preAuthorisationVoid',
    'completion',
    'completionVoid',
    'pointsSale',
    'pointsVoid',
  ]);
  assert.equal(by('repeat'), [
    'refund',
    'pointsEarn',
    'topUpConfirmation',
    'activation',
    'lossReport',
    'pinChange',
    'reversal',
  ]);
  assert.equal(by('confirmation'), ['cashTopUp']);
  assert.equal(by('fate query'), ['accountTopUp']);
  assert.equal(by('ask again'), ['fateQuery']);
});

catalogue('totals count sales and completions as debit; returns, top-ups and loads as credit', () => {
  const by = (side: string) =>
    Object.values(TRANSACTIONS)
      .filter((spec) => spec.counts === side)
      .map((spec) => spec.kind);
  assert.equal(by('debit'), ['sale', 'completion']);
  assert.equal(by('credit'), ['void', 'refund', 'completionVoid', 'cashTopUp', 'accountTopUp', 'activation']);
});

catalogue('traces are used by 0100, 0200, 0220, 0500, 0320 and sign-in, not by the rest', () => {
  for (const { kind, mti, usesTrace } of Object.values(TRANSACTIONS)) {
    assert.is(usesTrace, ['0100', '0200', '0220', '0500', '0320'].includes(mti) || kind === 'signIn', kind);
  }
});

catalogue('answers have MTI + 10', () => {
  const answers = new Map(Object.values(TRANSACTIONS).map(({ mti, answerMti }) => [mti, answerMti]));
  assert.equal([...answers].sort(), [
    ['0100', '0110'],
    ['0200', '0210'],
    ['0220', '0230'],
    ['0320', '0330'],
    ['0400', '0410'],
    ['0500', '0510'],
    ['0800', '0810'],
    ['0820', '0830'],
  ]);
});

catalogue.run();

const presence = suite('presence of fields');

const COMMON = {
  3: '000000',
  11: '000123',
  22: '021',
  25: '00',
  41: '10000001',
  42: '100000000000001',
  49: '156',
  60: '22000001000',
  64: '',
};

presence('a sale needs the common fields and DE4', () => {
  const sale = TRANSACTIONS.sale;
  assert.equal(sale.mandatory, [3, 4, 11, 22, 25, 41, 42, 49, 60, 64]);
  assert.equal(missingFields(sale, message('0200', { ...COMMON, 4: '000000000100' })), []);
  assert.equal(missingFields(sale, message('0200', {})), sale.mandatory);
});

// What the dialect's table adds to the common fields.
// biome-ignore format: a table is read by column
for (const [kind, more] of [
  ['void',                 [4, 37, 61]],
  ['refund',               [4, 37, 61, 63]],
  ['preAuthorisationVoid', [4, 38, 61]],
  ['completion',           [4, 38, 61]],
  ['completionVoid',       [4, 37, 38, 61]],
  ['topUpVerification',    [62]],
  ['cashTopUp',            [4, 37, 61, 62]],
  ['topUpConfirmation',    [4, 61]],
  ['accountTopUp',         [4, 62]],
  ['activation',           [63]],
  ['lossReport',           [62]],
  ['pinChange',            [26, 52, 53, 62]],
  ['fateQuery',            [61]],
  ['reversal',             [4, 39]],
  ['balance',              []],
] as const) {
  presence(`${kind} needs ${more.length === 0 ? 'nothing' : more.join(' ')} besides`, () => {
    assert.equal(missingFields(TRANSACTIONS[kind], message('0200', COMMON)), [...more]);
  });
}

presence('a fate query names its original by DE61 or by UT', () => {
  const ut = '01ARZ3NDEKTSV4RRFFQ69G5FAV';
  assert.equal(missingFields(TRANSACTIONS.fateQuery, message('0200', { ...COMMON, 57: `UT026${ut}` })), []);
  assert.equal(missingFields(TRANSACTIONS.fateQuery, message('0200', { ...COMMON, 57: 'UT999' })), [61]);
});

presence('an SM4 PIN block in DE57 stands for DE52', () => {
  const fields = { ...COMMON, 26: '12', 53: '2300000000000000', 62: '0011223344556677' };
  assert.equal(
    missingFields(TRANSACTIONS.pinChange, message('0200', { ...fields, 57: `PB032${'A'.repeat(32)}` })),
    [],
  );
});

presence('a reversal never carries 26, 35, 36, 52 or 53', () => {
  const listed = [...TRANSACTIONS.reversal.mandatory, ...TRANSACTIONS.reversal.conditional];
  assert.equal(
    listed.filter((field) => [26, 35, 36, 52, 53].includes(field)),
    [],
  );
});

presence('the card is track 2, a number or chip data', () => {
  assert.ok(hasCard(message('0200', { 35: '6277880000000016D3012101' })));
  assert.ok(hasCard(message('0200', { 2: '6277880000000016' })));
  assert.ok(hasCard(message('0200', { 55: '5A00' })));
  assert.not(hasCard(message('0200', COMMON)));
});

presence.run();
