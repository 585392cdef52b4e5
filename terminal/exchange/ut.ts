import { ulid } from 'ulid';
import type { TerminalDeps } from '../deps.ts';

const STEPS = 0x1_0000_0000;

/**
 * `UT`: a ULID (26 characters, Crockford base32) from the terminal's own clock and randomness. It
 * names a transaction for ever and everywhere; it is journalled before the first send.
 */
export function newUt(deps: Pick<TerminalDeps, 'clock' | 'random'>): string {
  return ulid(deps.clock.now(), () => deps.random.bytes(4).readUInt32BE(0) / STEPS);
}
