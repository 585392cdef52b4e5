import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FIRST_DAY, playFirstDay } from '../clearing/sample-day.ts';
import type { Clock } from '../clock.ts';
import type { Where } from '../store/answers.ts';
import type { KeyValues, StorePort } from '../store/port.ts';
import type { JournalRow, TableName, Tables } from '../store/rows.ts';
import { StoreAround } from '../store/store-around.ts';
import { type Office, office, reason, TOKENS } from './office.fixture.ts';
import type { Role } from './roles.ts';
import { startAdmin } from './server.ts';

/** A store whose pages wait until somebody lets one through, and which counts who reads. */
class Gated extends StoreAround {
  /** Pages that were asked for. */
  asked = 0;
  /** Scans that have begun and not ended. */
  open = 0;
  readonly #table: TableName | 'journal' | 'sums';
  #free = false;
  #waiting: (() => void)[] = [];
  #watching: (() => void)[] = [];

  /** @param table the one whose pages wait */
  constructor(store: StorePort, table: TableName | 'journal' | 'sums') {
    super(store);
    this.#table = table;
  }
  override scan<T extends TableName>(
    table: T,
    ...of: [Where<T>?, KeyValues?]
  ): AsyncIterable<readonly Tables[T][]> {
    const pages = super.scan(table, ...of);
    return table === this.#table ? this.#gated(pages) : pages;
  }
  override scanJournal(): ReturnType<StorePort['scanJournal']> {
    return this.#table === 'journal' ? this.#gated(endless()) : super.scanJournal();
  }
  override sums(...of: Parameters<StorePort['sums']>): ReturnType<StorePort['sums']> {
    return this.#table === 'sums' ? this.#gated(endlessSums()) : super.sums(...of);
  }
  async *#gated<Page>(pages: AsyncIterable<Page>): AsyncIterable<Page> {
    this.open += 1;
    this.#changed();
    try {
      for await (const page of pages) {
        this.asked += 1;
        this.#changed();
        if (!this.#free) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        yield page;
      }
    } finally {
      this.open -= 1;
      this.#changed();
    }
  }
  #changed(): void {
    for (const look of this.#watching.splice(0)) look();
  }
  /** Those that wait go on; later ones wait again. */
  letOne(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
  /** The next commit waits too. */
  holdCommits = false;
  override async commit(...of: Parameters<StorePort['commit']>): ReturnType<StorePort['commit']> {
    if (this.holdCommits) {
      this.open += 1;
      this.#changed();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
      this.open -= 1;
    }
    return super.commit(...of);
  }
  letAll(): void {
    this.#free = true;
    this.letOne();
  }
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#watching.push(resolve));
  }
}

/** A journal without an end. */
async function* endless(): AsyncIterable<readonly JournalRow[]> {
  const body = JSON.stringify({ filler: 'x'.repeat(60_000) });
  for (let sequence = 1; ; sequence += 1)
    yield [{ stream: 'host-01', sequence, body, leaf: '0'.repeat(64), head: '0'.repeat(64) }];
}

/** Books without an end. */
async function* endlessSums(): ReturnType<StorePort['sums']> {
  for (;;) yield [{ account: 'custody', lot: null, unit: 'fen', sum: 1, postings: 1 }];
}

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

const bearer = (role: Role) =>
  `Bearer ${TOKENS.find(({ person }) => person === `${role}-员`)?.token ?? ''}` as const;

interface Door {
  readonly it: Office;
  readonly store: Gated;
  readonly port: number;
  stop(): Promise<void>;
  get(path: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }>;
  /** Asks and reads nothing. */
  ask(path: string): Promise<Socket>;
}

