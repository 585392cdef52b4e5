/** The small programme's documents: operator, three shops with different contracts, four tiers, rules. */
import type { DocumentKind, Documents } from '../../host/index.ts';
import { fen } from '../../protocol/index.ts';

type Body<K extends DocumentKind> = Documents[K];

// biome-ignore format: a table is read by column
const PROGRAMME: Body<'programme'> = {
  id: 'zunka', nameZh: '尊卡', nameEn: 'Zunka', regime: 'multi-purpose', acquirerId: '48204910', binPrefixes: ['627788'],
  maxBalanceRegistered: fen(5_000_00), maxBalanceAnonymous: fen(1_000_00), maxPerTransaction: fen(5_000_00),
  spendOrder: 'bonus-first', preAuthorisationDays: 30, completionMaxBp: 10_000, cvnOffset: 5, yuanPerPoint: 10,
};

const COMPANIES: readonly Body<'company'>[] = [
  { id: 'zz', nameZh: '郑州城市公司', nameEn: 'Zhengzhou city company' },
  { id: 'lv', nameZh: '文旅公司', nameEn: 'Leisure company' },
];

/** It may owe the first loads of some two thousand cards before it remits. */
export const SALE_POINT: Body<'salePoint'> = {
  id: 'zz-01',
  nameZh: '郑东售卡点',
  nameEn: 'Zhengdong sale point',
  companyId: 'zz',
  unremittedMax: fen(9_000_000_00),
};

/** Contracts: the share of the settlement base that the merchant is paid, and the holder's rebate. */
// biome-ignore format: a table is read by column
const CONTRACTS: readonly Body<'contract'>[] = [
  { id: 'hotel-80',  version: 1, settlementBp: 8_000, rebateBp: 200, agentBp: 50, payoutDays: 1, minimumPayout: fen(0) },
  { id: 'wine-88',   version: 1, settlementBp: 8_800, rebateBp: 100, agentBp: 0,  payoutDays: 1, minimumPayout: fen(100_00) },
  { id: 'farm-95',   version: 1, settlementBp: 9_500, rebateBp: 0,   agentBp: 0,  payoutDays: 3, minimumPayout: fen(0) },
];

// biome-ignore format: a table is read by column
export const MERCHANTS = {
  hotel: { id: '898410170110001', nameZh: '郑东假日酒店',   nameEn: 'Zhengdong Holiday Hotel', companyId: 'zz', trade: 'hotel', mcc: '7011', state: 'active', contractId: 'hotel-80', bankAccountMasked: '6222********0018' },
  wine:  { id: '898410159210002', nameZh: '中原名酒会',     nameEn: 'Central Plain Wine Club', companyId: 'lv', trade: 'wine',  mcc: '5921', state: 'active', contractId: 'wine-88',  bankAccountMasked: '6222********0026' },
  farm:  { id: '898410158120003', nameZh: '绿基地生态农场', nameEn: 'Green Base Farm',         companyId: 'lv', trade: 'farm',  mcc: '5812', state: 'active', contractId: 'farm-95',  bankAccountMasked: '6222********0034' },
} as const satisfies Record<string, Body<'merchant'>>;

export type ShopName = keyof typeof MERCHANTS;

/** The first of a merchant's branches is where its terminals stand. */
// biome-ignore format: a table is read by column
const BRANCHES: readonly Body<'branch'>[] = [
  { id: 'hotel-lobby',  merchantId: MERCHANTS.hotel.id, nameZh: '大堂',     nameEn: 'Lobby' },
  { id: 'hotel-dining', merchantId: MERCHANTS.hotel.id, nameZh: '餐厅',     nameEn: 'Restaurant' },
  { id: 'wine-main',    merchantId: MERCHANTS.wine.id,  nameZh: '总店',     nameEn: 'Main shop' },
  { id: 'farm-gate',    merchantId: MERCHANTS.farm.id,  nameZh: '农场门店', nameEn: 'Farm shop' },
];

