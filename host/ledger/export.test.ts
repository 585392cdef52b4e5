import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import type { StorePort } from '../store/port.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { FIRST_DAY, sampleBooks } from './books.fixture.ts';
import { loadEntry } from './entries.ts';
import { exportHledger, PIECE_CHARS_MAX, parsedBalances, parseHledger, treeName } from './export.ts';
import type { Stamp } from './postings.ts';

const writing = suite('the export: one transaction an entry, in plain text');

writing('writes date, code, event, cause and postings as the journal format has them', async () => {
  const entry = loadEntry(
    { ...stampOf('01K'), terminalId: '00000001' },
    {
      accountId: 'A1',
      salePointId: 'S1',
      principal: fen(1_000_00),
      principalLotId: 'P1',
      bonus: fen(5),
      bonusLotId: 'B1',
    },
  );
  const text = await joined({
    async *scan() {
      await Promise.resolve();
      yield [entry] as never;
    },
  });
  assert.is(
    text.slice(text.indexOf('2026-11-22')),
    `2026-11-22 (01K) load
    ; cause: approval AP1
    ; at: 20261122 100000
    ; terminal: 00000001
    asset:receivable:sale-point:S1  1000.00 CNY
    expense:bonus  0.05 CNY
    liability:purse:principal:A1  -1000.00 CNY  ; lot: P1
    liability:purse:bonus:A1  -0.05 CNY  ; lot: B1

`,
  );
});

writing('declares each account once before it is used, by name, where the books are small', async () => {
  const { store } = await sampleBooks();
  const text = await joined(store);
  const declared = [...text.matchAll(/^account (.+)$/gm)].map(([, name]) => name);
  const used = (await store.balances()).map(({ account }) => treeName(account));
  assert.equal(declared, [...new Set(used)].sort());
  assert.ok(text.lastIndexOf('\naccount ') < text.indexOf('\n2026-'));
  await store.close();
});

writing('is its head alone where nothing was booked', async () => {
  const text = await joined({ async *scan() {} });
  assert.match(text, 'commodity CNY');
  assert.equal(parseHledger(text), []);
});

const MANY = 20_000;

writing('of many accounts is no long text at any place, and declares whatever it uses', async () => {
  const { store } = await largeBooks(MANY);
  // Fewer names are remembered than there are: they are declared again.
  const lengths: number[] = [];
  const declared = new Set<string>();
  let declarations = 0;
  let postings = 0;
  for await (const piece of exportHledger(store, MANY / 4)) {
    lengths.push(piece.length);
    assert.ok(piece.endsWith('\n'));
    for (const line of piece.split('\n')) {
      const [, name] = /^account (.+)$/.exec(line) ?? [];
      const [, used] = /^ {4}(\S+) {2}/.exec(line) ?? [];
      if (name !== undefined) {
        declared.add(name);
        declarations += 1;
      }
      if (used === undefined) continue;
      postings += 1;
      assert.ok(declared.has(used), used);
    }
  }
  assert.ok(Math.max(...lengths) <= PIECE_CHARS_MAX);
  assert.ok(lengths.length > 10);
  assert.equal([declared.size, postings], [2 * MANY + 2, 4 * (MANY + 1)]);
  assert.ok(declarations > declared.size);
  await store.close();
});

writing.run();

const reading = suite('the export read back by its own parser');

reading("gives the same entries, posting by posting, and the store's balances", async () => {
  const { store, entries } = await sampleBooks();
  const parsed = parseHledger(await joined(store));
  assert.equal(
    parsed.map(({ date, code, description }) => [date, code, description]),
    entries.map(({ businessDate, entryId, event }) => [businessDate, entryId, event]),
  );
  for (const [index, entry] of entries.entries()) {
    assert.equal(parsed[index]?.tags['cause'], `${entry.cause.kind} ${entry.cause.id}`);
    assert.equal(
      parsed[index]?.postings,
      entry.postings.map(({ account, lot, unit, amount }) => ({
        account: treeName(account),
        lot,
        unit,
        amount,
      })),
    );
  }
  const sums = parsedBalances(parsed);
  const balances = await store.balances();
  assert.is(sums.size, balances.length);
  for (const { account, unit, sum } of balances)
    assert.is(sums.get(`${unit} ${treeName(account)}`), sum, account);
  await store.close();
});

// biome-ignore format: a table is read by column
for (const [text, line, sentence] of [
  ['what is this',                                                   1, 'a line that is none of its forms'],
  ['    asset:custody  1.00 CNY',                                    1, 'a posting before any transaction'],
  ['2026-11-22 (E1) sale\n    asset:custody  1.5 CNY',               2, 'an amount with one place'],
  ['2026-11-22 (E1) sale\n    asset:custody  1 CNY',                 2, 'money without places'],
  ['2026-11-22 (E1) sale\n    points:liability  1.00 POINTS',        2, 'points with places'],
] as const) {
  reading(`refuses ${sentence} and names the line`, () => {
    const isNamed = (error: unknown) => error instanceof PosError && error.code === 'INPUT_BAD' && error.detail.includes(`line ${line} `);
    assert.throws(() => parseHledger(text), isNamed);
  });
}

reading.run();

const HLEDGER = 'hledger';
const LEDGER = 'ledger';
const tools = suite('the export as the accounting tools read it, where they are installed');

