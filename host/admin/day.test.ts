import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { luhnDigit } from '../../protocol/index.ts';
import { batchRow, FIRST_DAY, HOTEL, playFirstDay, SECOND_DAY, WINE } from '../clearing/sample-day.ts';
import {
  account,
  issue,
  loading,
  type Office,
  OTHER_PAN,
  office,
  PAN,
  PIN,
  reason,
  tier,
} from './office.fixture.ts';

const cards = suite('cards are issued and loaded once');

cards('the same card again 200, other content 409; a load likewise', async () => {
  const it = await office();
  const put = (body: object) => it.call('operator', 'PUT', '/v1/cards/C0001', body);
  const load = (body: object) => it.call('operator', 'PUT', '/v1/cards/C0001/loads/first', body);
  assert.equal([(await put(issue(it))).status, (await put(issue(it))).status], [201, 200]);
  assert.is((await put(issue(it, { expiry: '3011' }))).body['code'], 'ALREADY_EXISTS');
  assert.equal(
    [(await load(loading(100_000, 10_000))).status, (await load(loading(100_000, 10_000))).status],
    [201, 200],
  );
  assert.is((await load(loading(100_000, 20_000))).body['code'], 'ALREADY_EXISTS');
  const { body } = await it.call('operator', 'GET', '/v1/cards/C0001');
  assert.equal(
    (body['lots'] as { purse: string; remaining: number }[])
      .map(({ purse, remaining }) => [purse, remaining])
      .sort(),
    [
      ['bonus', 10_000],
      ['principal', 100_000],
    ],
  );
  const proof = await it.call('auditor', 'GET', '/v1/proof');
  assert.is(proof.body['ok'], true);
});

cards(
  'a second card of an account may not say something else of it: 409, and nothing is issued',
  async () => {
    const it = await office();
    const first = issue(it);
    await it.call('operator', 'PUT', '/v1/cards/C0001', first);
    for (const change of [{ tier: 'red' }, { registered: !account.registered }, { productId: 'fixed' }]) {
      const claimed = { ...account, ...change };
      const second = await it.call(
        'operator',
        'PUT',
        '/v1/cards/C0002',
        issue(it, { pan: OTHER_PAN, pinBlock: it.pinBlock(OTHER_PAN), account: claimed }),
      );
      assert.is(second.body['code'], 'ALREADY_EXISTS', Object.keys(change)[0]);
      assert.is(
        (await it.call('operator', 'PUT', '/v1/cards/C0001', issue(it, { account: claimed }))).body['code'],
        'ALREADY_EXISTS',
      );
    }
    assert.is((await it.call('operator', 'GET', '/v1/cards/C0002')).status, 404);
  },
);

cards('another card number under the same prefix needs its own id, and one number is one card', async () => {
  const it = await office();
  await it.call('operator', 'PUT', '/v1/cards/C0001', issue(it));
  const taken = await it.call(
    'operator',
    'PUT',
    '/v1/cards/C0002',
    issue(it, { account: { ...account, accountId: 'A0002' } }),
  );
  assert.is(taken.status, 409);
  const second = await it.call(
    'operator',
    'PUT',
    '/v1/cards/C0002',
    issue(it, { pan: OTHER_PAN, pinBlock: it.pinBlock(OTHER_PAN) }),
  );
  assert.equal([second.status, second.body['accountId']], [201, 'A0001']);
});

cards('a wrong check digit, a foreign prefix and a PIN block of another number are refused', async () => {
  const it = await office();
  const put = (changes: object) => it.call('operator', 'PUT', '/v1/cards/C0001', issue(it, changes));
  const wrong = PAN.slice(0, -1) + ((Number(PAN.at(-1)) + 1) % 10);
  const foreign = `621234000000123${luhnDigit('621234000000123')}`;
  assert.equal(
    [(await put({ pan: wrong })).body['code'], (await put({ pan: foreign })).body['code']],
    ['PAN_BAD', 'PAN_BAD'],
  );
  assert.is((await put({ pinBlock: it.pinBlock(OTHER_PAN) })).body['code'], 'PIN_BLOCK_BAD');
  assert.is((await it.call('operator', 'GET', '/v1/cards/C0001')).status, 404);
});

cards('a load above the legal balance is refused, and so is one that a sale point may not owe', async () => {
  const it = await office();
  await it.call('operator', 'PUT', '/v1/cards/C0001', issue(it));
  const tooMuch = await it.call('operator', 'PUT', '/v1/cards/C0001/loads/L1', loading(500_001));
  assert.equal([tooMuch.status, tooMuch.body['code']], [422, 'LIMIT_EXCEEDED']);
  const point = {
    id: 'S1',
    nameZh: '郑东售卡点',
    nameEn: 'Zhengdong',
    companyId: 'zz',
    unremittedMax: 50_000,
  };
  await it.call('admin', 'PUT', '/v1/documents/salePoint/S1', { document: point, newVersion: true, reason });
  const owed = await it.call('operator', 'PUT', '/v1/cards/C0001/loads/L2', loading(50_001));
  assert.equal([owed.status, owed.body['code']], [422, 'LIMIT_EXCEEDED']);
  assert.match(String(owed.body['detail']), 'S1');
});

