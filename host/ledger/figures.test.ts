import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fenDelta } from '../../protocol/index.ts';
import { accountKey, Figures, FOLDED, type KINDS, LOT_READ, lotKey, partsOf } from './figures.ts';
import type { Entry, Posting } from './model.ts';

const figures = suite('figures of the books, by account and by lot');

const posting = fc.record({
  account: fc.constantFrom('custody', 'purse:bonus:A1', 'purse:bonus:A2', 'income:fee'),
  lot: fc.constantFrom(null, 'L1', 'L2'),
  unit: fc.constantFrom('fen' as const, 'points' as const),
  amount: fc.integer({ min: -1_000, max: 1_000 }).map(fenDelta),
});
const entry = fc
  .record({
    businessDate: fc.constantFrom('20261121', '20261122', '20261123'),
    postings: fc.array(posting, { maxLength: 5 }),
  })
  .map((parts) => parts as unknown as Entry);

/** The figures of a kind that are not zero, by key. */
function told(all: Figures, kind: (typeof KINDS)[number]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const part of all.parts(3))
    for (const [key, row] of part) if (all.get(kind, row) !== 0) sums[key] = all.get(kind, row);
  return sums;
}

/** The same by adding up one posting after the other. */
function added(postings: readonly Posting[], keysOf: (one: Posting) => readonly string[]) {
  const sums: Record<string, number> = {};
  for (const one of postings) for (const key of keysOf(one)) sums[key] = (sums[key] ?? 0) + one.amount;
  return Object.fromEntries(Object.entries(sums).filter(([, sum]) => sum !== 0));
}

const ofAccount = ({ unit, account }: Posting) => [accountKey(unit, account)];
const ofBoth = (one: Posting) =>
  one.lot === null ? ofAccount(one) : [...ofAccount(one), lotKey(one.unit, one.account, one.lot)];

figures('of entries in any order come to what their postings add up to', () => {
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
      const all = new Figures();
      for (const one of entries) all.fold('closedFold', one);
      const postings = entries.flatMap((one) => one.postings);
      assert.equal(told(all, 'closedFold'), added(postings, ofBoth));
      assert.equal(
        told(all, 'lotless'),
        added(
          postings.filter(({ lot }) => lot === null),
          ofAccount,
        ),
      );
      const latest =
        entries
          .map(({ businessDate }) => businessDate)
          .sort()
          .at(-1) ?? '';
      assert.is(all.latestDate, latest);
      const onLatest = entries
        .filter(({ businessDate }) => businessDate === latest)
        .flatMap((one) => one.postings);
      assert.equal(told(all, 'latestFold'), added(onLatest, ofAccount));
      assert.is(all.latestAccounts, new Set(onLatest.flatMap(ofAccount)).size);
      assert.equal([all.entries, all.postings], [entries.length, postings.length]);
    }),
  );
});

figures('of many accounts are each found again, and what was never named is zero', () => {
  const all = new Figures();
  const count = 200_000;
  for (let at = 0; at < count; at += 1) all.put(['rows'], partsOf(`fen purse:bonus:A${at} L${at}`), at);
  assert.is(all.size, 2 * count);
  for (const at of [0, 1, 65_535, 65_536, 131_072, count - 1]) {
    for (const key of [`fen purse:bonus:A${at}`, `fen purse:bonus:A${at} L${at}`]) {
      assert.is(all.get('rows', all.find(key) ?? -1), at, key);
      assert.is(all.get('after', all.find(key) ?? -1), 0);
    }
  }
  assert.is(all.find('fen purse:bonus:nobody'), undefined);
  let seen = 0;
  for (const part of all.parts(7_000)) {
    assert.ok(part.length <= 7_000);
    seen += part.length;
  }
  assert.is(seen, 2 * count);
});

figures('a mark is of one row, and stays beside others', () => {
  const all = new Figures();
  const [one, other] = [all.rowOf('fen custody'), all.rowOf('fen income:fee')];
  all.mark(FOLDED, one);
  all.mark(LOT_READ, one);
  assert.ok(all.has(FOLDED, one) && all.has(LOT_READ, one));
  assert.not.ok(all.has(FOLDED, other) || all.has(LOT_READ, other));
});

figures('a sum beyond what a number holds exactly is refused', () => {
  const all = new Figures();
  const row = all.rowOf('fen custody');
  all.add('openFold', row, Number.MAX_SAFE_INTEGER);
  assert.throws(() => all.add('openFold', row, 1), /INVARIANT/);
  // What a row says is no sum of ours: it is compared.
  all.add('rows', row, 0.5);
  assert.is(all.get('rows', row), 0.5);
});

figures('a key is taken apart as it was made', () => {
  assert.equal(partsOf(accountKey('fen', 'custody')), { unit: 'fen', account: 'custody', lot: null });
  assert.equal(partsOf(lotKey('points', 'holds:A1', 'L1')), {
    unit: 'points',
    account: 'holds:A1',
    lot: 'L1',
  });
});

figures.run();
