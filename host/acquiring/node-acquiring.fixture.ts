/** An acquirer over a real SQLite file for tests: two merchants, three terminals, some cards with money. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSoftVault, type Vault } from '../../keys/index.ts';
import { fen, luhnDigit, maskPan } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import { assembleHost, type HostDeps, type HostKeys } from '../deps.ts';
import { loadEntry } from '../ledger/entries.ts';
import { proveBooks } from '../ledger/proofs.ts';
import { Metrics } from '../operations/metrics.ts';
import type { Directory } from '../programme/directory.ts';
import type { Contract, Merchant, Programme, TerminalProfile, Tier } from '../programme/model.ts';
import type { Rule } from '../rules/model.ts';
import type { StorePort } from '../store/port.ts';
import type { AccountRow, CardRow, TableName, Tables } from '../store/rows.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { handleFrame } from './handle-frame.ts';
import { type Parsed, parseAnswer, type TestCard, WireTerminal } from './wire-terminal.fixture.ts';

/** Sunday 2026-11-22, 12:00 at UTC+8. */
export const NOON = Date.UTC(2026, 10, 22, 4, 0, 0);
export const TODAY = '20261122';
export const SHOP = '62778812345A001';
export const HOTEL = '62778812345B002';

export const PROGRAMME: Programme = {
  id: 'P1',
  nameZh: '测试卡',
  nameEn: 'test card',
  regime: 'multi-purpose',
  acquirerId: '62778800',
  binPrefixes: ['627788'],
  maxBalanceRegistered: fen(5_000_00),
  maxBalanceAnonymous: fen(1_000_00),
  maxPerTransaction: fen(3_000_00),
  spendOrder: 'bonus-first',
  preAuthorisationDays: 30,
  completionMaxBp: 11_500,
  cvnOffset: 5,
  yuanPerPoint: 1,
};
const TIERS: readonly Tier[] = [{ id: 'green', nameZh: '绿卡', nameEn: 'green', rank: 2, pointsBp: 10_000 }];
const CONTRACTS: readonly Contract[] = [
  {
    id: 'K1',
    version: 1,
    settlementBp: 8_000,
    rebateBp: 100,
    agentBp: 50,
    payoutDays: 1,
    minimumPayout: fen(0),
  },
];
/** Ten per cent off for everybody, funded by the issuer, at most 50 yuan a card and day. */
export const TENTH: Rule = {
  id: 'R10',
  version: 1,
  name: '会员九折',
  validFrom: '20260101',
  validTo: null,
  priority: 10,
  stackGroup: 'member',
  exclusive: false,
  conditions: {},
  effect: { kind: 'discount', basisPoints: 1_000 },
  issuerShareBp: 10_000,
  caps: { perCardAndDay: fen(50_00) },
};