cards('are frozen and set free, and a blocked PIN gets its tries back', async () => {
  const it = await office();
  await it.call('operator', 'PUT', '/v1/cards/C0001', issue(it));
  const post = (path: string) => it.call('operator', 'POST', `/v1/cards/C0001/${path}`, { reason });
  assert.equal([(await post('freeze')).body['state'], (await post('freeze')).status], ['frozen', 200]);
  assert.is((await post('unfreeze')).body['state'], 'active');
  const { cards: rows } = await it.world.store.read({ accountIds: ['A0001'] });
  const all = rows.length > 0 ? rows : await scanned(it);
  const [card] = all;
  if (card === undefined) throw new Error('no card');
  await it.world.commit({ changes: { cards: [{ ...card, version: card.version + 1, pinTries: 3 }] } });
  assert.is((await post('unblock-pin')).body['pinTries'], 0);
  const acts = (await it.acts()).map((record) => record['act']);
  assert.equal(acts.filter((act) => act === 'card.state').length, 2);
  assert.ok(acts.includes('card.unblock-pin'));
});

cards(
  'never show a card number, a PIN block or a key: in no answer, log line, journal record or address',
  async () => {
    const it = await office();
    await it.call('operator', 'PUT', '/v1/cards/C0001', issue(it));
    await it.call('operator', 'PUT', '/v1/cards/C0001', issue(it, { expiry: '9913' }));
    await it.call('operator', 'PUT', '/v1/cards/C0001', issue(it, { pan: 'x', surplus: PAN }));
    await it.call('operator', 'PUT', '/v1/cards/C0001', { ...issue(it), account: { ...account, tier: PAN } });
    await it.call('operator', 'PUT', '/v1/cards/C0001/pin', { pinBlock: it.pinBlock(PAN, '111222'), reason });
    await it.call('operator', 'GET', '/v1/cards/C0001');
    const inAddress = await it.call('operator', 'PUT', `/v1/cards/${PAN}`, issue(it));
    assert.is(inAddress.status, 400);
    const asAccount = await it.call(
      'operator',
      'PUT',
      '/v1/cards/C0009',
      issue(it, { account: { ...account, accountId: PAN } }),
    );
    assert.is(asAccount.status, 400);
    const journal = JSON.stringify(await it.acts());
    for (const secret of [PAN, PAN.slice(6, 14), PIN, it.pinBlock(PAN), it.pinBlock(PAN).toUpperCase()]) {
      assert.not.match(it.output(), secret);
      assert.not.match(journal, secret);
    }
  },
);

cards.run();

const evening = suite("the day's end through the administration");

evening('closes a batch by an act though an advice of the next one came first', async () => {
  const it = await office();
  await playFirstDay(it.world);
  const read = { batches: [{ key: '41010001|1', withTransactions: false }] };
  const [first] = (await it.world.store.read(read)).batches;
  if (first === undefined) throw new Error('the lobby has a batch');
  await it.world.commit({ changes: { batches: [{ ...first, batch: 2, version: 1 }] } });
  const path = '/v1/terminals/41010001/batches/1/close';
  assert.is((await it.call('settlement', 'POST', path, { cause: '终端更换 device exchanged' })).status, 200);
  const { terminals } = await it.world.store.read({ terminalIds: ['41010001'] });
  assert.is(terminals[0]?.batch, 2);
});

evening('closes no batch by an act where the number after it was used before', async () => {
  const it = await office();
  await playFirstDay(it.world);
  const read = { batches: [{ key: '41010003|1', withTransactions: false }], terminalIds: ['41010001'] };
  const { terminals } = await it.world.store.read(read);
  const [terminal] = terminals;
  if (terminal === undefined) throw new Error('the lobby has a terminal');
  const used = batchRow('41010001', 1);
  await it.world.commit({
    changes: {
      batches: [{ ...used, version: 2, state: 'closed' }],
      terminals: [{ ...terminal, batch: 999_999, version: terminal.version + 1 }],
    },
  });
  const path = '/v1/terminals/41010001/batches/999999/close';
  const answer = await it.call('settlement', 'POST', path, { cause: '终端更换 device exchanged' });
  assert.equal([answer.status, answer.body['code']], [409, 'NOT_ALLOWED_NOW']);
  assert.match(String(answer.body['detail']), 'another terminal number');
});

