/** For the terminal's tests: reader, PIN pad and printer that do what a test sets them to. */
import { PosError, parseTrack2 } from '../protocol/index.ts';
import type { Devices, FaultListener, PrinterStatus, PrintProgress } from './devices/ports.ts';
import { testMac } from './host.fixture.ts';
import type { Power } from './machine.fixture.ts';
import { slipText } from './receipt/index.ts';

export class TestPad {
  key: string | null = null;
  previous: string | null = null;
  /** false: it was reset, and holds nothing. */
  hasMasterKey = true;
  /** false: it was exchanged, and its storage key is another. */
  opensSealed = true;
  /** What it says when it is asked for DE57 `KN`; null: it loads no keys remotely. */
  asks: string | null = null;
  refusesPackage = false;
  readonly packages: Buffer[] = [];
  pin: Buffer | 'bypassed' | 'cancel' = Buffer.from('1122334455667788', 'hex');
}

export class TestPrinter {
  status: PrinterStatus = { online: true, paper: 'enough', coverOpen: false, error: false };
  /** Lines after which the paper runs out, once. */
  tearsAfter: number | null = null;
  /** What it never answers any more. */
  hangs: 'nothing' | 'status' | 'print' = 'nothing';
  readonly prints: string[] = [];
}

export function devicesOf(
  pad: TestPad,
  printer: TestPrinter,
  power: Power,
  happened: string[],
  faults: FaultListener[],
  track: string,
): Devices {
  const needsKey = () => {
    if (pad.key === null) throw new PosError('KEY_UNKNOWN', 'the pad holds no working keys');
    return pad.key;
  };
  return {
    reader: {
      read: async () => ({ track2: parseTrack2(track), track1Name: null }),
      state: () => 'ready',
    },
    pinPad: {
      status: async () => ({
        version: '1',
        tmkCheckValue: 'AAAA',
        macCheckValue: pad.key && 'BBBB',
        pinCheckValue: null,
      }),
      loadWorkingKeys: async (_mode, de62) => {
        if (!pad.hasMasterKey) throw new PosError('KEY_UNKNOWN', 'no master key');
        pad.previous = pad.key;
        pad.key = de62;
      },
      mac: async (data) => testMac(needsKey(), data),
      verifyMac: async (data, mac) =>
        [pad.key, pad.previous].some((key) => key !== null && testMac(key, data).equals(mac)),
      whichMac: async () => 'current',
      encryptTrack: async (de35) => de35.replace(/^.{8}/, '00000000'),
      enterPin: async () => {
        if (pad.pin === 'cancel') throw new PosError('CANCELLED', 'the holder cancelled');
        return pad.pin;
      },
      seal: async (clear) => `sealed:${Buffer.from(clear.map((byte) => byte ^ 0x5a)).toString('base64')}`,
      unseal: async (sealed) => {
        if (!pad.opensSealed) throw new PosError('DEVICE_REFUSED', 'sealed by another pad');
        return Buffer.from(Buffer.from(sealed.slice(7), 'base64').map((byte) => byte ^ 0x5a));
      },
      random: async (count) => Buffer.alloc(count, 7),
      askKey: async () => pad.asks,
      loadKey: async (packed) => {
        if (pad.refusesPackage) throw new PosError('KEY_PACKAGE_BAD', 'changed on its way');
        pad.packages.push(packed);
      },
      display: async () => undefined,
      cancel: async () => undefined,
      onKey: () => undefined,
      state: () => 'ready',
    },
    printer: {
      status: () =>
        printer.hangs === 'status' ? new Promise(() => undefined) : Promise.resolve(printer.status),
      print: (slip) =>
        power.act(
          () => {
            if (printer.hangs === 'print') return new Promise(() => undefined);
            const lines = slipText(slip).split('\n');
            const tornAt = printer.tearsAfter;
            printer.prints.push(lines.slice(0, tornAt ?? lines.length).join('\n'));
            if (tornAt === null) return void happened.push('printed');
            printer.tearsAfter = null;
            printer.status = { ...printer.status, paper: 'out' };
            const progress: PrintProgress = {
              kind: 'print progress',
              linesKnownPrinted: 0,
              linesSent: tornAt,
              linesTotal: lines.length,
            };
            throw new PosError('PAPER_OUT', `the paper ended after ${tornAt} lines`, { cause: progress });
          },
          () => printer.prints.push('half a slip'),
        ),
      state: () => 'ready',
    },
    onFault: (listener) => faults.push(listener),
    close: async () => undefined,
  };
}
