/** A store on a simulated disk whose power goes at a chosen effect, and what must hold when it is opened again. */
import * as assert from 'uvu/assert';
import { type Clock, openSqliteStore, type StorePort, verifyJournal } from '../../../host/index.ts';
import { sampleRows } from '../../../host/store/shared-suite.ts';
import { fen } from '../../../protocol/index.ts';
import { Dice } from '../dice.ts';
import { type DiskDice, type DiskHooks, type DiskSnapshot, WorldDisk } from '../disk/disk.ts';
import { openWorldSqlite, StoreFaults, type WorldSqlite } from './sqlite-engine.ts';

export const DATABASE = 'host.sqlite';
/** What `lotRow` loads. Each sale takes one fen. */
const LOADED = 100_000;
const PAID = 11_520;

/** 2026-11-22 10:00:00 at UTC+8, for ever: delays begin and are over when the test says so. */
export function testClock() {
  const waiting: { readonly ms: number; readonly act: () => void }[] = [];
  const clock: Clock = {
    now: () => sampleRows.AT,
    after(ms, act) {
      waiting.push({ ms, act });
      return { cancel: () => undefined };
    },
  };
  return { clock, waiting };
}

/** A computer whose power goes just before effect number `cutBefore`, counted from 1. */
export function computer(cutBefore = Number.POSITIVE_INFINITY) {
  const effects: string[] = [];
  const hooks: DiskHooks & { isOn: boolean } = {
    isOn: true,
    mayHappen(kind, detail) {
      hooks.isOn &&= effects.length + 1 < cutBefore;
      if (hooks.isOn) effects.push(`${kind} ${detail}`);
      return hooks.isOn;
    },
  };
  return { hooks, effects };
}

export interface Opened {
  readonly driver: WorldSqlite;
  readonly store: StorePort;
  readonly faults: StoreFaults;
}

export async function openOn(disk: WorldDisk, hooks: DiskHooks, clock = testClock().clock): Promise<Opened> {
  const faults = new StoreFaults();
  const driver = await openWorldSqlite(disk.mount(hooks), DATABASE, {
    clock,
    dice: new Dice('sqlite'),
    faults,
  });
  const store = await openSqliteStore({
    driver,
    stream: 'host-1',
    clock,
    initialBusinessDate: sampleRows.BUSINESS_DATE,
  });
  return { driver, store, faults };
}

/** What was acknowledged: sales, and the journal's head after the last of them. */
export interface Told {
  isProvisioned: boolean;
  sales: number;
  sequence: number;
  head: string;
}

export const nothingTold = (): Told => ({ isProvisioned: false, sales: 0, sequence: 0, head: '' });

/** A batch of `size` sales; what is acknowledged is added to `told`. */
export async function sell(store: StorePort, told: Told, size: number): Promise<void> {
  const items = Array.from({ length: size }, (_, index) => {
    const serial = told.sales + index + 1;
    return sampleRows.saleItem(serial, 'A1', serial + 1, fen(LOADED - serial));
  });
  const last = (await store.commit(items)).at(-1);
  assert.ok(last?.committed, 'a sale of the only seller is committed');
  Object.assign(told, { sales: told.sales + size, sequence: last.sequence, head: last.head });
}

export async function provision(store: StorePort, told: Told): Promise<void> {
  await store.commit([sampleRows.provisioned('A1')]);
  told.isProvisioned = true;
}

/**
 * Runs `act` until it ends or the power is off. Everything in a world goes by microtasks, so that nothing can be
 * open any more when the event loop comes round.
 * @returns whether it came to its end
 */
export async function untilDark(act: () => Promise<void>): Promise<boolean> {
  const dark = new Promise<boolean>((resolve) => setImmediate(() => resolve(false)));
  return Promise.race([act().then(() => true), dark]);
}

export type Cut = DiskDice | 'lose everything un-synced' | 'keep everything';

/** An image of a disk with a store of `sales` sales, one commit each, ended by a power cut that kept all of it. */
export async function preparedDisk(sales: number): Promise<{ snapshot: DiskSnapshot; told: Told }> {
  const disk = new WorldDisk();
  const told = nothingTold();
  const { store, driver } = await openOn(disk, computer().hooks);
  await provision(store, told);
  for (let sale = 0; sale < sales; sale += 1) await sell(store, told, 1);
  driver.abandon();
  disk.powerCut('keep everything');
  return { snapshot: disk.snapshot(), told };
}

/**
 * Opens the store again, on a copy of the disk, and proves: what was acknowledged is there, each batch whole or not at all, the journal
 * proves right, and all tables tell the same.
 * @param next the size of the batch that may have been committed without an answer
 * @returns what is there
 */
export async function provesWhole(disk: WorldDisk, told: Told, next: number): Promise<Told> {
  const { store, driver } = await openOn(WorldDisk.from(disk.snapshot()), computer().hooks);
  try {
    assert.equal(await driver.all('PRAGMA integrity_check', []), [{ integrity_check: 'ok' }]);
    const heads = new Map<number, string>();
    const verdict = await verifyJournal(watched(store, heads));
    assert.ok(verdict.ok, JSON.stringify(verdict));
    const sales = heads.size;
    assert.ok(
      sales === told.sales || sales === told.sales + next,
      `${told.sales} sales are acknowledged, ${next} may be there or not, ${sales} are there`,
    );
    if (told.sequence > 0) assert.is(heads.get(told.sequence), told.head, 'the acknowledged head');
    const { accounts, lots } = await store.read({ accountIds: ['A1'] });
    if (told.isProvisioned) assert.is(accounts.length, 1, 'the acknowledged account');
    if (accounts.length === 0) return nothingTold();
    assert.is(accounts[0]?.version, sales + 1);
    assert.is(lots[0]?.remaining, LOADED - sales);
    for (const table of ['identities', 'transactions', 'entries'] as const) {
      let count = 0;
      for await (const page of store.scan(table)) count += page.length;
      assert.is(count, sales, table);
    }
    const balances = await store.balances();
    assert.is(balances.find(({ account }) => account === 'purse:principal:A1')?.sum ?? 0, sales * PAID);
    return { isProvisioned: true, sales, sequence: sales, head: heads.get(sales) ?? '' };
  } finally {
    driver.abandon();
  }
}

async function* watched(store: StorePort, heads: Map<number, string>) {
  for await (const page of store.scanJournal()) {
    for (const row of page) heads.set(row.sequence, row.head);
    yield page;
  }
}
