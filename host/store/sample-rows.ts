/** Rows for the store's tests and its benchmark: right in shape, invented in content. */
import { type Fen, type FenDelta, fen } from '../../protocol/index.ts';
import type { Entry } from '../ledger/model.ts';
import type { CommitItem } from './port.ts';
import type {
  AccountRow,
  BatchRow,
  CardRow,
  IdentityRow,
  LotRow,
  OwedReversalRow,
  TerminalRow,
  TransactionRow,
} from './rows.ts';

export const BUSINESS_DATE = '20261122';
/** 2026-11-22 10:00:00 at UTC+8. */
export const AT = 1_795_312_800_000;

export function accountRow(accountId: string, changes: Partial<AccountRow> = {}): AccountRow {
  return {
    accountId,
    version: 1,
    state: 'active',
    owed: fen(0),
    tier: 'green',
    registered: true,
    productId: 'P1',
    salePointId: 'S1',
    ...changes,
  };
}

export function cardRow(cardId: string, accountId: string, changes: Partial<CardRow> = {}): CardRow {
  return {
    cardId,
    version: 1,
    panHash: `hash-of-${cardId}`,
    panSealed: 'c2VhbGVk',
    panMasked: '627788******1234',
    accountId,
    state: 'active',
    expiry: '2912',
    serviceCode: '220',
    pin: { method: 'ibm3624', value: '012345', pvki: '1' },
    pinTries: 0,
    activeFrom: BUSINESS_DATE,
    ...changes,
  };
}

export function lotRow(lotId: string, accountId: string, changes: Partial<LotRow> = {}): LotRow {
  return {
    lotId,
    accountId,
    purse: 'principal',
    salePointId: 'S1',
    loadedOn: BUSINESS_DATE,
    expiresOn: null,
    registered: true,
    loaded: fen(100_000),
    remaining: fen(100_000),
    ...changes,
  };
}

export function terminalRow(terminalId: string, changes: Partial<TerminalRow> = {}): TerminalRow {
  return {
    terminalId,
    version: 1,
    batch: 1,
    keys: { mode: '003', pik: 'p', mak: 'm', tdk: null },
    previousKeys: null,
    previousKeysUntil: null,
    macFailures: 0,
    speaksDe57: true,
    wanted: 0,
    ...changes,
  };
}

export function batchRow(terminalId: string, batch: number, changes: Partial<BatchRow> = {}): BatchRow {
  return {
    terminalId,
    batch,
    version: 1,
    merchantId: 'M00000000000001',
    state: 'open',
    openedAt: AT,
    closedAt: null,
    closedBy: null,
    cause: null,
    terminalTotals: null,
    hostTotals: null,
    closingTotals: null,
    result: null,
    ...changes,
  };
}

export function identityRow(key: string, changes: Partial<IdentityRow> = {}): IdentityRow {
  return {
    key,
    fingerprint: 'f'.repeat(64),
    ut: null,
    transactionId: null,
    answer: { fields: { 39: '00', 63: '客户返点' }, items: [['GA', '000000012800']] },
    at: AT,
    ...changes,
  };
}

export function owedRow(trace: string, changes: Partial<OwedReversalRow> = {}): OwedReversalRow {
  return {
    terminalId: 'T0000001',
    batch: 1,
    trace,
    ut: '01JD9Q4C7N5W8R2Z6X3V1T0ABC',
    version: 1,
    merchantId: 'M00000000000001',
    amount: fen(12_800),
    state: 'open',
    proven: true,
    firstToldDate: BUSINESS_DATE,
    firstToldAt: AT,
    lastToldDate: BUSINESS_DATE,
    lastToldAt: AT,
    closedBy: null,
    closedAt: null,
    evidence: null,
    proposal: null,
    approval: null,
    toldAfterClosing: null,
    ...changes,
  };
}

/** A sale of 128.00, of which 115.20 were paid from one lot. */
export function transactionRow(transactionId: string, changes: Partial<TransactionRow> = {}): TransactionRow {
  const lotId = changes.accountId ? `L-${changes.accountId}` : 'L-A1';
  const { terminalId = 'T0000001', merchantId = 'M00000000000001', batch = 1, trace = '000001' } = changes;
  return {
    transactionId,
    version: 1,
    ut: null,
    identity: `${terminalId}|${merchantId}|${String(batch).padStart(6, '0')}|${trace}|0200|${transactionId}`,
    kind: 'sale',
    state: 'approved',
    responseCode: '00',
    terminalId: 'T0000001',
    merchantId: 'M00000000000001',
    branchId: 'B1',
    batch: 1,
    trace: '000001',
    rrn: '',
    auth: null,
    accountId: 'A1',
    cardId: null,
    panMasked: '627788******1234',
    amount: fen(12_800),
    businessDate: BUSINESS_DATE,
    localDate: '1122',
    localTime: '100000',
    entryMode: '021',
    originalId: null,
    money: saleMoney(lotId),
    rates: {
      contractId: 'C1',
      contractVersion: 1,
      settlementBp: 8_000,
      rebateBp: 100,
      agentBp: 50,
      ruleIds: ['D10'],
    },
    taken: null,
    entryId: null,
    rebateRun: null,
    afterClose: null,
    trace57: 'D10.1 applies 1280',
    operator: '001',
    at: AT,
    ...changes,
  };
}

