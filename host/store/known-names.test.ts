import * as fc from 'fast-check';
import { encodeTime } from 'ulid';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { burntUtKey, identityKey } from '../acquiring/identity.ts';
import { KnownNames, UTS_LEARNT } from './known-names.ts';
import type { Wants } from './port.ts';
import { identityRow, item, transactionRow } from './sample-rows.ts';

const known = suite('which identities and UTs are there, without asking');

/** As the acquirer makes it. */
const keyOf = (batch: number, trace: number) =>
  identityKey({
    terminalId: 'T0000001',
    merchantId: 'M00000000000001',
    batch,
    trace: String(trace).padStart(6, '0'),
    mti: '0200',
    de3: '000000',
  });
const BATCH_1 = 'T0000001|M00000000000001|000001|';
const NOW = 1_784_000_000_000;
const HOUR = 3_600_000;
let time = NOW;
const openNames = (max: number) => new KnownNames(() => time, max);
const below = (after: number) => encodeTime(NOW + after, 10);
/** A UT of a clock that is so many milliseconds ahead of `NOW`. */
const utOf = (after: number) => `${below(after)}0000000000000000`;
const nothing = { batches: [], utsBelow: null };

known('of a batch that was learnt: all above its highest identity is absent, also as it goes up', () => {
  const names = openNames(100);
  const wants = { identities: [keyOf(1, 7)] };
  assert.not(names.areAbsent(wants), 'nothing is known yet');
  assert.equal(names.unknown(wants), { batches: [BATCH_1], utsBelow: null });
  names.learnBatches([[BATCH_1, keyOf(1, 1)]]);
  assert.equal(names.unknown(wants), nothing);
  assert.ok(names.areAbsent(wants));
  assert.not(names.areAbsent({ identities: [keyOf(1, 1)] }));
  names.committed(item({ identities: [identityRow(keyOf(1, 7))] }));
  assert.not(names.areAbsent(wants));
  assert.not(names.areAbsent({ identities: [keyOf(2, 8)] }), 'another batch');
  names.committed(item({ identities: [identityRow(keyOf(1, 3))] }));
  assert.not(names.areAbsent({ identities: [keyOf(1, 2)] }), 'below it nothing is certain');
  assert.equal(names.unknown({ identities: [keyOf(1, 2)] }), nothing, 'nor is it learnt again');
  assert.ok(names.areAbsent({ identities: [keyOf(1, 8)] }));
  assert.not(names.areAbsent({ identities: [keyOf(1, 8), keyOf(2, 8)] }), 'all of them, or none');
});

known('of a batch without an identity all is absent; of keys of another kind nothing is known', () => {
  const names = openNames(100);
  names.learnBatches([[BATCH_1, null]]);
  assert.ok(names.areAbsent({ identities: [keyOf(1, 0)] }));
  for (const key of ['I1', 'one|two']) {
    names.committed(item({ identities: [identityRow(key)] }));
    assert.not(names.areAbsent({ identities: [key] }));
    assert.equal(names.unknown({ identities: [key] }), nothing);
  }
});

known('a batch takes one place however many identities it has; who was asked for lately stays', () => {
  const names = openNames(2);
  const begin = (batch: number) => keyOf(batch, 1).slice(0, BATCH_1.length);
  names.learnBatches([1, 2].map((batch) => [begin(batch), null]));
  for (let trace = 1; trace < 300; trace += 1)
    names.committed(item({ identities: [identityRow(keyOf(1, trace))] }));
  assert.ok(names.areAbsent({ identities: [keyOf(1, 300), keyOf(2, 1)] }));
  names.learnBatches([[begin(3), null]]);
  assert.ok(names.areAbsent({ identities: [keyOf(1, 300)] }));
  names.learnBatches([4, 5].map((batch) => [begin(batch), null]));
  assert.ok(names.areAbsent({ identities: [keyOf(1, 300)] }));
  assert.equal(names.unknown({ identities: [keyOf(2, 1)] }).batches, [begin(2)]);
});

known('of UTs: those above the lowest that was learnt, used ones and burnt ones', () => {
  const names = openNames(10 * UTS_LEARNT);
  assert.equal(names.unknown({ uts: [utOf(1)] }), { batches: [], utsBelow: below(HOUR) });
  assert.equal(names.unknown({ identities: [burntUtKey(utOf(1))] }), { batches: [], utsBelow: below(HOUR) });
  const used = Array.from({ length: UTS_LEARNT }, (_, at) => utOf(1_000_000 - 2 * at));
  names.learnUts(below(HOUR), used, [utOf(1_000_001)]);
  const lowest = 1_000_000 - 2 * (UTS_LEARNT - 1);
  const isAbsent = (after: number) => {
    const both = [{ uts: [utOf(after)] }, { identities: [burntUtKey(utOf(after))] }].map((wants) =>
      names.areAbsent(wants),
    );
    assert.is(both[0], both[1]);
    return both[0];
  };
  assert.equal([lowest + 1, 999_999, 1_000_003].map(isAbsent), [true, true, true]);
  assert.equal([1_000_000, 1_000_001, lowest, lowest - 1, HOUR].map(isAbsent), Array(5).fill(false));
  names.committed(item({ transactions: [transactionRow('X1', { ut: utOf(1_000_003) })] }));
  names.committed(item({ identities: [identityRow(burntUtKey(utOf(1_000_005)))] }));
  assert.equal([1_000_003, 1_000_004, 1_000_005].map(isAbsent), [false, true, false]);
});