tools("hledger check --strict accepts it and hledger balance equals the store's balances", async () => {
  if (!isInstalled(HLEDGER)) return;
  await withJournal(async (file, store) => {
    execFileSync(HLEDGER, ['-f', file, 'check', '--strict', 'ordereddates', 'payees'], { stdio: 'pipe' });
    const csv = execFileSync(HLEDGER, ['-f', file, 'balance', '--flat', '--no-total', '-E', '-O', 'csv'], {
      encoding: 'utf8',
    });
    const told = new Map<string, number>();
    for (const line of csv.trim().split('\n').slice(1)) {
      const [account = '', amount = ''] = line.split('","').map((cell) => cell.replaceAll('"', ''));
      const [figure = '0', commodity] = amount.split(' ');
      told.set(account, commodity === 'POINTS' ? Number(figure) : Math.round(Number(figure) * 100));
    }
    const balances = await store.balances();
    assert.is(told.size, balances.length);
    for (const { account, sum } of balances) assert.is(told.get(treeName(account)), sum, account);
  });
});

tools("ledger accepts it and its balances equal the store's", async () => {
  if (!isInstalled(LEDGER)) return;
  await withJournal(async (file, store) => {
    const text = execFileSync(
      LEDGER,
      [
        '-f',
        file,
        '--strict',
        '--pedantic',
        'balance',
        '--flat',
        '--empty',
        '--no-total',
        '--format',
        '%(account)|%(display_total)\n',
      ],
      { encoding: 'utf8', stdio: 'pipe' },
    );
    const told = new Map<string, number>();
    for (const line of text.trim().split('\n')) {
      const [account = '', amount = ''] = line.split('|');
      const [figure = '0', commodity] = amount.trim().split(' ');
      told.set(account, commodity === 'POINTS' ? Number(figure) : Math.round(Number(figure) * 100));
    }
    for (const { account, sum } of await store.balances())
      assert.is(told.get(treeName(account)) ?? 0, sum, account);
  });
});

tools('hledger check refuses the export when one amount in it is changed', async () => {
  if (!isInstalled(HLEDGER)) return;
  await withJournal(async (file, store) => {
    writeFileSync(file, (await joined(store)).replace('1000.00 CNY', '1000.01 CNY'));
    assert.is.not(spawnSync(HLEDGER, ['-f', file, 'check']).status, 0);
  });
});

tools('both accept a card account that was opened while the export ran, and one declared again', async () => {
  const tool = [HLEDGER, LEDGER].filter(isInstalled);
  const { store, load } = await largeBooks(1_000);
  const folder = mkdtempSync(join(tmpdir(), 'zunka-books-'));
  try {
    const pieces: string[] = [];
    for await (const piece of exportHledger(store, 100)) {
      if (pieces.length === 0) await load('NEW', 'Z');
      pieces.push(piece);
    }
    const text = pieces.join('');
    const declarations = (name: string) => text.split(`\naccount ${name}\n`).length - 1;
    assert.is(declarations('liability:purse:principal:NEW'), 1);
    assert.ok(declarations('liability:purse:principal:A00000') > 1);
    const sums = parsedBalances(parseHledger(text));
    for (const { account, unit, sum } of await store.balances())
      assert.is(sums.get(`${unit} ${treeName(account)}`), sum, account);
    const file = join(folder, 'books.journal');
    writeFileSync(file, text);
    if (tool.includes(HLEDGER))
      execFileSync(HLEDGER, ['-f', file, 'check', '--strict', 'payees'], { stdio: 'pipe' });
    if (tool.includes(LEDGER))
      execFileSync(LEDGER, ['-f', file, '--strict', '--pedantic', 'balance'], { stdio: 'pipe' });
  } finally {
    rmSync(folder, { recursive: true });
    await store.close();
  }
});

tools.run();

async function withJournal(act: (file: string, store: StorePort) => Promise<void>): Promise<void> {
  const { store } = await sampleBooks();
  const folder = mkdtempSync(join(tmpdir(), 'zunka-books-'));
  try {
    const file = join(folder, 'books.journal');
    writeFileSync(file, await joined(store));
    await act(file, store);
  } finally {
    rmSync(folder, { recursive: true });
    await store.close();
  }
}

/** So many card accounts, A00000 first, each loaded once; the first one again behind all others. */
async function largeBooks(count: number) {
  const store = await openSqliteStore({
    driver: await openSqlite(':memory:'),
    stream: 'host-01',
    clock: { now: () => 0, after: () => ({ cancel: () => undefined }) },
    initialBusinessDate: FIRST_DAY,
  });
  const loads = async (names: readonly (readonly [accountId: string, entryId: string])[]) => {
    const entries = names.map(([accountId, entryId]) =>
      loadEntry(stampOf(entryId), {
        ...{ accountId, salePointId: 'S1' },
        ...{ principal: fen(100), principalLotId: `P${entryId}` },
        ...{ bonus: fen(5), bonusLotId: `B${entryId}` },
      }),
    );
    const [outcome] = await store.commit([{ guards: [], changes: { entries }, journal: [] }]);
    assert.is(outcome?.committed, true);
  };
  const names = Array.from({ length: count }, (_, at) => `A${String(at).padStart(5, '0')}`);
  for (let from = 0; from < count; from += 2_000)
    await loads(names.slice(from, from + 2_000).map((name) => [name, `E-${name}`]));
  await loads([['A00000', 'Y']]);
  return { store, load: (accountId: string, entryId: string) => loads([[accountId, entryId]]) };
}

function stampOf(entryId: string): Stamp {
  return {
    entryId,
    businessDate: FIRST_DAY,
    cause: { kind: 'approval', id: 'AP1' },
    at: Date.UTC(2026, 10, 22, 2, 0),
    branchId: null,
    terminalId: null,
  };
}

async function joined(store: Pick<StorePort, 'scan'>): Promise<string> {
  let text = '';
  for await (const piece of exportHledger(store)) text += piece;
  return text;
}

function isInstalled(program: string): boolean {
  const installed = spawnSync(program, ['--version']).status === 0;
  if (!installed) console.log(`\nleft out: what ${program} says of the exported books; it is not installed`);
  return installed;
}
