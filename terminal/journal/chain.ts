/**
 * The journal's lines: JSON, a tab, the SHA-256 of (head before, JSON) in hex, a line feed. Each
 * line's hash is the head for the next, so that no line can be changed, dropped or put elsewhere
 * without all later heads changing. The head travels to the host as DE57 `TH`.
 */
import { createHash } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';

/** The head before the first record of a terminal. */
export function genesisHead(terminalId: string): string {
  return createHash('sha256').update(`zunka terminal journal ${terminalId}`).digest('hex');
}

export function headAfter(head: string, body: string): string {
  return createHash('sha256').update(Buffer.from(head, 'hex')).update(body).digest('hex');
}

/** One line, ready for the disk, and the head that it makes. JSON never holds a raw tab or line feed. */
export function chainLine(head: string, body: string): { line: Buffer; head: string } {
  const next = headAfter(head, body);
  return { line: Buffer.from(`${body}\t${next}\n`), head: next };
}

export interface ChainedRecord {
  /** Byte offset of the line in its file. */
  readonly offset: number;
  readonly body: string;
  readonly head: string;
}

export interface SegmentReading {
  readonly records: readonly ChainedRecord[];
  /** Bytes up to the end of the last complete record. */
  readonly soundBytes: number;
  /** What follows them: a record that a power cut left unfinished; empty when there is none. */
  readonly torn: Buffer;
}

const LINE_FEED = 0x0a;
const HASH = /^[0-9a-f]{64}$/;

/**
 * Reads one segment and proves its chain.
 *
 * A last line without its line feed, or one holding zero bytes (a block that never reached the disk),
 * is torn: it was never acknowledged, so nothing was done on its strength. Everything else that does
 * not fit is damage.
 *
 * @param headBefore the head before the first line, from the segment before
 * @throws JOURNAL_DAMAGED naming file, record and offset, and what is sound before them
 */
export function readSegment(name: string, bytes: Buffer, headBefore: string): SegmentReading {
  const records: ChainedRecord[] = [];
  let head = headBefore;
  let offset = 0;
  while (offset < bytes.length) {
    const end = bytes.indexOf(LINE_FEED, offset);
    const isLast = end === -1 || end === bytes.length - 1;
    const line = bytes.subarray(offset, end === -1 ? bytes.length : end);
    if (end === -1) break;
    const fault = lineFault(line, head);
    if (fault !== null) {
      if (isLast && line.includes(0)) break;
      throw damaged(name, records, offset, fault);
    }
    const text = line.toString('utf8');
    const tab = text.lastIndexOf('\t');
    head = text.slice(tab + 1);
    records.push({ offset, body: text.slice(0, tab), head });
    offset = end + 1;
  }
  return { records, soundBytes: offset, torn: Buffer.from(bytes.subarray(offset)) };
}

/** A torn end is what a cut leaves at the journal's end only: before another segment it is damage. */
export function refuseTorn(name: string, { records, soundBytes, torn }: SegmentReading): void {
  if (torn.length === 0) return;
  throw damaged(name, records, soundBytes, 'it is incomplete, though a later segment follows');
}

function lineFault(line: Buffer, head: string): string | null {
  const text = line.toString('utf8');
  const tab = text.lastIndexOf('\t');
  const hash = text.slice(tab + 1);
  if (tab < 0 || !HASH.test(hash)) return 'the line does not end with a hash';
  if (headAfter(head, text.slice(0, tab)) !== hash) return 'its hash does not follow from the record before';
  return null;
}

function damaged(name: string, sound: readonly ChainedRecord[], offset: number, fault: string): PosError {
  const last = sound.at(-1);
  const upTo =
    last === undefined ? 'no record of this file is sound' : `records 1 to ${sound.length} are sound`;
  return new PosError(
    'JOURNAL_DAMAGED',
    `${name}: record ${sound.length + 1} at byte ${offset}: ${fault}; ${upTo} (bytes 0 to ${offset}). ` +
      'Stop the terminal, put this file back from its copy, start again; then compare with the host (status, fate).',
    { offset },
  );
}
