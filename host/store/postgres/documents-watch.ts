/**
 * The programme's documents are kept in memory by every host process. One that another process took in is noticed
 * here: documents only grow, so their number says whether there are new ones.
 */
import type { Clock } from '../../clock.ts';
import type { PostgresConnections } from './postgres-store.ts';

/** How stale a host's documents may be. */
const LOOK_AGAIN_MS = 2_000;

/**
 * @param changed reads them again; when it fails, or the look does, the next look tries again
 * @param failed told of each failure
 * @returns ends it
 */
export function watchDocuments(
  { wide }: PostgresConnections,
  clock: Clock,
  changed: () => Promise<void>,
  failed: (error: unknown) => void,
): () => void {
  let known = -1;
  let isOver = false;
  let delay = clock.after(0, look);

  function look(): void {
    lookOnce()
      .catch(failed)
      .finally(() => {
        if (!isOver) delay = clock.after(LOOK_AGAIN_MS, look);
      });
  }

  async function lookOnce(): Promise<void> {
    const [row] = await wide.all('SELECT count(*) AS "n" FROM "documents"', []);
    const now = Number(row?.['n']);
    if (now === known || isOver) return;
    await changed();
    known = now;
  }

  return () => {
    isOver = true;
    delay.cancel();
  };
}
