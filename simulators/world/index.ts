/** The simulated world: one process, one seed. For `npm run world` and the tests. */
export { bundleWorld } from './bundle.ts';
export { CHECKS } from './checks.ts';
export { FAULTS, type FaultName } from './faults.ts';
export { runFleet, seedOrders, type WorkerLine, type WorkerOrder } from './fleet.ts';
export { PLANTED_BUGS, type PlantedBugName } from './planted-bugs.ts';
export { POINT_SCRIPTS, type PointScript, pointsOf } from './points.ts';
