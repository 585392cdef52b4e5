/** Cards of the programme before the bureau makes them: invented numbers, PINs and first loads. */
import { luhnDigit } from '../../protocol/index.ts';
import { SALE_POINT } from './documents.ts';

export const EXPIRY = '3112';
/** 7: a private card; 0: normal authorisation; 1: no restriction. */
export const SERVICE_CODE = '701';

export interface CardSpec {
  readonly cardId: string;
  readonly accountId: string;
  /** The holder's name on track 1. */
  readonly name: string;
  readonly tier: string;
  /** The number without its check digit. */
  readonly stem: string;
  readonly registered: boolean;
  /** First load in fen. */
  readonly principal: number;
  readonly bonus: number;
  readonly pin: string;
}

// biome-ignore format: a table is read by column
export const CARDS: readonly CardSpec[] = [
  { cardId: 'C0001', accountId: 'A0001', name: 'ZHANG/SAN',  tier: 'green',      stem: '627788000000000', registered: true,  principal: 1_000_00, bonus: 100_00, pin: '135246' },
  { cardId: 'C0002', accountId: 'A0002', name: 'LI/SI',      tier: 'red',        stem: '627788000000001', registered: false, principal: 50_00,    bonus: 0,      pin: '204060' },
  { cardId: 'C0003', accountId: 'A0003', name: 'WANG/WU',    tier: 'blue',       stem: '627788000000002', registered: true,  principal: 3_000_00, bonus: 300_00, pin: '918273' },
  { cardId: 'C0004', accountId: 'A0004', name: 'ZHAO/LIU',   tier: 'black-gold', stem: '627788000000003', registered: true,  principal: 4_500_00, bonus: 450_00, pin: '564738' },
];

/** As many green cards as a test asks for, beside the four with names: each with 4,000.00 and 400.00 bonus. @param index 0 to 500 */
export function numberedCard(index: number): CardSpec {
  const number = String(1_001 + index);
  return {
    cardId: `C${number}`,
    accountId: `A${number}`,
    name: 'TEST/HOLDER',
    tier: 'green',
    stem: `627788${String(310_000_000 + index * 7_919)}`,
    registered: true,
    principal: 4_000_00,
    bonus: 400_00,
    // Six digits, however many cards.
    pin: String(864_209 - ((index * 1_357) % 764_209)),
  };
}

export function panOf({ stem }: CardSpec): string {
  return stem + luhnDigit(stem);
}

/** What `PUT /v1/cards/:cardId` takes, but for its reason. @param activeFrom a business date, YYYYMMDD */
export function issueOf(
  card: CardSpec & { readonly pan: string; readonly pinBlock: string },
  activeFrom: string,
) {
  const { accountId, tier, registered } = card;
  return {
    pan: card.pan,
    expiry: EXPIRY,
    serviceCode: SERVICE_CODE,
    activeFrom,
    pinBlock: card.pinBlock,
    account: { accountId, tier, registered, productId: 'reloadable', salePointId: SALE_POINT.id },
  };
}

/** What `PUT /v1/cards/:cardId/loads/:loadId` takes for the first load, but for its reason. */
export function firstLoadOf({ principal, bonus }: CardSpec) {
  return {
    salePointId: SALE_POINT.id,
    principal,
    bonus,
    payment: { method: 'transfer', payer: 'person', identified: true } as const,
  };
}
