/** The demonstration's small programme: operator, three merchants with different contracts, four tiers, cards. */
import type { Documents } from '../../host/index.ts';
import { fen } from '../../protocol/index.ts';

type Body<K extends keyof Documents> = Documents[K];

export const PROGRAMME: Body<'programme'> = {
  id: 'zunka',
  nameZh: '尊卡',
  nameEn: 'Zunka',
  regime: 'multi-purpose',
  acquirerId: '48204910',
  binPrefixes: ['627788'],
  maxBalanceRegistered: fen(5_000_00),
  maxBalanceAnonymous: fen(1_000_00),
  maxPerTransaction: fen(5_000_00),
  spendOrder: 'bonus-first',
  preAuthorisationDays: 30,
  completionMaxBp: 10_000,
  cvnOffset: 5,
  yuanPerPoint: 10,
};

export const COMPANIES: readonly Body<'company'>[] = [
  { id: 'zz', nameZh: '郑州城市公司', nameEn: 'Zhengzhou city company' },
  { id: 'lv', nameZh: '文旅公司', nameEn: 'Leisure company' },
];

export const SALE_POINTS: readonly Body<'salePoint'>[] = [
  {
    id: 'zz-01',
    nameZh: '郑东售卡点',
    nameEn: 'Zhengdong sale point',
    companyId: 'zz',
    unremittedMax: fen(50_000_00),
  },
];

/** Contracts: the share of the settlement base that the merchant is paid, and the holder's rebate. */
// biome-ignore format: a table is read by column
export const CONTRACTS: readonly Body<'contract'>[] = [
  { id: 'hotel-80',  version: 1, settlementBp: 8_000, rebateBp: 200, agentBp: 50, payoutDays: 1, minimumPayout: fen(0) },
  { id: 'wine-88',   version: 1, settlementBp: 8_800, rebateBp: 100, agentBp: 0,  payoutDays: 1, minimumPayout: fen(100_00) },
  { id: 'farm-95',   version: 1, settlementBp: 9_500, rebateBp: 0,   agentBp: 0,  payoutDays: 3, minimumPayout: fen(0) },
];

// biome-ignore format: a table is read by column
export const MERCHANTS: readonly Body<'merchant'>[] = [
  { id: '898410170110001', nameZh: '郑东假日酒店',   nameEn: 'Zhengdong Holiday Hotel', companyId: 'zz', trade: 'hotel', mcc: '7011', state: 'active', contractId: 'hotel-80', bankAccountMasked: '6222********0018' },
  { id: '898410159210002', nameZh: '中原名酒会',     nameEn: 'Central Plain Wine Club', companyId: 'lv', trade: 'wine',  mcc: '5921', state: 'active', contractId: 'wine-88',  bankAccountMasked: '6222********0026' },
  { id: '898410158120003', nameZh: '绿基地生态农场', nameEn: 'Green Base Farm',         companyId: 'lv', trade: 'farm',  mcc: '5812', state: 'active', contractId: 'farm-95',  bankAccountMasked: '6222********0034' },
];

// biome-ignore format: a table is read by column
export const BRANCHES: readonly Body<'branch'>[] = [
  { id: 'hotel-lobby',  merchantId: '898410170110001', nameZh: '大堂',     nameEn: 'Lobby' },
  { id: 'hotel-dining', merchantId: '898410170110001', nameZh: '餐厅',     nameEn: 'Restaurant' },
  { id: 'wine-main',    merchantId: '898410159210002', nameZh: '总店',     nameEn: 'Main shop' },
  { id: 'farm-gate',    merchantId: '898410158120003', nameZh: '农场门店', nameEn: 'Farm shop' },
];

