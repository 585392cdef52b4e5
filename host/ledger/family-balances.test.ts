import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { addedUp } from '../store/answers.ts';
import type { Balance } from '../store/port.ts';
import { ACCOUNTS, type FamilyName, familyOf } from './accounts.ts';
import { sampleBooks } from './books.fixture.ts';
import { type FamilyBalance, familyBalances } from './family-balances.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
console.log(`seed ${SEED}`);

const families = suite('what the books come to: card accounts by family, all others by themselves');

const noPause = () => Promise.resolve();
async function* inParts<T>(...parts: readonly T[]): AsyncIterable<T> {
  yield* parts;
}
const row = (account: string, sum: number, unit = 'fen'): Balance => ({ account, lot: null, unit, sum });

families('adds up card accounts, and says that it did', async () => {
  const parts = inParts(
    [row('purse:principal:A1', -500), row('custody', 700), row('payable:merchant:M1', -100)],
    [row('purse:principal:A2', -70), row('purse:bonus:A1', -30), row('payable:merchant:M2', -5)],
    [row('custody', 5)],
  );
  assert.equal(await familyBalances(parts, noPause), [
    { account: 'custody', lot: null, unit: 'fen', sum: 705, per: null },
    { account: 'payable:merchant:M1', lot: null, unit: 'fen', sum: -100, per: null },
    { account: 'payable:merchant:M2', lot: null, unit: 'fen', sum: -5, per: null },
    { account: 'purse:bonus', lot: null, unit: 'fen', sum: -30, per: 'card account' },
    { account: 'purse:principal', lot: null, unit: 'fen', sum: -570, per: 'card account' },
  ]);
});

families('leaves out no account that it does not know, and takes none for a family', async () => {
  const parts = inParts([row('purse:principal', 1), row('purse:gift:A1', 2), row('purse:principal:A1', 4)]);
  const told = await familyBalances(parts, noPause);
  assert.equal(
    told.map(({ account, sum, per }) => [account, sum, per]),
    [
      ['purse:gift:A1', 2, null],
      ['purse:principal', 1, null],
      ['purse:principal', 4, 'card account'],
    ],
  );
});

families('has a row for each unit', async () => {
  const parts = inParts([row('purse:bonus:A1', 1), row('purse:bonus:A1', 2, 'points')]);
  assert.equal(
    (await familyBalances(parts, noPause)).map(({ unit, sum }) => [unit, sum]),
    [
      ['fen', 1],
      ['points', 2],
    ],
  );
});

families('refuses a sum that is no safe integer', async () => {
  const parts = inParts(
    [row('holds:A1', Number.MAX_SAFE_INTEGER)],
    [row('holds:A2', Number.MAX_SAFE_INTEGER)],
  );
  try {
    await familyBalances(parts, noPause);
    assert.unreachable();
  } catch (error) {
    assert.is(error instanceof PosError && error.code, 'INVARIANT');
  }
});

families('lets others work after each part, and ends when the pause says so', async () => {
  let asked = 0;
  async function* parts() {
    for (;;) {
      asked += 1;
      yield [row('custody', 1)];
    }
  }
  const enough = () =>
    asked < 3 ? Promise.resolve() : Promise.reject(new PosError('CANCELLED', 'nobody waits'));
  try {
    await familyBalances(parts(), enough);
    assert.unreachable();
  } catch (error) {
    assert.is(error instanceof PosError && error.code, 'CANCELLED');
  }
  assert.is(asked, 3);
});

const balance = fc.record({
  account: fc
    .tuple(
      fc.constantFrom<string>(...Object.keys(ACCOUNTS), 'purse:gift', 'unknown'),
      fc.constantFrom('', ':A1', ':A2', ':M1'),
    )
    .map((parts) => parts.join('')),
  unit: fc.constantFrom('fen', 'points'),
  sum: fc.integer(),
});

families('is, whatever was posted, what all balances say: family by family, and one by one', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(balance)), async (random) => {
      const parts = random.map((part) => part.map((one) => ({ ...one, lot: null })));
      agree(await familyBalances(inParts(...parts), noPause), await addedUp(inParts(...parts)));
    }),
    { seed: SEED, numRuns: 300 },
  );
});

families("and so it is of a store's books", async () => {
  const { store } = await sampleBooks();
  agree(await familyBalances(store.sums(), noPause), await store.balances());
  await store.close();
});

families.run();

/** Every row is the sum of the balances that it stands for, and every balance is in one row. */
function agree(rows: readonly FamilyBalance[], balances: readonly Balance[]): void {
  const isOfCards = (account: string) => familyOf(account)?.row.per === 'card account';
  let stoodFor = 0;
  for (const { account, unit, sum, per } of rows) {
    const these = balances.filter(
      (one) =>
        one.unit === unit &&
        (per === null
          ? one.account === account && !isOfCards(one.account)
          : isOfCards(one.account) && familyOf(one.account)?.family === (account as FamilyName)),
    );
    stoodFor += these.length;
    assert.ok(these.length > 0, account);
    assert.is(
      sum,
      these.reduce((all, one) => all + one.sum, 0),
      account,
    );
  }
  assert.is(stoodFor, balances.length);
}
