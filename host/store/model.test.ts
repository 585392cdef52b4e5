import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeClock } from '../node-clock.ts';
import { lookingBeside } from './driver.ts';
import { BUSINESS_DATE } from './sample-rows.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { modelSuite } from './suite-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'zunka-model-'));
process.once('exit', () => rmSync(folder, { recursive: true }));
let run = 0;

modelSuite(
  'SQLite',
  async () => {
    run += 1;
    const path = join(folder, `${run}.db`);
    // Now and then with a connection for looks, as on a machine.
    const connect = async () => {
      const driver = await openSqlite(path);
      return run % 2 === 0 ? lookingBeside(driver, await openSqlite(path, 'to read')) : driver;
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
