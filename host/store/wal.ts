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
 * @param bytes the whole file; an empty one is sound
 *
 * What it cannot see: a log that ends early, or that is wrong in one of its last three commits. That looks like
 * a power cut; `commit-mark.ts` notices it.
 */
export function readWal(bytes: Buffer): WalReading {
  const header = readHeader(bytes);
  if (header === null) {
    // The header is synced before the first frame is written: behind one that never came there is nothing.
    const isDamaged = bytes.subarray(HEADER_BYTES).some((byte) => byte !== 0);
    return { soundFrames: 0, damage: isDamaged ? { frame: 0, offset: 0, commitsBehind: null } : null };
  }
  const frames = framesOf(bytes, header);
  const bad = frames.findIndex(({ follows }) => !follows);
  const sound = bad === -1 ? frames : frames.slice(0, bad);
  const soundFrames = sound.findLastIndex(({ isCommit }) => isCommit) + 1;
  if (bad === -1) return { soundFrames, damage: null };
  // A frame's checksum goes on from the one before: one that follows its neighbour is genuine, whatever
  // stands further up.
  let commitsBehind = 0;
  for (let at = bad + 2; at < frames.length; at += 1) {
    const [before, frame] = [frames[at - 1], frames[at]];
    if (before?.isCommit === true && before.follows && frame?.follows === true) commitsBehind += 1;
  }
  if (commitsBehind === 0) return { soundFrames, damage: null };
  const offset = HEADER_BYTES + bad * (FRAME_HEADER_BYTES + header.pageBytes);
  return { soundFrames, damage: { frame: bad + 1, offset, commitsBehind } };
}

interface Header {
  readonly pageBytes: number;
  readonly isBigEndian: boolean;
  /** Eight bytes that every frame of this log repeats. */
  readonly salt: Buffer;
  readonly sum: Sum;
}

type Sum = readonly [number, number];

function readHeader(bytes: Buffer): Header | null {
  if (bytes.length < HEADER_BYTES) return null;
  const magic = bytes.readUInt32BE(0);
  if (magic !== MAGIC_LITTLE_ENDIAN && magic !== MAGIC_BIG_ENDIAN) return null;
  const isBigEndian = magic === MAGIC_BIG_ENDIAN;
  const sum = summed([0, 0], bytes.subarray(0, 24), isBigEndian);
  if (!isSum(bytes, 24, sum)) return null;
  return { pageBytes: bytes.readUInt32BE(8), isBigEndian, salt: bytes.subarray(16, 24), sum };
}

interface Frame {
  /** Its checksum follows from that of the frame before, and its salt is the log's. */
  readonly follows: boolean;
  readonly isCommit: boolean;
}

function framesOf(bytes: Buffer, header: Header): readonly Frame[] {
  const frames: Frame[] = [];
  const frameBytes = FRAME_HEADER_BYTES + header.pageBytes;
  let before: Sum = header.sum;
  for (let at = HEADER_BYTES; at + frameBytes <= bytes.length; at += frameBytes) {
    const head = summed(before, bytes.subarray(at, at + 8), header.isBigEndian);
    const page = bytes.subarray(at + FRAME_HEADER_BYTES, at + frameBytes);
    const isOurs = bytes.subarray(at + 8, at + 16).equals(header.salt);
    const follows = isOurs && isSum(bytes, at + 16, summed(head, page, header.isBigEndian));
    frames.push({ follows, isCommit: bytes.readUInt32BE(at + 4) !== 0 });
    before = [bytes.readUInt32BE(at + 16), bytes.readUInt32BE(at + 20)];
  }
  return frames;
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
