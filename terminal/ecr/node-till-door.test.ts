import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { TestHost } from '../host.fixture.ts';
import { openShopForBusiness } from '../shop.fixture.ts';
import type { TillAnswer } from './model.ts';
import { buildTillDoor, openTillDoor } from './node-till-door.ts';
import { ask, saleOf, shopWithPatientReader, untilState } from './till.fixture.ts';

const TOKEN = 'a token of this test, of 32 signs'.replaceAll(' ', '-');
const LOCAL = { address: '127.0.0.1', token: '' } as const;

const door = suite("the till's door over HTTP");

door('takes one envelope and gives one answer, as the logic gives it', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  const server = buildTillDoor(terminal.till, LOCAL);
  const sold = await server.inject({ method: 'POST', url: '/v1/till', payload: saleOf('request-0001') });
  assert.is(sold.statusCode, 200);
  assert.match(sold.headers['content-type']?.toString() ?? '', 'application/json');
  const status = await server.inject({ url: '/v1/till/requests/request-0001' });
  assert.is(status.body, sold.body);
  assert.is(sold.body, JSON.stringify(await terminal.till.handle(ask('status', 'request-0001'))));
});

// biome-ignore format: a table is read by column
for (const [sentence, payload, status, code] of [
  ['what does not fit is 400',        '{"v":1,"op":"sale"}',          400, 'REQUEST_BAD'],
  ['no JSON is 400',                  '{',                            400, 'REQUEST_BAD'],
  ['an empty body is 400',            '',                             400, 'REQUEST_BAD'],
  ['what has no flow is 422',         '{"v":1,"op":"load"}',          422, 'NOT_SUPPORTED'],
  ['an unknown request is 404',       '{"v":1,"op":"status","requestId":"request-0009"}', 404, 'NOT_FOUND'],
  ['more than an envelope is 413',    `{"v":1,"op":"${'x'.repeat(9000)}"}`, 413, 'REQUEST_BAD'],
] as const) {
  door(sentence, async () => {
    const { terminal } = await openShopForBusiness({ host: new TestHost() });
    const server = buildTillDoor(terminal.till, LOCAL);
    const headers = { 'content-type': 'application/json' };
    const answer = await server.inject({ method: 'POST', url: '/v1/till', payload, headers });
    assert.equal([answer.statusCode, answer.json<TillAnswer>().code], [status, code]);
    assert.is(answer.json<TillAnswer>().state, 'refused');
  });
}

door('another body under the same requestId is 409', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  const server = buildTillDoor(terminal.till, LOCAL);
  await server.inject({ method: 'POST', url: '/v1/till', payload: saleOf('request-0001') });
  const other = await server.inject({ method: 'POST', url: '/v1/till', payload: saleOf('request-0001', 1) });
  assert.equal([other.statusCode, other.json<TillAnswer>().code], [409, 'OTHER_BODY']);
});

door('with a token, who does not show it is 401 and nothing is done', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  const server = buildTillDoor(terminal.till, { address: '0.0.0.0', token: TOKEN });
  const post = (authorization?: string) =>
    server.inject({
      method: 'POST',
      url: '/v1/till',
      payload: saleOf('request-0001'),
      ...(authorization !== undefined && { headers: { authorization } }),
    });
  for (const wrong of [undefined, 'Bearer wrong', TOKEN, `Bearer ${TOKEN}x`]) {
    const refused = await post(wrong);
    assert.equal([refused.statusCode, refused.json<TillAnswer>().code], [401, 'NOT_AUTHORISED']);
  }
  assert.is(host.kept.size, 0);
  assert.is((await post(`Bearer ${TOKEN}`)).json<TillAnswer>().state, 'approved');
});

door('without a token no page of a browser gets in: not by its origin, not by a bent name', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  const server = buildTillDoor(terminal.till, LOCAL);
  const post = (headers: Record<string, string>) =>
    server.inject({ method: 'POST', url: '/v1/till', payload: { v: 1, op: 'totals' }, headers });
  assert.is((await post({ origin: 'http://localhost' })).statusCode, 401);
  assert.is((await post({ host: 'till.example.com' })).statusCode, 401);
  assert.is((await post({ host: '127.0.0.1:8584' })).statusCode, 200);
  assert.is((await post({ 'content-type': 'text/plain' })).statusCode, 415);
});

