/** The till's interface: logic here; node-till-door.ts is its HTTP adapter. */
export type { TillAnswer, TillSlip, TillTransaction, TillWarning } from './model.ts';
export { openTillDoor, type TillDoor, type TillDoorOptions } from './node-till-door.ts';
export type { TillOp } from './ops.ts';
export { tillTables } from './tables.ts';
export { Till } from './till.ts';
export type { TillState } from './till-states.ts';