/** A clock that stands until it is moved; delays fire when it passes them. */
export class TestClock implements Clock {
  #now = NOON;
  #delays: { at: number; act: () => void }[] = [];
  now(): number {
    return this.#now;
  }
  after(ms: number, act: () => void) {
    const delay = { at: this.#now + ms, act };
    this.#delays.push(delay);
    return {
      cancel: () => {
        this.#delays = this.#delays.filter((other) => other !== delay);
      },
    };
  }
  /** Delays that have neither fired nor been cancelled. */
  get waiting(): number {
    return this.#delays.length;
  }
  pass(ms: number): void {
    this.#now += ms;
    const due = this.#delays.filter((delay) => delay.at <= this.#now);
    this.#delays = this.#delays.filter((delay) => delay.at > this.#now);
    for (const { act } of due) act();
  }
}

export {
  balanceFrame,
  holdFrame,
  preAuthorisationFrame,
  refundFrame,
  reversalFrame,
  saleFrame,
  voidFrame,
} from './request-frames.fixture.ts';

export interface LogLine {
  readonly level: string;
  readonly about: object;
  readonly text: string;
}

export interface Fixture {
  readonly deps: HostDeps;
  /** The database's file. */
  readonly path: string;
  readonly clock: TestClock;
  readonly log: LogLine[];
  readonly rules: Rule[];
  readonly terminals: Map<string, TerminalProfile>;
  readonly merchants: Map<string, Merchant>;
  /** The shop's first and second terminal, and the hotel's. */
  readonly shop: WireTerminal;
  readonly second: WireTerminal;
  readonly hotel: WireTerminal;
  /** One more terminal of the shop. */
  terminal(id: string): WireTerminal;
  /** A card with its own account; `principal` and `bonus` in fen. */
  card(options?: CardOptions): Promise<TestCard & { readonly cardId: string; readonly accountId: string }>;
  /** A frame in, an answer out; undefined when the host is silent. */
  ask(frame: Buffer): Promise<Parsed | undefined>;
  /** Asks, and fails when the host is silent. */
  answer(frame: Buffer): Promise<Parsed>;
  signIn(terminal: WireTerminal, version?: string): Promise<Parsed>;
  rows<T extends TableName>(table: T): Promise<Tables[T][]>;
  available(accountId: string): Promise<number>;
  /** Every check of the books that failed; empty when they are proven. */
  faults(): Promise<string[]>;
  close(): Promise<void>;
}
export interface CardOptions {
  readonly principal?: number;
  readonly bonus?: number;
  readonly pin?: string | null;
  readonly changes?: Partial<CardRow>;
  readonly account?: Partial<AccountRow>;
}

/**
 * @param wrap puts something between the host and its store: conflicts, failures
 * @param metrics what counts and times; without it nothing is timed
 */
export async function openFixture(
  wrap: (store: StorePort) => StorePort = (store) => store,
  metrics = new Metrics(),
): Promise<Fixture> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-acquiring-'));
  const clock = new TestClock();
  const path = join(folder, 'host.db');
  const store = await openSqliteStore({
    driver: await openSqlite(path),
    stream: 'host-1',
    clock,
    initialBusinessDate: TODAY,
  });
  const vault = await openSoftVault({ random: randomBytes });
  const keys = hostKeys(vault);
  const log: LogLine[] = [];
  const note = (level: string) => (about: object, text: string) => void log.push({ level, about, text });
  const { directory, terminals, merchants, rules } = smallDirectory();
  const deps = await assembleHost({
    clock,
    random: { bytes: randomBytes },
    vault,
    keys,
    store: wrap(store),
    directory,
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    metrics,
  });
  const terminal = (id: string, merchantId: string) => {
    const tmk = oddParity(randomBytes(16));
    const mask = oddParity(randomBytes(16));
    const other = Buffer.from(tmk.map((byte, at) => byte ^ (mask[at] ?? 0)));
    vault.createFromComponents({
      name: `tmk:${id}`,
      use: 'tmk',
      algorithm: '3des',
      components: [mask, other],
    });
    return new WireTerminal(id, merchantId, tmk);
  };
  let cards = 0;
  const connection = { id: 1, remote: 'test' };

