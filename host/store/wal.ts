/**
 * Reads SQLite's write-ahead log as bytes, before SQLite does.
 *
 * SQLite takes a log up to its last commit before the first frame whose checksum is wrong, and drops the rest
 * without a word: right after a power cut, where the rest is one transaction that was never synced, and a
 * loss of acknowledged money where bytes went bad in the middle. The two are told apart here: every commit
 * is synced before the next one is written, so a frame that follows a commit proves that the commit was on
 * the disk. Layout: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
 */

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
const MAGIC_LITTLE_ENDIAN = 0x377f0682;
const MAGIC_BIG_ENDIAN = 0x377f0683;

export interface WalReading {
  /** Frames up to the last commit that SQLite will take. */
  readonly soundFrames: number;
  /** Null when all that was ever acknowledged may be there; else what is wrong. */
  readonly damage: WalDamage | null;
}

export interface WalDamage {
  /** The first frame that is wrong, counted from 1; 0 is the log's header. */
  readonly frame: number;
  /** Where it begins, in bytes. */
  readonly offset: number;
  /** Commits behind it that are certain, and that SQLite would drop. Null: they cannot be counted. */
  readonly commitsBehind: number | null;
}

/**
 * Reads a log of any length, in the memory of some chunks.
 * @param chunks the whole file, in order; none, or an empty one, is sound
 *
 * What it cannot see: a log that ends early, or that is wrong in one of its last three commits. That looks like
 * a power cut; `commit-mark.ts` notices it.
 */
export async function readWal(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<WalReading> {
  const log = new Log();
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = bytes.subarray(log.take(bytes));
  }
  return log.reading();
}

/** What was read of a log so far. */
class Log {
  /** Null: there is none that is whole. Undefined: it has not come yet. */
  #header: Header | null | undefined;
  /** Something stands behind a header that is not whole. */
  #isHeaderless = false;
  /** The checksum of the frame before; of the header, where there is none. */
  #sum: Sum = [0, 0];
  #frames = 0;
  #soundFrames = 0;
  /** Counted from 1. */
  #bad: number | null = null;
  /** The frame before is a commit, behind the bad one, that follows from its neighbour. */
  #isCommitBefore = false;
  #commitsBehind = 0;

  /** @returns how many of the bytes were read: all, but for a part of a frame, or of the header */
  take(bytes: Buffer): number {
    let at = 0;
    if (this.#header === undefined) {
      if (bytes.length < HEADER_BYTES) return 0;
      this.#header = readHeader(bytes);
      this.#sum = this.#header?.sum ?? this.#sum;
      at = HEADER_BYTES;
    }
    if (this.#header === null) {
      this.#isHeaderless ||= bytes.subarray(at).some((byte) => byte !== 0);
      return bytes.length;
    }
    const frameBytes = FRAME_HEADER_BYTES + this.#header.pageBytes;
    for (; at + frameBytes <= bytes.length; at += frameBytes)
      this.#takeFrame(bytes.subarray(at, at + frameBytes), this.#header);
    return at;
  }

  #takeFrame(frame: Buffer, header: Header): void {
    this.#frames += 1;
    const head = summed(this.#sum, frame.subarray(0, 8), header.isBigEndian);
    const sum = summed(head, frame.subarray(FRAME_HEADER_BYTES), header.isBigEndian);
    const follows = frame.subarray(8, 16).equals(header.salt) && isSum(frame, 16, sum);
    const isCommit = frame.readUInt32BE(4) !== 0;
    if (this.#bad === null) {
      if (!follows) this.#bad = this.#frames;
      else if (isCommit) this.#soundFrames = this.#frames;
    } else {
      // A frame's checksum goes on from the one before: one that follows its neighbour is genuine, whatever
      // stands further up.
      if (this.#isCommitBefore && follows) this.#commitsBehind += 1;
      this.#isCommitBefore = isCommit && follows;
    }
    this.#sum = [frame.readUInt32BE(16), frame.readUInt32BE(20)];
  }

  reading(): WalReading {
    const soundFrames = this.#soundFrames;
    // The header is synced before the first frame is written: behind one that never came there is nothing.
    if (this.#isHeaderless) return { soundFrames, damage: { frame: 0, offset: 0, commitsBehind: null } };
    if (!this.#header || this.#bad === null || this.#commitsBehind === 0)
      return { soundFrames, damage: null };
    const offset = HEADER_BYTES + (this.#bad - 1) * (FRAME_HEADER_BYTES + this.#header.pageBytes);
    return { soundFrames, damage: { frame: this.#bad, offset, commitsBehind: this.#commitsBehind } };
  }
}

interface Header {
  readonly pageBytes: number;
  readonly isBigEndian: boolean;
  /** Eight bytes that every frame of this log repeats. */
  readonly salt: Buffer;
  readonly sum: Sum;
}

type Sum = readonly [number, number];

/** @returns null for one that is not whole */
function readHeader(bytes: Buffer): Header | null {
  const magic = bytes.readUInt32BE(0);
  if (magic !== MAGIC_LITTLE_ENDIAN && magic !== MAGIC_BIG_ENDIAN) return null;
  const isBigEndian = magic === MAGIC_BIG_ENDIAN;
  const sum = summed([0, 0], bytes.subarray(0, 24), isBigEndian);
  if (!isSum(bytes, 24, sum)) return null;
  return { pageBytes: bytes.readUInt32BE(8), isBigEndian, salt: Buffer.from(bytes.subarray(16, 24)), sum };
}

/** SQLite's checksum: words of 32 bits, two at a time, added crosswise. */
function summed([first, second]: Sum, bytes: Buffer, isBigEndian: boolean): Sum {
  let [a, b] = [first, second];
  for (let at = 0; at < bytes.length; at += 8) {
    a = (a + (isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at)) + b) >>> 0;
    b = (b + (isBigEndian ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4)) + a) >>> 0;
  }
  return [a, b];
}

function isSum(bytes: Buffer, at: number, [first, second]: Sum): boolean {
  return bytes.readUInt32BE(at) === first && bytes.readUInt32BE(at + 4) === second;
}
