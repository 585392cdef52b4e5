import { nodeClock } from '../node-clock.ts';
import { BUSINESS_DATE } from './sample-rows.ts';
import { storeSuite } from './shared-suite.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';

storeSuite('SQLite', async () =>
  openSqliteStore({
    driver: await openSqlite(':memory:'),
    stream: 'test',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  }),
);
