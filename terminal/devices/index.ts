/** Devices: the ports that flows know, and the drivers behind them. */
export { openDevices } from './devices.ts';
export { printProgress } from './escpos-printer.ts';
export { PAD_COMMANDS, PAD_KEYS, PAD_MACS, PAD_SET_ASIDE, PAD_STATES } from './pin-pad-commands.ts';
export * from './ports.ts';
export { serialBytePort } from './serial-port.ts';
