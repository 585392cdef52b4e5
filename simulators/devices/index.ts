/** Reader, PIN pad and receipt printer on virtual serial lines. */
export { type DeviceOptions, type SimulatedDevices, startDevices } from './start-devices.ts';
