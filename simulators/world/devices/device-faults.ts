/** What befalls devices: one row a fault. Each undoes itself by hands that come later, or when the faults stop. */
import type { FailureCode } from '../../../protocol/index.ts';
import type { DeviceName } from '../../../terminal/index.ts';
import type { Dice } from '../dice.ts';
import type { Way } from './device-lines.ts';
import type { LineFault } from './line-faults.ts';
import type { WorldDevices } from './world-devices.ts';

type Arm = (devices: WorldDevices, dice: Dice) => void;

export interface DeviceFault {
  readonly device: DeviceName;
  readonly zh: string;
  readonly en: string;
  /** What drivers may say of it; they say nothing where it is overcome or meets no command. */
  readonly noticed: readonly FailureCode[];
  /** From now on. Where it hits a frame, it is one of those that the next transaction sends. */
  readonly arm: Arm;
}

/** Frames in one direction within about one transaction. */
const FRAMES: Readonly<Record<DeviceName, number>> = { reader: 1, pinPad: 10, printer: 60 };
const NOISE_BYTES = 32;
/** Where in a frame; counted round where the frame is shorter. */
const PLACES = 512;
const SWALLOWED_MOST = 8;
/** Beyond the longest time that a driver waits for an answer, but for PIN entry: 5 s. */
const LATE_LEAST_MS = 1_600;
const LATE_MOST_MS = 9_000;
const SILENT_LEAST_MS = 3_000;
const SILENT_MOST_MS = 30_000;
/** From the trouble until somebody has put it right. */
const HANDS_LEAST_MS = 5_000;
const HANDS_MOST_MS = 60_000;
const SLIP_LINES = 45;

const TO: readonly Way[] = ['to device'];
const FROM: readonly Way[] = ['to terminal'];
const BOTH: readonly Way[] = [...TO, ...FROM];
const GARBLED = ['DEVICE_GARBAGE', 'DEVICE_SILENT'] as const;
const MISREAD = ['DEVICE_GARBAGE', 'DEVICE_SILENT', 'PAPER_OUT', 'PRINTER_FAULT'] as const;

// biome-ignore format: a table is read by column
export const DEVICE_FAULTS = {
  'reader pulled':   { device: 'reader',  zh: '刷卡中读卡器脱落',    en: 'the reader comes off in mid-swipe',             noticed: ['DEVICE_ABSENT'],                             arm: onFrame('reader', FROM, pulled) },
  'reader noise':    { device: 'reader',  zh: '读卡器乱码',          en: 'noise instead of a swipe',                      noticed: ['DEVICE_SILENT'],                             arm: onFrame('reader', FROM, noise) },
  'reader flip':     { device: 'reader',  zh: '磁道错一位',          en: 'one bit of a swipe is wrong',                   noticed: ['DEVICE_SILENT'],                             arm: onFrame('reader', FROM, flip) },
  'reader swallows': { device: 'reader',  zh: '磁道缺字节',          en: 'bytes of a swipe are missing',                  noticed: ['DEVICE_SILENT'],                             arm: onFrame('reader', FROM, swallowed) },
  'reader silent':   { device: 'reader',  zh: '刷卡无反应',          en: 'a swipe is not seen',                           noticed: ['DEVICE_SILENT'],                             arm: onFrame('reader', FROM, lost) },
  'pad pulled':      { device: 'pinPad',  zh: '指令中键盘脱落',      en: 'the PIN pad comes off in mid-command',          noticed: ['DEVICE_ABSENT'],                             arm: onFrame('pinPad', BOTH, pulled) },
  'pad noise':       { device: 'pinPad',  zh: '键盘乱码',            en: 'up to four answers of the PIN pad are noise',   noticed: GARBLED,                                       arm: onFrame('pinPad', FROM, noise, 4) },
  'pad flip':        { device: 'pinPad',  zh: '键盘线路错一位',      en: 'one bit to or from the PIN pad is wrong',       noticed: GARBLED,                                       arm: onFrame('pinPad', BOTH, flip) },
  'pad swallows':    { device: 'pinPad',  zh: '键盘线路丢字节',      en: 'bytes to or from the PIN pad are missing',      noticed: GARBLED,                                       arm: onFrame('pinPad', BOTH, swallowed) },
  'pad silent':      { device: 'pinPad',  zh: '键盘长时间无应答',    en: 'the PIN pad does not answer for 3 to 30 s',     noticed: ['DEVICE_SILENT'],                             arm: silent('pinPad') },
  'pad slow':        { device: 'pinPad',  zh: '键盘应答超时',        en: 'an answer of the PIN pad comes after its time', noticed: ['DEVICE_SILENT'],                             arm: onFrame('pinPad', FROM, late) },
  'pad reset':       { device: 'pinPad',  zh: '键盘复位,失工作密钥', en: 'the PIN pad is reset and has no working keys',  noticed: ['KEY_UNKNOWN', 'DEVICE_SILENT'],              arm: onFrame('pinPad', TO, padReset) },
  'pad replaced':    { device: 'pinPad',  zh: '换键盘,失密封密钥',   en: 'another PIN pad: what the old one sealed is closed for ever', noticed: ['DEVICE_ABSENT', 'KEY_UNKNOWN', 'SEAL_BROKEN'], arm: onFrame('pinPad', TO, padReplaced) },
  'printer pulled':  { device: 'printer', zh: '打印中打印机脱落',    en: 'the printer comes off in mid-slip',             noticed: ['DEVICE_ABSENT'],                             arm: onFrame('printer', BOTH, pulled) },
  'printer noise':   { device: 'printer', zh: '打印机乱码',          en: 'up to eight answers of the printer are noise',  noticed: MISREAD,                                       arm: onFrame('printer', FROM, noise, 8) },
  'printer flip':    { device: 'printer', zh: '打印机应答错一位',    en: 'one bit of an answer of the printer is wrong',  noticed: MISREAD,                                       arm: onFrame('printer', FROM, flip) },
  'printer silent':  { device: 'printer', zh: '打印机长时间无应答',  en: 'the printer does not answer for 3 to 30 s',     noticed: ['DEVICE_SILENT'],                             arm: silent('printer') },
  'printer slow':    { device: 'printer', zh: '打印机应答超时',      en: 'an answer of the printer comes after its time', noticed: ['DEVICE_SILENT'],                             arm: onFrame('printer', FROM, late) },
  'printer forgets': { device: 'printer', zh: '断电时打印缓存丢失',  en: 'at the next power cut the print buffer is lost', noticed: [],                                           arm: printerForgets },
  'paper out':       { device: 'printer', zh: '打印中缺纸',          en: 'the paper ends at any line',                    noticed: ['PAPER_OUT'],                                 arm: paperOut },
  'cover open':      { device: 'printer', zh: '打印中开盖',          en: 'the cover is opened in mid-slip',               noticed: ['PRINTER_FAULT'],                             arm: onFrame('printer', TO, coverOpen) },
  'jam':             { device: 'printer', zh: '切刀卡纸',            en: 'the cutter jams in mid-slip',                   noticed: ['PRINTER_FAULT'],                             arm: onFrame('printer', TO, jam) },
} as const satisfies Record<string, DeviceFault>;