const terminal = (id: string, merchantId: string, branchId: string): Body<'terminal'> => ({
  id,
  merchantId,
  branchId,
  state: 'active',
  tmk: `tmk:${id}`,
  keyModes: ['003', '004'],
  macAlgorithm: 'unionpay-ecb',
  singleLengthMak: false,
  keyedEntryAllowed: false,
});
export const TERMINALS: readonly Body<'terminal'>[] = [
  terminal('41010001', '898410170110001', 'hotel-lobby'),
  terminal('41010002', '898410159210002', 'wine-main'),
  terminal('41010003', '898410158120003', 'farm-gate'),
];

// biome-ignore format: a table is read by column
export const TIERS: readonly Body<'tier'>[] = [
  { id: 'red',        nameZh: '红卡',   nameEn: 'Red',        rank: 1, pointsBp: 10_000 },
  { id: 'green',      nameZh: '绿卡',   nameEn: 'Green',      rank: 2, pointsBp: 10_000 },
  { id: 'blue',       nameZh: '蓝卡',   nameEn: 'Blue',       rank: 3, pointsBp: 15_000 },
  { id: 'black-gold', nameZh: '黑金卡', nameEn: 'Black-gold', rank: 4, pointsBp: 20_000 },
];

const always = { version: 1, validFrom: '20260101', validTo: null, exclusive: false } as const;
/** Who pays for a discount differs: the issuer at the hotel, the merchant at the wine club, half each at the farm. */
// biome-ignore format: a table is read by column
export const RULES: readonly Body<'rule'>[] = [
  { ...always, id: 'D-HOTEL-10', name: '酒店九折 10 % off at the hotel',    priority: 20, stackGroup: 'tier', conditions: { trades: ['hotel'], tiers: ['green', 'blue', 'black-gold'] }, effect: { kind: 'discount', basisPoints: 1_000 }, issuerShareBp: 10_000, caps: {} },
  { ...always, id: 'D-WINE-5',   name: '酒会九五折 5 % off at the wine club', priority: 20, stackGroup: 'tier', conditions: { trades: ['wine'] },                                        effect: { kind: 'discount', basisPoints: 500 },   issuerShareBp: 0,      caps: { perTransaction: fen(50_00) } },
  { ...always, id: 'D-FARM-8',   name: '农场九二折 8 % off at the farm',     priority: 20, stackGroup: 'tier', conditions: { trades: ['farm'], minimum: fen(50_00) },                   effect: { kind: 'discount', basisPoints: 800 },   issuerShareBp: 5_000,  caps: {} },
  { ...always, id: 'R-BLUE-1',   name: '蓝卡加返 1 % extra rebate for blue', priority: 10, stackGroup: 'care', conditions: { tiers: ['blue', 'black-gold'] },                            effect: { kind: 'rebate', basisPoints: 100 },     issuerShareBp: 10_000, caps: {} },
];

export interface DemoCard {
  readonly cardId: string;
  readonly accountId: string;
  readonly name: string;
  readonly tier: string;
  /** The number without its check digit. */
  readonly stem: string;
  readonly registered: boolean;
  readonly principal: number;
  readonly bonus: number;
  readonly pin: string;
}
// biome-ignore format: a table is read by column
export const CARDS: readonly DemoCard[] = [
  { cardId: 'C0001', accountId: 'A0001', name: 'ZHANG/SAN',  tier: 'green',      stem: '627788000000000', registered: true,  principal: 1_000_00, bonus: 100_00, pin: '135246' },
  { cardId: 'C0002', accountId: 'A0002', name: 'LI/SI',      tier: 'red',        stem: '627788000000001', registered: false, principal: 50_00,    bonus: 0,      pin: '204060' },
  { cardId: 'C0003', accountId: 'A0003', name: 'WANG/WU',    tier: 'blue',       stem: '627788000000002', registered: true,  principal: 3_000_00, bonus: 300_00, pin: '918273' },
  { cardId: 'C0004', accountId: 'A0004', name: 'ZHAO/LIU',   tier: 'black-gold', stem: '627788000000003', registered: true,  principal: 4_500_00, bonus: 450_00, pin: '564738' },
];