// biome-ignore format: a table is read by column
const TIERS: readonly Body<'tier'>[] = [
  { id: 'red',        nameZh: '红卡',   nameEn: 'Red',        rank: 1, pointsBp: 10_000 },
  { id: 'green',      nameZh: '绿卡',   nameEn: 'Green',      rank: 2, pointsBp: 10_000 },
  { id: 'blue',       nameZh: '蓝卡',   nameEn: 'Blue',       rank: 3, pointsBp: 15_000 },
  { id: 'black-gold', nameZh: '黑金卡', nameEn: 'Black-gold', rank: 4, pointsBp: 20_000 },
];

const always = { version: 1, validFrom: '20260101', validTo: null, exclusive: false } as const;
/** Who pays for a discount differs: the issuer at the hotel, the merchant at the wine club, half each at the farm. */
// biome-ignore format: a table is read by column
const RULES: readonly Body<'rule'>[] = [
  { ...always, id: 'D-HOTEL-10', name: '酒店九折 10 % off at the hotel',    priority: 20, stackGroup: 'tier', conditions: { trades: ['hotel'], tiers: ['green', 'blue', 'black-gold'] }, effect: { kind: 'discount', basisPoints: 1_000 }, issuerShareBp: 10_000, caps: {} },
  { ...always, id: 'D-WINE-5',   name: '酒会九五折 5 % off at the wine club', priority: 20, stackGroup: 'tier', conditions: { trades: ['wine'] },                                        effect: { kind: 'discount', basisPoints: 500 },   issuerShareBp: 0,      caps: { perTransaction: fen(50_00) } },
  { ...always, id: 'D-FARM-8',   name: '农场九二折 8 % off at the farm',     priority: 20, stackGroup: 'tier', conditions: { trades: ['farm'], minimum: fen(50_00) },                   effect: { kind: 'discount', basisPoints: 800 },   issuerShareBp: 5_000,  caps: {} },
  { ...always, id: 'R-BLUE-1',   name: '蓝卡加返 1 % extra rebate for blue', priority: 10, stackGroup: 'care', conditions: { tiers: ['blue', 'black-gold'] },                            effect: { kind: 'rebate', basisPoints: 100 },     issuerShareBp: 10_000, caps: {} },
];

export interface ProgrammeDocuments {
  readonly merchants: readonly Body<'merchant'>[];
  readonly terminals: readonly Body<'terminal'>[];
  /** Every document, by kind, in the order in which they may be written. */
  readonly all: readonly (readonly [DocumentKind, readonly { readonly id: string }[]])[];
}

/** @param index 0, 1 … @returns DE41, eight digits */
export const terminalId = (index: number) => String(41_010_001 + index);

/**
 * The programme of some shops and their terminals.
 *
 * @param places where each terminal stands: 41010001 in the first, 41010002 in the second …; a shop
 *   that has no terminal takes no part
 */
export function programmeOf(places: readonly ShopName[]): ProgrammeDocuments {
  const merchants = Object.entries(MERCHANTS)
    .filter(([name]) => places.some((place) => place === name))
    .map(([, merchant]) => merchant);
  const ofThese = <T>(rows: readonly T[], belongs: (row: T, merchant: Body<'merchant'>) => boolean) =>
    rows.filter((row) => merchants.some((merchant) => belongs(row, merchant)));
  const terminals = places.map((place, index) => terminalAt(index, MERCHANTS[place]));
  return {
    merchants,
    terminals,
    all: [
      ['programme', [PROGRAMME]],
      ['company', COMPANIES],
      ['salePoint', [SALE_POINT]],
      ['contract', ofThese(CONTRACTS, ({ id }, { contractId }) => id === contractId)],
      ['tier', TIERS],
      ['merchant', merchants],
      ['branch', ofThese(BRANCHES, ({ merchantId }, { id }) => merchantId === id)],
      ['terminal', terminals],
      ['rule', ofThese(RULES, ({ conditions: { trades } }, { trade }) => trades?.includes(trade) ?? true)],
    ],
  };
}

function terminalAt(index: number, { id: merchantId }: Body<'merchant'>): Body<'terminal'> {
  const id = terminalId(index);
  return {
    id,
    merchantId,
    branchId: BRANCHES.find((branch) => branch.merchantId === merchantId)?.id ?? '',
    state: 'active',
    tmk: `tmk:${id}`,
    keyModes: ['003', '004'],
    macAlgorithm: 'unionpay-ecb',
    singleLengthMak: false,
    keyedEntryAllowed: false,
  };
}
