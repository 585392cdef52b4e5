/** Books for tests: two business days that a desk played, resting in a real database in memory. */

import { fen } from '../../protocol/index.ts';
import type { StorePort } from '../store/port.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { Desk } from './desk.fixture.ts';
import {
  operatorFundsEntry,
  payoutPaidEntry,
  payoutSentEntry,
  remittanceArrivedEntry,
  remittanceSentEntry,
  saleEntry,
} from './entries.ts';
import type { Entry } from './model.ts';
import { ZERO_MONEY } from './parts.ts';
import type { Stamp } from './postings.ts';

export const FIRST_DAY = '20261122';
export const SECOND_DAY = '20261123';

export async function sampleBooks(): Promise<{
  readonly desk: Desk;
  readonly entries: readonly Entry[];
  readonly store: StorePort;
}> {
  const desk = new Desk();
  desk.load(1_000_00, 100_00);
  const first = desk.sale(128_00);
  const second = desk.sale(99_99);
  desk.void(second);
  const hold = desk.hold(300_00);
  desk.refund(first, 64_00);
  desk.payRebates();
  desk.businessDate = SECOND_DAY;
  desk.complete(hold, 250_00);
  desk.reverseVoid(second);
  desk.refund(first, 10_01);
  const stamp = (entryId: string): Stamp => ({
    entryId,
    businessDate: SECOND_DAY,
    cause: { kind: 'approval', id: 'AP1' },
    at: Date.UTC(2026, 10, 23, 2, 0),
    branchId: null,
    terminalId: null,
  });
  const entries = [
    ...desk.made,
    remittanceSentEntry(stamp('F1'), 'S1', fen(900_00)),
    remittanceArrivedEntry(stamp('F2'), fen(900_00)),
    operatorFundsEntry(stamp('F3'), { direction: 'in', amount: fen(50_00) }),
    payoutSentEntry(stamp('F4'), 'M1', fen(60_00)),
    payoutPaidEntry(stamp('F5'), fen(60_00)),
    // A merchant's own discount of all: nothing moves, and the entry says that it happened.
    saleEntry(stamp('F6'), {
      parties: { accountId: 'A1', merchantId: 'M1', salePointId: 'S1' },
      money: { ...ZERO_MONEY, gross: fen(5_00), discountMerchant: fen(5_00) },
    }),
  ];
  const store = await openSqliteStore({
    driver: await openSqlite(':memory:'),
    stream: 'host-01',
    clock: { now: () => Date.UTC(2026, 10, 22, 2, 0), after: () => ({ cancel: () => undefined }) },
    initialBusinessDate: FIRST_DAY,
  });
  const account = {
    accountId: 'A1',
    version: 1,
    state: 'active' as const,
    owed: desk.owed,
    tier: 'green',
    registered: true,
    productId: 'reloadable',
    salePointId: 'S1',
  };
  const changes = { accounts: [account], lots: desk.lots, entries };
  const [outcome] = await store.commit([{ guards: [], changes, journal: [] }]);
  if (outcome?.committed !== true) throw new Error('the sample books were not committed');
  return { desk, entries, store };
}
