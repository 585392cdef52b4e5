/**
 * The proofs of the books. Normative: the money design page, "Proven". Everything is computed anew from
 * the entries; no cache is believed, and the store's own sums are themselves one of the things proven. Who is given
 * sums that were proven before may begin from them.
 */
import { fenDelta, PosError, yuan } from '../../protocol/index.ts';
import { type FamilyName, familyOf } from './accounts.ts';
import { accountKey, lotKey } from './fold.ts';
import {
  accountOfKey,
  type BooksStore,
  type ProvenSums,
  type Reading,
  readBooks,
  type Stretch,
  type Sums,
  sumsOf,
} from './reading.ts';

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
const NOTHING: ReadonlySet<string> = new Set();

/**
 * Proves the books. Reads all entries, lots and sums; may run beside trading: what moved while it was
 * read is read again, and what moved every time is counted in the detail instead of compared. What moved
 * there and back between two looks (a sale and its reversal) looks like a fault, so a fault, too, is
 * reported only when it still stands in the last reading.
 */
export async function proveBooks(store: BooksStore): Promise<BooksProof> {
  return (await proveUpTo(store)).proof;
}

/**
 * The same, beginning from sums that were proven before if there are any: what is believed of them is not read again, all else
 * is proven as ever. What an entry of those days has become since then is seen by a proof that begins with the first entry.
 * @returns also what tells the sums up to the last closed day, for the next to begin from if this one holds
 */
export async function proveUpTo(
  store: BooksStore,
  stretch: Stretch = {},
): Promise<{ readonly proof: BooksProof; readonly sumsOf: () => ProvenSums }> {
  for (let readings = 1; ; readings += 1) {
    const reading = await readBooks(store, stretch);
    const proof = proofOf(reading);
    if ((proof.ok && reading.moved.size === 0) || readings === READINGS_MAX)
      return { proof, sumsOf: () => sumsOf(reading) };
  }
}

/** The same for who cannot go on without them. @throws BOOKS_UNBALANCED naming each proof that failed, with its figures */
export async function provenBooks(store: BooksStore): Promise<BooksProof> {
  const proof = await proveBooks(store);
  const wrong = proof.checks.filter(({ ok }) => !ok).map(({ nameEn, detail }) => `${nameEn}: ${detail}`);
  if (wrong.length > 0) throw new PosError('BOOKS_UNBALANCED', wrong.join('; '));
  return proof;
}

function proofOf(reading: Reading): BooksProof {
  const { fold, entries, postings } = reading;
  const cover = coverOf(fold);
  const checks = [
    entriesBalance(reading),
    correctionsNameEntries(reading),
    accountsSumToZero(fold),
    equationHolds(fold),
    balancesEqualFold(reading),
    daysFollow(reading),
    lotsEqualFold(reading),
    pursesEqualLots(reading),
    debtsEqualFold(reading),
    nothingOverdrawn(fold),
    coverListed(cover),
  ];
  return {
    ok: checks.every((check) => check.ok),
    checks,
    entries,
    postings,
    cover,
  };
}

function entriesBalance({ entries, postings, faults, since }: Reading): BooksCheck {
  const begin = since === undefined ? '' : ` since ${since.upTo}`;
  return check(
    '每笔分录借贷平衡',
    'every entry balances per unit',
    faults,
    `${entries} entries, ${postings} postings${begin}`,
  );
}

function correctionsNameEntries({ orphans }: Reading): BooksCheck {
  return check(
    '更正分录均指向原分录',
    'every correction names an entry that is there',
    orphans,
    'none is missing',
  );
}

function accountsSumToZero(fold: Sums): BooksCheck {
  const totals = new Map<string, number>();
  for (const [key, sum] of fold.byAccount) {
    const unit = key.split(' ')[0] ?? '';
    totals.set(unit, (totals.get(unit) ?? 0) + sum);
  }
  const faults = [...totals].filter(([, sum]) => sum !== 0).map(([unit, sum]) => `${sum} ${unit}`);
  return check('全部科目合计为零', 'all accounts sum to zero', faults, `${fold.byAccount.size} accounts`);
}

/** Families by side of the equation. The sign says how a family's sum counts on its side. */
// biome-ignore format: a table is read by column
const EQUATION = {
  left:  ['custody', 'in-transit', 'receivable:sale-point', 'receivable:holder', 'suspense:shortage'],
  right: ['purse:principal', 'purse:bonus', 'holds', 'payable:merchant', 'payable:agent', 'payable:rebate', 'suspense:surplus',
          'operator-funds', 'income:commission', 'income:fee', 'expense:discount', 'expense:bonus', 'expense:rebate', 'expense:agent'],
} as const satisfies Record<string, readonly FamilyName[]>;

function equationHolds(fold: Sums): BooksCheck {
  const left = familySum(fold, EQUATION.left);
  const right = -familySum(fold, EQUATION.right);
  const figures = `${yuan(fenDelta(left))} = ${yuan(fenDelta(right))}`;
  const points = familySum(fold, ['points:liability', 'points:expense'], 'points');
  const faults = left === right && points === 0 ? [] : [figures, `points ${points}`];
  return check(
    '资产等式成立',
    'custody + in transit + receivables + shortage = purses + holds + payables + surplus + operator funds + income − expense',
    faults,
    figures,
  );
}

