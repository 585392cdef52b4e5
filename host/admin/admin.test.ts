import { createHash, randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openSoftVault, type Vault } from '../../keys/index.ts';
import { fen, luhnDigit } from '../../protocol/index.ts';
import { memoryFiles } from '../clearing/memory-files.ts';
import {
  FIRST_DAY,
  HOTEL,
  lotRow,
  playFirstDay,
  SECOND_DAY,
  sampleWorld,
  WINE,
} from '../clearing/sample-day.ts';
import { Counters } from '../counters.ts';
import { openLog } from '../log.ts';
import { ACTS, type ActName, ROLES, type Role, rolesTable } from './roles.ts';
import { buildAdmin } from './server.ts';
import { firstTokens, parseTokens } from './tokens.ts';

const PAN = `627788000000123${luhnDigit('627788000000123')}`;
const OTHER_PAN = `627788000000456${luhnDigit('627788000000456')}`;
const PIN = '270915';
const TOKENS = ROLES.map((role) => ({
  token: role.repeat(8).slice(0, 40).padEnd(40, 'x'),
  person: `${role}-员`,
  role,
}));

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
  readonly headers: Record<string, unknown>;
}
interface Office {
  readonly world: Awaited<ReturnType<typeof sampleWorld>>;
  readonly vault: Vault;
  readonly files: ReturnType<typeof memoryFiles>;
  call(
    role: Role | null,
    method: 'GET' | 'PUT' | 'POST',
    url: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** All that left the host: answers and log lines. */
  output(): string;
  pinBlock(pan: string, pin?: string): string;
  acts(): Promise<Record<string, unknown>[]>;
}

async function office(): Promise<Office> {
  const world = await sampleWorld();
  const vault = await openSoftVault({ random: randomBytes });
  const keys = {
    lookup: vault.generate({ name: 'lookup', use: 'lookup', algorithm: 'hmac-sha-256' }),
    data: vault.generate({ name: 'data', use: 'data', algorithm: 'aes-256' }),
    pvk: vault.generate({ name: 'pvk', use: 'pin-verification', algorithm: '3des' }),
    cvk: vault.generate({ name: 'cvk', use: 'card-verification', algorithm: '3des' }),
    zonePin: vault.generate({ name: 'zone-pin', use: 'pin', algorithm: '3des' }),
  };
  const said: string[] = [];
  const files = memoryFiles();
  const log = openLog({ level: 'debug', destination: { write: (line) => void said.push(line) } });
  const deps = {
    ...world,
    vault,
    keys,
    log,
    files,
    metrics: new Counters(),
    random: { bytes: (count: number) => randomBytes(count) },
  };
  const server = buildAdmin(deps, TOKENS);
  return {
    world,
    vault,
    files,
    async call(role, method, url, body, headers = {}) {
      const token = TOKENS.find((one) => one.role === role)?.token;
      const answer = await server.inject({
        method,
        url,
        headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined ? {} : { payload: body }),
      });
      said.push(answer.payload);
      const isJson = String(answer.headers['content-type']).startsWith('application/json');
      return {
        status: answer.statusCode,
        body: isJson ? (JSON.parse(answer.payload) as Record<string, unknown>) : {},
        text: answer.payload,
        headers: answer.headers,
      };
    },
    output: () => said.join('\n'),
    pinBlock: (pan, pin = PIN) => vault.encryptPinBlock(keys.zonePin, Buffer.from(pin), pan).toString('hex'),
    async acts() {
      const records: Record<string, unknown>[] = [];
      for await (const page of world.store.scanJournal()) {
        for (const { body } of page) records.push(JSON.parse(body) as Record<string, unknown>);
      }
      return records;
    },
  };
}
const reason = '测试 test';
const tier = (rank: number) => ({
  document: { id: 'blue', nameZh: '蓝卡', nameEn: 'Blue', rank, pointsBp: 15_000 },
  reason,
});
const account = {
  accountId: 'A0001',
  tier: 'green',
  registered: true,
  productId: 'reloadable',
  salePointId: 'S1',
};
const issue = (it: Office, changes: object = {}) => ({
  ...{
    pan: PAN,
    expiry: '3112',
    serviceCode: '701',
    activeFrom: FIRST_DAY,
    pinBlock: it.pinBlock(PAN),
    account,
    reason,
  },
  ...changes,
});
const loading = (principal: number, bonus = 0) => ({
  salePointId: 'S1',
  principal,
  bonus,
  payment: { method: 'transfer', payer: 'person', identified: true },
  reason,
});

