/** The memory of another process as a core dump would hold it, without one: of 45 GB that V8 reserves, some 150 MB are there. */
import { type FileHandle, open, readFile } from 'node:fs/promises';

const PAGE_BYTES = 4096;
const ENTRY_BYTES = 8;
/** Of an entry of /proc/PID/pagemap: in memory, or swapped out. */
const PRESENT = 0xc0;
const PART_BYTES = 16 << 20;
/** Parts of one run of pages overlap by more than anything that is looked for. */
const OVERLAP_BYTES = 256;

interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * Everything that the process has written and still has: heap, stacks, buffers, what was freed and not
 * overwritten. The process stands still meanwhile.
 *
 * @throws the system's error where /proc is missing, or the process may not be looked into
 */
export async function* memoryOf(pid: number): AsyncGenerator<Buffer> {
  const memory = await open(`/proc/${pid}/mem`);
  process.kill(pid, 'SIGSTOP');
  try {
    const pagemap = await open(`/proc/${pid}/pagemap`);
    try {
      const maps = await readFile(`/proc/${pid}/maps`, 'utf8');
      for (const range of writable(maps))
        for await (const run of presentIn(pagemap, range)) yield* parts(memory, run);
    } finally {
      await pagemap.close();
    }
  } finally {
    process.kill(pid, 'SIGCONT');
    await memory.close();
  }
}

/** Private mappings that may be written, from lines such as `7f00-7f10 rw-p 0000 00:00 0 [heap]`. */
function writable(maps: string): readonly Range[] {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw.p .*$/gm)].map(([, from = '', to = '']) => ({
    from: Number.parseInt(from, 16),
    to: Number.parseInt(to, 16),
  }));
}

/** Runs of pages that are there. */
async function* presentIn(pagemap: FileHandle, { from, to }: Range): AsyncGenerator<Range> {
  const pagesMax = 65_536;
  let begun: number | null = null;
  for (let at = from; at < to; at += pagesMax * PAGE_BYTES) {
    const pages = Math.min(pagesMax, (to - at) / PAGE_BYTES);
    const entries = Buffer.alloc(pages * ENTRY_BYTES);
    await pagemap.read(entries, 0, entries.length, (at / PAGE_BYTES) * ENTRY_BYTES);
    for (let page = 0; page < pages; page += 1) {
      const here = at + page * PAGE_BYTES;
      const isPresent = ((entries[page * ENTRY_BYTES + ENTRY_BYTES - 1] as number) & PRESENT) !== 0;
      if (isPresent) begun ??= here;
      else if (begun !== null) {
        yield { from: begun, to: here };
        begun = null;
      }
    }
  }
  if (begun !== null) yield { from: begun, to };
}

async function* parts(memory: FileHandle, { from, to }: Range): AsyncGenerator<Buffer> {
  for (let at = from; at < to; at += PART_BYTES - OVERLAP_BYTES) {
    const part = Buffer.alloc(Math.min(PART_BYTES, to - at));
    const { bytesRead } = await memory.read(part, 0, part.length, at);
    yield part.subarray(0, bytesRead);
  }
}
