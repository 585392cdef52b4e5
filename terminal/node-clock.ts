import { randomBytes } from 'node:crypto';
import type { Clock, Random } from './clock.ts';

/** This machine's clock. */
export const nodeClock: Clock = {
  now: () => Date.now(),
  after: (ms, act) => {
    const timer = setTimeout(act, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

/** This machine's randomness. */
export const nodeRandom: Random = { bytes: (count) => randomBytes(count) };