const doors = suite('every token names a person and a role');

doors('and without a known one only the health check answers', async () => {
  const it = await office();
  const health = await it.call(null, 'GET', '/v1/health');
  assert.equal([health.status, health.body['businessDate']], [200, FIRST_DAY]);
  for (const [role, headers] of [
    [null, {}],
    [null, { authorization: `Bearer ${'z'.repeat(40)}` }],
    [null, { authorization: 'Basic eA==' }],
  ] as const) {
    const answer = await it.call(role, 'GET', '/v1/balances', undefined, { ...headers });
    assert.equal([answer.status, answer.body['code']], [403, 'NOT_AUTHORISED']);
  }
});

/** One route for each act, with a body that passes the schema. */
// biome-ignore format: a table is read by column
const ROUTES: Readonly<Record<ActName, readonly ['GET' | 'PUT' | 'POST', string, object?]>> = {
  'document.write': ['PUT', '/v1/documents/tier/blue', tier(3)],
  'terminal.key':   ['PUT', '/v1/terminals/41010001/tmk', { components: ['0'.repeat(32), '1'.repeat(32)], reason }],
  'card.issue':     ['PUT', '/v1/cards/C9', { pan: PAN, expiry: '3112', serviceCode: '701', account, reason }],
  'card.load':      ['PUT', '/v1/cards/C9/loads/L9', loading(100)],
  'card.state':     ['POST', '/v1/cards/C9/freeze', { reason }],
  'card.pin':       ['POST', '/v1/cards/C9/unblock-pin', { reason }],
  'batch.close':    ['POST', '/v1/terminals/41010009/batches/1/close', { cause: '换机 exchanged' }],
  'day.cut-over':   ['POST', '/v1/clearing/cut-over', { expected: '19700101', reason }],
  'clearing.run':   ['POST', '/v1/clearing/runs', { businessDate: '19700101', reason }],
  'query':          ['GET', '/v1/balances'],
  'file.read':      ['GET', '/v1/files'],
  'journal.read':   ['GET', '/v1/journal'],
};

for (const [act, [method, url, body]] of Object.entries(ROUTES)) {
  const allowed: readonly Role[] = ACTS[act as ActName].roles;
  doors(`and ${act} is for ${allowed.join(', ')} only`, async () => {
    const it = await office();
    for (const role of ROLES) {
      const { status } = await it.call(role, method, url, body);
      assert.is(status === 403, !allowed.includes(role), `${role}: ${status}`);
    }
  });
}

doors('and the table in the README has a row for every act', () => {
  for (const act of Object.keys(ACTS)) assert.match(rolesTable(), `| \`${act}\` |`);
});

doors('and a tokens file that says otherwise names the entry, never the token', () => {
  const secret = 'y'.repeat(40);
  for (const entry of [
    { token: secret, person: '', role: 'admin' },
    { token: secret, person: 'x', role: 'root' },
    { token: 'short', person: 'x', role: 'admin' },
  ]) {
    try {
      parseTokens(JSON.stringify([TOKENS[0], entry]), 'tokens.json');
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), 'tokens.json [1]');
      assert.not.match(String(error), secret);
    }
  }
  const [first] = firstTokens({ bytes: (count) => randomBytes(count) });
  assert.is(first?.role, 'admin');
  assert.ok((first?.token.length ?? 0) >= 43);
});

doors.run();

const writes = suite('each write says who and why, and is in the journal');

writes('and without a reason nothing is written', async () => {
  const it = await office();
  for (const body of [
    { ...tier(3), reason: undefined },
    { ...tier(3), reason: '  ' },
  ]) {
    const answer = await it.call('admin', 'PUT', '/v1/documents/tier/blue', body);
    assert.equal([answer.status, answer.body['code']], [400, 'REQUEST_BAD']);
  }
  assert.is(it.world.directory.tier('blue'), undefined);
});

