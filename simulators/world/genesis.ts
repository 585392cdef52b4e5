/**
 * The morning on which every world begins: a host with its programme, cards and money, terminals with their
 * operators, made once a process by the real code and then copied. Making it costs a second, a copy nothing.
 */
import { createHash } from 'node:crypto';
import { buildAdmin, makeHostKeys } from '../../host/index.ts';
import { openSoftVault, type Vault } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { CommandResult } from '../../terminal/index.ts';
import {
  Bureau,
  CARDS,
  type Card,
  firstLoadOf,
  issueOf,
  MERCHANTS,
  programmeOf,
  type ShopName,
  terminalId,
  throwComponents,
} from '../programme/index.ts';
import { WorldDevices } from './devices/world-devices.ts';
import { Dice } from './dice.ts';
import { type DiskSnapshot, WorldDisk } from './disk/disk.ts';
import { diskFiles } from './disk/disk-files.ts';
import { Machine, WORLD_BEGINS, worldClock } from './machine.ts';
import { Network } from './network.ts';
import { FIRST_DAY, Office } from './office.ts';
import { CASHIER, PASSWORDS } from './people/people.ts';
import { ToldBook } from './people/told.ts';
import { Scheduler } from './scheduler.ts';
import { JOURNAL, Shop } from './shop.ts';
import { Timeline } from './timeline.ts';

const STEPS_MAX = 100_000;
const FOR_EVER_MS = 1e15;
/** Sales of the device that stood at the third place before. */
const TRACES_USED = 6;
const ITS_BATCH = 5;
const LAST_BATCH = 999_999;
/** What the second terminal has used: its traces begin again at 000001 after a few transactions. */
const LAST_TRACES = '999994';

/** Where the terminals of a world stand, in order: 41010001 in the first. */
export const PLACES: readonly ShopName[] = ['hotel', 'hotel', 'farm'];

export interface Place {
  readonly terminalId: string;
  readonly merchant: { readonly id: string; readonly nameZh: string };
  readonly tmk: readonly Buffer[];
  readonly journal: DiskSnapshot;
}

export interface Genesis {
  readonly host: DiskSnapshot;
  readonly places: readonly Place[];
  readonly cards: readonly Card[];
  /** What each account can spend, in fen, by account id. */
  readonly opening: ReadonlyMap<string, number>;
  /** What the host knew already, by its own name: no terminal of the world sent it. */
  readonly before: ReadonlySet<string>;
  /** Batches, `terminal/batch`, that it had closed already. */
  readonly closedBefore: ReadonlySet<string>;
  /** A vault with this morning's keys, on the randomness of its world. */
  vault(random: { bytes(count: number): Buffer }): Promise<Vault>;
}

/** A vault for one world's part: in memory, as in an HSM that a power cut spares. */
export function memoryVault(random: (count: number) => Buffer): Promise<Vault> {
  return openSoftVault({ random });
}

let made: Promise<Genesis> | null = null;

export function genesis(): Promise<Genesis> {
  made ??= makeGenesis();
  return made;
}

async function makeGenesis(): Promise<Genesis> {
  const dice = new Dice('genesis');
  const keyDice = dice.of('bureau');
  const bureau = await Bureau.open({ random: (count) => keyDice.bytes(count) });
  const tmks = PLACES.map((_, index) => {
    const throws = dice.of(`tmk ${index}`);
    return throwComponents((count) => throws.bytes(count));
  });
  const vault: Genesis['vault'] = async (random) => {
    // The same throws give the same keys in every world; afterwards the world's own randomness takes over.
    let source: { bytes(count: number): Buffer } = new Dice('genesis keys');
    const opened = await memoryVault((count) => source.bytes(count));
    for (const { components, ...spec } of bureau.shared)
      opened.createFromComponents({ ...spec, components: copies(components) });
    await makeHostKeys(opened, false);
    for (const [index, components] of tmks.entries())
      opened.createFromComponents({
        name: `tmk:${terminalId(index)}`,
        use: 'tmk',
        algorithm: '3des',
        components: copies(components),
      });
    source = random;
    return opened;
  };
  const cards = CARDS.map((spec) => bureau.personalise(spec));
  const scheduler = new Scheduler();
  const timeline = new Timeline(() => ({ now: scheduler.now, steps: scheduler.steps }));
  const world = { scheduler, timeline, dice };
  const network = new Network(world);
  const office = new Office({ world, network, vault: await vault(dice.of('vault')) });
  office.boot();
  await until(scheduler, () => office.host !== null);
  await provision(office, cards);
  const journals: DiskSnapshot[] = [];
  for (const [index, place] of PLACES.entries()) {
    const merchant = MERCHANTS[place];
    /** A device of its own each time: machine, disk and keys. */
    const device = async () => {
      const machine = new Machine(terminalId(index), world);
      const devices = await openDevices(machine, world, tmks[index] ?? []);
      const told = new ToldBook(timeline);
      return new Shop({ machine, devices, merchant, world, network, hostMachine: office.machine, told });
    };
    journals.push(await morningOf(index, device, { office, scheduler, card: cards[2] as Card }));
  }
  bureau.close();
  const opening = await balances(office);
  const before = await transactionsOf(office);
  const closedBefore = await closedBatchesOf(office);
  return {
    host: await closed(office, scheduler),
    places: PLACES.map((place, index) => ({
      terminalId: terminalId(index),
      merchant: MERCHANTS[place],
      tmk: tmks[index] ?? [],
      journal: journals[index] as DiskSnapshot,
    })),
    cards,
    opening,
    before,
    closedBefore,
    vault,
  };
}

