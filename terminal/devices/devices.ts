/** The three devices on their lines, opened in the background and kept open. */
import type { Clock } from '../clock.ts';
import { SerialCardReader } from './card-reader.ts';
import { DeviceLink, type LinkOptions } from './device-link.ts';
import { EscPosPrinter } from './escpos-printer.ts';
import { SerialPinPad } from './pin-pad.ts';
import type { BytePort, DeviceName, Devices, FaultListener } from './ports.ts';

export interface OpenDevices extends Devices {
  /** Resolves when each device's first attempt is over, whatever came of it. */
  settled(): Promise<void>;
}

/**
 * Returns at once; each device becomes ready by itself, now or whenever it is plugged in. A call to a
 * device that is just being opened waits for that attempt.
 */
export function openDevices(options: {
  readonly reader: BytePort;
  readonly pinPad: BytePort;
  readonly printer: BytePort;
  readonly clock: Clock;
}): OpenDevices {
  const { clock } = options;
  const listeners: FaultListener[] = [];
  const link = (device: DeviceName, probe?: LinkOptions['probe']) =>
    new DeviceLink({
      device,
      port: options[device],
      clock,
      ...(probe === undefined ? {} : { probe }),
      changed: (state, text) => {
        for (const listener of listeners) listener(device, state, text);
      },
    });
  const readerLink = link('reader');
  const pinPadLink = link('pinPad', () => pinPad.probe());
  const printerLink = link('printer', () => printer.probe());
  const reader = new SerialCardReader(readerLink, clock);
  const pinPad = new SerialPinPad(pinPadLink, clock);
  const printer = new EscPosPrinter(printerLink, clock);
  const links = [readerLink, pinPadLink, printerLink];
  for (const each of links) each.start();
  return {
    reader,
    pinPad,
    printer,
    onFault: (listener) => void listeners.push(listener),
    settled: async () => {
      for (const each of links) await each.settled();
    },
    close: async () => {
      for (const each of links) await each.close();
    },
  };
}
