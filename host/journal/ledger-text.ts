/**
 * What the journal writes of the ledger, in canonical JSON, straight from the shapes that it knows: keys in order,
 * each value by its kind. It says what `canonicalJson` would, which a property test proves, without looking at every
 * key of every value: an entry and its money are written once for each sale.
 */
import type { Entry, LotPart, Posting, Rates, SaleMoney, Unit } from '../ledger/model.ts';
import { innerJson, textJson, textOrNullJson, wholeJson } from './record.ts';

// Each function writes its type's fields in the order of their names. One that is forgotten is found by the property
// test, whose values have every field of the type.

// A piece of text that is put together costs more than the letters in it: what is constant is in one piece with what
// is constant beside it, so a quotation mark ends a value at the beginning of the next line.

/** Throws INVARIANT, as everything here, for what canonical JSON cannot hold. */
export function entryJson(entry: Entry): string {
  const { at, branchId, businessDate, cause, corrects, entryId, event, postings, terminalId } = entry;
  return (
    `{"at":${wholeJson(at)},"branchId":${textOrNullJson(branchId)},"businessDate":"${innerJson(businessDate)}` +
    `","cause":{"id":"${innerJson(cause.id)}","kind":"${innerJson(cause.kind)}"},"corrects":${textOrNullJson(corrects)}` +
    `,"entryId":"${innerJson(entryId)}","event":"${innerJson(event)}","postings":${postingsJson(postings)}` +
    `,"terminalId":${textOrNullJson(terminalId)}}`
  );
}

/** What ends a posting that is of no lot, as most are. */
const LOTLESS: Readonly<Record<Unit, string>> = {
  fen: ',"lot":null,"unit":"fen"}',
  points: ',"lot":null,"unit":"points"}',
};

function postingsJson(postings: readonly Posting[]): string {
  let text = '';
  for (const { account, amount, lot, unit } of postings) {
    text += text === '' ? '[{"account":"' : ',{"account":"';
    text += `${innerJson(account)}","amount":${wholeJson(amount)}`;
    text += lot === null ? LOTLESS[unit] : `,"lot":"${innerJson(lot)}","unit":"${unit}"}`;
  }
  return text === '' ? '[]' : `${text}]`;
}

export function moneyJson(money: SaleMoney): string {
  return (
    `{"agent":${wholeJson(money.agent)},"base":${wholeJson(money.base)},"commission":${wholeJson(money.commission)}` +
    `,"discountIssuer":${wholeJson(money.discountIssuer)},"discountMerchant":${wholeJson(money.discountMerchant)}` +
    `,"gross":${wholeJson(money.gross)},"lots":${lotsJson(money.lots)},"paid":${wholeJson(money.paid)}` +
    `,"payable":${wholeJson(money.payable)},"points":${wholeJson(money.points)},"rebate":${wholeJson(money.rebate)}}`
  );
}

function lotsJson(lots: readonly LotPart[]): string {
  let text = '[';
  for (const { amount, lotId, purse } of lots) {
    if (text !== '[') text += ',';
    text += `{"amount":${wholeJson(amount)},"lotId":"${innerJson(lotId)}","purse":"${innerJson(purse)}"}`;
  }
  return `${text}]`;
}

export function ratesJson(rates: Rates): string {
  return (
    `{"agentBp":${wholeJson(rates.agentBp)},"contractId":"${innerJson(rates.contractId)}"` +
    `,"contractVersion":${wholeJson(rates.contractVersion)},"rebateBp":${wholeJson(rates.rebateBp)}` +
    `,"ruleIds":${textsJson(rates.ruleIds)},"settlementBp":${wholeJson(rates.settlementBp)}}`
  );
}

export function textsJson(texts: readonly string[]): string {
  let text = '[';
  for (const each of texts) text += text === '[' ? textJson(each) : `,"${innerJson(each)}"`;
  return `${text}]`;
}