/** @param ticks when the door's clock calls what is to come after some time */
async function door(table: TableName | 'journal' | 'sums', ticks: Clock['after'] = later): Promise<Door> {
  const it = await office();
  await playFirstDay(it.world);
  const store = new Gated(it.deps.store, table);
  const deps = { ...it.deps, store, clock: { ...it.deps.clock, after: ticks } };
  const { port, stop } = await startAdmin(deps, { host: '127.0.0.1', port: 0, tokens: TOKENS });
  return {
    it,
    store,
    port,
    stop,
    async get(path) {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { authorization: bearer('auditor') },
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    async ask(path) {
      const socket = connect(port, '127.0.0.1').pause();
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer('auditor')}\r\n\r\n`);
      return socket;
    },
  };
}
const later: Clock['after'] = () => ({ cancel: () => undefined });
const atOnce: Clock['after'] = (_ms, act) => {
  const timer = setTimeout(act, 10);
  return { cancel: () => clearTimeout(timer) };
};

const left = suite('a look that may take minutes');

for (const [path, table] of [
  ['/v1/journal/proof', 'journal'],
  ['/v1/journal', 'journal'],
  ['/v1/balances', 'sums'],
] as const)
  left(`${path} ends at its next page when who asked for it has left`, async () => {
    const { store, ask, it, stop } = await door(table);
    const socket = await ask(path);
    await store.until(() => store.asked === 1);
    socket.destroy();
    await once(socket, 'close');
    // That the other end has seen it is known here by nothing but asking until it has.
    while (store.open > 0) {
      store.letOne();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.not.match(it.output(), '"level":50');
    await stop();
  });

left('of the proof of all books one is made at a time, and the next sees what came meanwhile', async () => {
  const { store, get, stop } = await door('entries');
  const [first, second] = [get('/v1/proof'), get('/v1/proof')];
  await store.until(() => store.asked === 1);
  await turns(50);
  assert.is(store.open, 1);
  store.letAll();
  assert.equal([(await first).body['ok'], (await second).body['ok']], [true, true]);
  await stop();
});

left('and one whose caller has left while he waited for his turn is not made', async () => {
  const { store, get, ask, it, stop } = await door('entries');
  const first = get('/v1/proof');
  await store.until(() => store.asked === 1);
  const socket = await ask('/v1/proof');
  const third = get('/v1/proof');
  socket.destroy();
  await once(socket, 'close');
  store.letAll();
  assert.equal([(await first).body['ok'], (await third).body['ok']], [true, true]);
  assert.is(store.asked, 2);
  assert.match(it.output(), '"code":"CANCELLED"');
  await stop();
});

const stopping = suite('a host that stops while a look or a clearing is under way');

stopping('tells who waits for the proof of the books, and reads no further', async () => {
  const { store, get, stop } = await door('entries');
  const proof = get('/v1/proof');
  await store.until(() => store.asked === 1);
  const stopped = stop();
  store.letAll();
  const { status, body } = await proof;
  assert.equal([status, body['code']], [503, 'HOST_STOPPING']);
  await stopped;
  assert.equal([store.asked, store.open], [1, 0]);
});

stopping('ends a download so that it is seen to be no whole one', async () => {
  const { store, port, it, stop } = await door('journal');
  store.letAll();
  const answer = await fetch(`http://127.0.0.1:${port}/v1/journal`, {
    headers: { authorization: bearer('auditor') },
  });
  const [read] = await Promise.allSettled([answer.text(), store.until(() => store.asked > 9).then(stop)]);
  assert.is(read.status, 'rejected');
  // What nobody can be answered is told here.
  assert.match(it.output(), '"route":"/v1/journal","code":"HOST_STOPPING","msg":"下载中断');
});

