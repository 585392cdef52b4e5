/** The machine's clock and timers. */
import type { Clock } from './clock.ts';

/** Milliseconds on a clock that never jumps; only differences mean anything. */
export const elapsedMs = (): number => performance.now();

/** Longest delay that Node's timers take, in milliseconds; beyond it they would fire at once. */
const DELAY_MAX_MS = 2_147_483_647;

export const nodeClock: Clock = {
  now: () => Date.now(),
  after(ms, act) {
    const timer = setTimeout(act, Math.min(Math.max(ms, 0), DELAY_MAX_MS));
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (act) => void setImmediate(act),
};
