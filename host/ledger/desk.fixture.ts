/**
 * A desk for tests: one card account at one merchant, whose acts go through the real entry builders.
 * It keeps its own tally of what everyone is due, and compares it with the fold of the postings.
 */
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { ensure, type Fen, fen, minusFen } from '../../protocol/index.ts';
import type { Contract } from '../programme/model.ts';
import type { Rule } from '../rules/model.ts';
import { price } from '../rules/price.ts';
import type { LotRow } from '../store/rows.ts';
import * as entries from './entries.ts';
import { coverDebt, giveBack, lotsAfterGiveBack, rebateLotId, standAgain } from './give-back.ts';
import type { Entry, LotPart, Purse, SaleMoney } from './model.ts';
import { takePart } from './parts.ts';
import { applyToLots, available, priceMoney, takeForCompletion, takeFromLots } from './spend.ts';

const TODAY = '20261122';
const PARTIES = { accountId: 'A1', merchantId: 'M1', salePointId: 'S1' };
const CONTRACT: Contract = {
  id: 'C1',
  version: 1,
  settlementBp: 8_125,
  rebateBp: 215,
  agentBp: 45,
  payoutDays: 1,
  minimumPayout: fen(0),
};
const RULES: readonly Rule[] = [
  {
    id: 'D10',
    version: 1,
    name: '九折',
    validFrom: '20260101',
    validTo: null,
    priority: 0,
    stackGroup: 'member',
    exclusive: false,
    conditions: { minimum: fen(10_00) },
    effect: { kind: 'discount', basisPoints: 1_050 },
    issuerShareBp: 3_700,
    caps: {},
  },
];

export interface Act {
  readonly kind:
    | 'load'
    | 'sale'
    | 'refund'
    | 'void'
    | 'reverse-void'
    | 'reversal'
    | 'pay-rebates'
    | 'hold'
    | 'complete'
    | 'release';
  /** How much, in ten-thousandths of what is possible. */
  readonly size: number;
  /** Which of the spends, modulo their number. */
  readonly pick: number;
}

/** Each kind as often as its weight. */
function repeated(weights: { readonly [K in Act['kind']]: number }): Act['kind'][] {
  return Object.entries(weights).flatMap(([kind, weight]) =>
    Array<Act['kind']>(weight).fill(kind as Act['kind']),
  );
}

export const actions: fc.Arbitrary<readonly Act[]> = fc.array(
  fc.record({
    kind: fc.constantFrom<Act['kind'][]>(
      ...repeated({
        load: 2,
        sale: 5,
        refund: 3,
        void: 3,
        'reverse-void': 4,
        reversal: 1,
        'pay-rebates': 2,
        hold: 2,
        complete: 2,
        release: 1,
      }),
    ),
    size: fc.nat(9_999),
    pick: fc.nat(7),
  }),
  { minLength: 12, maxLength: 40, size: 'max' },
);

export interface Spend {
  kind: 'sale' | 'hold' | 'completion';
  state: 'approved' | 'voided' | 'reversed' | 'released' | 'completed';
  money: SaleMoney;
  taken: SaleMoney | null;
  entry: Entry;
  undoing: Entry | null;
  rebateRun: string | null;
  hold: Spend | null;
}

export class Desk {
  readonly loaded = { principal: 0, bonus: 0 };
  /** All entries so far, as they were made. */
  readonly made: Entry[] = [];
  /** The business date of the next acts. */
  businessDate = TODAY;
  readonly #sums = new Map<string, number>();
  readonly #lotSums = new Map<string, number>();
  readonly #spends: Spend[] = [];
  #lots: readonly LotRow[] = [];
  #owed = fen(0);
  #rebatesHad = 0;
  #next = 0;

  /** What the holder owes. */
  get owed() {
    return this.#owed;
  }