/** The devices of one terminal, their pad freshly injected. */
export async function openDevices(
  machine: Machine,
  world: { readonly scheduler: Scheduler; readonly timeline: Timeline; readonly dice: Dice },
  tmk: readonly Buffer[],
): Promise<WorldDevices> {
  const dice = world.dice.of(`devices ${machine.name}`);
  const random = (count: number) => dice.bytes(count);
  return new WorldDevices(
    {
      clock: worldClock(world.scheduler),
      random,
      tmkComponents: copies(tmk),
      mayHappen: machine.mayHappen,
      dice,
      // A mechanism that takes its time is seen by the drivers' own tests; here it would be half of all events.
      lineMs: 0,
      note: (what) => world.timeline.note(machine.name, what),
    },
    await memoryVault(random),
  );
}

const copies = (components: readonly Buffer[]) => components.map((one) => Buffer.from(one));

async function provision(office: Office, cards: readonly Card[]): Promise<void> {
  const { host } = office;
  if (host === null) throw new PosError('INVARIANT', 'the host of the first morning runs');
  const token = 'genesis-genesis-genesis-genesis-genesis';
  const admin = buildAdmin(host, [{ token, person: 'genesis', role: 'admin' }]);
  const put = async (url: string, body: object) => {
    const { statusCode, body: text } = await admin.inject({
      method: 'PUT',
      url,
      headers: { authorization: `Bearer ${token}` },
      payload: { ...body, reason: '开业 opening' },
    });
    if (statusCode >= 300) throw new PosError('INVARIANT', `PUT ${url}: ${statusCode} ${text}`);
  };
  for (const [kind, documents] of programmeOf(PLACES).all)
    for (const document of documents) await put(`/v1/documents/${kind}/${document.id}`, { document });
  for (const card of cards) {
    await put(`/v1/cards/${card.cardId}`, issueOf(card, FIRST_DAY));
    await put(`/v1/cards/${card.cardId}/loads/${card.cardId}-first`, firstLoadOf(card));
  }
  await admin.close();
}

interface Morning {
  readonly office: Office;
  readonly scheduler: Scheduler;
  readonly card: Card;
}

/** What the terminals of the three places have behind them: nothing, a million traces, a broken predecessor. */
async function morningOf(index: number, device: () => Promise<Shop>, on: Morning): Promise<DiskSnapshot> {
  const { office, scheduler } = on;
  if (index === 2) {
    // The device before used the first traces; the new one counts from 1 again, in one of the last batches.
    const before = await device();
    await staff(before, scheduler);
    // Not in batch 1: that one comes after the last, and a number that was used is not used again.
    await setBatch(office, before.terminalId, ITS_BATCH);
    await must(before, scheduler, 'signin');
    for (let sale = 0; sale < TRACES_USED; sale += 1) await must(before, scheduler, 'sale 1.00', on.card);
    await must(before, scheduler, 'settle');
    await closeShop(before, scheduler);
    await setBatch(office, before.terminalId, LAST_BATCH - 1);
  }
  const shop = await device();
  await staff(shop, scheduler);
  const journal = await closeShop(shop, scheduler);
  return index === 1 ? withTraceTaken(journal, LAST_TRACES) : journal;
}

