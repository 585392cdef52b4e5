/**
 * The ledger's accounts: their names, their classes and which line of the money design page each
 * serves. A name is a path of segments joined by `:`; the last segment of an account that exists once
 * for each card account, merchant or sale point is that party's identifier.
 *
 * A posting is signed: debit positive, credit negative. An asset or expense usually stands positive,
 * a liability, income or equity negative.
 */
import { PosError } from '../../protocol/index.ts';
import type { Purse } from './model.ts';

export type AccountClass = 'asset' | 'liability' | 'equity' | 'income' | 'expense';

/** What a family of accounts is. `per` says whose identifier ends its names; null: there is one account. */
export interface AccountFamily {
  readonly class: AccountClass;
  readonly per: 'card account' | 'merchant' | 'sale point' | null;
  /** Postings name a lot. */
  readonly lots: boolean;
  /** The unit of its postings. */
  readonly unit: 'fen' | 'points';
  readonly nameZh: string;
  readonly nameEn: string;
  /** The line of the money design page, table "Books", that moves it. */
  readonly serves: string;
}

export const CUSTODY = 'custody';
export const IN_TRANSIT = 'in-transit';
export const OPERATOR_FUNDS = 'operator-funds';
export const REBATE_PAYABLE = 'payable:rebate';
export const COMMISSION_INCOME = 'income:commission';
export const FEE_INCOME = 'income:fee';
export const DISCOUNT_EXPENSE = 'expense:discount';
export const BONUS_EXPENSE = 'expense:bonus';
export const REBATE_EXPENSE = 'expense:rebate';
export const AGENT_EXPENSE = 'expense:agent';
export const POINTS_LIABILITY = 'points:liability';
export const POINTS_EXPENSE = 'points:expense';
export const SUSPENSE_SURPLUS = 'suspense:surplus';
export const SUSPENSE_SHORTAGE = 'suspense:shortage';

/** Every family of accounts. Order: as the money design page lists them. */
// biome-ignore format: a table is read by column
export const ACCOUNTS = {
  [CUSTODY]:               { class: 'asset',     per: null,           lots: false, unit: 'fen',    nameZh: '备付金存管户', nameEn: 'custody bank',          serves: 'remittance arrived; bank paid; operator pays in' },
  [IN_TRANSIT]:            { class: 'asset',     per: null,           lots: false, unit: 'fen',    nameZh: '在途资金',   nameEn: 'in transit',            serves: 'remittance sent; payment file sent; bank rejected' },
  'receivable:sale-point': { class: 'asset',     per: 'sale point',   lots: false, unit: 'fen',    nameZh: '应收售卡点', nameEn: 'sale-point receivable', serves: 'card sold or loaded; remittance sent' },
  [OPERATOR_FUNDS]:        { class: 'equity',    per: null,           lots: false, unit: 'fen',    nameZh: '运营方资金', nameEn: 'operator funds',        serves: 'operator pays in or takes out' },
  'purse:principal':       { class: 'liability', per: 'card account', lots: true,  unit: 'fen',    nameZh: '本金',       nameEn: 'principal purse',       serves: 'load; sale; void; refund; hold' },
  'purse:bonus':           { class: 'liability', per: 'card account', lots: true,  unit: 'fen',    nameZh: '赠金',       nameEn: 'bonus purse',           serves: 'load; sale; void; refund; hold; rebate paid' },
  'holds':                 { class: 'liability', per: 'card account', lots: true,  unit: 'fen',    nameZh: '预授权冻结', nameEn: 'holds',                 serves: 'pre-authorisation; completion; lapse' },
  'receivable:holder':     { class: 'asset',     per: 'card account', lots: false, unit: 'fen',    nameZh: '应收持卡人', nameEn: 'holder receivable',     serves: 'late reversal of a void whose money is gone' },
  'payable:merchant':      { class: 'liability', per: 'merchant',     lots: false, unit: 'fen',    nameZh: '应付商户',   nameEn: 'merchant payable',      serves: 'sale; refund; payment file sent; bank rejected' },
  'payable:agent':         { class: 'liability', per: 'sale point',   lots: false, unit: 'fen',    nameZh: '应付代理',   nameEn: 'agent payable',         serves: 'agent share accrued' },
  [REBATE_PAYABLE]:        { class: 'liability', per: null,           lots: false, unit: 'fen',    nameZh: '应付客户返点', nameEn: 'rebate payable',      serves: 'rebate accrued; rebate paid to the card' },
  [COMMISSION_INCOME]:     { class: 'income',    per: null,           lots: false, unit: 'fen',    nameZh: '手续费收入', nameEn: 'commission income',     serves: 'sale; refund' },
  [FEE_INCOME]:            { class: 'income',    per: null,           lots: false, unit: 'fen',    nameZh: '服务费收入', nameEn: 'fee income',            serves: 'adjustment' },
  [DISCOUNT_EXPENSE]:      { class: 'expense',   per: null,           lots: false, unit: 'fen',    nameZh: '折扣支出',   nameEn: 'discount expense',      serves: 'sale: the issuer-funded discount' },
  [BONUS_EXPENSE]:         { class: 'expense',   per: null,           lots: false, unit: 'fen',    nameZh: '赠金支出',   nameEn: 'bonus expense',         serves: 'card sold or loaded with a bonus' },
  [REBATE_EXPENSE]:        { class: 'expense',   per: null,           lots: false, unit: 'fen',    nameZh: '客户返点支出', nameEn: 'rebate expense',      serves: 'rebate accrued' },
  [AGENT_EXPENSE]:         { class: 'expense',   per: null,           lots: false, unit: 'fen',    nameZh: '代理分成支出', nameEn: 'agent expense',       serves: 'agent share accrued' },
  [POINTS_LIABILITY]:      { class: 'liability', per: null,           lots: false, unit: 'points', nameZh: '积分负债',   nameEn: 'points liability',      serves: 'points earned' },
  [POINTS_EXPENSE]:        { class: 'expense',   per: null,           lots: false, unit: 'points', nameZh: '积分支出',   nameEn: 'points expense',        serves: 'points earned' },
  [SUSPENSE_SURPLUS]:      { class: 'liability', per: null,           lots: false, unit: 'fen',    nameZh: '长款挂账',   nameEn: 'suspense surplus',      serves: 'difference found' },
  [SUSPENSE_SHORTAGE]:     { class: 'asset',     per: null,           lots: false, unit: 'fen',    nameZh: '短款挂账',   nameEn: 'suspense shortage',     serves: 'difference found' },
} as const satisfies Record<string, AccountFamily>;