  play(act: Act): void {
    // Counted from the latest: acts meet while they can still touch each other.
    const spend = this.#spends.at(-1 - (act.pick % Math.max(1, this.#spends.length)));
    // A third of the acts take all that is possible: a day's extremes meet.
    const share = (whole: number) => (act.size > 6_666 ? whole : Math.floor((whole * act.size) / 6_666));
    if (act.kind === 'load') this.load(share(900_00) + 1, act.pick % 3 === 0 ? share(70_00) : 0);
    if (act.kind === 'sale' && this.#owed === 0 && this.available() > 0)
      this.sale(share(this.available()) || 1);
    if (act.kind === 'hold' && this.#owed === 0 && this.available() > 0)
      this.hold(share(this.available()) || 1);
    if (act.kind === 'pay-rebates') this.payRebates();
    if (spend === undefined) return;
    const isPayment = spend.kind !== 'hold';
    const left = spend.money.gross - (spend.taken?.gross ?? 0);
    if (act.kind === 'refund' && isPayment && spend.state === 'approved' && left > 0)
      this.refund(spend, share(left) || 1);
    if (act.kind === 'void' && isPayment && spend.state === 'approved' && spend.taken === null)
      this.void(spend);
    if (act.kind === 'reverse-void' && spend.kind === 'sale' && spend.state === 'voided')
      this.reverseVoid(spend);
    if (act.kind === 'reversal' && isPayment && spend.state === 'approved' && left > 0)
      this.refund(spend, left, 'reversal');
    if (act.kind === 'complete' && spend.kind === 'hold' && spend.state === 'approved' && this.#owed === 0) {
      const most = Math.min(Math.floor(spend.money.gross * 1.15), spend.money.paid + this.available());
      this.complete(spend, share(most) || 1);
    }
    if (act.kind === 'release' && spend.kind === 'hold' && spend.state === 'approved') this.release(spend);
  }

  load(principal: number, bonus: number): void {
    const id = this.#id();
    const lots = [
      this.#lot(`P${id}`, 'principal', principal, null),
      this.#lot(`B${id}`, 'bonus', bonus, '20270101'),
    ];
    const lotted = lots.filter((lot) => lot.loaded > 0);
    this.#post(
      entries.loadEntry(this.#stamp(), {
        ...PARTIES,
        principal: fen(principal),
        principalLotId: `P${id}`,
        bonus: fen(bonus),
        bonusLotId: `B${id}`,
      }),
    );
    this.#lots = [...this.#lots, ...lotted];
    this.loaded.principal += principal;
    this.loaded.bonus += bonus;
    this.#cover();
  }

  sale(gross: number): Spend {
    const { money } = this.#price(gross, (paid) => takeFromLots(this.#lots, paid, 'bonus-first', TODAY));
    const entry = this.#post(entries.saleEntry(this.#stamp(), { parties: PARTIES, money }));
    this.#lots = applyToLots(this.#lots, money.lots, -1);
    return this.#keep('sale', money, entry, null);
  }

  refund(spend: Spend, gross: number, event: 'refund' | 'void' | 'reversal' = 'refund'): void {
    const { part, taken } = takePart(spend.money, spend.taken, fen(gross));
    const back = giveBack(part, this.#paidRebate(spend));
    spend.undoing = this.#post(entries.refundEntry(this.#stamp(), { parties: PARTIES, part, back, event }));
    this.#lots = lotsAfterGiveBack(this.#lots, back);
    this.#rebatesHad -= part.rebate - back.rebateUnpaid;
    if (event === 'void') spend.state = 'voided';
    else spend.taken = taken;
    if (event === 'reversal') spend.state = 'reversed';
    this.#cover();
  }

  void(spend: Spend): void {
    if (spend.kind === 'completion') {
      this.#voidCompletion(spend);
      return;
    }
    // A mirror serves a spend that nothing has happened to since.
    if (spend.rebateRun !== null || spend.entry.corrects !== null) {
      this.refund(spend, spend.money.gross, 'void');
      return;
    }
    spend.undoing = this.#post(entries.mirrorEntry(spend.entry, 'void', this.#stamp()));
    this.#lots = applyToLots(this.#lots, spend.money.lots, 1);
    spend.state = 'voided';
    this.#cover();
  }

  reverseVoid(spend: Spend): void {
    ensure(spend.undoing !== null, 'nothing to reverse');
    const stamp = this.#stamp();
    const account = {
      accountId: 'A1',
      lots: this.#lots,
      order: 'bonus-first' as const,
      debtLotId: `D${stamp.entryId}`,
    };
    const again = standAgain(stamp, 'reversal', spend.undoing, spend.money, account);
    this.#post(again.entry);
    this.#lots = again.lots;
    this.#owed = fen(this.#owed + again.owed);
    if (spend.rebateRun !== null) this.#rebatesHad += spend.money.rebate;
    spend.money = again.money;
    spend.entry = again.entry;
    spend.state = 'approved';
    this.#cover();
  }

  /** What a host must not do: mirror the void although the money may be gone. */
  takeAgainWithoutCare(spend: Spend): void {
    this.#lots = applyToLots(this.#lots, spend.money.lots, -1);
  }

  hold(gross: number): Spend {
    const { money } = this.#price(gross, (paid) => takeFromLots(this.#lots, paid, 'bonus-first', TODAY));
    const entry = this.#post(entries.holdEntry(this.#stamp(), { accountId: 'A1', lots: money.lots }));
    this.#lots = applyToLots(this.#lots, money.lots, -1);
    return this.#keep('hold', money, entry, null);
  }

  complete(hold: Spend, gross: number): Spend {
    const split = (paid: Fen) => takeForCompletion(hold.money.lots, this.#lots, paid, 'bonus-first', TODAY);
    let parts = split(fen(0));
    const { money } = this.#price(gross, (paid) => {
      parts = split(paid);
      return parts?.lots;
    });
    ensure(parts !== undefined, 'a completion beyond hold and balance');
    const entry = this.#post(entries.completionEntry(this.#stamp(), { parties: PARTIES, money, parts }));
    this.#lots = applyToLots(applyToLots(this.#lots, parts.fromFree, -1), parts.backToLots, 1);
    hold.state = 'completed';
    return this.#keep('completion', money, entry, hold);
  }

