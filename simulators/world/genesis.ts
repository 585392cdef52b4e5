/**
 * The morning on which every world begins: a host with its programme, cards and money, terminals with their
 * operators, made once a process by the real code and then copied. Making it costs a second, a copy nothing.
 */
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
import type { DiskSnapshot } from './disk/disk.ts';
import { Machine, worldClock } from './machine.ts';
import { Network } from './network.ts';
import { FIRST_DAY, Office } from './office.ts';
import { CASHIER, PASSWORDS } from './people/people.ts';
import { ToldBook } from './people/told.ts';
import { Scheduler } from './scheduler.ts';
import { Shop } from './shop.ts';
import { Timeline } from './timeline.ts';

const STEPS_MAX = 100_000;

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
    const machine = new Machine(terminalId(index), world);
    const devices = await openDevices(machine, world, tmks[index] ?? []);
    const shop = new Shop({
      machine,
      devices,
      merchant: MERCHANTS[place],
      world,
      network,
      hostMachine: office.machine,
      told: new ToldBook(timeline),
    });
    journals.push(await staff(shop, scheduler));
  }
  bureau.close();
  return {
    host: await closed(office, scheduler),
    places: PLACES.map((place, index) => ({
      terminalId: terminalId(index),
      merchant: MERCHANTS[place],
      tmk: tmks[index] ?? [],
      journal: journals[index] as DiskSnapshot,
    })),
    cards,
    opening: new Map(cards.map(({ accountId, principal, bonus }) => [accountId, principal + bonus])),
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

/** Sets the operators and signs in, as on a terminal's first day; then switches it off. */
async function staff(shop: Shop, scheduler: Scheduler): Promise<DiskSnapshot> {
  shop.afterCut = 'keep everything';
  shop.clerk.isCalm = true;
  shop.boot();
  await until(scheduler, () => shop.terminal !== null);
  for (const line of [
    `logon 00 ${PASSWORDS.supervisor}`,
    `operator set ${CASHIER} ${PASSWORDS.cashier}`,
    `logon ${CASHIER} ${PASSWORDS.cashier}`,
    'signin',
  ]) {
    let result: CommandResult | null = null;
    void shop.type(line).then((ended) => {
      result = ended;
    });
    await until(scheduler, () => result !== null);
    const { ok, en } = result as unknown as CommandResult;
    if (!ok) throw new PosError('INVARIANT', `${line}: ${en}`);
  }
  shop.machine.cut('closed for the night');
  await scheduler.step();
  shop.devices.close();
  return shop.disk.snapshot();
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
