/**
 * Is what the server gives us sound, as far as a client can tell? Pages and indexes are the server's own to check
 * (data checksums, amcheck); rows carry sums, the journal is a chain, and the mark beside us says how far it was
 * acknowledged: a standby that was promoted without the last commits is noticed here.
 */
import { PosError } from '../../../protocol/index.ts';
import { verifyJournal } from '../../journal/verify.ts';
import type { Mark } from '../commit-mark.ts';
import type { StorePort } from '../port.ts';
import { TABLE_NAMES } from '../schema.ts';
import { type Depth, damaged, TAIL_RECORDS } from '../soundness.ts';

/**
 * @param options.depth `full` reads every row and the journal from its first record; else the journal's end only
 * @throws STORE_DAMAGED with the report; nothing is changed
 */
export async function proveContents(
  store: StorePort,
  { depth, mark }: { readonly depth: Depth; readonly mark: Mark | null },
): Promise<void> {
  const sound: string[] = [];
  try {
    const heads = await store.journalHeads();
    for (const head of heads) {
      await proveStream(store, head, depth === 'full' ? 0 : head.sequence - TAIL_RECORDS);
      sound.push(`审计日志 journal ${head.stream} 至第 ${head.sequence} 条 up to record ${head.sequence}`);
    }
    if (mark !== null) await proveMark(store, mark, heads);
    if (depth === 'full') for (const table of TABLE_NAMES) for await (const _ of store.scan(table));
  } catch (error) {
    if (!(error instanceof PosError) || error.code !== 'STORE_DAMAGED') throw error;
    throw damaged(error.detail, sound.length === 0 ? '未知 not known' : sound.join('; '), error);
  }
}

async function proveStream(store: StorePort, { stream, sequence }: Mark, after: number): Promise<void> {
  const from = after < 1 ? null : await recordOf(store, stream, after);
  const verdict = await verifyJournal(store.scanJournal(stream, from?.sequence ?? 0), [], from ? [from] : []);
  const [found] = verdict.streams;
  const wrong = found?.wrong;
  if (wrong) throw changed(stream, wrong.sequence, wrong.why);
  if (found === undefined || found.records < sequence)
    throw changed(stream, sequence, '其前有缺 records before it are missing');
}

/** The mark is written after the commit: a database that does not reach it has lost what was acknowledged. */
async function proveMark(store: StorePort, mark: Mark, heads: readonly Mark[]): Promise<void> {
  const there = await recordOf(store, mark.stream, mark.sequence);
  if (there?.head === mark.head) return;
  if (there !== null)
    throw changed(mark.stream, mark.sequence, '与已确认的不同 not the one that was acknowledged');
  const end = heads.find(({ stream }) => stream === mark.stream)?.sequence ?? 0;
  throw new PosError(
    'STORE_DAMAGED',
    `审计日志 journal ${mark.stream}: 已确认至第 ${mark.sequence} 条,库中止于第 ${end} 条 acknowledged up to record ${mark.sequence}, the database ends at ${end}`,
  );
}

async function recordOf(store: StorePort, stream: string, sequence: number): Promise<Mark | null> {
  for await (const [first] of store.scanJournal(stream, sequence - 1))
    return first === undefined || first.sequence !== sequence ? null : first;
  return null;
}

function changed(stream: string, sequence: number, why: string): PosError {
  return new PosError(
    'STORE_DAMAGED',
    `审计日志 journal ${stream}: 第 ${sequence} 条 record ${sequence}: ${why}`,
  );
}
