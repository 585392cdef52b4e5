/** The simulated world: one process, one seed. For `npm run world` and the tests. */

export { CHECKS } from './checks/checks.ts';
export { FAULTS, type FaultName } from './faults.ts';
export { bundleWorld } from './run/bundle.ts';
export { runFleet, seedOrders, type WorkerLine, type WorkerOrder } from './run/fleet.ts';
export { PLANTED_BUGS, type PlantedBugName } from './run/planted-bugs.ts';
export { POINT_SCRIPTS, type PointScript, pointsOf } from './run/points.ts';
export { worldTables } from './tables.ts';
