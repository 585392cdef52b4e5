/** The key log on a real disk: lines are only ever added, and durable before `append` resolves. */
import { open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PosError } from '../../protocol/index.ts';
import {
  type KeyEvent,
  type KeyLogHead,
  type KeyLogPort,
  type KeyLogReading,
  LOG_BEGINS,
  loggedEvent,
  logLine,
  readKeyLog,
} from './key-log.ts';

const MODE = 0o600;

/**
 * The log is read whole once, then followed. One file serves one process at a time: an append looks at its
 * length first, and is refused when another process wrote meanwhile.
 *
 * @throws KEY_FILE the disk refused, or a line is not what was written
 */
export function nodeKeyLog(path: string): KeyLogPort {
  let place: { bytes: number; head: KeyLogHead } | null = null;

  async function found(): Promise<Pick<KeyLogReading, 'heads' | 'bodies'>> {
    const bytes = await readFile(path).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
      throw refused(error);
    });
    const { heads, bodies, wholeBytes } = readKeyLog(bytes);
    place = { bytes: wholeBytes, head: heads.at(-1) ?? LOG_BEGINS };
    return { heads, bodies };
  }

  async function append(events: readonly KeyEvent[]): Promise<KeyLogHead> {
    if (place === null) await found();
    const at = place ?? { bytes: 0, head: LOG_BEGINS };
    let { head } = at;
    let text = '';
    for (const event of events) {
      const next = logLine(head, event);
      text += next.line;
      head = next.head;
    }
    const bytes = Buffer.from(text, 'utf8');
    await writeAt(path, at.bytes, bytes);
    place = { bytes: at.bytes + bytes.length, head };
    return head;
  }

  return {
    append,
    async behind({ records, head }) {
      const { heads, bodies } = await found();
      if (records > 0 && heads[records - 1]?.head !== head) return null;
      return bodies.slice(records).map(loggedEvent);
    },
  };
}

/** Whole lines end at `from`; half a line behind it, of a power cut, is written over. */
async function writeAt(path: string, from: number, bytes: Buffer): Promise<void> {
  try {
    const file = await open(path, 'a+', MODE);
    try {
      const { size } = await file.stat();
      if (size < from || (size > from && (await hasLineEnd(path, from)))) throw changedByAnother();
      if (size > from) await file.truncate(from);
      await file.appendFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    const folder = await open(dirname(path), 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch (error) {
    throw error instanceof PosError ? error : refused(error);
  }
}

async function hasLineEnd(path: string, from: number): Promise<boolean> {
  return (await readFile(path)).subarray(from).includes(0x0a);
}

function changedByAnother(): PosError {
  return new PosError(
    'KEY_FILE',
    'key log: another process wrote it since it was read: end the other one, start again',
  );
}

function refused(cause: unknown): PosError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
  return new PosError(
    'KEY_FILE',
    `key log: the disk refused (${code}): check the folder, its owner and its space`,
    {
      cause,
    },
  );
}
