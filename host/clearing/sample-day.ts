/**
 * A small programme and two business days over a real database in memory, for the tests of clearing and
 * administration. Amounts are the money design page's worked example, written out by hand.
 */
import { type Fen, fen } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import {
  completionEntry,
  holdEntry,
  loadEntry,
  mirrorEntry,
  refundEntry,
  saleEntry,
} from '../ledger/entries.ts';
import type { Entry, LotPart, SaleMoney } from '../ledger/model.ts';
import { type Directory, openDirectory } from '../programme/directory.ts';
import type { Documents } from '../programme/model.ts';
import type { CommitItem, StorePort } from '../store/port.ts';
import type { BatchRow, DocumentRow, LotRow, TerminalRow, TransactionRow } from '../store/rows.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';

export const FIRST_DAY = '20261122';
export const SECOND_DAY = '20261123';
/** 2026-11-22 10:00:00 at UTC+8. */
export const MORNING = Date.UTC(2026, 10, 22, 2, 0, 0);
export const HOTEL = '898410170110001';
export const WINE = '898410159210002';
export const FARM = '898410158120003';

export interface SampleWorld {
  readonly store: StorePort;
  readonly directory: Directory;
  readonly clock: { now(): number; after(): { cancel(): void } };
  /** Moves the clock on. */
  pass(ms: number): void;
  commit(item: Partial<CommitItem>): Promise<void>;
}

/** Opens a store on an empty database whose first day is `FIRST_DAY`. */
export type OpenSample = (clock: Clock) => Promise<StorePort>;

const inMemory: OpenSample = async (clock) =>
  openSqliteStore({
    driver: await openSqlite(':memory:'),
    stream: 'host-01',
    clock,
    initialBusinessDate: FIRST_DAY,
  });

/** Opens an empty store on the first day and puts the programme's documents into it. */
export async function sampleWorld(open = inMemory): Promise<SampleWorld> {
  let now = MORNING;
  const clock = { now: () => now, after: () => ({ cancel: () => undefined }) };
  const store = await open(clock);
  const commit = async (item: Partial<CommitItem>) => {
    const [outcome] = await store.commit([{ guards: [], changes: {}, journal: [], ...item }]);
    if (outcome?.committed !== true) throw new Error(`not committed: ${JSON.stringify(outcome)}`);
  };
  await commit({ changes: { documents: DOCUMENTS } });
  const directory = await openDirectory(store);
  const pass = (ms: number) => {
    now += ms;
  };
  return { store, directory, clock, commit, pass };
}

const document = <K extends keyof Documents>(kind: K, body: Documents[K]): DocumentRow => ({
  kind,
  id: body.id,
  version: 1,
  body,
  person: '张会计',
  reason: '开业',
  at: MORNING,
});
const merchant = (id: string, nameZh: string, trade: string, mcc: string) =>
  document('merchant', {
    ...{ id, nameZh, nameEn: trade, companyId: 'zz', trade, mcc },
    ...{ state: 'active', contractId: 'rate-80', bankAccountMasked: '6222********0018' },
  });
const branch = (id: string, merchantId: string, nameZh: string) =>
  document('branch', { id, merchantId, nameZh, nameEn: id });
const terminal = (id: string, merchantId: string, branchId: string) =>
  document('terminal', {
    ...{ id, merchantId, branchId, state: 'active', tmk: `tmk:${id}`, keyModes: ['003'] },
    ...{ macAlgorithm: 'unionpay-ecb', singleLengthMak: false, keyedEntryAllowed: false },
  });

