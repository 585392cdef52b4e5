import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { unprovenCounter } from '../acquiring/effects/owed-list.ts';
import { burntUtKey, identityKey } from '../acquiring/identity.ts';
import { FIRST_DAY, MORNING } from '../clearing/sample-day.ts';
import type { CommitItem } from '../store/port.ts';
import { item, owedRow, transactionRow } from '../store/sample-rows.ts';
import { type Office, office, PAN } from './office.fixture.ts';
import { owedId } from './owed-acts.ts';

const closing = suite('an owed reversal is closed by two people');

const row = owedRow('000042', { firstToldAt: MORNING, firstToldDate: FIRST_DAY });
const url = (act: string, one = row) => `/v1/owed-reversals/${owedId(one)}/${act}`;
const proposal = { seen: '商户存根,持卡人确认 the slip, the holder agrees', reason: '终端已损坏' };
const agreed = { reason: '已核对' };
const sale = transactionRow('X1', { trace: '000042', ut: row.ut, accountId: null, money: null });

async function officeWith(...items: readonly Partial<CommitItem>[]): Promise<Office> {
  const it = await office();
  for (const one of items) await it.world.commit(one);
  return it;
}
const listed = async (it: Office, query = '') => {
  const { body } = await it.call('auditor', 'GET', `/v1/owed-reversals${query}`);
  return body['owedReversals'] as Record<string, unknown>[];
};
const rows = async (it: Office) => {
  const all = [];
  for await (const page of it.world.store.scan('owedReversals')) all.push(...page);
  return all;
};

closing(
  'one proposes with what was seen, another approves; both are in the journal, no money moves',
  async () => {
    const it = await officeWith(item({ owedReversals: [row], transactions: [sale] }));
    const balances = await it.world.store.balances();
    const proposed = await it.call('operator', 'POST', url('propose'), proposal);
    assert.is(proposed.status, 200);
    assert.is((proposed.body['next'] as { who: string }).who, 'settlement');
    assert.match((proposed.body['next'] as { en: string }).en, 'other than operator-员');
    const approved = await it.call('settlement', 'POST', url('approve'), agreed);
    assert.equal(
      [approved.status, approved.body['state'], approved.body['closedBy']],
      [200, 'closed', 'people'],
    );

    const [closed] = await rows(it);
    assert.equal(
      [
        closed?.proposal?.person,
        closed?.proposal?.seen,
        closed?.proposal?.outcome,
        closed?.proposal?.transactionId,
      ],
      ['operator-员', proposal.seen, 'stands', 'X1'],
    );
    assert.equal([closed?.approval?.person, closed?.approval?.reason], ['settlement-员', '已核对']);
    const acts = (await it.acts()).filter(({ type }) => type === 'act');
    assert.equal(
      acts.map(({ act, person, subject, reason }) => [act, person, subject, reason]),
      [
        ['owed.propose', 'operator-员', `owed-reversal:${owedId(row)}`, '终端已损坏'],
        ['owed.approve', 'settlement-员', `owed-reversal:${owedId(row)}`, '已核对'],
      ],
    );
    assert.equal(await it.world.store.balances(), balances);
    assert.equal(
      (await it.world.store.read({ transactionIds: ['X1'] })).transactions,
      [sale],
      'the sale stands',
    );
    assert.equal(await listed(it), [], 'nobody has to look at it any more');
  },
);

closing('never by one person, whatever token that person holds', async () => {
  const it = await officeWith({ changes: { owedReversals: [row] } });
  await it.call('settlement', 'POST', url('propose'), proposal);
  const own = await it.call('settlement', 'POST', url('approve'), agreed);
  assert.equal([own.status, own.body['code']], [403, 'NOT_AUTHORISED']);
  const [before] = await rows(it);
  if (before?.proposal == null) throw new Error('it was proposed');
  // The same name in another writing, from another token.
  const disguised = { ...before.proposal, person: ' ＡＤＭＩＮ-员' };
  await it.world.commit({ changes: { owedReversals: [{ ...before, version: 3, proposal: disguised }] } });
  assert.is((await it.call('admin', 'POST', url('approve'), agreed)).body['code'], 'NOT_AUTHORISED');
  assert.equal(
    (await rows(it)).map(({ state }) => state),
    ['open'],
  );
});

