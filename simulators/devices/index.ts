/** Reader, PIN pad and receipt printer on virtual serial lines. */
export { type Hands, helpText, obey } from './control.ts';
export { savePictures } from './save-pictures.ts';
export { type DeviceOptions, type SimulatedDevices, startDevices } from './start-devices.ts';
export { readTestCards, type TestCard } from './test-cards.ts';