writes('and the reason may ride in a header, URL-encoded', async () => {
  const it = await office();
  const { document } = tier(3);
  const answer = await it.call(
    'admin',
    'PUT',
    '/v1/documents/tier/blue',
    { document },
    { 'x-reason': encodeURIComponent('新增蓝卡') },
  );
  assert.is(answer.status, 201);
  const record = (await it.acts()).at(-1);
  assert.equal(
    [record?.['act'], record?.['subject'], record?.['person'], record?.['role'], record?.['reason']],
    ['document.write', 'tier:blue', 'admin-员', 'admin', '新增蓝卡'],
  );
});

writes('and a reason that holds a card number is refused', async () => {
  const it = await office();
  const answer = await it.call('operator', 'POST', '/v1/cards/C9/freeze', {
    reason: `holder of ${PAN.slice(0, 8)} ${PAN.slice(8)} called`,
  });
  assert.equal([answer.status, answer.body['code']], [400, 'REQUEST_BAD']);
});

writes('and failures are a stable code, a detail, and a hint in Chinese and English', async () => {
  const it = await office();
  const answer = await it.call('admin', 'GET', '/v1/documents/tier/none');
  assert.is(answer.status, 404);
  assert.equal(Object.keys(answer.body), ['code', 'detail', 'hint']);
  assert.equal(Object.keys(answer.body['hint'] as object), ['zh', 'en']);
  assert.is((await it.call('admin', 'GET', '/v1/nothing')).status, 404);
  assert.is(
    (await it.call('admin', 'PUT', '/v1/documents/tier/blue', { ...tier(3), surplus: 1 })).status,
    400,
  );
  assert.is((await it.call('admin', 'GET', '/v1/transactions?rrn=%27%20OR%201=1')).status, 400);
});

writes.run();

const documents = suite('documents are written by version, never overwritten');

documents(
  'new 201, the same again 200, other content 409, and a new version when it is asked for',
  async () => {
    const it = await office();
    const put = (body: object) => it.call('admin', 'PUT', '/v1/documents/tier/blue', body);
    assert.equal([(await put(tier(3))).status, (await put(tier(3))).status], [201, 200]);
    const other = await put(tier(4));
    assert.equal([other.status, other.body['code']], [409, 'ALREADY_EXISTS']);
    assert.is(it.world.directory.tier('blue')?.rank, 3);
    const changed = await put({ ...tier(4), newVersion: true });
    assert.equal([changed.status, changed.body['version']], [201, 2]);
    assert.is(it.world.directory.tier('blue')?.rank, 4);
    const { body } = await it.call('auditor', 'GET', '/v1/documents/tier/blue');
    assert.is((body['versions'] as unknown[]).length, 2);
  },
);

documents('and two writers of the same new document make one', async () => {
  const it = await office();
  const both = await Promise.all(
    [3, 3].map((rank) => it.call('admin', 'PUT', '/v1/documents/tier/blue', tier(rank))),
  );
  assert.equal(both.map(({ status }) => status).sort(), [200, 201]);
});

documents(
  'are refused with the field, and with the documents that they name and that are not there',
  async () => {
    const it = await office();
    const put = (kind: string, id: string, document: object) =>
      it.call('admin', 'PUT', `/v1/documents/${kind}/${id}`, { document, reason });
    const bad = await put('tier', 'blue', {
      id: 'blue',
      nameZh: '蓝',
      nameEn: 'Blue',
      rank: 1.5,
      pointsBp: 1,
    });
    assert.equal([bad.status, bad.body['code']], [400, 'REQUEST_BAD']);
    assert.match(String(bad.body['detail']), 'rank');
    const orphan = await put('branch', 'b1', {
      id: 'b1',
      merchantId: '898000000000000',
      nameZh: '店',
      nameEn: 'Shop',
    });
    assert.equal([orphan.status, orphan.body['code']], [404, 'NOT_FOUND']);
    assert.match(String(orphan.body['detail']), 'merchant 898000000000000');
    assert.is(
      (await put('tier', 'blue', { id: 'red', nameZh: '红', nameEn: 'Red', rank: 1, pointsBp: 1 })).status,
      400,
    );
  },
);

