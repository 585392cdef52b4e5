/** How the money of a transaction is told: DE57 items to a peer that speaks it, slip lines to others. */
import { amount12, type Fen, fen, yuan } from '../../../protocol/index.ts';
import type { SaleMoney } from '../../ledger/model.ts';
import type { Items } from '../answer.ts';

/** GA, DA, PA, RA and PT. In voids and refunds they say what went back. */
export function moneyItems(money: SaleMoney): Items[number][] {
  return [
    ['GA', amount12(money.gross)],
    ['DA', amount12(discountOf(money))],
    ['PA', amount12(money.paid)],
    ['RA', amount12(money.rebate)],
    ['PT', String(money.points)],
  ];
}

/** A hold that is free again: its gross, and what the card can spend again, which its lots say. */
export function releasedItems({ gross, lots }: SaleMoney): Items {
  return [
    ['GA', amount12(gross)],
    ['PA', amount12(fen(lots.reduce((sum, lot) => sum + lot.amount, 0)))],
  ];
}

/** Up to three lines of at most 20 bytes; none where the price is what was paid. */
export function moneyLines(money: SaleMoney): readonly string[] {
  const lines: string[] = [];
  if (discountOf(money) > 0) lines.push(`优惠 ${yuan(discountOf(money))}`, `实付 ${yuan(money.paid)}`);
  if (money.rebate > 0) lines.push(`返利 ${yuan(money.rebate)}`);
  return lines;
}

/** What went back to the holder, where it is not the gross amount. */
export function moneyBackLines(money: SaleMoney, rebateKept: Fen): readonly string[] {
  const given = fen(money.paid - rebateKept);
  return given === money.gross ? [] : [`退回 ${yuan(given)}`];
}

/** A rebate that was paid and spent. At most 20 GB18030 bytes. */
export function remarksOfUndoing(rebateKept: Fen): readonly string[] {
  return rebateKept > 0 ? [`扣返利 ${yuan(rebateKept)}`] : [];
}

/** What of a holder's debt was covered by this, and what is owed now. At most 20 GB18030 bytes each. */
export function remarksOfDebt(
  { amount, owed }: { readonly amount: Fen; readonly owed: Fen },
  added: Fen = fen(0),
): readonly string[] {
  return [
    ...(amount > 0 ? [`抵欠款 ${yuan(amount)}`] : []),
    ...(owed > 0 && (amount > 0 || added > 0) ? [`待补款 ${yuan(owed)}`] : []),
  ];
}

function discountOf(money: SaleMoney): Fen {
  return fen(money.discountIssuer + money.discountMerchant);
}

/** All items of an answer share DE57's 999 bytes; the transaction's row keeps every rule. */
const RULES_BYTES_MAX = 300;

/** RU, the rules that applied: as many whole identifiers as there is room for. */
export function ruleItems(ruleIds: readonly string[]): Items {
  let shown = '';
  for (const id of ruleIds) {
    const longer = shown === '' ? id : `${shown},${id}`;
    if (Buffer.byteLength(longer) > RULES_BYTES_MAX) break;
    shown = longer;
  }
  return shown === '' ? [] : [['RU', shown]];
}

/** A sale's money and the rules that applied to it. */
export function saleItems(money: SaleMoney, ruleIds: readonly string[]): Items {
  const items = moneyItems(money);
  for (const item of ruleItems(ruleIds)) items.push(item);
  return items;
}
