/** What the parent and a terminal process say to each other over node's message channel. */
import type { CommandResult, TerminalConfig } from '../../terminal/index.ts';

export type Order =
  | { readonly kind: 'start'; readonly settings: Partial<TerminalConfig> }
  | { readonly kind: 'command'; readonly line: string }
  | { readonly kind: 'stop' };

/** What a terminal is at when it says so: told at each change, so that a kill can be put down to it. */
export type Stage = 'between commands' | 'in a command' | 'writing its journal' | 'waiting for an answer';

/** What of the terminal's state a clerk sees. */
export interface Standing {
  readonly batch: number;
  readonly inBatch: number;
  readonly settling: boolean;
}

export type Report =
  /** It hears: what is sent to a process before it listens is lost. */
  | { readonly kind: 'listening' }
  | { readonly kind: 'started'; readonly standing: Standing; readonly tornBytes: number }
  | { readonly kind: 'refused'; readonly code: string; readonly detail: string }
  | { readonly kind: 'ended'; readonly result: CommandResult; readonly standing: Standing }
  | { readonly kind: 'wants'; readonly what: 'card' | 'PIN' }
  | { readonly kind: 'stage'; readonly stage: Stage };

/** Asked of every child by the parent, answered by `probe.ts`. */
export const PROBE = 'zunka-probe';

/** Bytes after a full collection; the longest wait of the event loop since the last probe, in milliseconds. */
export interface Probed {
  readonly kind: typeof PROBE;
  readonly heapUsed: number;
  readonly external: number;
  readonly loopDelayMs: number;
}
