/**
 * The proofs of the books. Normative: the money design page, "Proven". Everything is computed anew from
 * the entries; no cache is believed, and the store's own sums are themselves one of the things proven. Who is given
 * sums that were proven before may begin from them.
 */
import { fenDelta, PosError, yuan } from '../../protocol/index.ts';
import { type FamilyName, familyOf } from './accounts.ts';
import { type Figures, FOLDED, LOT_READ, partsOf } from './figures.ts';
import { type BooksStore, type Extent, type Reading, type ReadSums, readBooks, sumsOf } from './reading.ts';

export interface BooksCheck {
  readonly nameZh: string;
  readonly nameEn: string;
  readonly ok: boolean;
  /** The figures that were compared, or the first that disagree. */
  readonly detail: string;
}

/** What the operator holds against what it owes, in fen. */
export interface Cover {
  readonly custody: number;
  readonly inTransit: number;
  readonly receivables: number;
  readonly purses: number;
  readonly holds: number;
  readonly payables: number;
  /** custody + in transit + receivables. */
  readonly assets: number;
  /** purses + holds + payables. */
  readonly owed: number;
  /** What bonus, discounts and rebates have cost the cover: due from operator funds. Never negative. */
  readonly dueFromOperator: number;
}

export interface BooksProof {
  readonly ok: boolean;
  readonly checks: readonly BooksCheck[];
  readonly entries: number;
  readonly postings: number;
  readonly cover: Cover;
}

/** Commits that land while the books are read make the readings differ: then they are read again, this often. */
const READINGS_MAX = 3;
const FAULTS_SHOWN = 3;

/**
 * Proves the books. Reads all entries, lots and sums; may run beside trading: what moved while it was
 * read is read again, and what moved every time is counted in the detail instead of compared. What moved
 * there and back between two looks (a sale and its reversal) looks like a fault, so a fault, too, is
 * reported only when it still stands in the last reading.
 */
export async function proveBooks(store: BooksStore, how: Pick<Extent, 'pause'> = {}): Promise<BooksProof> {
  return (await proveUpTo(store, how)).proof;
}

/**
 * The same, beginning from sums that were proven before if there are any: what is believed of them is not read again, all else
 * is proven as ever. What an entry of those days has become since then is seen by a proof that begins with the first entry.
 * @returns also the sums up to the last closed day, for the next to begin from if this one holds, and how many were believed
 */
export async function proveUpTo(
  store: BooksStore,
  extent: Extent = {},
): Promise<{ readonly proof: BooksProof; readonly sums: ReadSums; readonly believed: number }> {
  for (let readings = 1; ; readings += 1) {
    const reading = await readBooks(store, extent);
    const proof = await proofOf(reading, extent);
    if ((proof.ok && reading.moved.size === 0) || readings === READINGS_MAX)
      return { proof, sums: sumsOf(reading, extent.pause), believed: reading.believed };
  }
}

/** The same for who cannot go on without them. @throws BOOKS_UNBALANCED naming each proof that failed, with its figures */
export async function provenBooks(store: BooksStore): Promise<BooksProof> {
  const proof = await proveBooks(store);
  const wrong = proof.checks.filter(({ ok }) => !ok).map(({ nameEn, detail }) => `${nameEn}: ${detail}`);
  if (wrong.length > 0) throw new PosError('BOOKS_UNBALANCED', wrong.join('; '));
  return proof;
}

/** Faults of one check: how many, and the first of them. */
class Faults {
  readonly #first: { readonly fault: string; readonly rank: number }[] = [];
  count = 0;

  constructor(all: readonly string[] = []) {
    for (const fault of all) this.add(fault, 0);
  }

  /** @param rank those of the lowest are shown, of equal ones the first */
  add(fault: string, rank: number): void {
    this.count += 1;
    const at = this.#first.findIndex((one) => one.rank > rank);
    this.#first.splice(at < 0 ? this.#first.length : at, 0, { fault, rank });
    this.#first.length = Math.min(this.#first.length, FAULTS_SHOWN);
  }

  get first(): readonly string[] {
    return this.#first.map(({ fault }) => fault);
  }
}

/** Accounts before lots, and those before others that the books named before. */
const rankOf = (row: number, lot: string | null) => row + (lot === null ? 0 : 2 ** 40);

/** What one look through all figures finds. */
class Findings {
  readonly balances = new Faults();
  readonly days = new Faults();
  readonly lots = new Faults();
  readonly purses = new Faults();
  readonly debts = new Faults();
  readonly overdrawn = new Faults();
  /** Of the fold: accounts, purses, lots. */
  accounts = 0;
  purseAccounts = 0;
  purseSum = 0;
  lotCount = 0;
  readonly #figures: Figures;
  readonly #reading: Reading;
  readonly #byUnit = new Map<string, number>();
  readonly #byFamily = new Map<string, number>();

  constructor(reading: Reading) {
    this.#reading = reading;
    this.#figures = reading.figures;
  }

