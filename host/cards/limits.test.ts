import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import {
  addMonths,
  checkLoad,
  checkValidity,
  type LoadFacts,
  lotExpiry,
  maxBalance,
  unremittedGuard,
  unremittedRefusal,
} from './limits.ts';
import { PROGRAMME, SALE_POINT } from './programme.fixture.ts';

const ORDINARY: LoadFacts = {
  registered: true,
  balance: fen(0),
  principal: fen(1_000_00),
  bonus: fen(100_00),
  payment: { method: 'transfer', payer: 'person', identified: true },
};
const CASH = { method: 'cash', payer: 'person', identified: true } as const;
const UNKNOWN = { method: 'transfer', payer: 'person', identified: false } as const;

const loads = suite('limits of a load: law and programme');

// biome-ignore format: a table is read by column
for (const [changes, sentence] of [
  [{},                                                                                     'an ordinary load'],
  [{ balance: fen(3_900_00) },                                                             'a registered card up to 5,000.00'],
  [{ registered: false, principal: fen(1_000_00), bonus: fen(0) },                         'a bearer card up to 1,000.00'],
  [{ registered: false, principal: fen(200_00), bonus: fen(0), payment: UNKNOWN },         'a bearer card for a buyer who is not identified'],
  [{ payment: { ...CASH, payer: 'entity' } },                                              'cash of an entity below 5,000.00'],
  [{ principal: fen(0) },                                                                  'a bonus alone'],
] as const) {
  loads(`${sentence} is allowed`, () => checkLoad(PROGRAMME, { ...ORDINARY, ...changes }));
}

// biome-ignore format: a table is read by column
for (const [changes, detail, sentence] of [
  [{ balance: fen(3_900_01) },                                    /may hold 5000\.00 yuan; after this load it would hold 5000\.01/, 'one fen above 5,000.00 on a registered card'],
  [{ registered: false, principal: fen(1_000_00), bonus: fen(1) },/may hold 1000\.00/,           'a bonus that lifts a bearer card above 1,000.00'],
  [{ payment: UNKNOWN },                                          /must be identified/,          'a registered card for a buyer who is not identified'],
  [{ principal: fen(5_000_00), bonus: fen(0), payment: { ...CASH, payer: 'entity' } }, /an entity pays by transfer/, 'cash of an entity from 5,000.00 on'],
] as const) {
  loads(`${sentence} is refused`, () => throws(() => checkLoad(PROGRAMME, { ...ORDINARY, ...changes }), isAbove(detail)));
}

loads('a load of nothing is refused', () => {
  throws(
    () => checkLoad(PROGRAMME, { ...ORDINARY, principal: fen(0), bonus: fen(0) }),
    (error: PosError) => error.code === 'AMOUNT_BAD',
  );
});

loads("a stricter setting holds, and a looser one does not lift the law's figure", () => {
  assert.is(maxBalance({ ...PROGRAMME, maxBalanceRegistered: fen(2_000_00) }, true), 2_000_00);
  assert.is(maxBalance({ ...PROGRAMME, maxBalanceRegistered: fen(9_000_00) }, true), 5_000_00);
  assert.is(
    maxBalance({ ...PROGRAMME, regime: 'single-purpose', maxBalanceAnonymous: fen(9_000_00) }, false),
    1_000_00,
  );
  const strict = { ...PROGRAMME, legal: { cashMaxPerson: 500_00, identityFrom: 100_00 } };
  throws(
    () => checkLoad(strict, { ...ORDINARY, payment: CASH }),
    isAbove(/from 500\.00 yuan on, a person pays by transfer/),
  );
  const bearer = { ...ORDINARY, registered: false, principal: fen(100_00), bonus: fen(0), payment: UNKNOWN };
  throws(() => checkLoad(strict, bearer), isAbove(/or from 100\.00 yuan at once/));
});

loads("a sale point's debt is a counter with its limit", () => {
  assert.equal(unremittedGuard(SALE_POINT, fen(7)), {
    kind: 'counter',
    counter: 'unremitted|S1',
    add: 7,
    max: 50_000_00,
  });
  assert.match(unremittedRefusal(SALE_POINT).detail, /S1 may owe 50000\.00 yuan/);
});

loads.run();

const validity = suite('how long a card and its money are good');

validity('the money of a registered card never expires, that of a bearer card after the legal time', () => {
  assert.is(lotExpiry(PROGRAMME, true, '20261122'), null);
  assert.is(lotExpiry(PROGRAMME, false, '20261122'), '20291122');
  assert.is(
    lotExpiry({ ...PROGRAMME, legal: { anonymousValidityMonths: 60 } }, false, '20261122'),
    '20311122',
  );
});

validity('a bearer card is valid for three years or more, a registered one for this month or more', () => {
  checkValidity(PROGRAMME, false, '2911', '20261122');
  throws(() => checkValidity(PROGRAMME, false, '2910', '20261122'), isAbove(/2911/));
  checkValidity(PROGRAMME, true, '2611', '20261122');
  throws(() => checkValidity(PROGRAMME, true, '2610', '20261122'), isAbove(/2611/));
});

// biome-ignore format: a table is read by column
for (const [from, months, to] of [
  ['20261122',  1, '20261222'],
  ['20261231',  2, '20270228'],
  ['20280131',  1, '20280229'],
  ['20260831',  1, '20260930'],
  ['20261130', 12, '20271130'],
  ['20260105', -1, '20251205'],
] as const) {
  validity(`${months} months from ${from} is ${to}`, () => assert.is(addMonths(from, months), to));
}

validity('a date that is none is refused', () => {
  throws(
    () => addMonths('20260230', 1),
    (error: PosError) => error.code === 'DATE_BAD',
  );
});

validity.run();

function isAbove(detail: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === 'LIMIT_EXCEEDED' && detail.test(error.detail);
}
