/** What a clearing step is given, and what it gives back. */
import type { Clock } from '../clock.ts';
import type { Logger } from '../deps.ts';
import type { Directory } from '../programme/directory.ts';
import type { Changes, Guard, StorePort } from '../store/port.ts';
import type { FileRow } from '../store/rows.ts';
import type { DayRows } from './day-rows.ts';
import type { FilePort } from './file-port.ts';
import type { Pause } from './pieces.ts';
import type { BuiltFile } from './statement-files.ts';

export interface ClearingDeps {
  readonly store: StorePort;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly files: FilePort;
  readonly log: Logger;
  /** Between two pieces of long work in memory; may throw, which ends the run. Absent: the end of a turn of the event loop. */
  readonly pause?: Pause;
}
export type StepName =
  | 'check-books'
  | 'open-batches'
  | 'owed-reversals'
  | 'due-holds'
  | 'lapse-holds'
  | 'price'
  | 'files'
  | 'prove'
  | 'rebate-list'
  | 'difference-list'
  | 'summary';

/** What a step is given. */
export interface StepContext extends ClearingDeps {
  readonly runId: string;
  readonly businessDate: string;
  readonly sequence: number;
  /** The day that was open when this run began: what its journal records are stamped with. */
  readonly openDate: string;
  readonly person: string;
  readonly role: string;
  readonly reason: string;
  readonly pause: Pause;
  /** The day's rows; gathered once for a run. */
  movements(): Promise<DayRows>;
  /** The output of an earlier step of this run. */
  output(step: StepName): unknown;
  /** Writes one file and commits its row and journal record; does nothing when that was done before. */
  putFile(file: BuiltFile): Promise<void>;
  /** The files of this run so far. */
  written(): Promise<readonly FileRow[]>;
}
/** What a step gives back: committed together, in one item. */
export interface StepOutcome {
  /** Plain JSON with whole numbers only. */
  readonly output: unknown;
  readonly guards?: readonly Guard[];
  readonly changes?: Changes;
}

/** `clearing-20261122-01`. */
export function runIdOf(businessDate: string, sequence: number): string {
  return `clearing-${businessDate}-${String(sequence).padStart(2, '0')}`;
}
