/**
 * What goes wrong in a world, one row each. A seed draws which rows are in force and when they strike; each
 * can also be asked for alone, and at an exact point (`npm run world -- --fault NAME --at N`).
 */
import { DEVICE_FAULTS, type DeviceFaultName } from './devices/device-faults.ts';
import type { Dice } from './dice.ts';
import type { FrameFault, Network } from './network.ts';
import type { Office } from './office.ts';
import type { SettlementStaff } from './people/settlement-staff.ts';
import type { Scheduler } from './scheduler.ts';
import type { Shop } from './shop.ts';

/** What a fault may lay hands on. */
export interface Struck {
  readonly shop: Shop;
  readonly office: Office;
  readonly network: Network;
  readonly staff: SettlementStaff;
  readonly scheduler: Scheduler;
  readonly dice: Dice;
  /** The exact point that was asked for; null: the dice choose. */
  readonly at: number | null;
}

export interface FaultRow {
  readonly zh: string;
  readonly en: string;
  /** How often before a task, in 10,000; in recoveries: at each start. */
  readonly chance: number;
  readonly when: 'task' | 'start';
  strike(struck: Struck): void;
}

/** Effects of one task of a terminal, and of the host for it, as far as a cut is drawn. */
const TERMINAL_EFFECTS = 220;
const HOST_EFFECTS = 60;
const RECOVERY_EFFECTS = 40;
const FRAMES_AHEAD = 4;
/** How many answers later a stray one comes: its reversal's and its next sign-in's come first. */
const STRAYS_MOST = 4;
const ANSWER_WAIT_MS = 60_000;
const HOUR_MS = 3_600_000;
/** From less than one answer's wait to longer than all tries of a reversal. */
const AWAY_MS = [30_000, 180_000, HOUR_MS, 5 * HOUR_MS] as const;
const DAY_MS = 24 * HOUR_MS;

const cutTerminal = ({ shop, dice, at }: Struck, most: number) =>
  shop.machine.cutBeforeEffect(at ?? dice.between(1, most));
const cutHost = ({ office, dice, at }: Struck, most: number) =>
  office.machine.cutBeforeEffect(at ?? dice.between(1, most));
const request = (struck: Struck, fault: FrameFault) => arm('request', struck, fault);
const answer = (struck: Struck, fault: FrameFault) => arm('answer', struck, fault);
function arm(direction: 'request' | 'answer', { network, dice, at }: Struck, fault: FrameFault): void {
  network.arm(direction, at ?? dice.between(1, FRAMES_AHEAD), fault);
}