door('beyond loopback it does not open without a token, nor with a short one', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  const isConfigBad = (error: unknown) => error instanceof PosError && error.code === 'CONFIG_BAD';
  assert.throws(() => buildTillDoor(terminal.till, { address: '0.0.0.0', token: '' }), isConfigBad);
  assert.throws(() => buildTillDoor(terminal.till, { address: '127.0.0.1', token: 'short' }), isConfigBad);
});

door('a port that is taken is told as a setting', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  const first = await openTillDoor(terminal.till, { ...LOCAL, port: 0 });
  try {
    await openTillDoor(terminal.till, { ...LOCAL, port: first.port });
    assert.unreachable('two doors at one port');
  } catch (error) {
    assert.ok(error instanceof PosError && error.code === 'CONFIG_BAD');
  } finally {
    await first.close();
  }
});

door(
  'over a socket: events name each state until the final one; a till that hangs up loses nothing',
  async () => {
    const { till, reader, terminal, ...shop } = await shopWithPatientReader();
    const open = await openTillDoor(till, { ...LOCAL, port: 0 });
    const url = `http://127.0.0.1:${open.port}/v1/till`;
    const post = (body: object, signal?: AbortSignal) =>
      fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        ...(signal && { signal }),
      });
    try {
      const hangUp = new AbortController();
      const lost = post(saleOf('request-0001'), hangUp.signal).catch(() => 'hung up');
      await untilTrue(() => terminal.state.tillRequests.length > 0);
      await untilState({ ...shop, terminal }, 'request-0001', 'waiting-card');
      const events = fetch(`${url}/requests/request-0001/events`).then((response) => response.text());
      await untilTrue(() => till.watchers > 0);
      hangUp.abort();
      assert.is(await lost, 'hung up');
      reader.swipe();
      const names = [...(await events).matchAll(/^event: (.+)$/gm)].map(([, name]) => name);
      assert.equal(names, ['waiting-card', 'waiting-pin', 'online', 'approved']);
      const status = await fetch(`${url}/requests/request-0001`);
      assert.is(((await status.json()) as TillAnswer).state, 'approved');
      assert.is(till.watchers, 0);
    } finally {
      await open.close();
    }
  },
);

door('a stream of an unknown request is 404', async () => {
  const { terminal } = await openShopForBusiness({ host: new TestHost() });
  const server = buildTillDoor(terminal.till, LOCAL);
  assert.is((await server.inject({ url: '/v1/till/requests/request-0009/events' })).statusCode, 404);
});

door.run();

async function untilTrue(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500 && !holds(); turn += 1) await new Promise((go) => setTimeout(go, 4));
  if (!holds()) throw new Error('it never came to hold');
}

const program = suite('the real program with a till');

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** terminal/main.ts without a keyboard; resolves when it serves tills. */
async function startProgram(config: string) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'terminal/main.ts', '--config', config], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('tills are served')) resolve();
    });
    void ended.then((code) => reject(new Error(`the terminal ended with ${code ?? 'a signal'}`)));
  });
  return { child, ended };
}

program('serves a till without a keyboard, remembers over a kill, and ends when it is told to', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zunka-till-'));
  const port = await freePort();
  const config = join(folder, 'terminal.json');
  await writeFile(
    config,
    JSON.stringify({
      terminalId: '12345678',
      merchantId: '898410000000001',
      journalDirectory: join(folder, 'journal'),
      readerPort: join(folder, 'reader'),
      pinPadPort: join(folder, 'pinpad'),
      printerPort: join(folder, 'printer'),
      supervisorPassword: '246810',
      systemPassword: '975310',
      tillPort: port,
    }),
  );
  const post = async (body: object) => {
    const headers = { 'content-type': 'application/json' };
    const url = `http://127.0.0.1:${port}/v1/till`;
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    return response.text();
  };
  try {
    const first = await startProgram(config);
    const answer = await post(saleOf('request-0001'));
    // Nobody has logged on at this terminal: the request is over, and that is what the journal says.
    assert.equal((({ state, code, final }) => [state, code, final])(JSON.parse(answer) as TillAnswer), [
      'failed',
      'OPERATOR_REFUSED',
      true,
    ]);
    first.child.kill('SIGKILL');
    await first.ended;
    const second = await startProgram(config);
    assert.is(await post(saleOf('request-0001')), answer);
    assert.is(await post(ask('status', 'request-0001')), answer);
    second.child.kill('SIGTERM');
    assert.is(await second.ended, 0);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

program.run();
