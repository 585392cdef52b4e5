import { openSqliteStore } from '../../host/index.ts';
import { sampleRows, storeSuite } from '../../host/store/shared-suite.ts';
import { Dice } from './dice.ts';
import { type DiskHooks, WorldDisk } from './disk.ts';
import { openWorldSqlite } from './sqlite-engine.ts';

const ALWAYS: DiskHooks = { mayHappen: () => true, isOn: true };
const clock = { now: () => 1_795_312_800_000, after: () => ({ cancel: () => undefined }) };

storeSuite('SQLite in a world', async () =>
  openSqliteStore({
    driver: await openWorldSqlite(new WorldDisk().mount(ALWAYS), 'host.sqlite', {
      clock,
      dice: new Dice('suite'),
    }),
    stream: 'test',
    clock,
    initialBusinessDate: sampleRows.BUSINESS_DATE,
  }),
);
