import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SqlDriver } from './driver.ts';
import { migrate } from './migrations.ts';
import { READ_SQL } from './read-statement.ts';
import { TABLE_NAMES } from './schema.ts';
import { openSqlite } from './sqlite-driver.ts';
import {
  balancesSql,
  GUARD_SQL,
  HIGHEST_BURNT_SQL,
  HIGHEST_IDENTITIES_SQL,
  HIGHEST_UTS_SQL,
  SCAN_JOURNAL_SQL,
  SCAN_STREAM_SQL,
  scanSql,
} from './statements.ts';

const plans = suite('a statement looks rows up and never walks a table');

async function withTables(act: (driver: SqlDriver) => Promise<void>): Promise<void> {
  const driver = await openSqlite(':memory:');
  try {
    await migrate(driver, 1);
    await act(driver);
  } finally {
    await driver.close();
  }
}

/** Lines of SQLite's plan that walk a stored table from its beginning. */
async function walks(driver: SqlDriver, sql: string, aliases: RegExp): Promise<readonly string[]> {
  const rows = await driver.all(`EXPLAIN QUERY PLAN ${sql}`, []);
  return rows.map(({ detail }) => String(detail)).filter((detail) => aliases.test(detail));
}

// In the statements a stored table has the alias x or its own name; lists and found keys have others.
const WALK = /^SCAN (x|journal)\b/;

plans('reading a batch’s wants: only the one open day comes without a key', () =>
  withTables(async (driver) => {
    assert.equal(await walks(driver, READ_SQL, /^SCAN x\b/), []);
  }),
);

plans('asking the guards', () =>
  withTables(async (driver) => {
    assert.equal(await walks(driver, GUARD_SQL, WALK), []);
  }),
);

plans('learning which identities and UTs are there: from an index, already in its order', () =>
  withTables(async (driver) => {
    for (const text of [HIGHEST_UTS_SQL, HIGHEST_BURNT_SQL, HIGHEST_IDENTITIES_SQL]) {
      assert.equal(await walks(driver, text, /TEMP B-TREE/), [], text);
      assert.is((await walks(driver, text, /USING COVERING INDEX/)).length, 1, text);
    }
  }),
);

plans('the next page of each table, plain and by the columns that clearing and admin ask for', () =>
  withTables(async (driver) => {
    for (const table of TABLE_NAMES)
      assert.equal(await walks(driver, scanSql(table, [], true), WALK), [], table);
    for (const [table, column] of [
      ['transactions', 'businessDate'],
      ['entries', 'businessDate'],
      ['differences', 'businessDate'],
      ['documents', 'kind'],
      ['steps', 'runId'],
      ['batches', 'terminalId'],
      ['uploads', 'terminalId'],
      ['owedReversals', 'terminalId'],
      ['owedReversals', 'state'],
    ] as const) {
      assert.equal(await walks(driver, scanSql(table, [column], true), WALK), [], table);
      // Found by index and already in key order: no page is sorted.
      assert.equal(await walks(driver, scanSql(table, [column], true), /TEMP B-TREE/), [], table);
    }
    assert.equal(await walks(driver, SCAN_JOURNAL_SQL, WALK), []);
    assert.equal(await walks(driver, SCAN_STREAM_SQL, WALK), []);
  }),
);

plans(
  'the transactions of a terminal or of its batch: by its identities, and by their own index those without a UT',
  () =>
    withTables(async (driver) => {
      for (const columns of [
        ['terminalId'],
        ['terminalId', 'batch'],
        ['businessDate', 'terminalId', 'batch'],
      ]) {
        const text = scanSql('transactions', columns, true);
        assert.equal(await walks(driver, text, WALK), [], text);
        assert.is((await walks(driver, text, /identities_1 \(key>\? AND key<\?\)/)).length, 3, text);
        assert.is(
          (await walks(driver, text, /USING INDEX transactions_terminalId_batch_trace/)).length,
          1,
          text,
        );
      }
    }),
);

plans('the sums of a day: found by the index, whatever years are before it', () =>
  withTables(async (driver) => {
    for (const byLot of [true, false]) {
      assert.equal(await walks(driver, balancesSql(byLot, true), WALK), []);
      assert.is(
        (await walks(driver, balancesSql(byLot, true), /SEARCH x .*businessDate>\? AND businessDate<\?/))
          .length,
        1,
      );
      assert.is((await walks(driver, balancesSql(byLot, false), WALK)).length, 1);
    }
  }),
);

plans('a question without an index is seen as a walk, so the tests above can fail', () =>
  withTables(async (driver) => {
    assert.is((await walks(driver, scanSql('transactions', ['state'], false), WALK)).length, 1);
  }),
);

plans.run();
