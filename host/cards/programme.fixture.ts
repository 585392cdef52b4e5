/** A small invented programme for the tests of this folder, with a vault in memory. */
import { randomBytes } from 'node:crypto';
import { type KeyHandle, type KeyUse, openSoftVault, type Vault } from '../../keys/index.ts';
import { fen, luhnDigit } from '../../protocol/index.ts';
import type { Programme, SalePoint, Tier } from '../programme/model.ts';
import { AT, BUSINESS_DATE } from '../store/sample-rows.ts';
import type { By, CardDeps, IssueSpec } from './issue.ts';

export const PROGRAMME: Programme = {
  id: 'P1',
  nameZh: '测试卡',
  nameEn: 'test card',
  regime: 'multi-purpose',
  acquirerId: '12345678',
  binPrefixes: ['627788'],
  maxBalanceRegistered: fen(5_000_00),
  maxBalanceAnonymous: fen(1_000_00),
  maxPerTransaction: fen(0),
  spendOrder: 'bonus-first',
  preAuthorisationDays: 30,
  completionMaxBp: 11_500,
  cvnOffset: 5,
  yuanPerPoint: 1,
};
export const SALE_POINT: SalePoint = {
  id: 'S1',
  nameZh: '一店',
  nameEn: 'shop one',
  companyId: 'G1',
  unremittedMax: fen(50_000_00),
};
const TIER: Tier = { id: 'green', nameZh: '绿卡', nameEn: 'green', rank: 2, pointsBp: 10_000 };

export const PIN = '482915';
export const BY: By = {
  person: 'w.li',
  role: 'reviewer',
  reason: 'application 17 approved',
  at: AT,
  day: { businessDate: BUSINESS_DATE, version: 1, state: 'open', openedAt: AT, closedAt: null },
};

/** An invented number under the programme's prefix with a right check digit. */
export function panOf(index: number): string {
  const stem = `627788${String(index).padStart(9, '0')}`;
  return stem + luhnDigit(stem);
}

export async function cardDeps(): Promise<CardDeps> {
  const vault = await openSoftVault({ random: randomBytes });
  const key = (name: string, use: KeyUse, algorithm: KeyHandle['algorithm']) =>
    vault.generate({ name, use, algorithm });
  return {
    vault,
    keys: {
      lookup: key('lookup', 'lookup', 'hmac-sha-256'),
      data: key('data', 'data', 'aes-256'),
      pvk: key('pvk', 'pin-verification', '3des'),
      zonePin: key('zone-pin', 'pin', '3des'),
    },
    directory: {
      programme: PROGRAMME,
      tier: (id) => (id === TIER.id ? TIER : undefined),
      salePoint: (id) => (id === SALE_POINT.id ? SALE_POINT : undefined),
    },
  };
}

export function pinBlock(
  deps: { readonly vault: Vault; readonly keys: CardDeps['keys'] },
  pan: string,
  pin = PIN,
): Buffer {
  return deps.vault.encryptPinBlock(deps.keys.zonePin, Buffer.from(pin), pan);
}

export function issueSpec(deps: CardDeps, index: number, changes: Partial<IssueSpec> = {}): IssueSpec {
  const pan = panOf(index);
  return {
    cardId: `C${index}`,
    pan,
    expiry: '3012',
    serviceCode: '220',
    state: 'active',
    activeFrom: null,
    pin: { block: pinBlock(deps, pan) },
    account: { accountId: `A${index}`, tier: 'green', registered: true, productId: 'P1', salePointId: 'S1' },
    ...changes,
  };
}
