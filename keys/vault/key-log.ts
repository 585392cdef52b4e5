/**
 * The log of what was done to keys: who, when, what, which check value, never more. Each line carries the
 * head of a hash chain over all before it, so that a line changed, moved or taken out is seen.
 *
 * ```
 * head 0 = SHA-256(03 ‖ "zunka key log")     head n = SHA-256(02 ‖ head n−1 ‖ leaf n)
 * leaf   = SHA-256(00 ‖ body), RFC 9162: a tree can be laid over the same leaves
 * ```
 *
 * A line is `{"head":…,"body":…}`; the body is a text, so that what was hashed is what is read.
 */
import { createHash } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';
import { merkleLeaf } from '../log/merkle-tree.ts';

/** One act. Every text may be printed anywhere. */
export interface KeyEvent {
  readonly act: string;
  /** A key, or a custodian. */
  readonly subject: string;
  readonly by: string;
  /** Milliseconds since 1970, UTC. */
  readonly at: number;
  readonly checkValue?: string;
  readonly detail?: string;
  /**
   * How many records of this log the key file on the disk knew when the line was written. A key file that knows fewer
   * was put back from an older copy.
   */
  readonly file?: number;
}

/** Where a log ends. */
export interface KeyLogHead {
  readonly records: number;
  /** 64 lower-case hex digits. */
  readonly head: string;
}

/** Where events go. */
export interface KeyLogPort {
  /** Resolves when they are durable, with the log's new head. @throws KEY_FILE */
  append(events: readonly KeyEvent[]): Promise<KeyLogHead>;
  /**
   * What was written behind this head, which a key file says that the log had; null: the log has no such head.
   *
   * @throws KEY_FILE a line was changed
   */
  behind(known: KeyLogHead): Promise<readonly KeyEvent[] | null>;
}

export const LOG_BEGINS: KeyLogHead = {
  records: 0,
  head: createHash('sha256')
    .update(Buffer.from([3]))
    .update('zunka key log')
    .digest('hex'),
};

/** The line of an event, and the head behind it. */
export function logLine(
  before: KeyLogHead,
  event: KeyEvent,
): { readonly line: string; readonly head: KeyLogHead } {
  const body = JSON.stringify({ ...event, at: new Date(event.at).toISOString() });
  const head = nextHead(before, body);
  return { line: `${JSON.stringify({ head: head.head, body })}\n`, head };
}

/** The act of a line that was read. */
export function loggedEvent(body: string): KeyEvent {
  const { at, ...rest } = JSON.parse(body) as Omit<KeyEvent, 'at'> & { readonly at: string };
  return { ...rest, at: Date.parse(at) };
}

/** What reading a whole log found. */
export interface KeyLogReading {
  readonly heads: readonly KeyLogHead[];
  readonly bodies: readonly string[];
  /** Bytes of whole lines: what follows is a line that a power cut left half written. */
  readonly wholeBytes: number;
}

/**
 * Reads and proves a log.
 *
 * @throws KEY_FILE naming the first line that is not what was written
 */
export function readKeyLog(bytes: Buffer): KeyLogReading {
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1;
  const heads: KeyLogHead[] = [];
  const bodies: string[] = [];
  let before = LOG_BEGINS;
  for (const [index, line] of bytes
    .subarray(0, wholeBytes)
    .toString('utf8')
    .split('\n')
    .slice(0, -1)
    .entries()) {
    const { head, body } = readLine(line, index + 1);
    before = nextHead(before, body);
    if (before.head !== head) throw broken(index + 1, 'it does not follow from the lines before it');
    heads.push(before);
    bodies.push(body);
  }
  return { heads, bodies, wholeBytes };
}

function readLine(line: string, number: number): { head: string; body: string } {
  try {
    const { head, body } = JSON.parse(line) as Record<string, unknown>;
    if (typeof head === 'string' && typeof body === 'string') return { head, body };
  } catch {
    // Told below: what stands there may be anything.
  }
  throw broken(number, 'it is no line of a key log');
}

function nextHead(before: KeyLogHead, body: string): KeyLogHead {
  const hash = createHash('sha256')
    .update(Buffer.from([2]))
    .update(Buffer.from(before.head, 'hex'));
  return {
    records: before.records + 1,
    head: hash.update(merkleLeaf(Buffer.from(body, 'utf8'))).digest('hex'),
  };
}

function broken(line: number, why: string): PosError {
  return new PosError(
    'KEY_FILE',
    `key log, line ${line}: ${why}: keep the file for the auditor, restore its copy`,
  );
}
