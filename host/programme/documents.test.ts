import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import { checkDocument, referencesOf } from './documents.ts';
import { LEGAL_FIGURES, legalRange, legalSettings } from './law.ts';
import type { DocumentKind, Programme } from './model.ts';

const PROGRAMME: Programme = {
  id: 'zunka',
  nameZh: '尊卡',
  nameEn: 'Zunka',
  regime: 'multi-purpose',
  acquirerId: '62778800',
  binPrefixes: ['627788'],
  maxBalanceRegistered: fen(5_000_00),
  maxBalanceAnonymous: fen(1_000_00),
  maxPerTransaction: fen(0),
  spendOrder: 'bonus-first',
  preAuthorisationDays: 30,
  completionMaxBp: 11_500,
  cvnOffset: 5,
  yuanPerPoint: 1,
};
const MERCHANT = {
  id: '898410170110001',
  nameZh: '建业酒店',
  nameEn: 'Jianye Hotel',
  companyId: 'ZZ',
  trade: 'hotel',
  mcc: '7011',
  state: 'active',
  contractId: 'C-80',
  bankAccountMasked: '6222********1234',
};
const TERMINAL = {
  id: '00000001',
  merchantId: '898410170110001',
  branchId: 'B1',
  state: 'active',
  tmk: 'tmk:00000001',
  keyModes: ['003'],
  macAlgorithm: 'unionpay-ecb',
  singleLengthMak: false,
  keyedEntryAllowed: false,
};
const CONTRACT = {
  id: 'C-80',
  version: 1,
  settlementBp: 8_000,
  rebateBp: 200,
  agentBp: 50,
  payoutDays: 1,
  minimumPayout: 0,
};

const law = suite('a setting may be stricter than the law, never looser');

law('the legal figures themselves are allowed', () => {
  checkDocument('programme', PROGRAMME);
});

law('stricter figures are allowed', () => {
  const legal = {
    anonymousValidityMonths: 60,
    identityFrom: 5_000_00,
    cashMaxPerson: 10_000_00,
    cashMaxEntity: 0,
    retentionYears: 10,
    custodyRatioBp: 10_000,
  };
  checkDocument('programme', { ...PROGRAMME, maxBalanceRegistered: 2_000_00, maxBalanceAnonymous: 0, legal });
});

// The figures: registered 5,000 yuan, anonymous 1,000; validity 3 years; identity from 10,000; cash up to 5,000 and
// 50,000; records 5 years; custody 20 % (single-purpose) or 100 % (multi-purpose).
// biome-ignore format: a table is read by column
for (const [changes, field, range, sentence] of [
  [{ maxBalanceRegistered: 5_000_01 },                                    'maxBalanceRegistered',          '(0.00 to 5000.00 yuan)',  'one fen above 5,000 yuan on a registered card'],
  [{ maxBalanceAnonymous: 1_000_01 },                                     'maxBalanceAnonymous',           '(0.00 to 1000.00 yuan)',  'one fen above 1,000 yuan on an anonymous card'],
  [{ legal: { anonymousValidityMonths: 35 } },                            'legal.anonymousValidityMonths', '36 to 1200 months',       'an anonymous card valid for 35 months'],
  [{ legal: { identityFrom: 10_000_01 } },                                'legal.identityFrom',            '(0.00 to 10000.00 yuan)', 'identity asked only above 10,000 yuan'],
  [{ legal: { cashMaxEntity: 5_000_01 } },                                'legal.cashMaxEntity',           '(0.00 to 5000.00 yuan)',  'cash from an entity above 5,000 yuan'],
  [{ legal: { cashMaxPerson: 50_000_01 } },                               'legal.cashMaxPerson',           '(0.00 to 50000.00 yuan)', 'cash from a person above 50,000 yuan'],
  [{ legal: { retentionYears: 4 } },                                      'legal.retentionYears',          '5 to 100 years',          'records kept for four years'],
  [{ legal: { custodyRatioBp: 9_999 } },                                  'legal.custodyRatioBp',          '10000 to 10000 basis',    'custody below 100 % in a multi-purpose programme'],
  [{ regime: 'single-purpose', legal: { custodyRatioBp: 1_999 } },        'legal.custodyRatioBp',          '2000 to 10000 basis',     'custody below 20 % in a single-purpose programme'],
  [{ legal: { maxBalanceRegistered: 9_000_00 } },                         'legal.maxBalanceRegistered',    'no such setting here',    'a limit smuggled in beside its own field'],
  [{ legal: { retentionYear: 10 } },                                      'legal.retentionYear',           'no such setting here',    'a mistyped legal setting'],
] as const) {
  law(`refuses ${sentence}, naming field and range`, () => {
    assert.throws(() => checkDocument('programme', { ...PROGRAMME, ...changes }), refusal('REQUEST_BAD', field, range));
  });
}