known('a short list is the whole of it: then all lower UTs are known', () => {
  const names = openNames(100);
  names.learnUts(below(HOUR), [utOf(5)], []);
  assert.ok(names.areAbsent({ uts: [utOf(-HOUR)] }));
  names.clear();
  assert.not(names.areAbsent({ uts: [utOf(0)] }));
});

known('as time goes on, more is learnt; what was known stays known where the two meet', () => {
  const names = openNames(10 * UTS_LEARNT);
  const wants = { uts: [utOf(HOUR + 1)] };
  names.learnUts(below(HOUR), [], []);
  for (const ahead of [0, 2, HOUR / 2]) {
    time = NOW + ahead;
    assert.equal(
      names.unknown(wants),
      nothing,
      'a clock that is too far ahead costs a question, and nothing is learnt',
    );
  }
  time = NOW + HOUR / 2 + 2;
  assert.equal(names.unknown(wants), { batches: [], utsBelow: below(1.5 * HOUR + 2) });
  names.learnUts(below(1.5 * HOUR + 2), [], []);
  assert.ok(names.areAbsent(wants) && names.areAbsent({ uts: [utOf(0)] }));
  const many = Array.from({ length: UTS_LEARNT }, (_, at) => utOf(2 * HOUR + 10_000 - at));
  names.learnUts(below(3 * HOUR), many, []);
  assert.ok(names.areAbsent({ uts: [utOf(2 * HOUR + 20_000)] }));
  assert.not(names.areAbsent({ uts: [utOf(0)] }), 'between the two there may be others');
  time = NOW;
});

known('one terminal whose clock is ahead does not make all others unknown', () => {
  const names = openNames(100);
  names.learnUts(below(HOUR), [], []);
  const sold = (after: number) =>
    names.committed(item({ transactions: [transactionRow('X1', { ut: utOf(after) })] }));
  for (let after = 0; after < 2_000; after += 1) {
    sold(after);
    if (after % 50 === 0) sold(1_000_000 + after);
    sold(2 * HOUR + after);
    assert.ok(names.areAbsent({ uts: [utOf(after + 1)] }), `${after}`);
    assert.not(names.areAbsent({ uts: [utOf(after)] }));
  }
  assert.not(names.areAbsent({ uts: [utOf(1_000_000)] }));
  assert.not(names.areAbsent({ uts: [utOf(2 * HOUR)] }));
});

const NUMBERS = 20;
const BATCHES = 3;

/** Whatever comes in whatever order, and however little may be kept. */
known('never says that something is absent which is there', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  let absent = 0;
  const step = fc.record({
    what: fc.constantFrom('sale', 'sale', 'sale', 'burnt', 'ask', 'ask', 'later', 'forget'),
    batch: fc.integer({ min: 1, max: BATCHES }),
    number: fc.nat(NUMBERS),
  });
  const steps = fc.array(step, { maxLength: 200, size: 'max' });
  const ut = (number: number) => utOf(number * (HOUR / 10));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 30 }), steps, (max, acts) => {
      time = NOW;
      const names = openNames(max);
      const there = { identities: new Set<string>(), uts: new Set<string>() };
      const act = ({ what, batch, number }: (typeof acts)[number]) => {
        const key = keyOf(batch, number);
        if (what === 'forget' && number < 3) names.clear();
        if (what === 'later') time += (number * HOUR) / 200;
        if (what === 'sale') {
          names.committed(
            item({
              identities: [identityRow(key)],
              transactions: [transactionRow('X1', { ut: ut(number) })],
            }),
          );
          there.identities.add(key);
          there.uts.add(ut(number));
        }
        if (what === 'burnt') {
          names.committed(item({ identities: [identityRow(burntUtKey(ut(number)))] }));
          there.uts.add(ut(number));
        }
        if (what === 'ask') {
          const { batches, utsBelow } = names.unknown({ identities: [key], uts: [ut(number)] });
          const highest = (begin: string) =>
            [...there.identities]
              .filter((each) => each.startsWith(begin))
              .sort()
              .at(-1) ?? null;
          names.learnBatches(batches.map((begin) => [begin, highest(begin)]));
          const lower = [...there.uts].filter((each) => utsBelow !== null && each < utsBelow);
          if (utsBelow !== null) names.learnUts(utsBelow, lower.sort().reverse());
        }
      };
      const isWrong = (wants: Wants, isThere: boolean) => {
        if (!names.areAbsent(wants)) return false;
        absent += 1;
        return isThere;
      };
      for (const each of acts) {
        act(each);
        for (let number = 0; number <= NUMBERS; number += 1) {
          assert.not(isWrong({ uts: [ut(number)] }, there.uts.has(ut(number))), ut(number));
          for (let batch = 1; batch <= BATCHES; batch += 1) {
            const key = keyOf(batch, number);
            assert.not(isWrong({ identities: [key] }, there.identities.has(key)), key);
          }
        }
      }
    }),
    { seed, numRuns: 100 },
  );
  assert.ok(absent > 10_000, `what was new was known to be: ${absent} times`);
});

known.run();