  release(hold: Spend): void {
    this.#post(entries.releaseEntry(this.#stamp(), { accountId: 'A1', lots: hold.money.lots }));
    this.#lots = applyToLots(this.#lots, hold.money.lots, 1);
    hold.state = 'released';
    this.#cover();
  }

  payRebates(): void {
    const run = `run${this.#id()}`;
    let amount = 0;
    for (const spend of this.#spends) {
      if (spend.kind === 'hold' || spend.state !== 'approved' || spend.rebateRun !== null) continue;
      spend.rebateRun = run;
      amount += spend.money.rebate - (spend.taken?.rebate ?? 0);
    }
    if (amount === 0) return;
    const lotId = rebateLotId(run, 'A1');
    this.#post(entries.rebatePaidEntry(this.#stamp(), { accountId: 'A1', amount: fen(amount), lotId }));
    this.#lots = [...this.#lots, this.#lot(lotId, 'bonus', amount, null)];
    this.#rebatesHad += amount;
  }

  undoEverything(): void {
    for (const spend of this.#spends) {
      if (spend.kind === 'hold' && spend.state === 'approved') this.release(spend);
      const left = spend.money.gross - (spend.taken?.gross ?? 0);
      if (spend.kind !== 'hold' && spend.state === 'approved' && left > 0) this.refund(spend, left);
    }
  }

  get lots(): readonly LotRow[] {
    return this.#lots;
  }

