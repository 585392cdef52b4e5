import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeClock } from '../node-clock.ts';
import { openFolding } from './node-folding.ts';
import { BUSINESS_DATE } from './sample-rows.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { modelSuite } from './suite-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'zunka-model-'));
process.once('exit', () => rmSync(folder, { recursive: true }));
let run = 0;

function failed(error: unknown): never {
  throw error;
}

modelSuite(
  'SQLite',
  async () => {
    run += 1;
    const path = join(folder, `${run}.db`);
    // Now and then as on a machine, with connections that fold and look.
    const connect = async () => {
      const writer = await openSqlite(path);
      return run % 2 === 0 ? openFolding({ writer, failed, path }) : writer;
    };
    const open = async (stream: string) =>
      openSqliteStore({
        driver: await connect(),
        // Now and then so few rows are kept that one wanted row puts out another.
        keptMax: run % 3 === 0 ? 2 : 50_000,
        stream,
        clock: nodeClock,
        initialBusinessDate: BUSINESS_DATE,
      });
    return { store: await open('host-1'), fresh: () => open('host-2') };
  },
  120,
);