function balancesEqualFold({ fold, sums, closedFold, closedSums, moved }: Reading): BooksCheck {
  const faults = [
    // Nothing moves on a closed day.
    ...differing(closedFold.byAccount, closedSums.byAccount, NOTHING),
    ...differing(closedFold.byLot, closedSums.byLot, NOTHING),
    ...differing(fold.byAccount, sums.byAccount, moved),
    ...differing(fold.byLot, sums.byLot, moved),
  ];
  return check(
    '余额等于分录累计',
    'every balance = fold of its postings',
    [...new Set(faults)],
    settled(fold.byAccount.size, moved),
  );
}

function daysFollow({ latest: { date, folded, summed }, moved }: Reading): BooksCheck {
  const faults = differing(folded, summed, moved);
  const day = date === '' ? 'no day yet' : `movements of ${date} on ${folded.size} accounts`;
  return check('昨日余额加今日发生等于今日余额', 'yesterday + movements = today', faults, day);
}

function lotsEqualFold({ fold, lots, moved, since }: Reading): BooksCheck {
  const faults: string[] = [];
  if (since !== undefined) {
    const there = lots.filter(({ loadedOn }) => loadedOn <= since.upTo).length;
    if (there < since.lots)
      faults.push(`${there} lots of ${since.upTo} and before, there were ${since.lots}`);
  }
  const known = new Set<string>();
  for (const lot of lots) {
    const account = `purse:${lot.purse}:${lot.accountId}`;
    known.add(lot.lotId);
    const folded = -(fold.byLot.get(lotKey('fen', account, lot.lotId)) ?? 0);
    if (folded !== lot.remaining && !moved.has(account)) {
      faults.push(`lot ${lot.lotId}: row ${lot.remaining}, postings ${folded}`);
    }
  }
  for (const key of fold.byLot.keys()) {
    const lotId = key.split(' ')[2] ?? '';
    if (!known.has(lotId) && !moved.has(accountOfKey(key))) faults.push(`${key}: no such lot`);
  }
  return check(
    '每批余额等于其分录累计',
    "every lot's remaining = fold of its postings",
    faults,
    settled(lots.length, moved),
  );
}

function pursesEqualLots({ fold, lots, moved }: Reading): BooksCheck {
  const byPurse = new Map<string, number>();
  for (const lot of lots) {
    const key = accountKey('fen', `purse:${lot.purse}:${lot.accountId}`);
    byPurse.set(key, (byPurse.get(key) ?? 0) - lot.remaining);
  }
  const purses = new Map([...fold.byAccount].filter(([key]) => key.startsWith('fen purse:')));
  const sum = yuan(fenDelta(-[...purses.values()].reduce((a, b) => a + b, 0)));
  return check(
    '钱包余额等于各批之和',
    'every purse = sum of its lots',
    differing(purses, byPurse, moved),
    `${sum} yuan in ${purses.size} purses`,
  );
}

function debtsEqualFold({ fold, debts, moved }: Reading): BooksCheck {
  const folded = new Map([...fold.byAccount].filter(([key]) => key.startsWith('fen receivable:holder:')));
  return check(
    '持卡人欠款等于应收累计',
    "every holder's debt = fold of its receivable",
    differing(folded, debts, moved),
    `${debts.size} accounts owe`,
  );
}

function nothingOverdrawn(fold: Sums): BooksCheck {
  const faults = [...fold.byLot].filter(([, sum]) => sum > 0).map(([key, sum]) => `${key}: ${-sum}`);
  for (const [key, sum] of fold.byAccount) {
    if (key.startsWith('fen receivable:holder:') && sum < 0) faults.push(`${key}: ${sum}`);
  }
  return check(
    '无透支',
    'no lot, hold or debt is below zero',
    faults,
    `${fold.byLot.size} lots of purses and holds`,
  );
}

function coverOf(fold: Sums): Cover {
  const custody = familySum(fold, ['custody']);
  const inTransit = familySum(fold, ['in-transit']);
  const receivables = familySum(fold, ['receivable:sale-point', 'receivable:holder']);
  const purses = -familySum(fold, ['purse:principal', 'purse:bonus']);
  const holds = -familySum(fold, ['holds']);
  const payables = -familySum(fold, ['payable:merchant', 'payable:agent', 'payable:rebate']);
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
    [],
    detail,
  );
}

function familySum(fold: Sums, families: readonly FamilyName[], unit = 'fen'): number {
  let sum = 0;
  for (const [key, amount] of fold.byAccount) {
    const family = familyOf(accountOfKey(key))?.family;
    if (family !== undefined && families.includes(family) && key.startsWith(`${unit} `)) sum += amount;
  }
  return sum;
}

/** Keys whose figures differ; absent counts as zero. What moved while it was read is left out. */
function differing(
  wanted: ReadonlyMap<string, number>,
  found: ReadonlyMap<string, number>,
  moved: ReadonlySet<string>,
): readonly string[] {
  const faults: string[] = [];
  for (const key of new Set([...wanted.keys(), ...found.keys()])) {
    const [a, b] = [wanted.get(key) ?? 0, found.get(key) ?? 0];
    if (a !== b && !moved.has(accountOfKey(key))) faults.push(`${key}: ${a} ≠ ${b}`);
  }
  return faults;
}

function settled(count: number, moved: ReadonlySet<string>): string {
  return moved.size === 0
    ? `${count} compared`
    : `${count} compared, of which ${moved.size} accounts moved meanwhile`;
}

function check(nameZh: string, nameEn: string, faults: readonly string[], figures: string): BooksCheck {
  const more = faults.length > FAULTS_SHOWN ? ` and ${faults.length - FAULTS_SHOWN} more` : '';
  const detail = faults.length === 0 ? figures : `${faults.slice(0, FAULTS_SHOWN).join('; ')}${more}`;
  return { nameZh, nameEn, ok: faults.length === 0, detail };
}