const DOCUMENTS: readonly DocumentRow[] = [
  document('programme', {
    ...{ id: 'zunka', nameZh: '尊卡', nameEn: 'Zunka', regime: 'multi-purpose', acquirerId: '48204910' },
    ...{ binPrefixes: ['627788'], maxBalanceRegistered: fen(500_000), maxBalanceAnonymous: fen(100_000) },
    ...{ maxPerTransaction: fen(500_000), spendOrder: 'bonus-first', preAuthorisationDays: 30 },
    ...{ completionMaxBp: 10_000, cvnOffset: 5, yuanPerPoint: 10 },
  }),
  document('company', { id: 'zz', nameZh: '郑州公司', nameEn: 'Zhengzhou company' }),
  document('salePoint', {
    ...{
      id: 'S1',
      nameZh: '郑东售卡点',
      nameEn: 'Zhengdong',
      companyId: 'zz',
      unremittedMax: fen(5_000_000),
    },
  }),
  document('contract', {
    ...{ id: 'rate-80', version: 1, settlementBp: 8_000, rebateBp: 200, agentBp: 50, payoutDays: 1 },
    minimumPayout: fen(0),
  }),
  document('tier', { id: 'green', nameZh: '绿卡', nameEn: 'Green', rank: 2, pointsBp: 10_000 }),
  merchant(HOTEL, '郑东假日酒店', 'hotel', '7011'),
  merchant(WINE, '中原名酒会', 'wine', '5921'),
  merchant(FARM, '绿基地生态农场', 'farm', '5812'),
  branch('lobby', HOTEL, '大堂'),
  branch('dining', HOTEL, '=SUM(餐厅)'),
  branch('wine-main', WINE, '总店'),
  branch('farm-gate', FARM, '农场门店'),
  terminal('41010001', HOTEL, 'lobby'),
  terminal('41010002', HOTEL, 'dining'),
  terminal('41010003', WINE, 'wine-main'),
];

const lots = (principal: number): readonly LotPart[] => [
  { lotId: 'L1', purse: 'principal', amount: fen(principal) },
];
/** A sale's money: gross, discount of issuer and merchant, what the merchant is owed, rebate, agent, points. */
function money(
  gross: number,
  [discountIssuer, discountMerchant]: readonly [number, number],
  [payable, commission]: readonly [number, number],
  [rebate, agent, points]: readonly [number, number, number],
): SaleMoney {
  const paid = gross - discountIssuer - discountMerchant;
  return {
    gross: fen(gross),
    discountIssuer: fen(discountIssuer),
    discountMerchant: fen(discountMerchant),
    paid: fen(paid),
    base: fen(gross - discountMerchant),
    payable: fen(payable),
    commission: fen(commission),
    rebate: fen(rebate),
    agent: fen(agent),
    points,
    lots: lots(paid),
  };
}

/** 128.00 with 10 % off at 80 %: funded by the issuer, by the merchant, half each (money design page, "Sale"). */
// biome-ignore format: a table is read by column
export const MONEY = {
  issuerFunded:   money(12_800, [1_280, 0],   [10_240, 2_560], [230, 58, 12]),
  merchantFunded: money(12_800, [0, 1_280],   [9_216, 2_304],  [230, 58, 12]),
  halfEach:       money(12_800, [640, 640],   [9_728, 2_432],  [230, 58, 12]),
  /** 64.00 of the issuer-funded sale (money design page, "Refund"). */
  halfRefund:     money(6_400,  [640, 0],     [5_120, 1_280],  [115, 29, 6]),
  /** Without a discount, completed from a hold of 120.00. */
  completed:      money(10_000, [0, 0],       [8_000, 2_000],  [200, 50, 10]),
} as const;

const RATES = {
  contractId: 'rate-80',
  contractVersion: 1,
  settlementBp: 8_000,
  rebateBp: 200,
  agentBp: 50,
  ruleIds: ['D10'],
};
const PARTIES = { accountId: 'A1', salePointId: 'S1' };

export interface Spent {
  readonly id: string;
  readonly terminalId: string;
  readonly trace: string;
  readonly kind: TransactionRow['kind'];
  readonly money: SaleMoney | null;
  readonly amount: Fen;
  readonly at: number;
  readonly businessDate: string;
  readonly state?: TransactionRow['state'];
  readonly originalId?: string;
  readonly batch?: number;
}