  available(): number {
    return available(this.#lots, TODAY).total;
  }

  balance(account: string): number {
    return this.#sums.get(account) ?? 0;
  }

  holderWealth(): number {
    const purses =
      this.balance('purse:principal:A1') + this.balance('purse:bonus:A1') + this.balance('holds:A1');
    return -purses - this.balance('receivable:holder:A1');
  }

  paidOf(spend: Spend): number {
    return spend.money.paid;
  }

  standingPaid(): number {
    return this.#standing().reduce((sum, spend) => sum + spend.money.paid - (spend.taken?.paid ?? 0), 0);
  }

  assertSound(): void {
    for (const lot of this.#lots) {
      assert.is(lot.remaining, 0 - (this.#lotSums.get(lot.lotId) ?? 0), `lot ${lot.lotId}`);
    }
    const purses = this.balance('purse:principal:A1') + this.balance('purse:bonus:A1');
    assert.is(
      this.#lots.reduce((sum, lot) => sum + lot.remaining, 0),
      0 - purses,
    );
    assert.is(this.balance('receivable:holder:A1'), this.#owed);
    assert.ok(this.balance('holds:A1') <= 0);
    const due = this.loaded.principal + this.loaded.bonus - this.standingPaid() + this.#rebatesHad;
    assert.is(
      this.holderWealth(),
      due,
      'the holder has what was loaded, less what he paid, with the rebates he had',
    );
    const owedToMerchant = this.#standing().reduce(
      (sum, spend) => sum + spend.money.payable - (spend.taken?.payable ?? 0),
      0,
    );
    assert.is(0 - this.balance('payable:merchant:M1'), owedToMerchant);
  }

  #standing(): readonly Spend[] {
    return this.#spends.filter((spend) => spend.kind !== 'hold' && spend.state !== 'voided');
  }

  /** The money goes back, and the hold stands again as far as its lots still have it. */
  #voidCompletion(spend: Spend): void {
    const { hold } = spend;
    ensure(hold !== null, 'a completion has its hold');
    this.refund(spend, spend.money.gross, 'void');
    const remaining = new Map(this.#lots.map((lot) => [lot.lotId, lot.remaining]));
    const lots = hold.money.lots
      .map((part) => ({ ...part, amount: fen(Math.min(part.amount, remaining.get(part.lotId) ?? 0)) }))
      .filter((part) => part.amount > 0);
    this.#post(entries.holdEntry(this.#stamp(), { accountId: 'A1', lots }));
    this.#lots = applyToLots(this.#lots, lots, -1);
    hold.state = 'approved';
    hold.money = { ...hold.money, paid: fen(lots.reduce((sum, part) => sum + part.amount, 0)), lots };
  }

  #paidRebate(spend: Spend): LotRow | 'gone' | null {
    if (spend.rebateRun === null) return null;
    const lotId = rebateLotId(spend.rebateRun, 'A1');
    return this.#lots.find((lot) => lot.lotId === lotId) ?? 'gone';
  }

  #price(gross: number, take: (paid: Fen) => readonly LotPart[] | undefined) {
    const spend = {
      gross: fen(gross),
      businessDate: TODAY,
      at: 0,
      merchantId: 'M1',
      branchId: 'B1',
      trade: 'restaurant',
      tier: 'green',
      accountId: 'A1',
      used: new Map(),
    };
    const priced = price(spend, RULES, {
      tierPointsBp: 11_000,
      rebateBp: CONTRACT.rebateBp,
      yuanPerPoint: 3,
    });
    const lots = take(priced.paid);
    ensure(lots !== undefined, 'a spend beyond the balance');
    return priceMoney(priced, lots, CONTRACT);
  }

  #cover(): void {
    const lots = coverDebt(this.#lots, this.#owed, TODAY);
    if (lots.length === 0) return;
    this.#post(entries.debtCoveredEntry(this.#stamp(), { accountId: 'A1', lots }));
    this.#lots = applyToLots(this.#lots, lots, -1);
    this.#owed = minusFen(this.#owed, fen(lots.reduce((sum, part) => sum + part.amount, 0)));
  }

  #keep(kind: Spend['kind'], money: SaleMoney, entry: Entry, hold: Spend | null): Spend {
    const spend: Spend = {
      kind,
      state: 'approved',
      money,
      taken: null,
      entry,
      undoing: null,
      rebateRun: null,
      hold,
    };
    this.#spends.push(spend);
    return spend;
  }

  #post(entry: Entry): Entry {
    assert.is(entries.unbalanced(entry), null);
    this.made.push(entry);
    for (const { account, lot, amount } of entry.postings) {
      this.#sums.set(account, (this.#sums.get(account) ?? 0) + amount);
      if (lot !== null && account.startsWith('purse:'))
        this.#lotSums.set(lot, (this.#lotSums.get(lot) ?? 0) + amount);
    }
    return entry;
  }

  #stamp(): entries.Stamp {
    const id = this.#id();
    return {
      entryId: `E${String(id).padStart(6, '0')}`,
      businessDate: this.businessDate,
      cause: { kind: 'transaction', id: `T${id}` },
      at: 0,
      branchId: 'B1',
      terminalId: '00000001',
    };
  }

  #lot(lotId: string, purse: Purse, amount: number, expiresOn: string | null): LotRow {
    return {
      lotId,
      accountId: 'A1',
      purse,
      salePointId: 'S1',
      loadedOn: TODAY,
      expiresOn,
      registered: true,
      loaded: fen(amount),
      remaining: fen(amount),
    };
  }

  #id(): number {
    this.#next += 1;
    return this.#next;
  }
}
