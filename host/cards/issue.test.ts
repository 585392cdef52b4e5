import { throws } from 'node:assert/strict';
import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, maskPan, PosError } from '../../protocol/index.ts';
import { entryDigest } from '../journal/transaction-record.ts';
import { proveBooks } from '../ledger/proofs.ts';
import { nodeClock } from '../node-clock.ts';
import type { CommitItem, StorePort } from '../store/port.ts';
import type { AccountRow, CardRow, LotRow } from '../store/rows.ts';
import { BUSINESS_DATE } from '../store/sample-rows.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { clearNumber } from './card-number.ts';
import { maySpend } from './holder-debt.ts';
import { type CardDeps, isSameIssue, issueCard, type LoadSpec, loadCard, moveCard, setPin } from './issue.ts';
import { BY, cardDeps, issueSpec, PIN, panOf, pinBlock } from './programme.fixture.ts';

const issue = suite('a card is issued');

issue(
  'it rests as a keyed hash, a sealed number and a mask, and works from the next business day',
  async () => {
    const deps = await cardDeps();
    const { card, account, item } = issueCard(deps, issueSpec(deps, 1), BY);
    assert.is(card.panHash, deps.vault.lookupHash(deps.keys.lookup, panOf(1)));
    assert.is(card.panMasked, maskPan(panOf(1)));
    assert.is(clearNumber(deps, card), panOf(1));
    assert.is(card.activeFrom, '20261123');
    assert.equal(
      [card.version, card.pinTries, card.state, account.version, account.state],
      [1, 0, 'active', 1, 'active'],
    );
    assert.equal(item.guards, [
      { kind: 'absent', table: 'accounts', key: 'A1' },
      { kind: 'absent', table: 'cards', key: 'C1' },
    ]);
  },
);

issue('its PIN rests as an offset of six digits that only the right PIN fits', async () => {
  const deps = await cardDeps();
  const { card } = issueCard(deps, issueSpec(deps, 1), BY);
  assert.match(`${card.pin?.method} ${card.pin?.value}`, /^ibm3624 \d{6}$/);
  assert.is(verify(deps, card, panOf(1), PIN), 'right');
  assert.is(verify(deps, card, panOf(1), '482916'), 'wrong');
  assert.is(issueCard(deps, issueSpec(deps, 1, { pin: null }), BY).card.pin, null);
});

issue('no number, PIN or reference is in the journal record or an error', async () => {
  const deps = await cardDeps();
  const { card, item } = issueCard(deps, issueSpec(deps, 1), BY);
  const seen = item.journal.map(({ body }) => body);
  for (const changes of [
    { pan: panOf(1).replace(/.$/, (d) => String((Number(d) + 1) % 10)) },
    { pan: '4111111111111111' },
    { pin: { block: Buffer.alloc(8) } },
  ]) {
    try {
      issueCard(deps, issueSpec(deps, 1, changes), BY);
      assert.unreachable('it was accepted');
    } catch (error) {
      assert.instance(error, PosError);
      seen.push(inspect(error, { depth: 5 }));
    }
  }
  for (const secret of [panOf(1), '4111111111111111', PIN, `"${card.pin?.value}"`, card.panHash]) {
    assert.not(seen.some((text) => text.includes(secret)));
  }
});

// biome-ignore format: a table is read by column
for (const [changes, code, sentence] of [
  [{ pan: '4111111111111111' },                  'PAN_BAD',        'a number outside our prefixes'],
  [{ pan: '6277880000000009' },                  'PAN_BAD',        'a wrong check digit'],
  [{ cardId: 'C 1' },                            'REQUEST_BAD',    'an id with a blank'],
  [{ expiry: '3013' },                           'REQUEST_BAD',    'month thirteen'],
  [{ expiry: '2610' },                           'LIMIT_EXCEEDED', 'an expiry in the past'],
  [{ activeFrom: '20261131' },                   'REQUEST_BAD',    'a first day that is none'],
  [{ serviceCode: '22' },                        'REQUEST_BAD',    'a service code of two digits'],
  [{ state: 'frozen' as 'active' },              'REQUEST_BAD',    'a state that no new card has'],
  [{ account: account({ tier: 'gold' }) },       'NOT_FOUND',      'an unknown tier'],
  [{ account: account({ salePointId: 'S9' }) },  'NOT_FOUND',      'an unknown sale point'],
  [{ account: account({ accountId: 'A:1' }) },   'REQUEST_BAD',    'an account id that would break a ledger name'],
  [{ expiry: '2910', account: account({ registered: false }) }, 'LIMIT_EXCEEDED', 'a bearer card good for less than three years'],
  [{ pin: { block: Buffer.alloc(8) } },          'PIN_BLOCK_BAD',  'a PIN block of another card or key'],
] as const) {
  issue(`${sentence} is refused (${code})`, async () => {
    const deps = await cardDeps();
    throws(() => issueCard(deps, issueSpec(deps, 1, changes), BY), isCode(code));
  });
}