/** A transaction's row, as the flows write it. */
export function transactionRow(spent: Spent): TransactionRow {
  const place = PLACES[spent.terminalId] ?? { merchantId: HOTEL, branchId: 'lobby' };
  return {
    transactionId: spent.id,
    version: 1,
    ut: null,
    identity: `I-${spent.id}`,
    kind: spent.kind,
    state: spent.state ?? 'approved',
    responseCode: '00',
    terminalId: spent.terminalId,
    ...place,
    batch: spent.batch ?? 1,
    trace: spent.trace,
    rrn: `01${spent.id.replaceAll(/\D/g, '').padStart(10, '0')}`,
    auth:
      spent.kind === 'sale' || spent.kind === 'completion'
        ? `A${spent.id.replaceAll(/\D/g, '').padStart(5, '0')}`
        : null,
    accountId: 'A1',
    cardId: 'C1',
    panMasked: '627788******1234',
    amount: spent.amount,
    businessDate: spent.businessDate,
    localDate: '1122',
    localTime: '100000',
    entryMode: '021',
    originalId: spent.originalId ?? null,
    money: spent.money,
    rates: spent.money === null ? null : RATES,
    taken: null,
    entryId: `E-${spent.id}`,
    rebateRun: null,
    afterClose: null,
    trace57: spent.money === null ? '' : 'contract-rebate.0 contract:200 230',
    operator: null,
    at: spent.at,
  };
}

const PLACES: Readonly<Record<string, { merchantId: string; branchId: string }>> = {
  '41010001': { merchantId: HOTEL, branchId: 'lobby' },
  '41010002': { merchantId: HOTEL, branchId: 'dining' },
  '41010003': { merchantId: WINE, branchId: 'wine-main' },
};

export function stampOf(spent: Spent, corrects: string | null = null) {
  return {
    entryId: `E-${spent.id}`,
    businessDate: spent.businessDate,
    cause: { kind: 'transaction', id: spent.id } as const,
    at: spent.at,
    branchId: PLACES[spent.terminalId]?.branchId ?? null,
    terminalId: spent.terminalId,
    corrects,
  };
}

const partiesOf = (spent: Spent) => ({
  ...PARTIES,
  merchantId: PLACES[spent.terminalId]?.merchantId ?? HOTEL,
});

export function sale(spent: Spent): Entry {
  return saleEntry(stampOf(spent), { parties: partiesOf(spent), money: spent.money ?? MONEY.issuerFunded });
}
export function mirror(original: Entry, event: 'void' | 'reversal', spent: Spent): Entry {
  return mirrorEntry(original, event, stampOf(spent, original.entryId));
}

export const lotRow: LotRow = {
  lotId: 'L1',
  accountId: 'A1',
  purse: 'principal',
  salePointId: 'S1',
  loadedOn: FIRST_DAY,
  expiresOn: null,
  registered: true,
  loaded: fen(400_000),
  remaining: fen(400_000),
};
export const terminalRow = (terminalId: string, batch = 1): TerminalRow => ({
  terminalId,
  version: 1,
  batch,
  keys: null,
  previousKeys: null,
  previousKeysUntil: null,
  macFailures: 0,
  speaksDe57: false,
  wanted: 0,
});
export const batchRow = (terminalId: string, batch: number, changes: Partial<BatchRow> = {}): BatchRow => ({
  terminalId,
  batch,
  version: 1,
  merchantId: PLACES[terminalId]?.merchantId ?? HOTEL,
  state: 'open',
  openedAt: MORNING,
  closedAt: null,
  closedBy: null,
  cause: null,
  terminalTotals: null,
  hostTotals: null,
  closingTotals: null,
  result: null,
  ...changes,
});

/** DE57 `HT` of the wine club's settled batch: two sales of 128.00, own cards, nothing else. */
export const WINE_TOTALS = `000000025600002${'0'.repeat(45)}`;

/**
 * The first day: at the hotel a sale that is half refunded, a sale that is voided, a sale that is reversed,
 * a pre-authorisation completed below its hold; at the wine club two sales in a batch that was settled.
 */
