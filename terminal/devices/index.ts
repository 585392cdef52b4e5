/** Devices: the ports that flows know, and the drivers behind them. */
export { type OpenDevices, openDevices } from './devices.ts';
export { printProgress } from './escpos-printer.ts';
export { PAD_COMMANDS, PAD_KEYS, PAD_SET_ASIDE, PAD_STATES } from './pin-pad-commands.ts';
export { PAD_DATA_BYTES_MAX, type PadFrame, PadFrameSplitter } from './pin-pad-frame.ts';
export * from './ports.ts';
export { knownSerialLines, type SerialLineSettings, serialBytePort } from './serial-port.ts';
