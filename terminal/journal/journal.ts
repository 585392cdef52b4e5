/** The write-ahead journal of one terminal: append, then act. One segment file a batch. */
import { ensure, PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import { type ChainedRecord, chainLine, genesisHead, readSegment } from './chain.ts';
import type { JournalDisk } from './disk.ts';
import { type Mark, MarkFile, proveMark } from './mark.ts';
import type { JournalEvent, TerminalState } from './model.ts';
import { apply, carriedOver, newTerminalState } from './state.ts';

/** The journal as the flows use it. */
export interface TerminalJournal {
  /** What all records so far amount to. */
  readonly state: TerminalState;
  /** SHA-256 of the last record, 64 hex: DE57 `TH`. */
  readonly head: string;
  /** Resolves only when the record is on the disk; `state` shows it from then on. */
  append(event: JournalEvent): Promise<void>;
  /** Notes beside the journal how far it was acknowledged; rejects with what the disk says. */
  note(): Promise<void>;
}

/** What start-up had to put right, for the operator to read. */
export interface JournalRepair {
  readonly segment: string;
  readonly tornFile: string;
  readonly tornBytes: number;
}

export interface OpenedJournal {
  readonly journal: TerminalJournal;
  readonly repair: JournalRepair | null;
}

export interface StoredRecord {
  /** Number within its segment, from 1. */
  readonly number: number;
  /** UTC, ISO 8601. */
  readonly at: string;
  readonly event: JournalEvent;
  readonly head: string;
}

const SEGMENT_NAME = /^segment-(\d{6})-batch-(\d{6})\.journal$/;

export function segmentName(sequence: number, batch: number): string {
  return `segment-${String(sequence).padStart(6, '0')}-batch-${String(batch).padStart(6, '0')}.journal`;
}

function sequenceOf(name: string): number {
  return Number(SEGMENT_NAME.exec(name)?.[1] ?? 0);
}

/** The segment files among the names of a directory, in order. */
export function segmentNames(names: readonly string[]): string[] {
  return names.filter((name) => SEGMENT_NAME.test(name)).sort();
}

/**
 * Opens the journal: proves the last segment and that it follows the one before, folds its records,
 * cuts a torn last record off (kept aside as a .torn file), begins a segment where one is due.
 *
 * @throws JOURNAL_DAMAGED; JOURNAL_WRITE; CONFIG_BAD when the journal is another terminal's
 */
export async function openJournal(options: {
  readonly disk: JournalDisk;
  readonly clock: Clock;
  readonly terminalId: string;
  readonly merchantId: string;
}): Promise<OpenedJournal> {
  const { disk, clock, terminalId, merchantId } = options;
  const names = segmentNames(await disk.list());
  const { marks, mark } = await MarkFile.open(disk);
  const journal = new DiskJournal(
    disk,
    marks,
    clock,
    newTerminalState(terminalId, merchantId),
    genesisHead(terminalId),
  );
  let repair: JournalRepair | null = null;

  const last = names.at(-1);
  if (last === undefined) {
    if (mark !== null) proveMark(mark, { segment: '', sequence: 0, heads: [] });
  } else {
    const { records, repaired } = await readLastSegment(disk, clock, names, mark);
    repair = repaired;
    // A segment whose only record was torn holds nothing yet: the one before it is the last.
    const usable = records.length > 0 ? records : await readWhole(disk, names.slice(0, -1));
    journal.resume(usable, records.length > 0 ? last : null, sequenceOf(last));
    checkOwner(journal.state, terminalId, merchantId);
  }
  await journal.beginSegmentIfDue(last === undefined ? 'first start' : 'new batch');
  return { journal, repair };
}

async function readLastSegment(disk: JournalDisk, clock: Clock, names: readonly string[], mark: Mark | null) {
  const name = names.at(-1) ?? '';
  const bytes = await disk.read(name);
  const reading = readSegment(name, bytes, await headBefore(disk, names, names.length - 1));
  const { torn, soundBytes } = reading;
  // Before anything is changed: what is torn may be what is left of something that was acknowledged.
  if (mark !== null) {
    const heads = reading.records.map(({ head }) => head);
    proveMark(mark, { segment: name, sequence: sequenceOf(name), heads });
  }
  const tornFile = torn.length === 0 ? null : `${name}.${clock.now()}.torn`;
  if (tornFile !== null) await placed(disk, tornFile, torn);
  // What was read may be in the machine's memory only: a process that ended before its fsync, or whose
  // fsync failed, leaves that. Written anew it is on the disk before anybody acts on its strength.
  await placed(disk, name, bytes.subarray(0, soundBytes));
  const repaired = tornFile === null ? null : { segment: name, tornFile, tornBytes: torn.length };
  return { records: parse(name, reading.records), repaired };
}

async function placed(disk: JournalDisk, name: string, bytes: Buffer): Promise<void> {
  try {
    await disk.place(name, bytes);
  } catch (error) {
    // A full disk that tore a record is full still: nothing is changed, and the start says why.
    throw new PosError('JOURNAL_WRITE', `${name} cannot be written: is the disk full?`, { cause: error });
  }
}

/** The head that segment `index` continues from: what the segment before ends with. */
async function headBefore(disk: JournalDisk, names: readonly string[], index: number): Promise<string> {
  const name = names[index] ?? '';
  const own = declaredHead(name, await disk.read(name));
  if (index === 0) return own ?? '';
  const previous = names[index - 1] ?? '';
  const bytes = await disk.read(previous);
  const reading = readSegment(previous, bytes, declaredHead(previous, bytes) ?? '');
  const end = reading.records.at(-1)?.head;
  if (end !== undefined && own !== null && end !== own) {
    throw new PosError(
      'JOURNAL_DAMAGED',
      `${name}: record 1 at byte 0 does not continue ${previous}, whose ${reading.records.length} records are sound; ` +
        'put the segment that is missing or changed back from its copy.',
      { offset: 0 },
    );
  }
  return own ?? end ?? '';
}

/** What the first record says it continues; null when the first record is not complete. */
function declaredHead(name: string, bytes: Buffer): string | null {
  const end = bytes.indexOf(0x0a);
  if (end === -1) return null;
  const first = bytes.subarray(0, end);
  const match = /"headBefore":"([0-9a-f]{64})"/.exec(first.toString('utf8'));
  // Its first sectors never reached the disk, its last one did: torn, as `readSegment` has it.
  if (match === null && end === bytes.length - 1 && first.includes(0)) return null;
  if (match?.[1] === undefined) {
    throw new PosError(
      'JOURNAL_DAMAGED',
      `${name}: record 1 at byte 0 does not open a segment; no record of this file is sound. Put it back from its copy.`,
      { offset: 0 },
    );
  }
  return match[1];
}

async function readWhole(disk: JournalDisk, names: readonly string[]): Promise<readonly StoredRecord[]> {
  const name = names.at(-1);
  if (name === undefined) return [];
  const bytes = await disk.read(name);
  return parse(name, readSegment(name, bytes, declaredHead(name, bytes) ?? '').records);
}

function parse(name: string, records: readonly ChainedRecord[]): readonly StoredRecord[] {
  return records.map(({ body, head, offset }) => {
    const { n, at, ...event } = JSON.parse(body) as { n: number; at: string } & JournalEvent;
    ensure(typeof n === 'number', `${name}: a record at byte ${offset} has its number`);
    return { number: n, at, event: event as JournalEvent, head };
  });
}

function checkOwner(state: TerminalState, terminalId: string, merchantId: string): void {
  if (state.terminalId === terminalId && state.merchantId === merchantId) return;
  throw new PosError(
    'CONFIG_BAD',
    `the journal belongs to terminal ${state.terminalId} of merchant ${state.merchantId}, ` +
      `the settings name terminal ${terminalId} of merchant ${merchantId}: use another journal directory`,
  );
}

class DiskJournal implements TerminalJournal {
  readonly #disk: JournalDisk;
  readonly #marks: MarkFile;
  readonly #clock: Clock;
  #state: TerminalState;
  #head: string;
  #segment: string | null = null;
  /** The number of the last segment that holds a record; 0 before the first. */
  #sequence = 0;
  #recordCount = 0;
  #queue: Promise<void> = Promise.resolve();
  #broken = false;

  constructor(disk: JournalDisk, marks: MarkFile, clock: Clock, state: TerminalState, head: string) {
    this.#disk = disk;
    this.#marks = marks;
    this.#clock = clock;
    this.#state = state;
    this.#head = head;
  }

  get state(): TerminalState {
    return this.#state;
  }

  get head(): string {
    return this.#head;
  }

  /** Takes up what the disk holds. `segment` null: its last segment is still empty. */
  resume(records: readonly StoredRecord[], segment: string | null, sequence: number): void {
    for (const record of records) {
      this.#state = apply(this.#state, record.event);
      this.#head = record.head;
    }
    this.#segment = segment;
    this.#sequence = segment === null ? sequence - 1 : sequence;
    this.#recordCount = segment === null ? 0 : records.length;
  }

  async beginSegmentIfDue(cause: string): Promise<void> {
    if (this.#segment !== null && !this.#state.segmentDone) return;
    const state = carriedOver(this.#state);
    const name = segmentName(this.#sequence + 1, state.batch);
    this.#recordCount = 0;
    await this.#write(name, { type: 'segment opened', cause, headBefore: this.#head, state });
    this.#segment = name;
    this.#sequence += 1;
  }

  append(event: JournalEvent): Promise<void> {
    const written = this.#queue.then(async () => {
      ensure(this.#segment !== null, 'the journal is open');
      await this.#write(this.#segment, event);
      await this.beginSegmentIfDue('new batch');
    });
    this.#queue = written.catch(() => undefined);
    return written;
  }

  note(): Promise<void> {
    // Behind what is being written, so that one mark is never of two moments.
    const noted = this.#queue.then(async () => {
      // Whoever could not write does not know what is there: the mark before this one stands.
      if (this.#broken) return;
      await this.#marks.write({ sequence: this.#sequence, records: this.#recordCount, head: this.#head });
    });
    this.#queue = noted.catch(() => undefined);
    return noted;
  }

  async #write(segment: string, event: JournalEvent): Promise<void> {
    if (this.#broken) throw new PosError('JOURNAL_WRITE', 'an earlier record could not be written: restart');
    const next = apply(this.#state, event);
    const at = new Date(this.#clock.now()).toISOString();
    const { line, head } = chainLine(this.#head, JSON.stringify({ n: this.#recordCount + 1, at, ...event }));
    try {
      await this.#disk.append(segment, line);
    } catch (error) {
      // What reached the disk is unknown now; only a new start may read it and go on.
      this.#broken = true;
      throw new PosError('JOURNAL_WRITE', `${segment}: ${event.type} was not written`, { cause: error });
    }
    this.#state = next;
    this.#head = head;
    this.#recordCount += 1;
  }
}