export type DeviceFaultName = keyof typeof DEVICE_FAULTS;

/** A fault of one frame, or of some in a row. @param ways in which it may be, drawn @param most frames, drawn from 1 on */
function onFrame(
  device: DeviceName,
  ways: readonly Way[],
  faultOf: (dice: Dice, devices: WorldDevices) => LineFault,
  most = 1,
): Arm {
  return (devices, dice) => {
    const way = dice.pick(ways);
    const ahead = dice.between(1, FRAMES[device]);
    const frames = dice.between(1, most);
    devices.lines[device].arm({ way, ahead, frames, fault: faultOf(dice, devices) });
  };
}

function silent(device: DeviceName): Arm {
  return (devices, dice) => {
    const ahead = dice.between(1, FRAMES[device]);
    const ms = dice.between(SILENT_LEAST_MS, SILENT_MOST_MS);
    const line = devices.lines[device];
    const fault: LineFault = { kind: 'lost' };
    let hasBegun = false;
    const begin = () => {
      if (hasBegun) return;
      hasBegun = true;
      const disarm = line.arm({ way: 'to terminal', frames: Number.POSITIVE_INFINITY, fault });
      devices.later(ms, disarm);
    };
    line.arm({ way: 'to device', ahead, fault: { kind: 'meanwhile', act: begin } });
  };
}

function pulled(dice: Dice): LineFault {
  return { kind: 'pulled', afterBytes: dice.next(PLACES) };
}

function noise(dice: Dice): LineFault {
  return { kind: 'noise', noise: dice.bytes(NOISE_BYTES) };
}

function flip(dice: Dice): LineFault {
  return { kind: 'flip', bit: dice.next(8 * PLACES) };
}

function swallowed(dice: Dice): LineFault {
  return { kind: 'swallowed', at: dice.next(PLACES), bytes: dice.between(1, SWALLOWED_MOST) };
}

function lost(): LineFault {
  return { kind: 'lost' };
}

function late(dice: Dice): LineFault {
  return { kind: 'late', ms: dice.between(LATE_LEAST_MS, LATE_MOST_MS) };
}

function padReset(_dice: Dice, devices: WorldDevices): LineFault {
  return { kind: 'meanwhile', act: () => devices.pinPad.loseWorkingKeys() };
}

function padReplaced(_dice: Dice, devices: WorldDevices): LineFault {
  const act = () => {
    devices.lines.pinPad.pull();
    devices.replacePad();
  };
  return { kind: 'meanwhile', act };
}

function printerForgets(devices: WorldDevices, _dice: Dice): void {
  devices.atCut(() => devices.printer.losePower());
}

function coverOpen(dice: Dice, devices: WorldDevices): LineFault {
  const { printer } = devices;
  return trouble(
    dice,
    devices,
    () => printer.openCover(),
    () => printer.closeCover(),
  );
}

function jam(dice: Dice, devices: WorldDevices): LineFault {
  const { printer } = devices;
  return trouble(
    dice,
    devices,
    () => printer.jam(true),
    () => printer.jam(false),
  );
}

/** It begins in mid-slip, and somebody ends it later. */
function trouble(dice: Dice, devices: WorldDevices, begin: () => void, end: () => void): LineFault {
  const ms = dice.between(HANDS_LEAST_MS, HANDS_MOST_MS);
  const act = () => {
    begin();
    devices.later(ms, end);
  };
  return { kind: 'meanwhile', act };
}

function paperOut(devices: WorldDevices, dice: Dice): void {
  devices.printer.paper(dice.next(SLIP_LINES));
  devices.later(dice.between(HANDS_LEAST_MS, HANDS_MOST_MS), () => devices.changePaper());
}
