/**
 * What every vault promises, as tests: `vaultSuite(name, bench)` runs them against one implementation. Its own
 * traps (files, tokens) are tested beside it.
 */
import { handleSuite, useSuite } from './suite-handles.ts';
import { cardSuite, pinSuite } from './suite-pins-and-cards.ts';
import { restartSuite } from './suite-restart.ts';
import { signInSuite } from './suite-sign-in.ts';
import type { VaultBench } from './vault.fixture.ts';

export function vaultSuite(name: string, bench: VaultBench): void {
  handleSuite(name, bench);
  useSuite(name, bench);
  signInSuite(name, bench);
  pinSuite(name, bench);
  cardSuite(name, bench);
  restartSuite(name, bench);
}