closing('not what nobody proposed, not twice, and not without a reason', async () => {
  const it = await officeWith({ changes: { owedReversals: [row] } });
  const code = async (role: 'settlement' | 'admin', act: string, body: object) =>
    (await it.call(role, 'POST', url(act), body)).body['code'];
  assert.is(await code('admin', 'approve', agreed), 'NOT_ALLOWED_NOW');
  assert.is(await code('admin', 'refuse', agreed), 'NOT_ALLOWED_NOW');
  assert.is(await code('admin', 'propose', { seen: '存根' }), 'REQUEST_BAD');
  assert.is(await code('admin', 'propose', { ...proposal, seen: `卡号 ${PAN}` }), 'REQUEST_BAD');
  await code('settlement', 'propose', proposal);
  assert.is(await code('settlement', 'propose', proposal), undefined, 'the same again changes nothing');
  assert.is(await code('admin', 'propose', proposal), 'NOT_ALLOWED_NOW');
  assert.is(await code('admin', 'approve', agreed), undefined);
  assert.is(await code('admin', 'approve', agreed), undefined, 'the same again changes nothing');
  assert.is(await code('settlement', 'propose', proposal), 'NOT_ALLOWED_NOW');
  assert.is((await it.acts()).filter(({ type }) => type === 'act').length, 2);
  const other = owedRow('000099');
  assert.is((await it.call('admin', 'POST', url('propose', other), proposal)).status, 404);
});

closing('what was refused is open again, for another proposal', async () => {
  const it = await officeWith({ changes: { owedReversals: [row] } });
  await it.call('operator', 'POST', url('propose'), proposal);
  assert.is((await it.call('admin', 'POST', url('refuse'), { reason: '凭据不足' })).status, 200);
  assert.equal(
    (await rows(it)).map(({ state, proposal: waiting }) => [state, waiting]),
    [['open', null]],
  );
  assert.is((await it.call('settlement', 'POST', url('propose'), proposal)).status, 200);
  assert.is((await it.call('admin', 'POST', url('approve'), agreed)).status, 200);
});

closing('the books changed since it was proposed: it is proposed anew', async () => {
  const it = await officeWith(item({ owedReversals: [row], transactions: [sale] }));
  await it.call('operator', 'POST', url('propose'), proposal);
  await it.world.commit({ changes: { transactions: [{ ...sale, version: 2, state: 'voided' }] } });
  const late = await it.call('settlement', 'POST', url('approve'), agreed);
  assert.equal([late.status, late.body['code']], [409, 'NOT_ALLOWED_NOW']);
  await it.call('admin', 'POST', url('refuse'), agreed);
  await it.call('operator', 'POST', url('propose'), proposal);
  assert.is((await it.call('settlement', 'POST', url('approve'), agreed)).status, 200);
  assert.is((await rows(it))[0]?.proposal?.outcome, 'undone');
});

closing('evidence that comes first closes it: the approval comes too late', async () => {
  const it = await officeWith({ changes: { owedReversals: [row] } });
  await it.call('operator', 'POST', url('propose'), proposal);
  const [proposed] = await rows(it);
  if (proposed === undefined) throw new Error('it is there');
  const paid = { ...proposed, version: 3, state: 'closed', closedBy: 'evidence', closedAt: 1 } as const;
  await it.world.commit({ changes: { owedReversals: [paid] } });
  assert.is((await it.call('settlement', 'POST', url('approve'), agreed)).body['code'], 'NOT_ALLOWED_NOW');
  assert.equal(await rows(it), [paid]);
});

closing('closed as never come, it stays so: what comes late is answered 12', async () => {
  const it = await officeWith({ changes: { owedReversals: [row] } });
  await it.call('operator', 'POST', url('propose'), proposal);
  await it.call('settlement', 'POST', url('approve'), agreed);
  const place = {
    terminalId: row.terminalId,
    merchantId: row.merchantId,
    batch: row.batch,
    trace: row.trace,
  };
  const keys = [burntUtKey(row.ut), identityKey({ ...place, mti: '0200', de3: '000000' })];
  const { identities } = await it.world.store.read({ identities: keys });
  assert.equal(
    identities.map(({ answer, transactionId }) => [answer, transactionId]),
    [
      [null, null],
      [null, null],
    ],
  );
});

