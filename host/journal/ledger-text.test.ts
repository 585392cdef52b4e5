import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Fen, FenDelta } from '../../protocol/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { Cause, Entry, LotPart, Posting, Rates, SaleMoney } from '../ledger/model.ts';
import { entryRow, transactionRow } from '../store/sample-rows.ts';
import { entryJson } from './ledger-text.ts';
import { canonicalJson, leafHash } from './record.ts';
import { type Circumstances, type JudgedTransaction, transactionRecord } from './transaction-record.ts';

const seed = Number(process.env['SEED'] ?? 20261122);
console.log(`seed ${seed}`);

// Every field of every type: whoever adds one has to add it here, and the properties then ask for it.
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom('', '"', '\\', '\n', '\u0000', '\u007f', '商户 1', '😀'),
);
const textOrNull = fc.option(text);
const whole = fc.maxSafeInteger();
const amount = fc.nat({ max: 999_999_999_999 }) as fc.Arbitrary<Fen>;
const delta = whole as fc.Arbitrary<FenDelta>;
const lot: fc.Arbitrary<LotPart> = fc.record<LotPart>({
  lotId: text,
  purse: fc.constantFrom('principal', 'bonus'),
  amount,
});
const money: fc.Arbitrary<SaleMoney> = fc.record<SaleMoney>({
  gross: amount,
  discountIssuer: amount,
  discountMerchant: amount,
  paid: amount,
  base: amount,
  payable: amount,
  commission: amount,
  rebate: amount,
  agent: amount,
  points: whole,
  lots: fc.array(lot, { maxLength: 3 }),
});
const rates: fc.Arbitrary<Rates> = fc.record<Rates>({
  contractId: text,
  contractVersion: whole,
  settlementBp: whole,
  rebateBp: whole,
  agentBp: whole,
  ruleIds: fc.array(text, { maxLength: 3 }),
});
const posting: fc.Arbitrary<Posting> = fc.record<Posting>({
  account: text,
  lot: textOrNull,
  unit: fc.constantFrom('fen', 'points'),
  amount: delta,
});
const cause: fc.Arbitrary<Cause> = fc.record<Cause>({
  id: text,
  kind: fc.constantFrom('transaction', 'batch', 'run', 'approval', 'provisioning'),
});
const entry: fc.Arbitrary<Entry> = fc.record<Entry>({
  entryId: text,
  businessDate: text,
  event: fc.constantFrom('sale', 'void', 'refund'),
  cause,
  at: whole,
  corrects: textOrNull,
  branchId: textOrNull,
  terminalId: textOrNull,
  postings: fc.array(posting, { maxLength: 4 }),
});
const judged: fc.Arbitrary<JudgedTransaction> = fc.record<JudgedTransaction>({
  transactionId: text,
  ut: textOrNull,
  kind: text,
  responseCode: text,
  terminalId: text,
  merchantId: text,
  branchId: text,
  batch: whole,
  trace: text,
  rrn: text,
  auth: textOrNull,
  accountId: textOrNull,
  cardId: textOrNull,
  panMasked: fc.constantFrom('', '627788******1234'),
  amount,
  businessDate: text,
  localDate: text,
  localTime: text,
  entryMode: text,
  originalId: textOrNull,
  money: fc.option(money),
  rates: fc.option(rates),
  operator: textOrNull,
  at: whole,
});
const around: fc.Arbitrary<Circumstances> = fc.record<Circumstances>({
  mti: text,
  processingCode: textOrNull,
  conditionCode: textOrNull,
  entry: fc.option(entry),
  terminalHead: textOrNull,
});

const property = suite('what is written of the ledger is canonical JSON');

property('an entry', () => {
  fc.assert(
    fc.property(entry, (one) => assert.is(entryJson(one), canonicalJson(one))),
    { seed },
  );
});

property('a judged transaction with its money and rates', () => {
  fc.assert(
    fc.property(judged, around, (row, circumstances) => {
      assert.is(transactionRecord(row, circumstances).body, canonicalJson(recordOf(row, circumstances)));
    }),
    { seed, numRuns: 300 },
  );
});

property.run();

const refusals = suite('what canonical JSON cannot hold is refused');

// biome-ignore format: a table is read by column
for (const [what, write] of [
  ['a fraction in an entry',                 () => entryJson(entryRow('E1', 'A1', { at: 0.5 }))],
  ['half a surrogate pair in an entry',      () => entryJson(entryRow('E1', 'A1', { branchId: 'B\ud800' }))],
  ['half a surrogate pair in a transaction', () => recordWith({ branchId: '\udc00' })],
  ['an unsafe integer in a transaction',     () => recordWith({ at: 2 ** 53 })],
] as const) {
  refusals(what, () => {
    assert.throws(write, (error: unknown) => error instanceof PosError && error.code === 'INVARIANT');
  });
}

refusals.run();

function recordWith(changes: Partial<JudgedTransaction>) {
  const circumstances = {
    mti: '0200',
    processingCode: null,
    conditionCode: null,
    entry: null,
    terminalHead: null,
  };
  return transactionRecord({ ...transactionRow('T1'), ...changes }, circumstances);
}

/** The record as a value, under the names that the journal's README gives its members. */
function recordOf(row: JudgedTransaction, { entry: made, ...about }: Circumstances) {
  const {
    transactionId,
    accountId,
    cardId,
    originalId,
    branchId,
    businessDate,
    kind,
    money: priced,
    at,
  } = row;
  return {
    ...{
      type: 'transaction',
      transactionId,
      accountId,
      cardId,
      originalId,
      branchId,
      businessDate,
      kind,
      at,
    },
    ...{ MTI: about.mti, DE3: about.processingCode, DE25: about.conditionCode, TH: about.terminalHead },
    ...{
      DE2: row.panMasked,
      DE4: String(row.amount).padStart(12, '0'),
      DE11: row.trace,
      DE12: row.localTime,
    },
    ...{ DE13: row.localDate, DE22: row.entryMode, DE37: row.rrn, DE38: row.auth, DE39: row.responseCode },
    ...{ DE41: row.terminalId, DE42: row.merchantId, 'DE60.2': row.batch, 'DE63.1': row.operator },
    ...{ UT: row.ut, RU: row.rates?.ruleIds ?? [], money: priced, rates: row.rates },
    entryId: made?.entryId ?? null,
    entryDigest: made === null ? null : leafHash(canonicalJson(made)),
  };
}
