/** Reader, PIN pad and receipt printer on virtual serial lines. */
export { PseudoLine } from './pseudo-line.ts';
export type { SimulatedPinPad } from './simulated-pin-pad.ts';
export type { PrintedSlip, PrinterOptions, SimulatedPrinter } from './simulated-printer.ts';
export type { SimulatedReader } from './simulated-reader.ts';
export { type DeviceOptions, type SimulatedDevices, startDevices } from './start-devices.ts';
