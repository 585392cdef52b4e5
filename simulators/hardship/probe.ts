/**
 * Loaded before a child's own program (`node --import`): tells its memory when the parent asks. The host
 * and the terminal do not know it.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { PROBE, type Probed } from './orders.ts';

const NANOSECONDS_A_MILLISECOND = 1e6;
const delay = monitorEventLoopDelay({ resolution: 20 });
delay.enable();

process.on('message', (message: unknown) => {
  if (message !== PROBE) return;
  // Taken before the collection, which would otherwise be the longest wait.
  const loopDelayMs = delay.max / NANOSECONDS_A_MILLISECOND;
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const probed: Probed = { kind: PROBE, heapUsed, external, loopDelayMs };
  process.send?.(probed);
  delay.reset();
});
// Asking alone keeps no program alive.
process.channel?.unref();