issue('a second card opens the same purses: the account is guarded and stays as it is', async () => {
  const deps = await cardDeps();
  const first = issueCard(deps, issueSpec(deps, 1), BY);
  const { item, card } = issueCard(deps, issueSpec(deps, 2, { account: first.account }), BY);
  assert.is(card.accountId, 'A1');
  assert.equal(item.guards[0], { kind: 'version', table: 'accounts', key: 'A1', version: 1 });
  assert.is(item.changes.accounts, undefined);
});

issue('the same request again is the same card; another PIN, expiry or number is not', async () => {
  const deps = await cardDeps();
  const { card } = issueCard(deps, issueSpec(deps, 1), BY);
  assert.ok(isSameIssue(deps, card, issueSpec(deps, 1)));
  assert.not(
    isSameIssue(deps, card, issueSpec(deps, 1, { pin: { block: pinBlock(deps, panOf(1), '111111') } })),
  );
  assert.not(isSameIssue(deps, card, issueSpec(deps, 1, { pin: null })));
  assert.not(isSameIssue(deps, card, issueSpec(deps, 1, { expiry: '3011' })));
  assert.not(isSameIssue(deps, card, issueSpec(deps, 2, { cardId: 'C1', account: account({}) })));
});

issue('a sealed number moved into another row does not open, nor one whose hash was exchanged', async () => {
  const deps = await cardDeps();
  const { card } = issueCard(deps, issueSpec(deps, 1), BY);
  const other = issueCard(deps, issueSpec(deps, 2), BY).card;
  throws(() => clearNumber(deps, { ...other, panSealed: card.panSealed }), isCode('SEAL_BROKEN'));
  throws(() => clearNumber(deps, { ...card, panHash: other.panHash }), isCode('INVARIANT'));
});

issue.run();

const loading = suite('a card is loaded');

loading(
  '1,000.00 with a bonus of 100.00: the sale point owes the principal, the operator gives the bonus',
  async () => {
    const deps = await cardDeps();
    const { card, account: row } = issueCard(deps, issueSpec(deps, 1), BY);
    const { entry, lots, account: after, item } = loadCard(deps, loadSpec(card, row), BY);
    assert.equal(
      entry.postings.map((p) => [p.account, p.lot, p.amount]),
      [
        ['receivable:sale-point:S1', null, 100_000],
        ['expense:bonus', null, 10_000],
        ['purse:principal:A1', 'L1', -100_000],
        ['purse:bonus:A1', 'L2', -10_000],
      ],
    );
    assert.equal(
      lots.map((lot) => [lot.purse, lot.loaded, lot.remaining, lot.expiresOn]),
      [
        ['principal', 100_000, 100_000, null],
        ['bonus', 10_000, 10_000, null],
      ],
    );
    assert.is(after.version, 2);
    assert.equal(
      item.guards.map((guard) => guard.kind),
      ['version', 'version', 'counter'],
    );
    assert.ok(item.journal[0]?.body.includes(`"after":"${entryDigest(entry)}"`));
  },
);

loading('what is on the account counts: open lots, lots past their expiry and what holds keep', async () => {
  const deps = await cardDeps();
  const { card, account: row } = issueCard(deps, issueSpec(deps, 1), BY);
  const lots = [lot('L8', 2_000_00, null), lot('L9', 900_00, '20200101')];
  const spec = { ...loadSpec(card, row), lots, held: fen(1_000_00) };
  loadCard(deps, spec, BY);
  throws(() => loadCard(deps, { ...spec, held: fen(1_000_01) }, BY), isCode('LIMIT_EXCEEDED'));
});

