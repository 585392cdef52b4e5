import { createCipheriv, randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FIRST_DAY } from '../clearing/sample-day.ts';
import { makeHostKeys } from '../host-keys.ts';
import { digestOf } from '../journal/act-record.ts';
import { listed } from './door.ts';
import { account, issue, loading, type Office, office, PAN, reason, TOKENS, tier } from './office.fixture.ts';
import { ACTS, type ActName, ROLES, type Role, rolesTable } from './roles.ts';
import { firstTokens, parseTokens } from './tokens.ts';

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
  'terminal.key':   ['PUT', '/v1/terminals/41010001/tmk', { component: '1'.repeat(32), number: 1, of: 2, reason }],
  'certificate.issue':  ['POST', '/v1/authority', { reason }],
  'certificate.revoke': ['POST', `/v1/certificates/${'0'.repeat(32)}/revoke`, { reason }],
  'card.issue':     ['PUT', '/v1/cards/C9', { pan: PAN, expiry: '3112', serviceCode: '701', account, reason }],
  'card.load':      ['PUT', '/v1/cards/C9/loads/L9', loading(100)],
  'card.state':     ['POST', '/v1/cards/C9/freeze', { reason }],
  'card.pin':       ['POST', '/v1/cards/C9/unblock-pin', { reason }],
  'batch.close':    ['POST', '/v1/terminals/41010009/batches/1/close', { cause: '换机 exchanged' }],
  'owed.propose':   ['POST', '/v1/owed-reversals/41010001-000001-000001-01JD9Q4C7N5W8R2Z6X3V1T0ABC/propose', { seen: '存根', reason }],
  'owed.approve':   ['POST', '/v1/owed-reversals/41010001-000001-000001-01JD9Q4C7N5W8R2Z6X3V1T0ABC/approve', { reason }],
  'day.cut-over':   ['POST', '/v1/clearing/cut-over', { expected: '19700101', reason }],
  'clearing.run':   ['POST', '/v1/clearing/runs', { businessDate: '19700101', reason }],
  'query':          ['GET', '/v1/balances'],
  'metrics.read': ['GET', '/metrics'],
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

doors('a list that is cut says so, one that just fits does not, and no page is read in vain', async () => {
  let asked = 0;
  async function* pages(): AsyncIterable<readonly number[]> {
    for (;;) {
      asked += 1;
      yield [asked, asked];
      if (asked === 3) return;
    }
  }
  assert.equal([await listed(pages(), 3), asked], [{ rows: [1, 1, 2], more: true }, 2]);
  asked = 0;
  assert.equal(await listed(pages(), 6), { rows: [1, 1, 2, 2, 3, 3], more: false });
});

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

const secrets = suite('keys come as components, each by another person, and only their check values go out');

const COMPONENTS = ['0123456789ABCDEF1032547698BADCFE', '89ABCDEF01234567FEDCBA9876543210'] as const;
const TMK = '/v1/terminals/41010001/tmk';

/** Zeros under double-length triple DES, by Node alone. */
function checkValueOf(...components: readonly string[]): string {
  const key = Buffer.alloc(16);
  for (const component of components)
    for (const [at, byte] of Buffer.from(component, 'hex').entries()) key[at] = (key[at] as number) ^ byte;
  const cipher = createCipheriv('des-ede', key, null).setAutoPadding(false);
  return cipher.update(Buffer.alloc(8)).subarray(0, 3).toString('hex').toUpperCase();
}
const bring = (it: Office, who: 'admin' | 'second', number: number, more: object = {}, url = TMK) =>
  it.call(who, 'PUT', url, { component: COMPONENTS[number - 1], number, of: 2, reason, ...more });
const keyActs = async (it: Office) =>
  (await it.acts()).filter(({ act }) => act === 'terminal.key').map(({ person }) => person);

secrets('two persons bring one each; the journal names both, and nobody sees a component', async () => {
  const it = await office();
  const first = await bring(it, 'admin', 1);
  assert.is(first.status, 202);
  assert.equal(first.body, {
    name: 'tmk:41010001',
    number: 1,
    of: 2,
    checkValue: checkValueOf(COMPONENTS[0]),
    waitsFor: [2],
  });
  assert.is(it.vault.find('tmk:41010001'), undefined);
  const second = await bring(it, 'second', 2);
  assert.is(second.status, 200);
  assert.equal(
    [second.body['checkValue'], second.body['persons']],
    [checkValueOf(...COMPONENTS), ['admin-员', 'second-员']],
  );
  assert.is(it.vault.find('tmk:41010001')?.checkValue, checkValueOf(...COMPONENTS));
  assert.equal(await keyActs(it), ['admin-员', 'second-员', 'second-员']);
  for (const component of COMPONENTS) assert.not.match(it.output().toUpperCase(), component);
});