  const fixture: Fixture = {
    deps,
    path,
    clock,
    log,
    rules,
    terminals,
    merchants,
    shop: terminal('10000001', SHOP),
    second: terminal('10000002', SHOP),
    hotel: terminal('20000001', HOTEL),
    terminal(id) {
      const like = terminals.get('10000001');
      if (like !== undefined) terminals.set(id, { ...like, id, tmk: `tmk:${id}` });
      return terminal(id, SHOP);
    },
    async card(options = {}) {
      cards += 1;
      return provisionCard(store, vault, keys, cards, options);
    },
    async ask(frame) {
      const answer = await handleFrame(deps, connection, frame);
      return answer === undefined ? undefined : parseAnswer(answer);
    },
    async answer(frame) {
      const answer = await fixture.ask(frame);
      if (answer === undefined) throw new Error('the host was silent');
      return answer;
    },
    async signIn(asking, version) {
      const answer = await fixture.answer(asking.signInFrame(version === undefined ? {} : { version }));
      asking.takeKeys(answer);
      return answer;
    },
    async rows(table) {
      const all = [];
      for await (const page of store.scan(table)) all.push(...page);
      return all;
    },
    async available(accountId) {
      const lots = await fixture.rows('lots');
      return lots.filter((lot) => lot.accountId === accountId).reduce((sum, lot) => sum + lot.remaining, 0);
    },
    async faults() {
      const proof = await proveBooks(store);
      return proof.checks.filter((check) => !check.ok).map((check) => `${check.nameEn}: ${check.detail}`);
    },
    async close() {
      await deps.engine.drain();
      await store.close();
      vault.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return fixture;
}

function hostKeys(vault: Vault): HostKeys {
  return {
    lookup: vault.generate({ name: 'lookup', use: 'lookup', algorithm: 'hmac-sha-256' }),
    data: vault.generate({ name: 'data', use: 'data', algorithm: 'aes-256' }),
    pvk: vault.generate({ name: 'pvk', use: 'pin-verification', algorithm: '3des' }),
    cvk: vault.generate({ name: 'cvk', use: 'card-verification', algorithm: '3des' }),
    zonePin: vault.generate({ name: 'zone-pin', use: 'pin', algorithm: '3des' }),
  };
}

function smallDirectory() {
  const rules: Rule[] = [];
  let given: readonly Rule[] = [];
  const merchants = new Map<string, Merchant>();
  const terminals = new Map<string, TerminalProfile>();
  const merchant = (id: string, nameZh: string) =>
    merchants.set(id, {
      id,
      nameZh,
      nameEn: id,
      companyId: 'G1',
      trade: 'retail',
      mcc: '5411',
      state: 'active',
      contractId: 'K1',
      bankAccountMasked: '6222****0001',
    });
  const terminal = (id: string, merchantId: string) =>
    terminals.set(id, {
      id,
      merchantId,
      branchId: `${merchantId}-1`,
      state: 'active',
      tmk: `tmk:${id}`,
      keyModes: ['003'],
      macAlgorithm: 'unionpay-ecb',
      singleLengthMak: false,
      keyedEntryAllowed: false,
    });
  merchant(SHOP, '小店');
  merchant(HOTEL, '宾馆');
  terminal('10000001', SHOP);
  terminal('10000002', SHOP);
  terminal('20000001', HOTEL);
  const directory: Directory = {
    programme: PROGRAMME,
    merchant: (id) => merchants.get(id),
    branch: () => undefined,
    terminal: (id) => terminals.get(id),
    contract: (id) => CONTRACTS.find((contract) => contract.id === id),
    tier: (id) => TIERS.find((tier) => tier.id === id),
    company: () => undefined,
    salePoint: () => undefined,
    rule: (id) => rules.find((rule) => rule.id === id),
    // A list that was given out is never changed.
    rules: () => {
      if (given.length !== rules.length) given = [...rules];
      return given;
    },
    all: () => [],
    behind: () => [],
    find: () => undefined,
    version: () => 0,
    missing: () => [],
    reload: async () => undefined,
  };
  return { directory, terminals, merchants, rules };
}

async function provisionCard(
  store: StorePort,
  vault: Vault,
  keys: HostKeys,
  serial: number,
  options: CardOptions,
) {
  const stem = `627788${String(serial).padStart(9, '0')}`;
  const pan = stem + luhnDigit(stem);
  const pin = options.pin === undefined ? '482915' : options.pin;
  const cardId = `C${serial}`;
  const accountId = `A${serial}`;
  const expiry = options.changes?.expiry ?? '3012';
  const serviceCode = '220';
  const block = pin === null ? null : vault.encryptPinBlock(keys.zonePin, Buffer.from(pin), pan);
  const reference =
    block === null
      ? null
      : vault.makePinReference({
          pik: keys.zonePin,
          pinBlock: block,
          pan,
          pvk: keys.pvk,
          method: 'ibm3624',
          pvki: '1',
        });
  const account: AccountRow = {
    accountId,
    version: 1,
    state: 'active',
    owed: fen(0),
    tier: 'green',
    registered: true,
    productId: 'P1',
    salePointId: 'S1',
    ...options.account,
  };
  const card: CardRow = {
    cardId,
    version: 1,
    panHash: vault.lookupHash(keys.lookup, pan),
    panSealed: vault.seal(keys.data, Buffer.from(pan), cardId),
    panMasked: maskPan(pan),
    accountId,
    state: 'active',
    expiry,
    serviceCode,
    pin: reference,
    pinTries: 0,
    activeFrom: '20261101',
    ...options.changes,
  };
  const principal = fen(options.principal ?? 1_000_00);
  const bonus = fen(options.bonus ?? 100_00);
  const lot = (purse: 'principal' | 'bonus', amount: typeof principal) => ({
    lotId: `${accountId}-${purse}`,
    accountId,
    purse,
    salePointId: 'S1',
    loadedOn: '20261101',
    expiresOn: null,
    registered: true,
    loaded: amount,
    remaining: amount,
  });
  const entry = loadEntry(
    {
      entryId: `load-${accountId}`,
      businessDate: TODAY,
      cause: { kind: 'provisioning', id: cardId },
      at: NOON,
      branchId: null,
      terminalId: null,
    },
    {
      accountId,
      salePointId: 'S1',
      principal,
      principalLotId: `${accountId}-principal`,
      bonus,
      bonusLotId: `${accountId}-bonus`,
    },
  );
  const lots = [
    ...(principal > 0 ? [lot('principal', principal)] : []),
    ...(bonus > 0 ? [lot('bonus', bonus)] : []),
  ];
  const changes = { accounts: [account], cards: [card], lots, entries: principal + bonus > 0 ? [entry] : [] };
  await store.commit([{ guards: [], changes, journal: [] }]);
  const cvn = vault.cardVerificationValue(keys.cvk, pan, expiry, serviceCode);
  return { pan, pin, cardId, accountId, track2: `${pan}D${expiry}${serviceCode}11234${cvn}` };
}

function oddParity(key: Buffer): Buffer {
  return Buffer.from(
    key.map((byte) => {
      const ones = (byte >> 1).toString(2).replace(/0/g, '').length;
      return (byte & 0xfe) | (ones % 2 === 0 ? 1 : 0);
    }),
  );
}