/** Sets the operators and signs in, as on a terminal's first day. */
async function staff(shop: Shop, scheduler: Scheduler): Promise<void> {
  shop.afterCut = 'keep everything';
  shop.clerk.isCalm = true;
  shop.boot();
  await until(scheduler, () => shop.terminal !== null);
  await must(shop, scheduler, `logon 00 ${PASSWORDS.supervisor}`);
  await must(shop, scheduler, `operator set ${CASHIER} ${PASSWORDS.cashier}`);
  await must(shop, scheduler, `logon ${CASHIER} ${PASSWORDS.cashier}`);
  await must(shop, scheduler, 'signin');
}

async function must(shop: Shop, scheduler: Scheduler, line: string, card?: Card): Promise<void> {
  let result: CommandResult | null = null;
  shop.clerk.served = card === undefined ? null : { card, atTheReader: 'swipes', atThePad: 'types' };
  void shop.type(line).then((ended) => {
    result = ended;
  });
  await until(scheduler, () => result !== null);
  const { ok, en } = result as unknown as CommandResult;
  if (!ok) throw new PosError('INVARIANT', `${line}: ${en}`);
}

async function closeShop(shop: Shop, scheduler: Scheduler): Promise<DiskSnapshot> {
  shop.leaveOff(FOR_EVER_MS);
  await scheduler.step();
  shop.devices.close();
  return shop.disk.snapshot();
}

/** As if the terminal had closed all batches before this one. */
async function setBatch({ host }: Office, id: string, batch: number): Promise<void> {
  const [row] = (await host?.store.read({ terminalIds: [id] }))?.terminals ?? [];
  if (host === null || row === undefined) throw new PosError('INVARIANT', `the host knows ${id}`);
  const guards = [{ kind: 'version', table: 'terminals', key: id, version: row.version }] as const;
  const changes = { terminals: [{ ...row, version: row.version + 1, batch }] };
  await host.store.commit([{ guards, changes, journal: [] }]);
}

/** One more record in its journal: a trace was taken. The form of a line is the terminal's README's. */
async function withTraceTaken(journal: DiskSnapshot, trace: string): Promise<DiskSnapshot> {
  const disk = WorldDisk.from(journal);
  const files = diskFiles(disk.mount({ isOn: true, mayHappen: () => true }));
  const [last = ''] = (await files.list(JOURNAL))
    .filter((name) => name.endsWith('.journal'))
    .sort()
    .reverse();
  const lines = (await files.read(`${JOURNAL}/${last}`)).toString('utf8').trimEnd().split('\n');
  const head = lines.at(-1)?.split('\t')[1] ?? '';
  const at = new Date(WORLD_BEGINS).toISOString();
  const body = JSON.stringify({ n: lines.length + 1, at, type: 'trace taken', kind: 'signIn', trace });
  const hash = createHash('sha256').update(Buffer.from(head, 'hex')).update(body).digest('hex');
  const file = await files.open(`${JOURNAL}/${last}`, 'append');
  await file.write(Buffer.from(`${body}\t${hash}\n`));
  await file.sync();
  return disk.snapshot();
}

/** What each account can spend, as the day begins. */
async function balances({ host }: Office): Promise<ReadonlyMap<string, number>> {
  const sums = new Map<string, number>();
  if (host === null) throw new PosError('INVARIANT', 'the host of the first morning runs');
  for await (const lots of host.store.scan('lots'))
    for (const { accountId, remaining } of lots) sums.set(accountId, (sums.get(accountId) ?? 0) + remaining);
  return sums;
}

async function transactionsOf({ host }: Office): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  if (host === null) throw new PosError('INVARIANT', 'the host of the first morning runs');
  for await (const rows of host.store.scan('transactions'))
    for (const { transactionId } of rows) ids.add(transactionId);
  return ids;
}

async function closedBatchesOf({ host }: Office): Promise<ReadonlySet<string>> {
  const closed = new Set<string>();
  if (host === null) throw new PosError('INVARIANT', 'the host of the first morning runs');
  for await (const rows of host.store.scan('batches'))
    for (const { terminalId, batch, state } of rows)
      if (state === 'closed') closed.add(`${terminalId}/${batch}`);
  return closed;
}

/** The host is stopped in order, so that its database is one file. */
async function closed(office: Office, scheduler: Scheduler): Promise<DiskSnapshot> {
  let isDone = false;
  void office.stop().then(() => {
    isDone = true;
  });
  await until(scheduler, () => isDone);
  return office.disk.snapshot();
}

/** Lets things happen until it is so. */
async function until(scheduler: Scheduler, isSo: () => boolean): Promise<void> {
  await scheduler.quiet();
  for (let steps = 0; !isSo(); steps += 1) {
    if (steps > STEPS_MAX || !(await scheduler.step()))
      throw new PosError('INVARIANT', 'the first morning ends');
  }
}