export async function playFirstDay(world: SampleWorld): Promise<void> {
  const minute = 60_000;
  const of = (minutes: number, spent: Omit<Spent, 'at' | 'businessDate'>): Spent => ({
    ...spent,
    at: MORNING + minutes * minute,
    businessDate: FIRST_DAY,
  });
  const lobby = { terminalId: '41010001' };
  const dining = { terminalId: '41010002' };
  const wine = { terminalId: '41010003', amount: fen(12_800), money: MONEY.merchantFunded, kind: 'sale' };
  // biome-ignore format: a table is read by column
  const spends = {
    sold:      of(1, { ...lobby,  id: 'T001', trace: '000001', kind: 'sale',   amount: fen(12_800), money: MONEY.issuerFunded }),
    voided:    of(2, { ...lobby,  id: 'T002', trace: '000002', kind: 'sale',   amount: fen(12_800), money: MONEY.halfEach, state: 'voided' }),
    voiding:   of(3, { ...lobby,  id: 'T003', trace: '000003', kind: 'void',   amount: fen(12_800), money: MONEY.halfEach, originalId: 'T002' }),
    refund:    of(4, { ...lobby,  id: 'T004', trace: '000004', kind: 'refund', amount: fen(6_400),  money: MONEY.halfRefund, originalId: 'T001' }),
    reversed:  of(5, { ...dining, id: 'T005', trace: '000005', kind: 'sale',   amount: fen(12_800), money: MONEY.merchantFunded, state: 'reversed' }),
    reversing: of(6, { ...dining, id: 'T006', trace: '000005', kind: 'reversal', amount: fen(12_800), money: null, originalId: 'T005' }),
    held:      of(7, { ...dining, id: 'T007', trace: '000007', kind: 'preAuthorisation', amount: fen(12_000), money: null, state: 'completed' }),
    completed: of(8, { ...dining, id: 'T008', trace: '000008', kind: 'completion', amount: fen(10_000), money: MONEY.completed, originalId: 'T007' }),
    wine1:     of(9, { ...wine,   id: 'T009', trace: '000001' }),
    wine2:     of(10, { ...wine,  id: 'T010', trace: '000002' }),
  } as const;
  const voidedSale = sale(spends.voided);
  const reversedSale = sale(spends.reversed);
  const back = { rebateUnpaid: MONEY.halfRefund.rebate, rebateFromLot: [], rebateKept: fen(0) };
  const entries: readonly Entry[] = [
    loadEntry(
      {
        ...stampOf(spends.sold),
        entryId: 'E-load',
        at: MORNING,
        cause: { kind: 'provisioning', id: 'load-1' },
      },
      { ...PARTIES, principal: fen(400_000), principalLotId: 'L1', bonus: fen(0), bonusLotId: null },
    ),
    sale(spends.sold),
    voidedSale,
    mirror(voidedSale, 'void', spends.voiding),
    refundEntry(stampOf(spends.refund, 'E-T001'), {
      parties: partiesOf(spends.refund),
      part: MONEY.halfRefund,
      back: { given: MONEY.halfRefund.lots, ...back },
    }),
    reversedSale,
    mirror(reversedSale, 'reversal', spends.reversing),
    holdEntry(stampOf(spends.held), { accountId: 'A1', lots: lots(12_000) }),
    completionEntry(stampOf(spends.completed), {
      parties: partiesOf(spends.completed),
      money: MONEY.completed,
      parts: { lots: lots(10_000), fromHold: lots(10_000), fromFree: [], backToLots: lots(2_000) },
    }),
    sale(spends.wine1),
    sale(spends.wine2),
  ];
  // 115.20 − 57.60 + 100.00 + 2 × 115.20
  const spent = 11_520 - 5_760 + 10_000 + 2 * 11_520;
  const closed = {
    state: 'closed',
    closedAt: MORNING + 60 * minute,
    closedBy: 'settlement',
    hostTotals: WINE_TOTALS,
    closingTotals: WINE_TOTALS,
    result: 1,
  } as const;
  await world.commit({
    changes: {
      accounts: [
        {
          accountId: 'A1',
          version: 1,
          state: 'active',
          owed: fen(0),
          tier: 'green',
          registered: true,
          productId: 'P1',
          salePointId: 'S1',
        },
      ],
      lots: [{ ...lotRow, remaining: fen(400_000 - spent) }],
      terminals: [terminalRow('41010001'), terminalRow('41010002'), terminalRow('41010003', 2)],
      batches: [
        batchRow('41010001', 1),
        batchRow('41010002', 1),
        batchRow('41010003', 1, closed),
        batchRow('41010003', 2),
      ],
      transactions: Object.values(spends).map(transactionRow),
      entries,
    },
  });
}
