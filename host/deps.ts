/**
 * Everything the host's logic is given, as one plain object that main.ts builds. Logic reads no
 * clock, disk, wire or random source of its own.
 */
import type { KeyHandle, Vault } from '../keys/index.ts';
import { Engine } from './acquiring/engine.ts';
import { openReferenceNumbers, type ReferenceNumbers } from './acquiring/reference-numbers.ts';
import type { Clock, Random } from './clock.ts';
import type { Metrics } from './operations/metrics.ts';
import type { Directory } from './programme/directory.ts';
import type { StorePort } from './store/port.ts';

/** What pino offers and logic needs. The object never holds a card number, track, PIN or key. */
export interface Logger {
  info(about: object, text: string): void;
  warn(about: object, text: string): void;
  error(about: object, text: string): void;
}

/** The host's own keys, by duty. */
export interface HostKeys {
  /** HMAC over card numbers: what they are found by. */
  readonly lookup: KeyHandle;
  /** Seals card numbers at rest. */
  readonly data: KeyHandle;
  readonly pvk: KeyHandle;
  readonly cvk: KeyHandle;
  /** PIN blocks that the admin side hands in. */
  readonly zonePin: KeyHandle;
}

export interface HostDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly vault: Vault;
  readonly keys: HostKeys;
  readonly store: StorePort;
  readonly directory: Directory;
  readonly engine: Engine;
  readonly numbers: ReferenceNumbers;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Published keys are taken, and every answer says that it is worth nothing. */
  readonly testMode: boolean;
}

/**
 * Completes the parts with the commit engine and the reference numbers.
 * @param options.stream two digits, one a host process: the first two of every DE37 it gives
 */
export async function assembleHost(
  parts: Omit<HostDeps, 'engine' | 'numbers' | 'testMode'>,
  options: { readonly stream?: string; readonly testMode?: boolean } = {},
): Promise<HostDeps> {
  const numbers = await openReferenceNumbers(parts.store, options.stream ?? '01', parts.random);
  const { store, metrics, log, clock } = parts;
  const engine = new Engine({ store, metrics, log, clock });
  return { ...parts, engine, numbers, testMode: options.testMode ?? false };
}