loading("a bearer card's lots expire after the legal time", async () => {
  const deps = await cardDeps();
  const { card, account: row } = issueCard(
    deps,
    issueSpec(deps, 1, { account: account({ registered: false }) }),
    BY,
  );
  const { lots } = loadCard(deps, { ...loadSpec(card, row), principal: fen(500_00), bonus: fen(0) }, BY);
  assert.equal(
    lots.map((each) => [each.purse, each.expiresOn]),
    [['principal', '20291122']],
  );
});

loading('a load to an account that owes covers the debt first, from principal, and frees it', async () => {
  const deps = await cardDeps();
  const { card, account: row } = issueCard(deps, issueSpec(deps, 1), BY);
  const owing = { ...row, owed: fen(35_00) };
  const spec = { ...loadSpec(card, owing), bonus: fen(10_00) };
  const part = loadCard(deps, { ...spec, principal: fen(20_00) }, BY);
  assert.equal(
    part.lots.map(({ purse, loaded, remaining }) => [purse, loaded, remaining]),
    [
      ['principal', 20_00, 0],
      ['bonus', 10_00, 10_00],
    ],
    'bonus covers nothing',
  );
  assert.equal([part.covered, part.account.owed, maySpend(part.account)], [20_00, 15_00, false]);
  const whole = loadCard(deps, { ...spec, principal: fen(50_00) }, BY);
  assert.equal([whole.covered, whole.account.owed, maySpend(whole.account)], [35_00, 0, true]);
  assert.equal(
    whole.item.changes.entries?.map(({ event }) => event),
    ['load', 'debt-covered'],
  );
  assert.is(whole.lots[0]?.remaining, 15_00);
});

loading('a card or account whose state forbids it, or an unknown sale point, is refused', async () => {
  const deps = await cardDeps();
  const { card, account: row } = issueCard(deps, issueSpec(deps, 1), BY);
  const spec = loadSpec(card, row);
  throws(() => loadCard(deps, { ...spec, card: { ...card, state: 'lost' } }, BY), isCode('REQUEST_BAD'));
  throws(() => loadCard(deps, { ...spec, account: { ...row, state: 'frozen' } }, BY), isCode('REQUEST_BAD'));
  throws(() => loadCard(deps, { ...spec, salePointId: 'S9' }, BY), isCode('NOT_FOUND'));
  throws(() => loadCard(deps, { ...spec, account: { ...row, accountId: 'A2' } }, BY), isCode('INVARIANT'));
});

loading.run();

const committed = suite('issued and loaded over SQLite');

committed('issue and first load go in one commit, and the books are proven', async () => {
  await withStore(async (store, deps) => {
    const issued = issueCard(deps, issueSpec(deps, 1), BY);
    const loaded = loadCard(deps, loadSpec(issued.card, issued.account), BY);
    assert.equal(
      (await store.commit([issued.item, loaded.item])).map((outcome) => outcome.committed),
      [true, true],
    );
    const found = await store.read({ panHashes: [issued.card.panHash] });
    assert.equal(found.cards, [issued.card]);
    assert.equal(found.accounts, [loaded.account]);
    assert.is(found.lots.length, 2);
    assert.is((await proveBooks(store)).ok, true);
  });
});

committed('the same card again, or the same number under another card, changes nothing', async () => {
  await withStore(async (store, deps) => {
    await commitOne(store, issueCard(deps, issueSpec(deps, 1), BY).item);
    const [again] = await store.commit([issueCard(deps, issueSpec(deps, 1), BY).item]);
    assert.is(again?.committed, false);
    const twin = issueSpec(deps, 1, { cardId: 'C7', account: account({ accountId: 'A7' }) });
    const [refused] = await store.commit([issueCard(deps, twin, BY).item]);
    assert.is(refused?.committed, false);
    assert.equal((await store.read({ accountIds: ['A7'] })).accounts, []);
  });
});

committed('a load decided on an account that changed meanwhile is not written', async () => {
  await withStore(async (store, deps) => {
    const { card, account: row, item } = issueCard(deps, issueSpec(deps, 1), BY);
    await commitOne(store, item);
    await commitOne(store, loadCard(deps, loadSpec(card, row), BY).item);
    const late = { ...loadSpec(card, row), ids: { entryId: 'E2', principalLotId: 'L3', bonusLotId: 'L4' } };
    const [outcome] = await store.commit([loadCard(deps, late, BY).item]);
    assert.equal(outcome?.committed === false ? outcome.conflict : null, {
      kind: 'version',
      table: 'accounts',
      key: 'A1',
      version: 1,
    });
  });
});

