/**
 * What every store promises, as tests: `storeSuite(name, open)` runs them against one implementation.
 * An implementation's own traps (crash, driver faults) are tested beside it, on the same sample rows.
 */
export * as sampleRows from './sample-rows.ts';

import { guardSuite, refusalSuite } from './suite-guards.ts';
import { readSuite } from './suite-reading.ts';
import { booksSuite, growthSuite, journalSuite } from './suite-records.ts';
import type { OpenStore } from './suite-scene.ts';

export function storeSuite(name: string, open: OpenStore): void {
  readSuite(name, open);
  guardSuite(name, open);
  refusalSuite(name, open);
  growthSuite(name, open);
  journalSuite(name, open);
  booksSuite(name, open);
}