closing(
  'what was never proven burns no place, which may be the terminal’s next, and makes room',
  async () => {
    const counter = unprovenCounter(row.terminalId);
    const it = await officeWith({
      changes: { owedReversals: [{ ...row, proven: false }] },
      guards: [{ kind: 'counter', counter, add: 1, max: null }],
    });
    await it.call('operator', 'POST', url('propose'), proposal);
    assert.is((await it.call('settlement', 'POST', url('approve'), agreed)).status, 200);
    const identities = [];
    for await (const page of it.world.store.scan('identities')) identities.push(...page);
    assert.equal(
      identities.map(({ key }) => key),
      [burntUtKey(row.ut)],
    );
    assert.is((await it.world.store.read({ counters: [counter] })).counters.get(counter), 0);
  },
);

closing.run();

const list = suite('the list of owed reversals');

list('says what the books hold of each, how old it is, and who must do what next', async () => {
  const never = owedRow('000043', { firstToldAt: MORNING, proven: false });
  const differs = owedRow('000044', {
    ut: '01JD9Q4C7N5W8R2Z6X3V1T0ABD',
    firstToldAt: MORNING,
    firstToldDate: '20261119',
  });
  const declined = transactionRow('X2', {
    ...{
      trace: '000044',
      ut: differs.ut,
      state: 'declined',
      responseCode: '51',
      accountId: null,
      money: null,
    },
  });
  const taken = owedRow('000045', { firstToldAt: MORNING });
  const another = transactionRow('X3', { trace: '000045', ut: 'U-other', accountId: null, money: null });
  const it = await officeWith(
    item({ owedReversals: [row, never, differs, taken], transactions: [sale, declined, another] }),
  );
  it.world.pass(3 * 86_400_000 + 1);
  const shown = (await listed(it)).map((one) => {
    const books = one['books'] as Record<string, unknown>;
    const { who } = one['next'] as { who: string };
    return [
      one['trace'],
      books['outcome'],
      books['transactionId'],
      books['anotherAtItsPlace'],
      one['ageDays'],
      who,
    ];
  });
  assert.equal(shown, [
    ['000042', 'stands', 'X1', null, 3, 'terminal'],
    ['000043', 'never came', null, null, 3, 'terminal'],
    ['000044', 'declined', 'X2', null, 3, 'terminal'],
    ['000045', 'never came', null, 'X3', 3, 'settlement'],
  ]);
  assert.equal(
    (await listed(it)).map(({ overdue }) => overdue),
    [false, false, true, false],
  );
});

list('shows what was told again after its closing, as closed and as somebody’s business', async () => {
  const again = {
    ...row,
    ...({ state: 'closed', closedBy: 'people', closedAt: 1, toldAfterClosing: MORNING } as const),
  };
  const settled = owedRow('000050', { state: 'closed', closedBy: 'evidence', closedAt: 1 });
  const it = await officeWith({ changes: { owedReversals: [again, settled] } });
  const [shown, ...more] = await listed(it);
  assert.equal(more, []);
  assert.equal([shown?.['trace'], shown?.['state']], ['000042', 'closed']);
  assert.is((shown?.['next'] as { who: string } | undefined)?.who, 'settlement');
  assert.equal(await listed(it, '?state=open'), []);
  assert.is((await listed(it, '?state=closed')).length, 2);
});

list('is found by state and terminal, and refuses what it does not know', async () => {
  const other = owedRow('000042', { terminalId: '41010002' });
  const it = await officeWith({ changes: { owedReversals: [row, other] } });
  assert.equal(
    (await listed(it, '?terminalId=41010002')).map(({ terminalId }) => terminalId),
    ['41010002'],
  );
  assert.is((await listed(it, '?state=all')).length, 2);
  assert.is((await it.call('auditor', 'GET', '/v1/owed-reversals?state=lost')).status, 400);
});

list.run();