// biome-ignore format: a table is read by column
const OWN_FAULTS = {
  'terminal power cut':        { zh: '终端断电',           en: 'the terminal loses its power before one of its next effects',  chance: 900, when: 'task',  strike: (s) => cutTerminal(s, TERMINAL_EFFECTS) },
  'terminal cut in recovery':  { zh: '终端恢复时再断电',   en: 'it loses it again while it recovers',                          chance: 1500, when: 'start', strike: (s) => cutTerminal(s, RECOVERY_EFFECTS) },
  'host power cut':            { zh: '主机断电',           en: 'the host loses its power before one of its next effects',      chance: 700, when: 'task',  strike: (s) => cutHost(s, HOST_EFFECTS) },
  'host cut in recovery':      { zh: '主机恢复时再断电',   en: 'it loses it again while it recovers',                          chance: 1500, when: 'start', strike: (s) => cutHost(s, RECOVERY_EFFECTS) },
  'request dropped':           { zh: '请求丢失',           en: 'a request is lost on the way',                                 chance: 400, when: 'task',  strike: (s) => request(s, { kind: 'drop' }) },
  'answer dropped':            { zh: '应答丢失',           en: 'an answer is lost on the way',                                 chance: 600, when: 'task',  strike: (s) => answer(s, { kind: 'drop' }) },
  'request delayed':           { zh: '请求超时后到达',     en: 'a request arrives when nobody waits for its answer any more',  chance: 300, when: 'task',  strike: (s) => request(s, { kind: 'delay', ms: s.dice.between(ANSWER_WAIT_MS >> 1, 5 * ANSWER_WAIT_MS) }) },
  'answer delayed':            { zh: '应答超时后到达',     en: 'an answer arrives past the time-out',                          chance: 400, when: 'task',  strike: (s) => answer(s, { kind: 'delay', ms: s.dice.between(ANSWER_WAIT_MS >> 1, 5 * ANSWER_WAIT_MS) }) },
  'request duplicated':        { zh: '请求重复到达',       en: 'a request arrives twice',                                      chance: 300, when: 'task',  strike: (s) => request(s, { kind: 'duplicate', afterMs: s.dice.pick([0, 1, 50, 5_000, 200_000]) }) },
  'answer duplicated':         { zh: '应答重复到达',       en: 'an answer arrives twice',                                      chance: 300, when: 'task',  strike: (s) => answer(s, { kind: 'duplicate', afterMs: s.dice.pick([0, 1, 50, 5_000, 200_000]) }) },
  'request cut':               { zh: '请求传到一半断线',   en: 'the connection breaks in the middle of a request',             chance: 300, when: 'task',  strike: (s) => request(s, { kind: 'cut', bytes: s.dice.next(200) }) },
  'answer cut':                { zh: '应答传到一半断线',   en: 'the connection breaks in the middle of an answer',             chance: 300, when: 'task',  strike: (s) => answer(s, { kind: 'cut', bytes: s.dice.next(200) }) },
  'request flipped':           { zh: '请求错一位',         en: 'one bit of a request is flipped',                              chance: 300, when: 'task',  strike: (s) => request(s, { kind: 'flip', bit: s.dice.next(4_096) }) },
  'answer flipped':            { zh: '应答错一位',         en: 'one bit of an answer is flipped',                              chance: 300, when: 'task',  strike: (s) => answer(s, { kind: 'flip', bit: s.dice.next(4_096) }) },
  'half-open':                 { zh: '半开连接',           en: 'the connection goes silent and nobody is told',                chance: 300, when: 'task',  strike: (s) => arm(s.dice.pick(['request', 'answer']), s, { kind: 'half-open' }) },
  'stray answer':              { zh: '旧应答串线',         en: "an earlier request's answer arrives in front of a later one's", chance: 900, when: 'task',  strike: (s) => answer(s, { kind: 'astray', answers: s.dice.between(1, STRAYS_MOST) }) },
  'network away':              { zh: '网络中断数小时',     en: 'the network is away for minutes or hours',                     chance: 200, when: 'task',  strike: networkAway },
  'front end alone':           { zh: '前置通而主机不通',   en: 'connections come about, and nothing that is sent arrives, for minutes or hours', chance: 300, when: 'task',  strike: (s) => arm(s.dice.pick(['request', 'answer']), s, { kind: 'deaf', ms: s.dice.pick(AWAY_MS) }) },
  'host slow':                 { zh: '主机缓慢',           en: 'the database takes seconds',                                   chance: 200, when: 'task',  strike: ({ office, dice }) => office.faults.arm('slow', dice.between(1_000, 90_000)) },
  'commit answer lost':        { zh: '提交应答丢失(已提交)', en: 'a commit is done and its answer lost',                      chance: 400, when: 'task',  strike: ({ office }) => office.faults.arm('commit answer lost, done') },
  'commit lost':               { zh: '提交应答丢失(未提交)', en: 'a commit is not done and its answer lost',                  chance: 300, when: 'task',  strike: ({ office }) => office.faults.arm('commit answer lost, not done') },
  'database busy':             { zh: '数据库忙',           en: 'the database says busy',                                       chance: 200, when: 'task',  strike: ({ office }) => office.faults.arm('busy') },
  'host disk full':            { zh: '主机磁盘满',         en: "the host's disk is full for a while",                          chance: 150, when: 'task',  strike: (s) => diskTrouble(s, s.office.disk, 'full') },
  'host sync fails':           { zh: '主机同步失败',       en: "one sync of the host's disk fails",                            chance: 150, when: 'task',  strike: ({ office }) => office.disk.fail('disk sync', 'io') },
  'host write fails':          { zh: '主机写失败',         en: "one write to the host's disk fails",                           chance: 150, when: 'task',  strike: ({ office }) => office.disk.fail('disk write', 'io') },
  'terminal disk full':        { zh: '终端磁盘满',         en: "the terminal's disk is full for a while",                      chance: 150, when: 'task',  strike: (s) => diskTrouble(s, s.shop.disk, 'full') },
  'terminal sync fails':       { zh: '终端同步失败',       en: "one sync of the terminal's disk fails",                        chance: 200, when: 'task',  strike: ({ shop }) => shop.disk.fail('disk sync', 'io') },
  'terminal write fails':      { zh: '终端写失败',         en: "one write to the terminal's disk fails",                       chance: 200, when: 'task',  strike: ({ shop }) => shop.disk.fail('disk write', 'io') },
  'host clock stepped':        { zh: '主机时钟跳变',       en: "the host's clock is set forward or back",                      chance: 150, when: 'task',  strike: ({ office, dice }) => { office.machine.clockOffset += stepped(dice); } },
  'terminal clock stepped':    { zh: '终端时钟跳变',       en: "the terminal's clock is set forward or back",                  chance: 150, when: 'task',  strike: ({ shop, dice }) => { shop.machine.clockOffset += stepped(dice); } },
  'cut-over':                  { zh: '日切',               en: 'the business date changes while the shop trades',              chance: 250, when: 'task',  strike: ({ staff }) => staff.ask('cut over', 'clear') },
  'terminal left off':         { zh: '终端关机一个月',     en: 'the terminal is left off for days or a month',                 chance: 60,  when: 'task',  strike: leftOff },
} as const satisfies Record<string, FaultRow>;

/** A fault of a device, before a task. */
const DEVICE_CHANCE = 150;

export type FaultName = keyof typeof OWN_FAULTS | DeviceFaultName;

export const FAULTS: Readonly<Record<FaultName, FaultRow>> = {
  ...OWN_FAULTS,
  ...(Object.fromEntries(
    Object.entries(DEVICE_FAULTS).map(([name, { zh, en, arm: strike }]) => [
      name,
      {
        zh,
        en,
        chance: DEVICE_CHANCE,
        when: 'task',
        strike: ({ shop, dice }: Struck) => strike(shop.devices, dice),
      },
    ]),
  ) as Record<DeviceFaultName, FaultRow>),
};

function networkAway({ network, scheduler, dice }: Struck): void {
  network.isUp = false;
  scheduler.after(dice.pick(AWAY_MS), () => {
    network.isUp = true;
  });
}

function diskTrouble({ scheduler, dice }: Struck, disk: Shop['disk'], how: 'full'): void {
  disk.fail('disk write', how, 'mended');
  scheduler.after(dice.pick([5_000, 60_000, 600_000]), () => disk.mend());
}

function stepped(dice: Dice): number {
  return dice.pick([-HOUR_MS, -5_000, 3_000, 90_000, 11 * 60_000, HOUR_MS, DAY_MS]);
}

/** Meanwhile the host's days go on. */
function leftOff({ shop, staff, scheduler, dice }: Struck): void {
  const days = dice.pick([1, 3, 31]);
  shop.leaveOff(days * DAY_MS);
  for (let day = 1; day <= Math.min(days, 3); day += 1)
    scheduler.after(day * DAY_MS, () => staff.ask('cut over', 'clear'));
}