documents.run();

const secrets = suite('keys come as components, and only their check values go out');

const COMPONENTS = ['0123456789ABCDEF1032547698BADCFE', '89ABCDEF01234567FEDCBA9876543210'];

secrets('the same components again are the same key, others are refused', async () => {
  const it = await office();
  const enter = (components: readonly string[], more: object = {}) =>
    it.call('admin', 'PUT', '/v1/terminals/41010001/tmk', { components, reason, ...more });
  const first = await enter(COMPONENTS);
  assert.is(first.status, 200);
  assert.is(first.body['checkValue'], it.vault.find('tmk:41010001')?.checkValue);
  assert.is((await enter([...COMPONENTS].reverse())).status, 200);
  assert.is((await enter([COMPONENTS[0] ?? '', '1F'.repeat(16)])).body['code'], 'ALREADY_EXISTS');
  assert.is((await enter(COMPONENTS, { checkValue: 'FFFFFF' })).status, 400);
  assert.is((await enter(['xyz', 'abc'])).status, 400);
  assert.is((await it.acts()).filter((record) => record['act'] === 'terminal.key').length, 1);
  for (const component of COMPONENTS) assert.not.match(it.output().toUpperCase(), component);
});

secrets('a wrong check value leaves no key behind', async () => {
  const it = await office();
  const answer = await it.call('admin', 'PUT', '/v1/terminals/41010002/tmk', {
    components: COMPONENTS,
    checkValue: '000000',
    reason,
  });
  assert.is(answer.status, 400);
  assert.is(it.vault.find('tmk:41010002'), undefined);
});

secrets("a bureau's key replaces the one that the first start made, until there is a card", async () => {
  const it = await office();
  const enter = (components: readonly string[]) =>
    it.call('admin', 'PUT', '/v1/keys/cvk', { components, reason });
  const before = it.vault.find('cvk')?.checkValue;
  const entered = await enter(COMPONENTS);
  assert.is(entered.status, 200);
  assert.is.not(entered.body['checkValue'], before);
  assert.is((await it.call('operator', 'PUT', '/v1/cards/C0001', issue(it))).status, 201);
  assert.is((await enter(COMPONENTS)).status, 200);
  assert.is((await enter([COMPONENTS[0] ?? '', '1F'.repeat(16)])).body['code'], 'ALREADY_EXISTS');
});

secrets.run();

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

evening(
  'closes a batch by an act that names its cause, cuts over, clears, and hands out the files',
  async () => {
    const it = await office();
    await playFirstDay(it.world);
    const close = (batch: number, cause = '终端更换 device exchanged') =>
      it.call('settlement', 'POST', `/v1/terminals/41010001/batches/${batch}/close`, { cause });
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

    it.world.pass(13 * 3_600_000);
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
});

evening('proves the books, verifies the journal and exports both', async () => {
  const it = await office();
  await playFirstDay(it.world);
  await it.call('admin', 'PUT', '/v1/documents/tier/blue', tier(3));
  assert.is((await it.call('auditor', 'GET', '/v1/proof')).body['ok'], true);
  assert.is((await it.call('auditor', 'GET', '/v1/journal/head')).body['ok'], true);
  assert.match((await it.call('auditor', 'GET', '/v1/books')).text, `payable:merchant`);
  assert.match((await it.call('auditor', 'GET', '/v1/journal')).text, 'document.write');
  assert.is((await it.call('auditor', 'GET', '/v1/metrics')).status, 200);
  const { body } = await it.call('auditor', 'GET', '/v1/balances');
  const sums = body['balances'] as { account: string; sum: number }[];
  assert.is(sums.find(({ account: name }) => name === `payable:merchant:${WINE}`)?.sum, -18_432);
  assert.is(sums.find(({ account: name }) => name === `payable:merchant:${HOTEL}`)?.sum, -13_120);
  assert.is(lotRow.loaded, fen(400_000));
});

evening.run();

async function scanned(it: Office) {
  for await (const page of it.world.store.scan('cards')) return page;
  return [];
}
