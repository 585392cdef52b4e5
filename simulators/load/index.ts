/** Load for a host: many terminals that sell at once. */
export type { LoadCard, LoadJob, LoadPhase, LoadTerminal, PhaseResult } from './job.ts';
export { runLoad } from './run-load.ts';