export type FamilyName = keyof typeof ACCOUNTS;

export function purseAccount(purse: Purse, accountId: string): string {
  return named(purse === 'bonus' ? 'purse:bonus' : 'purse:principal', accountId);
}
export function holdsAccount(accountId: string): string {
  return named('holds', accountId);
}
export function holderReceivable(accountId: string): string {
  return named('receivable:holder', accountId);
}
export function merchantPayable(merchantId: string): string {
  return named('payable:merchant', merchantId);
}
export function salePointReceivable(salePointId: string): string {
  return named('receivable:sale-point', salePointId);
}
export function agentPayable(salePointId: string): string {
  return named('payable:agent', salePointId);
}

/** An account's family, its row of the table, and the party that ends its name. */
export interface AccountParts {
  readonly family: FamilyName;
  readonly row: AccountFamily;
  readonly party: string | null;
}

/** The accounts that exist once, by name. */
const SINGLE: ReadonlyMap<string, AccountParts> = new Map(
  families((row) => row.per === null).map((family) => [
    family,
    { family, row: ACCOUNTS[family], party: null },
  ]),
);

/** The families with an account for each party, by the length of their names: a name is compared with one or two. */
const OF_PARTIES: readonly (readonly FamilyName[])[] = Array.from({ length: 32 }, (_, length) =>
  families((row) => row.per !== null).filter((family) => family.length === length),
);

function families(are: (row: AccountFamily) => boolean): readonly FamilyName[] {
  return (Object.keys(ACCOUNTS) as FamilyName[]).filter((family) => are(ACCOUNTS[family]));
}

/** What an account's name says; undefined for a name that is none of ours. */
export function familyOf(account: string): AccountParts | undefined {
  const cut = account.lastIndexOf(':');
  const family = partyFamily(account, cut);
  if (family === undefined) return SINGLE.get(account);
  return { family, row: ACCOUNTS[family], party: account.slice(cut + 1) };
}

/** The row of an account's family: what is asked of every posting, without a string or an object for it. */
export function familyRow(account: string): AccountFamily | undefined {
  const family = partyFamily(account, account.lastIndexOf(':'));
  return family === undefined ? SINGLE.get(account)?.row : ACCOUNTS[family];
}

/** The family of a party's account. @param cut where the last colon is, −1 for none */
function partyFamily(account: string, cut: number): FamilyName | undefined {
  if (cut < 0 || cut === account.length - 1) return undefined;
  for (const family of OF_PARTIES[cut] ?? []) if (account.startsWith(family)) return family;
  return undefined;
}

/** The account's class. Throws INVARIANT for a name that is none of ours. */
export function classOf(account: string): AccountClass {
  const found = familyOf(account);
  if (found === undefined) throw new PosError('INVARIANT', `no ledger account is called ${account}`);
  return found.row.class;
}

/** Identifiers end a path, so they hold no `:` and no blank: the export's colon tree stays one tree. */
function named(family: FamilyName, party: string): string {
  if (!/^[^\s:;()[\]]+$/.test(party)) {
    throw new PosError('INVARIANT', `"${party}" cannot end the account name ${family}`);
  }
  return `${family}:${party}`;
}