secrets('the same person brings no second one: FOUR_EYES, and the first still waits', async () => {
  const it = await office();
  await bring(it, 'admin', 1);
  const alone = await bring(it, 'admin', 2);
  assert.equal([alone.status, alone.body['code']], [403, 'FOUR_EYES']);
  assert.is(it.vault.find('tmk:41010001'), undefined);
  assert.is((await bring(it, 'second', 2)).status, 200);
});

secrets('in either order; who mistyped brings the same one again; three take three', async () => {
  const it = await office();
  await bring(it, 'second', 2, { component: 'F'.repeat(32) });
  await bring(it, 'second', 2);
  assert.is((await bring(it, 'admin', 1)).body['checkValue'], checkValueOf(...COMPONENTS));
  const url = '/v1/terminals/41010002/tmk';
  await bring(it, 'admin', 1, { of: 3 }, url);
  await bring(it, 'second', 2, { of: 3 }, url);
  assert.is((await bring(it, 'second', 2, { number: 3, of: 3 }, url)).body['code'], 'FOUR_EYES');
  assert.is(it.vault.find('tmk:41010002'), undefined);
});

secrets('the same key again is that key, another one is refused', async () => {
  const it = await office();
  const both = async (changes: object = {}) => {
    await bring(it, 'admin', 1);
    return bring(it, 'second', 2, changes);
  };
  assert.is((await both()).status, 200);
  assert.is((await both()).status, 200);
  assert.is((await both({ component: '1F'.repeat(16) })).body['code'], 'ALREADY_EXISTS');
  assert.is(it.vault.find('tmk:41010001')?.checkValue, checkValueOf(...COMPONENTS));
});

// biome-ignore format: a table is read by column
const REFUSED: Readonly<Record<string, readonly [string, object]>> = {
  'that is not hexadecimal':                    ['REQUEST_BAD',     { component: 'G'.repeat(32) }],
  'that is too short':                          ['REQUEST_BAD',     { component: 'F'.repeat(30) }],
  'with another check value than on its sheet': ['REQUEST_BAD',     { checkValue: '000000' }],
  'beyond how many there are':                  ['REQUEST_BAD',     { number: 3 }],
  'of another count':                           ['NOT_ALLOWED_NOW', { of: 3 }],
  'for another algorithm':                      ['NOT_ALLOWED_NOW', { algorithm: 'sm4' }],
  'that another person brought already':        ['NOT_ALLOWED_NOW', { number: 1 }],
  'that makes another key than was told':       ['REQUEST_BAD',     { keyCheckValue: '000000' }],
  'that equals the other':                      ['KEY_BAD',         { component: COMPONENTS[0] }],
  'of zeros':                                   ['KEY_BAD',         { component: '0'.repeat(32) }],
  'that makes single DES with the other':       ['KEY_BAD',         { component: 'A09186B36C5DCAF7B18097A27D4CDBE6' }],
};

for (const [what, [code, change]] of Object.entries(REFUSED)) {
  secrets(`a component ${what}: ${code}, and no key comes of it`, async () => {
    const it = await office();
    await bring(it, 'admin', 1);
    const answer = await bring(it, 'second', 2, change);
    assert.is(answer.body['code'], code, answer.text);
    assert.is(it.vault.find('tmk:41010001'), undefined);
  });
}

secrets('components that wait are dropped on request', async () => {
  const it = await office();
  await bring(it, 'admin', 1);
  assert.is((await it.call('second', 'DELETE', TMK, { reason })).body['dropped'], true);
  assert.is((await it.call('second', 'DELETE', TMK, { reason })).body['dropped'], false);
  assert.equal((await bring(it, 'second', 2)).body['waitsFor'], [1]);
});