  look(key: string, row: number): void {
    const { unit, account, lot } = partsOf(key);
    const figures = this.#figures;
    const isMoved = this.#reading.moved.has(account);
    const closed = figures.get('closedFold', row);
    const fold = closed + figures.get('openFold', row);
    const closedSum = figures.get('closedSums', row);
    const sum = closedSum + figures.get('laterSums', row) + figures.get('after', row);
    // Nothing moves on a closed day.
    const rank = rankOf(row, lot);
    if (closed !== closedSum) this.balances.add(`${key}: ${closed} ≠ ${closedSum}`, rank);
    else if (fold !== sum && !isMoved) this.balances.add(`${key}: ${fold} ≠ ${sum}`, rank);
    if (lot === null) this.#lookAtAccount({ key, row, unit, account, fold, isMoved });
    else this.#lookAtLot({ key, row, lot, fold, isMoved });
  }

  #lookAtAccount(of: {
    readonly key: string;
    readonly row: number;
    readonly unit: string;
    readonly account: string;
    readonly fold: number;
    readonly isMoved: boolean;
  }): void {
    const { key, row, unit, account, fold, isMoved } = of;
    const figures = this.#figures;
    const isFolded = figures.has(FOLDED, row);
    if (isFolded) this.accounts += 1;
    this.#byUnit.set(unit, (this.#byUnit.get(unit) ?? 0) + fold);
    const family = familyOf(account)?.family;
    if (family !== undefined) {
      const ofFamily = `${unit} ${family}`;
      this.#byFamily.set(ofFamily, (this.#byFamily.get(ofFamily) ?? 0) + fold);
    }
    const [latest, latestSum] = [figures.get('latestFold', row), figures.get('latestSums', row)];
    if (latest !== latestSum && !isMoved) this.days.add(`${key}: ${latest} ≠ ${latestSum}`, row);
    const rows = figures.get('rows', row);
    if (key.startsWith('fen purse:')) {
      if (isFolded) this.purseAccounts += 1;
      this.purseSum -= fold;
      if (fold !== rows && !isMoved) this.purses.add(`${key}: ${fold} ≠ ${rows}`, row);
    }
    if (key.startsWith('fen receivable:holder:')) {
      if (fold !== rows && !isMoved) this.debts.add(`${key}: ${fold} ≠ ${rows}`, row);
      if (fold < 0 && !isMoved) this.overdrawn.add(`${key}: ${fold}`, row);
    }
  }

  #lookAtLot(of: {
    readonly key: string;
    readonly row: number;
    readonly lot: string;
    readonly fold: number;
    readonly isMoved: boolean;
  }): void {
    const { key, row, lot, fold, isMoved } = of;
    const figures = this.#figures;
    if (figures.has(FOLDED, row)) this.lotCount += 1;
    const rows = figures.get('rows', row);
    if (figures.has(LOT_READ, row) && fold !== rows && !isMoved)
      this.lots.add(`lot ${lot}: row ${-rows}, postings ${-fold}`, row);
    if (this.#reading.lotsMissing.has(lot) && !isMoved) this.lots.add(`${key}: no such lot`, row);
    if (fold > 0 && !isMoved) this.overdrawn.add(`${key}: ${-fold}`, row);
  }

  /** Units whose accounts do not sum to zero. */
  get unequal(): readonly string[] {
    return [...this.#byUnit].filter(([, sum]) => sum !== 0).map(([unit, sum]) => `${sum} ${unit}`);
  }

  familySum(families: readonly FamilyName[], unit = 'fen'): number {
    return families.reduce((sum, family) => sum + (this.#byFamily.get(`${unit} ${family}`) ?? 0), 0);
  }
}

async function proofOf(reading: Reading, { pause }: Extent): Promise<BooksProof> {
  const { figures } = reading;
  const found = new Findings(reading);
  for (const part of figures.parts()) {
    for (const [key, row] of part) found.look(key, row);
    await pause?.();
  }
  const cover = coverOf(found);
  const checks = [
    entriesBalance(reading),
    correctionsNameEntries(reading),
    accountsSumToZero(found),
    equationHolds(found),
    balancesEqualFold(reading, found),
    daysFollow(reading, found),
    lotsEqualFold(reading, found),
    pursesEqualLots(found),
    debtsEqualFold(reading, found),
    nothingOverdrawn(found),
    coverListed(cover),
  ];
  return {
    ok: checks.every((check) => check.ok),
    checks,
    entries: figures.entries,
    postings: figures.postings,
    cover,
  };
}

function entriesBalance({ figures: { entries, postings }, faults, since }: Reading): BooksCheck {
  const begin = since === undefined ? '' : ` since ${since.upTo}`;
  return check(
    '每笔分录借贷平衡',
    'every entry balances per unit',
    new Faults(faults),
    `${entries} entries, ${postings} postings${begin}`,
  );
}

function correctionsNameEntries({ orphans }: Reading): BooksCheck {
  return check(
    '更正分录均指向原分录',
    'every correction names an entry that is there',
    new Faults(orphans),
    'none is missing',
  );
}

function accountsSumToZero(found: Findings): BooksCheck {
  return check(
    '全部科目合计为零',
    'all accounts sum to zero',
    new Faults(found.unequal),
    `${found.accounts} accounts`,
  );
}

/** Families by side of the equation. The sign says how a family's sum counts on its side. */
// biome-ignore format: a table is read by column
const EQUATION = {
  left:  ['custody', 'in-transit', 'receivable:sale-point', 'receivable:holder', 'suspense:shortage'],
  right: ['purse:principal', 'purse:bonus', 'holds', 'payable:merchant', 'payable:agent', 'payable:rebate', 'suspense:surplus',
          'operator-funds', 'income:commission', 'income:fee', 'expense:discount', 'expense:bonus', 'expense:rebate', 'expense:agent'],
} as const satisfies Record<string, readonly FamilyName[]>;

function equationHolds(found: Findings): BooksCheck {
  const left = found.familySum(EQUATION.left);
  const right = -found.familySum(EQUATION.right);
  const figures = `${yuan(fenDelta(left))} = ${yuan(fenDelta(right))}`;
  const points = found.familySum(['points:liability', 'points:expense'], 'points');
  const faults = left === right && points === 0 ? [] : [figures, `points ${points}`];
  return check(
    '资产等式成立',
    'custody + in transit + receivables + shortage = purses + holds + payables + surplus + operator funds + income − expense',
    new Faults(faults),
    figures,
  );
}

function balancesEqualFold({ moved }: Reading, { balances, accounts }: Findings): BooksCheck {
  return check(
    '余额等于分录累计',
    'every balance = fold of its postings',
    balances,
    settled(accounts, moved),
  );
}

function daysFollow({ figures: { latestDate, latestAccounts } }: Reading, { days }: Findings): BooksCheck {
  const day = latestDate === '' ? 'no day yet' : `movements of ${latestDate} on ${latestAccounts} accounts`;
  return check('昨日余额加今日发生等于今日余额', 'yesterday + movements = today', days, day);
}

function lotsEqualFold({ lots: { all, before }, moved, since }: Reading, found: Findings): BooksCheck {
  // First: a row that is gone explains others.
  const faults = new Faults();
  if (since !== undefined && before < since.lots)
    faults.add(`${before} lots of ${since.upTo} and before, there were ${since.lots}`, 0);
  for (const fault of found.lots.first) faults.add(fault, 1);
  faults.count += found.lots.count - found.lots.first.length;
  return check(
    '每批余额等于其分录累计',
    "every lot's remaining = fold of its postings",
    faults,
    settled(all, moved),
  );
}

function pursesEqualLots({ purses, purseSum, purseAccounts }: Findings): BooksCheck {
  const sum = yuan(fenDelta(purseSum));
  return check(
    '钱包余额等于各批之和',
    'every purse = sum of its lots',
    purses,
    `${sum} yuan in ${purseAccounts} purses`,
  );
}

function debtsEqualFold({ debts }: Reading, found: Findings): BooksCheck {
  return check(
    '持卡人欠款等于应收累计',
    "every holder's debt = fold of its receivable",
    found.debts,
    `${debts} accounts owe`,
  );
}

function nothingOverdrawn({ overdrawn, lotCount }: Findings): BooksCheck {
  return check(
    '无透支',
    'no lot, hold or debt is below zero',
    overdrawn,
    `${lotCount} lots of purses and holds`,
  );
}

function coverOf(found: Findings): Cover {
  const custody = found.familySum(['custody']);
  const inTransit = found.familySum(['in-transit']);
  const receivables = found.familySum(['receivable:sale-point', 'receivable:holder']);
  const purses = -found.familySum(['purse:principal', 'purse:bonus']);
  const holds = -found.familySum(['holds']);
  const payables = -found.familySum(['payable:merchant', 'payable:agent', 'payable:rebate']);
  const assets = custody + inTransit + receivables;
  const owed = purses + holds + payables;
  return {
    custody,
    inTransit,
    receivables,
    purses,
    holds,
    payables,
    assets,
    owed,
    dueFromOperator: Math.max(0, owed - assets),
  };
}

/** Listed, never failed: a shortfall is an amount to pay in, not an error of the books. */
function coverListed(cover: Cover): BooksCheck {
  const detail = `${yuan(fenDelta(cover.assets))} against ${yuan(fenDelta(cover.owed))}, due ${yuan(fenDelta(cover.dueFromOperator))}`;
  return check(
    '备付覆盖，差额由运营方补足',
    'cover: assets against what is owed; the shortfall is due from operator funds',
    new Faults(),
    detail,
  );
}

function settled(count: number, moved: ReadonlySet<string>): string {
  return moved.size === 0
    ? `${count} compared`
    : `${count} compared, of which ${moved.size} accounts moved meanwhile`;
}

function check(nameZh: string, nameEn: string, { count, first }: Faults, figures: string): BooksCheck {
  const more = count > FAULTS_SHOWN ? ` and ${count - FAULTS_SHOWN} more` : '';
  const detail = count === 0 ? figures : `${first.join('; ')}${more}`;
  return { nameZh, nameEn, ok: count === 0, detail };
}
