/** The three devices of one terminal, each on its own virtual serial line. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type KeyAlgorithm, type KeyFilePort, openSoftVault } from '../../keys/index.ts';
import { nodeClock } from '../../terminal/index.ts';
import { PadKeyRoom } from './pad-key-room.ts';
import type { BindingPort } from './pad-keys.ts';
import { PseudoLine } from './pseudo-line.ts';
import { SimulatedPinPad } from './simulated-pin-pad.ts';
import { type PrinterOptions, SimulatedPrinter } from './simulated-printer.ts';
import { SimulatedReader } from './simulated-reader.ts';

export interface DeviceOptions {
  /** Where the stable names `reader`, `pinpad` and `printer` are made. */
  readonly dir: string;
  /** For the PIN pad's own keys. */
  readonly random: (bytes: number) => Buffer;
  /** Components of the terminal master key, as key custodians would type them at the pad; none: inject later. */
  readonly tmkComponents?: readonly Buffer[];
  readonly tmkAlgorithm?: KeyAlgorithm;
  readonly printer?: PrinterOptions;
  /** The pad's second line is there too, under the name `keyroom`: for a key-loading device. Default false. */
  readonly keyRoom?: boolean;
  /** Where the pad keeps its keys over a restart; none: in memory. */
  readonly padKeys?: {
    readonly file: KeyFilePort;
    readonly passphrase: Buffer;
    readonly binding?: BindingPort;
  };
}

export interface SimulatedDevices {
  readonly reader: SimulatedReader;
  readonly pinPad: SimulatedPinPad;
  readonly printer: SimulatedPrinter;
  /** The names to give the terminal, and the one to give a key-loading device. */
  readonly paths: {
    readonly reader: string;
    readonly pinPad: string;
    readonly printer: string;
    readonly keyRoom?: string;
  };
  /** Unplugs all and ends everything that was started. */
  close(): Promise<void>;
}

export async function startDevices(options: DeviceOptions): Promise<SimulatedDevices> {
  await mkdir(options.dir, { recursive: true });
  const { random } = options;
  const paths = {
    reader: join(options.dir, 'reader'),
    pinPad: join(options.dir, 'pinpad'),
    printer: join(options.dir, 'printer'),
    ...(options.keyRoom === true ? { keyRoom: join(options.dir, 'keyroom') } : {}),
  };
  const readerLine = new PseudoLine(paths.reader);
  const padLine = new PseudoLine(paths.pinPad);
  const printerLine = new PseudoLine(paths.printer);
  const reader = new SimulatedReader(readerLine);
  const vault = await openSoftVault(
    options.padKeys === undefined
      ? { random, testMode: true }
      : { random, testMode: true, now: () => nodeClock.now(), ...options.padKeys },
  );
  const binding = options.padKeys?.binding;
  const pinPad = new SimulatedPinPad({
    line: padLine,
    vault,
    random,
    clock: nodeClock,
    ...(binding === undefined ? {} : { binding }),
  });
  await pinPad.padKeys.resume();
  const printer = new SimulatedPrinter(printerLine, nodeClock, options.printer);
  if (options.tmkComponents !== undefined) pinPad.injectTmk(options.tmkComponents, options.tmkAlgorithm);
  await vault.saved();
  const keyRoom = paths.keyRoom === undefined ? [] : [new PadKeyRoom(new PseudoLine(paths.keyRoom), pinPad)];
  const lines = [readerLine, padLine, printerLine, ...keyRoom];
  const close = async () => {
    await Promise.all(lines.map((line) => line.unplug()));
    pinPad.close();
    printer.close();
  };
  try {
    for (const line of lines) await line.plug();
  } catch (error) {
    await close();
    throw error;
  }
  return { reader, pinPad, printer, paths, close };
}
