/** Where the host's log goes on a machine: a file, or standard error. */
import { mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { type DestinationStream, pino } from 'pino';
import { PosError } from '../protocol/index.ts';
import { isUrgent } from './log.ts';

/** Bytes that may wait for a slow disk or pipe; then lines are given up, and counted. */
const WAITING_BYTES_MAX = 8_388_608;
/** So many bytes leave at once; fewer wait for the next flush: a write is a hop to a thread and back, whatever it carries. */
const TOGETHER_BYTES = 65_536;
/** How long a line that is not urgent may wait, in milliseconds. What it says is in the journal too. */
const FLUSH_MS = 100;

export interface LogDestination extends DestinationStream {
  /** Writes all that waits, and returns when it is written: what pino does behind a line that is fatal. */
  flushSync(): void;
  /** `error`: a write failed; `drop`: a line was given up, because too many wait. */
  on(event: 'error' | 'drop', listener: () => void): unknown;
}

/**
 * Opened before anything starts, so that a log that cannot be written is known at once. Written beside the work:
 * a transaction does not wait for its line. A warning or an error leaves at once, with all before it; while another
 * write is under way it waits for the next flush.
 *
 * @param file a path, whose folder is made where it is not there; empty: standard error
 * @throws CONFIG_BAD when it cannot be written
 */
export function logDestination(file: string): LogDestination {
  const to = pino.destination({
    dest: file === '' ? process.stderr.fd : opened(file),
    sync: false,
    minLength: TOGETHER_BYTES,
    maxWrite: 2 * TOGETHER_BYTES,
    maxLength: WAITING_BYTES_MAX,
  });
  // Handed over by the piece, because pino's destination measures all that waits anew with whatever it is handed.
  let lines = '';
  const handOver = () => {
    const piece = lines;
    lines = '';
    if (piece !== '') to.write(piece);
  };
  const flush = () => {
    handOver();
    to.flush();
  };
  setInterval(flush, FLUSH_MS).unref();
  // Before pino writes what it has been handed.
  process.prependListener('exit', handOver);
  return {
    write(line) {
      lines += line;
      if (isUrgent(line)) flush();
      else if (lines.length >= TOGETHER_BYTES) handOver();
    },
    flushSync() {
      handOver();
      to.flushSync();
    },
    on: (event, listener) => to.on(event, event === 'drop' ? eachLine(listener) : listener),
  };
}

/** As pino's `isoTime`, spelled once a millisecond: what one commit answers is logged in one or two. */
export function logTime(): () => string {
  let at = 0;
  let text = '';
  return () => {
    const now = Date.now();
    if (now !== at) {
      at = now;
      text = `,"time":"${new Date(now).toISOString()}"`;
    }
    return text;
  };
}

/** A piece that is given up is so many lines. */
function eachLine(listener: () => void): (piece: string) => void {
  return (piece) => {
    for (const letter of piece) if (letter === '\n') listener();
  };
}

function opened(file: string): number {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    return openSync(file, 'a', 0o600);
  } catch (error) {
    throw new PosError('CONFIG_BAD', `logFile: 无法写入 cannot be written: ${file}`, { cause: error });
  }
}