law('settings that are not stated stand at the legal figure of the regime', () => {
  const settings = legalSettings({ ...PROGRAMME, regime: 'single-purpose', legal: { retentionYears: 8 } });
  assert.is(settings.retentionYears, 8);
  assert.is(settings.custodyRatioBp, 2_000);
  for (const name of Object.keys(LEGAL_FIGURES) as (keyof typeof LEGAL_FIGURES)[]) {
    const { from, to } = legalRange(name, 'single-purpose');
    assert.ok(settings[name] >= from && settings[name] <= to, name);
  }
});

law.run();

const fields = suite('each document is checked field by field');

// biome-ignore format: a table is read by column
for (const [kind, sound, changes, field, allowed, sentence] of [
  ['programme', PROGRAMME, { regime: 'any' },                  'regime',               'single-purpose or multi-purpose', 'a regime that is none'],
  ['programme', PROGRAMME, { acquirerId: '627788' },           'acquirerId',           'eight digits',                    'an acquirer of six digits'],
  ['programme', PROGRAMME, { binPrefixes: [] },                'binPrefixes',          'at least one',                    'no card number prefix'],
  ['programme', PROGRAMME, { preAuthorisationDays: 31 },       'preAuthorisationDays', '1 to 30',                         'a hold of 31 days'],
  ['programme', PROGRAMME, { completionMaxBp: 11_501 },        'completionMaxBp',      '10000 to 11500',                  'a completion above 115 %'],
  ['programme', PROGRAMME, { yuanPerPoint: 0 },                'yuanPerPoint',         '1 to',                            'a point for nothing'],
  ['merchant',  MERCHANT,  { id: '89841017011000' },           'id',                   'fifteen',                         'a merchant number of fourteen'],
  ['merchant',  MERCHANT,  { state: 'open' },                  'state',                'active or suspended or closed',   'a state that is none'],
  ['merchant',  MERCHANT,  { bankAccountMasked: '6222021234561234' }, 'bankAccountMasked', 'at least four asterisks',     'a bank account that is not masked'],
  ['merchant',  MERCHANT,  { nameZh: '' },                     'nameZh',               '1 to 60 characters',              'an empty name'],
  ['merchant',  MERCHANT,  { contract: 'C-80' },               'contract',             'no such field',                   'a mistyped field'],
  ['terminal',  TERMINAL,  { id: '1' },                        'id',                   'eight',                           'a terminal number of one character'],
  ['terminal',  TERMINAL,  { keyModes: ['003', '003'] },       'keyModes',             'none twice',                      'a key mode twice'],
  ['terminal',  TERMINAL,  { singleLengthMak: 'no' },          'singleLengthMak',      'true or false',                   'a word for a flag'],
  ['terminal',  TERMINAL,  { macAlgorithm: 'x9.19', singleLengthMak: true }, 'singleLengthMak', 'sixteen bytes',         'X9.19 under a single-length MAK'],
  ['terminal',  TERMINAL,  { macAlgorithm: 'cmac', singleLengthMak: true }, 'singleLengthMak', 'sixteen bytes',          'CMAC under a single-length MAK'],
  ['terminal',  TERMINAL,  { macAlgorithm: 'x9.19', keyModes: ['003', '005'] }, 'keyModes', '003 or 004',                'X9.19 under SM4 keys'],
  ['contract',  CONTRACT,  { settlementBp: 80.5 },             'settlementBp',         '0 to 10000',                      'half a basis point'],
  ['contract',  CONTRACT,  { settlementBp: undefined },        'settlementBp',         '0 to 10000',                      'a contract without a rate'],
  ['contract',  CONTRACT,  { payoutDays: -1 },                 'payoutDays',           '0 to 90',                         'a payout before the sale'],
] as const) {
  fields(`${kind}: refuses ${sentence}`, () => {
    checkDocument(kind as DocumentKind, sound);
    assert.throws(() => checkDocument(kind as DocumentKind, { ...sound, ...changes }, 'CONFIG_BAD'), refusal('CONFIG_BAD', field, allowed));
  });
}

for (const value of [null, [], 'C-80', 7]) {
  fields(`refuses ${JSON.stringify(value)} in a document's place`, () => {
    assert.throws(() => checkDocument('contract', value), refusal('REQUEST_BAD', 'document', 'an object'));
  });
}

fields('names the documents that a merchant needs', () => {
  const merchant: unknown = MERCHANT;
  checkDocument('merchant', merchant);
  assert.equal(referencesOf('merchant', merchant), [
    ['company', 'ZZ'],
    ['contract', 'C-80'],
  ]);
});

fields.run();

function refusal(code: string, field: string, words: string) {
  return (error: unknown) =>
    error instanceof PosError &&
    error.code === code &&
    error.detail.includes(`, ${field}: `) &&
    error.detail.includes(words);
}
