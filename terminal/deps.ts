/** All that a flow of the terminal uses. One plain object, built by `terminal.ts`; a literal in tests. */
import type { Clerk } from './clerk.ts';
import type { Clock, Random } from './clock.ts';
import type { TerminalConfig } from './config.ts';
import type { CardReader, PinPad, Printer } from './devices/ports.ts';
import type { TillPhase } from './ecr/till-states.ts';
import type { HostLink } from './exchange/host-link.ts';
import type { TerminalJournal } from './journal/journal.ts';
import type { TerminalLog } from './log.ts';

/** What a flow tells of its way when a till asked for it. */
export interface TillDrive {
  readonly requestId: string;
  /** @throws CANCELLED when the till, or somebody at the terminal, wants it to end before it goes online */
  reached(phase: TillPhase): void;
}

export interface TerminalDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly config: TerminalConfig;
  readonly journal: TerminalJournal;
  readonly link: Pick<HostLink, 'connect' | 'exchange'>;
  readonly reader: CardReader;
  readonly pinPad: PinPad;
  readonly printer: Printer;
  readonly clerk: Clerk;
  readonly log: TerminalLog;
  /** Of an operator's password: always the same length for the same terminal, slow where thieves may try. */
  readonly passwordHash: (password: string, salt: Buffer) => Buffer;
  /**
   * Requests that may have to be repeated, by `UT`, exactly as they were first sent. In memory only:
   * they hold the track. After a restart a repeat is built from the journal instead.
   */
  readonly sentBodies: Map<string, Buffer>;
  /** Of the host's last header: what it asks for in digit 6, 0 nothing; digit 5, whether it is a host for tests. */
  readonly wishes: { wanted: number; isTest: boolean };
  /** The till's request that drives this command; null when a clerk typed it. */
  readonly till: TillDrive | null;
}
