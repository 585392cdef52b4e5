/** Load for a host: many terminals that sell at once. */
export type { LoadPhase, PhaseResult } from './job.ts';
export { runLoad } from './run-load.ts';