function saleMoney(lotId: string): TransactionRow['money'] {
  return {
    gross: fen(12_800),
    discountIssuer: fen(1_280),
    discountMerchant: fen(0),
    paid: fen(11_520),
    base: fen(12_800),
    payable: fen(10_240),
    commission: fen(2_560),
    rebate: fen(115),
    agent: fen(57),
    points: 115,
    lots: [{ lotId, purse: 'principal', amount: fen(11_520) }],
  };
}

/** The entry of that sale; `amounts` replaces its six postings. */
export function entryRow(entryId: string, accountId: string, changes: Partial<Entry> = {}): Entry {
  const line = (account: string, amount: number, lot: string | null = null) =>
    ({ account, lot, unit: 'fen', amount: amount as FenDelta }) as const;
  return {
    entryId,
    businessDate: BUSINESS_DATE,
    event: 'sale',
    cause: { kind: 'transaction', id: entryId },
    at: AT,
    corrects: null,
    branchId: 'B1',
    terminalId: 'T0000001',
    postings: [
      line(`purse:principal:${accountId}`, 11_520, `L-${accountId}`),
      line('expense:discount', 1_280),
      line('payable:merchant:M00000000000001', -10_240),
      line('income:commission', -2_560),
      line('expense:rebate', 115),
      line('payable:rebate', -115),
    ],
    ...changes,
  };
}

/** Transactions that have a UT bring their identities, where `changes` does not. */
export function item(changes: CommitItem['changes'], rest: Partial<CommitItem> = {}): CommitItem {
  const { transactions = [], identities = [] } = changes;
  const brought = transactions
    .filter((row) => row.version === 1 && row.ut !== null)
    .filter(({ identity }) => !identities.some(({ key }) => key === identity))
    .map(({ identity, transactionId, ut }) => identityRow(identity, { transactionId, ut }));
  const whole = brought.length === 0 ? changes : { ...changes, identities: [...identities, ...brought] };
  return { guards: [], changes: whole, journal: [], ...rest };
}

/** An account with a card and a lot of 1000.00, ready to be sold to. */
export function provisioned(accountId: string): CommitItem {
  return item({
    accounts: [accountRow(accountId)],
    cards: [cardRow(`K-${accountId}`, accountId)],
    lots: [lotRow(`L-${accountId}`, accountId)],
  });
}

const twelve = (serial: number) => String(serial).padStart(12, '0');
/** The identity of `saleItem`. */
export const saleKey = (serial: number) => {
  const [more, trace] = [twelve(serial).slice(0, 6), twelve(serial).slice(6)];
  return `T0000001|M00000000000001|000001|${trace}|0200|${more}`;
};
/** Its UT. */
export const saleUt = (serial: number) => `01JU0000000000${twelve(serial)}`;

/**
 * A whole sale as the engine commits it: identity, transaction, account, lot, entry, one record.
 * @param serial makes the identifiers; equal serials are the same sale
 * @param version the account's version after it
 */
export function saleItem(serial: number, accountId: string, version: number, remaining: Fen): CommitItem {
  const text = twelve(serial);
  const transactionId = `01JD0000000000${text}`;
  const entryId = `01JE0000000000${text}`;
  const [key, ut] = [saleKey(serial), saleUt(serial)];
  return {
    guards: [
      { kind: 'absent', table: 'identities', key },
      { kind: 'version', table: 'accounts', key: accountId, version: version - 1 },
      { kind: 'counter', counter: 'budget:D10', add: 1_280, max: 900_000_000_000 },
    ],
    changes: {
      identities: [identityRow(key, { transactionId, ut })],
      transactions: [
        transactionRow(transactionId, {
          identity: key,
          ut,
          rrn: text,
          trace: text.slice(-6),
          accountId,
          entryId,
        }),
      ],
      accounts: [accountRow(accountId, { version })],
      lots: [lotRow(`L-${accountId}`, accountId, { remaining })],
      entries: [entryRow(entryId, accountId)],
    },
    journal: [
      {
        body: `{"amount":12800,"entry":"${entryId}","kind":"sale","terminalHead":"${'0'.repeat(64)}","transaction":"${transactionId}"}`,
      },
    ],
  };
}