committed('a sale point that would owe more than its limit is refused until it remits', async () => {
  await withStore(async (store, deps) => {
    const outcomes: boolean[] = [];
    for (let index = 1; index <= 11; index += 1) {
      const { card, account: row, item } = issueCard(deps, issueSpec(deps, index), BY);
      const ids = { entryId: `E${index}`, principalLotId: `L${index}`, bonusLotId: `B${index}` };
      const load = loadCard(
        deps,
        { ...loadSpec(card, row), principal: fen(5_000_00), bonus: fen(0), ids },
        BY,
      );
      const [, outcome] = await store.commit([item, load.item]);
      outcomes.push(outcome?.committed === true);
      if (outcome?.committed === false) assert.is(outcome.conflict?.kind, 'counter');
    }
    assert.equal(outcomes, [...Array.from({ length: 10 }, () => true), false]);
    assert.is((await proveBooks(store)).ok, true);
  });
});

committed(
  'a card is frozen and set free, its PIN is set anew, each with a record and a new version',
  async () => {
    await withStore(async (store, deps) => {
      const issued = issueCard(deps, issueSpec(deps, 1), BY);
      await commitOne(store, issued.item);
      const frozen = moveCard({ ...issued.card, pinTries: 0 }, 'frozen', BY);
      await commitOne(store, frozen.item);
      const free = moveCard(frozen.card, 'active', BY);
      await commitOne(store, free.item);
      const pinned = setPin(
        deps,
        { ...free.card, pinTries: 3 },
        panOf(1),
        { block: pinBlock(deps, panOf(1), '975310') },
        BY,
      );
      await commitOne(store, pinned.item);
      const [card] = (await store.read({ panHashes: [issued.card.panHash] })).cards;
      assert.equal([card?.version, card?.state, card?.pinTries], [4, 'active', 0]);
      assert.is(verify(deps, card as CardRow, panOf(1), '975310'), 'right');
      throws(() => moveCard(free.card, 'stock', BY), isCode('REQUEST_BAD'));
      throws(() => setPin(deps, free.card, panOf(2), null, BY), isCode('INVARIANT'));
      assert.is(setPin(deps, free.card, panOf(1), null, BY).card.pin, null);
    });
  },
);

committed.run();

function account(changes: Partial<AccountRow>) {
  return { accountId: 'A1', tier: 'green', registered: true, productId: 'P1', salePointId: 'S1', ...changes };
}

function loadSpec(card: CardRow, row: AccountRow): LoadSpec {
  return {
    card,
    account: row,
    lots: [],
    held: fen(0),
    salePointId: 'S1',
    principal: fen(1_000_00),
    bonus: fen(100_00),
    payment: { method: 'transfer', payer: 'person', identified: true },
    ids: { entryId: 'E1', principalLotId: 'L1', bonusLotId: 'L2' },
    cause: { kind: 'provisioning', id: 'application-17' },
  };
}

function lot(lotId: string, remaining: number, expiresOn: string | null): LotRow {
  return {
    lotId,
    accountId: 'A1',
    purse: 'principal',
    salePointId: 'S1',
    loadedOn: '20190101',
    expiresOn,
    registered: true,
    loaded: fen(remaining),
    remaining: fen(remaining),
  };
}

function verify(deps: CardDeps, card: CardRow, pan: string, pin: string): string {
  const { vault, keys } = deps;
  assert.ok(card.pin);
  return vault.verifyPin({
    pik: keys.zonePin,
    pinBlock: pinBlock(deps, pan, pin),
    pan,
    pvk: keys.pvk,
    reference: card.pin,
  });
}

async function commitOne(store: StorePort, item: CommitItem): Promise<void> {
  const [outcome] = await store.commit([item]);
  assert.is(outcome?.committed, true);
}

async function withStore(act: (store: StorePort, deps: CardDeps) => Promise<void>): Promise<void> {
  const driver = await openSqlite(':memory:');
  const store = await openSqliteStore({
    driver,
    stream: 'test',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
  try {
    await act(store, await cardDeps());
  } finally {
    await store.close();
  }
}

function isCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === code;
}