stopping('does not wait for one that reads its download no further', async () => {
  const { store, ask, it, stop } = await door('journal', atOnce);
  store.letAll();
  const socket = await ask('/v1/journal');
  // Until nothing more is asked for: all that lies between the two ends is full.
  for (let before = -1; before !== store.asked; ) {
    before = store.asked;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await stop();
  await store.until(() => store.open === 0);
  assert.match(it.output(), 'connections that were still open were cut off by the stop');
  socket.destroy();
});

const TIER = { document: { id: 'blue', nameZh: '蓝卡', nameEn: 'Blue', rank: 3, pointsBp: 15_000 }, reason };
const putTier = (port: number, more: object = {}) =>
  fetch(`http://127.0.0.1:${port}/v1/documents/tier/blue`, {
    method: 'PUT',
    headers: { authorization: bearer('admin'), 'content-type': 'application/json' },
    body: JSON.stringify(TIER),
    ...more,
  });

stopping('waits for an act, however slow it is, and answers it', async () => {
  const { store, port, it, stop } = await door('journal', atOnce);
  store.holdCommits = true;
  // Asks nothing: it is not waited for.
  const silent = connect(port, '127.0.0.1');
  await once(silent, 'connect');
  const act = putTier(port);
  await store.until(() => store.open === 1);
  let isStopped = false;
  const stopped = stop().then(() => {
    isStopped = true;
  });
  // Longer than others are waited for.
  while (!it.output().includes('cut off by the stop')) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.is(isStopped, false);
  store.letAll();
  assert.is((await act).status, 201);
  await stopped;
});

stopping('waits for an act also when its caller has left', async () => {
  const { store, port, it, stop } = await door('journal');
  store.holdCommits = true;
  const leaving = new AbortController();
  const act = putTier(port, { signal: leaving.signal }).catch(() => 'left');
  await store.until(() => store.open === 1);
  leaving.abort();
  assert.is(await act, 'left');
  const stopped = stop();
  assert.is(await Promise.race([stopped.then(() => 'stopped'), turns(50).then(() => 'waits')]), 'waits');
  store.letAll();
  await stopped;
  assert.ok(it.deps.directory.tier('blue') !== undefined);
});

stopping('waits for no answer that nobody takes: of two acts on one connection that is gone', async () => {
  const { store, port, it, stop } = await door('journal');
  store.holdCommits = true;
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const body = JSON.stringify(TIER);
  const one = `PUT /v1/documents/tier/blue HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer('admin')}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  socket.write(one + one);
  await store.until(() => store.open === 2);
  socket.destroy();
  await turns(20);
  store.holdCommits = false;
  store.letAll();
  await stop();
  assert.ok(it.deps.directory.tier('blue') !== undefined);
});

stopping('begins no act whose request is complete only now', async () => {
  const { port, it, stop } = await door('journal');
  const body = JSON.stringify(TIER);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const head = `PUT /v1/documents/tier/blue HTTP/1.1\r\nhost: x\r\nauthorization: ${bearer('admin')}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
  socket.write(head + body.slice(0, 10));
  await turns(20);
  const stopped = stop();
  socket.write(body.slice(10));
  let answer = '';
  for await (const part of socket.setEncoding('utf8')) answer += String(part);
  assert.match(answer, /^HTTP\/1\.1 503 /);
  assert.match(answer, '"code":"HOST_STOPPING"');
  await stopped;
  assert.is(it.deps.directory.tier('blue'), undefined);
});

for (const [path, table] of [
  ['/v1/books', 'entries'],
  ['/v1/journal', 'journal'],
  ['/v1/balances', 'sums'],
] as const)
  stopping(`tells who waits for the first byte of ${path}`, async () => {
    const { store, get, stop } = await door(table);
    const answer = get(path);
    await store.until(() => store.open === 1);
    const stopped = stop();
    store.letAll();
    const { status, body } = await answer;
    assert.equal([status, body['code']], [503, 'HOST_STOPPING']);
    await stopped;
  });

stopping('ends a clearing between two pages; the next one goes on behind its finished steps', async () => {
  const { store, port, it, stop } = await door('terminals');
  const post = async (path: string, body: object) => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: { authorization: bearer('settlement'), 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, reason }),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  it.world.pass(86_400_000);
  assert.is((await post('/v1/clearing/cut-over', {})).status, 200);
  const run = post('/v1/clearing/runs', { businessDate: FIRST_DAY });
  await store.until(() => store.open === 1);
  const stopped = stop();
  store.letAll();
  const { status, body } = await run;
  assert.equal([status, body['code']], [503, 'HOST_STOPPING']);
  await stopped;
  const after = await it.call('settlement', 'POST', '/v1/clearing/runs', { businessDate: FIRST_DAY, reason });
  assert.is(after.status, 200, after.text);
  const steps = after.body['steps'] as readonly { step: string; done: string }[];
  assert.equal(
    steps.map(({ done }) => done),
    [...steps.slice(0, 1).map(() => 'before'), ...steps.slice(1).map(() => 'now')],
  );
});

left.run();
stopping.run();