secrets("a bureau's key replaces the one that the first start made, until there is a card", async () => {
  const it = await office();
  const enter = async (changes: object = {}) => {
    await bring(it, 'admin', 1, {}, '/v1/keys/cvk');
    return bring(it, 'second', 2, changes, '/v1/keys/cvk');
  };
  const before = it.vault.find('cvk')?.checkValue;
  assert.is((await enter({ keyCheckValue: '000000' })).body['code'], 'REQUEST_BAD');
  assert.is(it.vault.find('cvk')?.checkValue, before);
  const entered = await enter();
  assert.is(entered.status, 200);
  assert.is.not(entered.body['checkValue'], before);
  assert.is((await it.call('operator', 'PUT', '/v1/cards/C0001', issue(it))).status, 201);
  assert.is((await enter()).status, 200);
  assert.is((await enter({ component: '1F'.repeat(16) })).body['code'], 'ALREADY_EXISTS');
});

/** Two components, and 0123456789ABCDEF FEDCBA9876543210 behind them: check value 08D7B4, known to everybody. */
const PUBLISHED = ['5A17C3E09B4D2F8861F0A3957C1EB24D', '5B34868712E6E2679F2C190D0A4A805D'] as const;

secrets('a key that is refused replaces none: the old one stays, and the host starts with it', async () => {
  const it = await office();
  const before = it.vault.find('cvk')?.checkValue;
  const [one, two] = PUBLISHED;
  await bring(it, 'admin', 1, { component: one }, '/v1/keys/cvk');
  const answer = await bring(it, 'second', 2, { component: two }, '/v1/keys/cvk');
  assert.is(answer.body['code'], 'KEY_BAD', answer.text);
  assert.is(it.vault.find('cvk')?.checkValue, before);
  assert.equal(await makeHostKeys(it.vault, true), [], 'no key of the host is missing');
  const refused = (await it.acts()).at(-1);
  assert.equal(
    [refused?.['before'], refused?.['after']],
    [
      digestOf({ checkValue: before }),
      digestOf({
        checkValue: before,
        refused: 'KEY_BAD',
        brought: { checkValue: '08D7B4', algorithm: '3des', persons: ['admin-员', 'second-员'] },
      }),
    ],
  );
});

secrets('a key that is there under another name is refused, and replaces none', async () => {
  const it = await office();
  const both = async (url: string) => {
    await bring(it, 'admin', 1, {}, url);
    return bring(it, 'second', 2, {}, url);
  };
  const before = it.vault.find('cvk')?.checkValue;
  assert.is((await both('/v1/keys/zone-pin')).status, 200);
  assert.is((await both('/v1/keys/cvk')).body['code'], 'KEY_BAD');
  assert.is(it.vault.find('cvk')?.checkValue, before);
  assert.equal(
    it.vault.names().filter(({ name }) => name.includes('>')),
    [],
  );
});

secrets('a card that was issued while components were brought keeps the key that is there', async () => {
  const it = await office();
  const before = it.vault.find('cvk')?.checkValue;
  const { store } = it.world;
  const body = issue(it);
  await bring(it, 'admin', 1, {}, '/v1/keys/cvk');
  // The card comes in with the commit of the second component's own act.
  const commit = store.commit.bind(store);
  let isIssued = false;
  store.commit = async (items) => {
    const outcome = await commit(items);
    if (!isIssued) {
      isIssued = true;
      assert.is((await it.call('operator', 'PUT', '/v1/cards/C0001', body)).status, 201);
    }
    return outcome;
  };
  const answer = await bring(it, 'second', 2, {}, '/v1/keys/cvk');
  assert.is(answer.body['code'], 'ALREADY_EXISTS', answer.text);
  assert.is(it.vault.find('cvk')?.checkValue, before);
});

secrets(
  'nor is a key replaced under a card that is being issued, though no look sees the card yet',
  async () => {
    const it = await office();
    const before = it.vault.find('cvk')?.checkValue;
    const { store } = it.world;
    const body = issue(it);
    await bring(it, 'admin', 1, {}, '/v1/keys/cvk');
    const commit = store.commit.bind(store);
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reached: () => void = () => undefined;
    const isReached = new Promise<void>((resolve) => {
      reached = resolve;
    });
    store.commit = async (items) => {
      if (items.some(({ changes }) => changes.cards !== undefined)) {
        reached();
        await held;
      }
      return commit(items);
    };
    const issued = it.call('operator', 'PUT', '/v1/cards/C0001', body);
    await isReached;
    const answer = await bring(it, 'second', 2, {}, '/v1/keys/cvk');
    release();
    assert.is((await issued).status, 201);
    assert.is(answer.body['code'], 'ALREADY_EXISTS', answer.text);
    assert.is(it.vault.find('cvk')?.checkValue, before);
  },
);

secrets.run();
