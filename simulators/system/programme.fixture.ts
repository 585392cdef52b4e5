/** A small programme for whole-system tests: one merchant, as many terminals and cards as a test asks for. */
import { randomBytes } from 'node:crypto';
import type { Documents } from '../../host/index.ts';
import { type KeyAlgorithm, type KeyUse, openSoftVault, type Vault } from '../../keys/index.ts';
import { fen, luhnDigit } from '../../protocol/index.ts';

type Body<K extends keyof Documents> = Documents[K];

export const MERCHANT_ID = '898410170110001';
export const REASON = '系统测试 whole-system test';
const EXPIRY = '3112';
const SERVICE_CODE = '701';
/** PVKI and what stands where Visa puts its PVV. */
const BEFORE_CVN = '10000';

export const terminalId = (index: number) => String(41_010_001 + index);
export const accountId = (index: number) => `A${String(index + 1).padStart(4, '0')}`;
export const cardId = (index: number) => `C${String(index + 1).padStart(4, '0')}`;

const terminal = (index: number): Body<'terminal'> => ({
  id: terminalId(index),
  merchantId: MERCHANT_ID,
  branchId: 'lobby',
  state: 'active',
  tmk: `tmk:${terminalId(index)}`,
  keyModes: ['003', '004'],
  macAlgorithm: 'unionpay-ecb',
  singleLengthMak: false,
  keyedEntryAllowed: false,
});

/** Every document in the order in which they may be written. */
// biome-ignore format: a table is read by column
export function documents(terminals: number): readonly (readonly [string, { readonly id: string }])[] {
  const programme: Body<'programme'> = {
    id: 'zunka', nameZh: '尊卡', nameEn: 'Zunka', regime: 'multi-purpose', acquirerId: '48204910', binPrefixes: ['627788'],
    maxBalanceRegistered: fen(5_000_00), maxBalanceAnonymous: fen(1_000_00), maxPerTransaction: fen(5_000_00),
    spendOrder: 'bonus-first', preAuthorisationDays: 30, completionMaxBp: 10_000, cvnOffset: 5, yuanPerPoint: 10,
  };
  const contract: Body<'contract'> = { id: 'hotel-80', version: 1, settlementBp: 8_000, rebateBp: 200, agentBp: 50, payoutDays: 1, minimumPayout: fen(0) };
  const rule: Body<'rule'> = {
    id: 'D-10', version: 1, validFrom: '20260101', validTo: null, exclusive: false, name: '九折 10 % off', priority: 20, stackGroup: 'tier',
    conditions: { trades: ['hotel'] }, effect: { kind: 'discount', basisPoints: 1_000 }, issuerShareBp: 5_000, caps: {},
  };
  const company: Body<'company'> = { id: 'zz', nameZh: '郑州城市公司', nameEn: 'Zhengzhou city company' };
  const salePoint: Body<'salePoint'> = { id: 'zz-01', nameZh: '售卡点', nameEn: 'Sale point', companyId: 'zz', unremittedMax: fen(900_000_00) };
  const tier: Body<'tier'> = { id: 'green', nameZh: '绿卡', nameEn: 'Green', rank: 2, pointsBp: 10_000 };
  const merchant: Body<'merchant'> = { id: MERCHANT_ID, nameZh: '郑东假日酒店', nameEn: 'Hotel', companyId: 'zz', trade: 'hotel', mcc: '7011', state: 'active', contractId: 'hotel-80', bankAccountMasked: '6222********0018' };
  const branch: Body<'branch'> = { id: 'lobby', merchantId: MERCHANT_ID, nameZh: '大堂', nameEn: 'Lobby' };
  return [
    ['programme', programme], ['company', company], ['salePoint', salePoint], ['contract', contract], ['tier', tier],
    ['merchant', merchant], ['branch', branch],
    ...Array.from({ length: terminals }, (_, index) => ['terminal', terminal(index)] as const),
    ['rule', rule],
  ];
}

export interface Card {
  readonly cardId: string;
  readonly accountId: string;
  readonly pan: string;
  readonly pin: string;
  readonly expiry: string;
  readonly serviceCode: string;
  readonly track1: string;
  readonly track2: string;
  /** Format 0 under the zone PIN key, upper-case hex. */
  readonly pinBlock: string;
}

export interface SharedKey {
  readonly name: string;
  readonly use: KeyUse;
  readonly algorithm: KeyAlgorithm;
  readonly components: readonly Buffer[];
}

export const throwComponents = (): readonly Buffer[] => [randomBytes(16), randomBytes(16)];

/** The card bureau: shares the card verification key and the zone PIN key with the host. */
export class Bureau {
  readonly shared: readonly SharedKey[] = [
    { name: 'cvk', use: 'card-verification', algorithm: '3des', components: throwComponents() },
    { name: 'zone-pin', use: 'pin', algorithm: '3des', components: throwComponents() },
  ];
  readonly #vault: Vault;

  private constructor(vault: Vault) {
    this.#vault = vault;
  }

  static async open(): Promise<Bureau> {
    const bureau = new Bureau(await openSoftVault({ random: randomBytes }));
    for (const { components, ...spec } of bureau.shared)
      bureau.#vault.createFromComponents({ ...spec, components: components.map((one) => Buffer.from(one)) });
    return bureau;
  }

  /** A card by its number among the test's cards: an invented PAN, its tracks, its PIN. */
  card(index: number): Card {
    const stem = `627788${String(310_000_000 + index * 7_919)}`;
    const pan = stem + luhnDigit(stem);
    const pin = String(864_209 - index * 1_357);
    const cvn = this.#vault.cardVerificationValue(this.#key('cvk'), pan, EXPIRY, SERVICE_CODE);
    const data = `${EXPIRY}${SERVICE_CODE}${BEFORE_CVN}${cvn}`;
    return {
      cardId: cardId(index),
      accountId: accountId(index),
      pan,
      pin,
      expiry: EXPIRY,
      serviceCode: SERVICE_CODE,
      track1: `B${pan}^TEST/HOLDER^${data}`,
      track2: `${pan}=${data}`,
      pinBlock: this.#vault
        .encryptPinBlock(this.#key('zone-pin'), Buffer.from(pin, 'ascii'), pan)
        .toString('hex')
        .toUpperCase(),
    };
  }

  close(): void {
    this.#vault.close();
  }

  #key(name: string) {
    const key = this.#vault.find(name);
    if (key === undefined) throw new Error(`the bureau has no key ${name}`);
    return key;
  }
}
