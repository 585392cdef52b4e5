/** The operating system's random numbers. */
import { randomBytes } from 'node:crypto';
import type { Random } from './clock.ts';

export const nodeRandom: Random = {
  bytes: (count) => randomBytes(count),
};