evening(
  'closes a batch by an act that names its cause, cuts over, clears, and hands out the files',
  async () => {
    const it = await office();
    await playFirstDay(it.world);
    const close = (batch: number, cause = '终端更换 device exchanged') =>
      it.call('settlement', 'POST', `/v1/terminals/41010001/batches/${batch}/close`, { cause });
    // After the last transaction of the sample day.
    it.world.pass(12 * 3_600_000);
    const closed = await close(1);
    assert.equal(
      [closed.status, closed.body['closedBy'], closed.body['cause']],
      [200, 'act', '终端更换 device exchanged'],
    );
    // The hotel's lobby: two sales and, against them, a void and a refund.
    assert.is(closed.body['hostTotals'], `000000025600002000000019200002${'0'.repeat(30)}`);
    assert.is((await close(1)).status, 200);
    assert.equal([(await close(5)).status, (await close(5)).body['code']], [409, 'NOT_ALLOWED_NOW']);
    const { terminals } = await it.world.store.read({ terminalIds: ['41010001'] });
    assert.is(terminals[0]?.batch, 2);

    it.world.pass(3_600_000);
    const cut = await it.call('settlement', 'POST', '/v1/clearing/cut-over', { expected: FIRST_DAY, reason });
    assert.equal(cut.body, { closed: FIRST_DAY, opened: SECOND_DAY });
    const run = await it.call('settlement', 'POST', '/v1/clearing/runs', { businessDate: FIRST_DAY, reason });
    assert.equal([run.status, run.body['net'], run.body['openBatches']], [200, 13_120 + 18_432, 1]);
    assert.is(
      (await it.call('settlement', 'POST', '/v1/clearing/runs', { businessDate: FIRST_DAY, reason })).status,
      200,
    );

    const { body } = await it.call('auditor', 'GET', '/v1/files');
    const files = body['files'] as { name: string; sha256: string }[];
    assert.is(files.length, 9);
    for (const { name, sha256 } of files) {
      const file = await it.call('auditor', 'GET', `/v1/files/${name}`);
      assert.is(file.headers['x-sha256'], sha256);
      assert.is(
        createHash('sha256')
          .update((await it.files.read(name)) ?? '')
          .digest('hex'),
        sha256,
      );
    }
    assert.is((await it.call('auditor', 'GET', '/v1/files/..%2Fkeys.sealed')).status, 400);

    // A correction's files are of the same day; of another day there are none.
    const correction = { businessDate: FIRST_DAY, correction: true, reason };
    assert.is((await it.call('settlement', 'POST', '/v1/clearing/runs', correction)).status, 200);
    const filesOf = async (date: string) =>
      (await it.call('auditor', 'GET', `/v1/files?businessDate=${date}`)).body;
    const ofDay = await filesOf(FIRST_DAY);
    assert.equal([(ofDay['files'] as unknown[]).length, ofDay['more']], [18, false]);
    assert.equal(await filesOf(SECOND_DAY), { files: [], more: false });
    assert.is((await it.call('auditor', 'GET', '/v1/clearing/runs/20261122/1')).status, 200);
  },
);

evening('finds transactions by reference number, terminal, batch, card tail and day, masked', async () => {
  const it = await office();
  await playFirstDay(it.world);
  const find = async (query: string) => {
    const { body } = await it.call('operator', 'GET', `/v1/transactions?${query}`);
    return (body['transactions'] as { transactionId: string }[]).map(({ transactionId }) => transactionId);
  };
  assert.equal(await find('rrn=010000000004'), ['T004']);
  assert.equal(await find('terminalId=41010003&batch=1'), ['T009', 'T010']);
  assert.is((await find('cardTail=1234')).length, 10);
  assert.equal(await find('cardTail=9999'), []);
  assert.equal(await find(`businessDate=${SECOND_DAY}`), []);
  assert.is((await it.call('operator', 'GET', '/v1/transactions')).status, 400);
  assert.is((await it.call('operator', 'GET', '/v1/transactions/T004')).body['kind'], 'refund');
  assert.equal((await it.call('operator', 'GET', '/v1/transactions/T001')).body['trace57'], [
    {
      rule: 'contract-rebate',
      version: 0,
      applied: true,
      because: "合同返点 2.00 % · the contract's rebate",
      worth: 230,
    },
  ]);
});

evening('proves the books, verifies the journal and exports both', async () => {
  const it = await office();
  await playFirstDay(it.world);
  await it.call('admin', 'PUT', '/v1/documents/tier/blue', tier(3));
  assert.is((await it.call('auditor', 'GET', '/v1/proof')).body['ok'], true);
  const proof = (await it.call('auditor', 'GET', '/v1/journal/proof')).body;
  assert.is(proof['ok'], true);
  const [proven] = proof['streams'] as { stream: string; records: number; head: string }[];
  assert.match((await it.call('auditor', 'GET', '/v1/books')).text, `payable:merchant`);
  assert.match((await it.call('auditor', 'GET', '/v1/journal')).text, 'document.write');
  const head = await it.call('operator', 'GET', '/v1/journal/head');
  assert.equal(head.body, {
    streams: [{ stream: proven?.stream, sequence: proven?.records, head: proven?.head }],
  });
  assert.is((await it.call('operator', 'GET', '/v1/journal/proof')).status, 403);
  assert.is((await it.call('auditor', 'GET', '/v1/metrics')).status, 200);
  const { body } = await it.call('auditor', 'GET', '/v1/balances');
  const sums = body['balances'] as { account: string; sum: number }[];
  assert.is(sums.find(({ account: name }) => name === `payable:merchant:${WINE}`)?.sum, -18_432);
  assert.is(sums.find(({ account: name }) => name === `payable:merchant:${HOTEL}`)?.sum, -13_120);
});

evening.run();

async function scanned(it: Office) {
  for await (const page of it.world.store.scan('cards')) return page;
  return [];
}
