/**
 * How far the journal was acknowledged, noted beside it after each command: a journal that has lost its end
 * whole (cut at a record, its last segment gone, an older copy) looks sound by itself, and is refused by this.
 *
 * Two files are written in turn and never synced, so that a mark costs no wait. It never runs ahead of the
 * journal, whose records were synced before. After a power cut it may be older, torn or gone: it proves less then,
 * and never refuses what is right.
 */
import { createHash } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import type { JournalDisk } from './disk.ts';

export interface Mark {
  /** Of the segment, from 1. */
  readonly sequence: number;
  /** Records of that segment, its opening included. */
  readonly records: number;
  /** After the last of them. */
  readonly head: string;
}

type Slot = 0 | 1;

export const MARK_NAMES = ['acknowledged-0.mark', 'acknowledged-1.mark'] as const;

export class MarkFile {
  readonly #disk: JournalDisk;
  #next: Slot;

  private constructor(disk: JournalDisk, next: Slot) {
    this.#disk = disk;
    this.#next = next;
  }

  /** The newest mark that is whole, null when there is none; the other place is written next. */
  static async open(disk: JournalDisk): Promise<{ marks: MarkFile; mark: Mark | null }> {
    const names = await disk.list();
    const read = async (slot: Slot) =>
      names.includes(MARK_NAMES[slot]) ? markIn(await disk.read(MARK_NAMES[slot])) : null;
    const [first, second] = [await read(0), await read(1)];
    const newest: Slot = isOlder(first, second) ? 1 : 0;
    return { marks: new MarkFile(disk, newest === 0 ? 1 : 0), mark: newest === 0 ? first : second };
  }

  async write(mark: Mark): Promise<void> {
    await this.#disk.note(MARK_NAMES[this.#next], bytesOf(mark));
    this.#next = this.#next === 0 ? 1 : 0;
  }
}

/**
 * @param found what the journal ends with, and the heads of its last segment, one for each record
 * @throws JOURNAL_DAMAGED when less is there than was acknowledged, or something else
 */
export function proveMark(
  mark: Mark,
  found: { readonly segment: string; readonly sequence: number; readonly heads: readonly string[] },
): void {
  const { segment, sequence, heads } = found;
  if (mark.sequence < sequence) return;
  const isSame = mark.sequence === sequence;
  if (isSame && heads[mark.records - 1] === mark.head) return;
  const sound = heads.length === 0 ? 'no record is sound' : `records 1 to ${heads.length} are sound`;
  const wanted = `record ${mark.records} of segment ${mark.sequence} was acknowledged`;
  const isOther = isSame && heads.length >= mark.records;
  throw new PosError(
    'JOURNAL_DAMAGED',
    `${segment === '' ? 'no segment is there' : `${segment}: ${sound}`}, but ${wanted}${isOther ? ' with another hash' : ''}: ` +
      `${isOther ? 'this is another journal' : 'the end is gone'}. Stop the terminal, put the whole journal directory back ` +
      'from its copy, start again. Where no copy has it, take the acknowledged-*.mark files away to go on with what is ' +
      'sound; then compare with the host (status, fate).',
  );
}

function bytesOf({ sequence, records, head }: Mark): Buffer {
  const text = `${sequence} ${records} ${head}`;
  return Buffer.from(`${text} ${checksum(text)}\n`);
}

function markIn(bytes: Buffer): Mark | null {
  const [, text = '', sum] = /^(\d+ \d+ [0-9a-f]{64}) ([0-9a-f]{64})\n$/.exec(bytes.toString('latin1')) ?? [];
  if (sum !== checksum(text)) return null;
  const [sequence, records, head = ''] = text.split(' ');
  return { sequence: Number(sequence), records: Number(records), head };
}

function checksum(text: string): string {
  return createHash('sha256').update(`zunka terminal mark ${text}`).digest('hex');
}

function isOlder(one: Mark | null, other: Mark | null): boolean {
  if (one === null || other === null) return one === null;
  return one.sequence < other.sequence || (one.sequence === other.sequence && one.records < other.records);
}
