/**
 * A PostgreSQL server that was brought back to a point in time by its own tools, before any host serves on it. What
 * those tools cannot know is proven here: every row against its sum, every journal stream from its first record, the
 * books; then it is written down who restored it and why, and marked how far the journal goes.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PosError } from '../../protocol/index.ts';
import { provenBooks } from '../ledger/proofs.ts';
import { nodeClock } from '../node-clock.ts';
import { slotOf } from '../store/commit-mark.ts';
import { nodeMarkSlots } from '../store/node-mark-slots.ts';
import { connect } from '../store/postgres/node-connections.ts';
import { hasBooks, openPostgresStore } from '../store/postgres/postgres-store.ts';
import { proveContents } from '../store/postgres/soundness.ts';
import { type BackupManifest, restoreItem } from './backup.ts';

export interface ServerRestored {
  readonly entries: number;
  /** Where each stream ends now. */
  readonly journal: BackupManifest['journal'];
}

/**
 * @param options.dataFolder the host's: its mark of what was acknowledged before must have been moved away, as evidence
 * @throws ALREADY_EXISTS when the mark is still there, NOT_FOUND when the database has no books, STORE_DAMAGED,
 *   BOOKS_UNBALANCED; nothing was written then
 */
export async function takeUpServer(options: {
  readonly storeUrl: string;
  readonly dataFolder: string;
  readonly stream: string;
  readonly person: string;
  readonly reason: string;
}): Promise<ServerRestored> {
  const { storeUrl, dataFolder, stream, person, reason } = options;
  const mark = `acknowledged-${stream}.mark`;
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  if ((await readdir(dataFolder)).includes(mark))
    throw new PosError(
      'ALREADY_EXISTS',
      `${join(dataFolder, mark)}: 请先移到别处 move it elsewhere first: it tells what was acknowledged and is missing now`,
    );
  const connections = connect(storeUrl);
  if (!(await hasBooks(connections).catch(closing(connections)))) {
    await connections.close();
    throw new PosError('NOT_FOUND', '库中无账簿 there are no books in this database');
  }
  const store = await openPostgresStore({
    connections,
    stream: `host-${stream}`,
    clock: nodeClock,
    initialBusinessDate: '20000101',
  }).catch(closing(connections));
  try {
    await proveContents(store, { depth: 'full', mark: null });
    const { entries } = await provenBooks(store);
    const { day } = await store.read({});
    const at = nodeClock.now();
    const found = await store.journalHeads();
    const from = {
      subject: `server:${new Date(at).toISOString()}`,
      facts: { entries, journal: found },
      journal: found,
    };
    const by = { person, reason, at, businessDate: day.businessDate };
    const [outcome] = await store.commit([restoreItem(from, by)]);
    if (outcome?.committed !== true) throw new PosError('STORE_FAILED', 'the restore could not be noted');
    const journal = await store.journalHeads();
    const own = journal.find((head) => head.stream === `host-${stream}`);
    if (own !== undefined) {
      const slots = nodeMarkSlots(join(dataFolder, mark));
      await slots.write(0, slotOf(own));
      await slots.close();
    }
    return { entries, journal };
  } finally {
    await store.close();
  }
}

/** What was opened is closed, and the failure goes on. */
function closing(connections: { close(): Promise<void> }): (error: unknown) => Promise<never> {
  return async (error) => {
    await connections.close();
    throw error;
  };
}
