import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SqlDriver } from './driver.ts';
import { migrate } from './migrations.ts';
import { READ_SQL } from './read-statement.ts';
import { TABLE_NAMES } from './schema.ts';
import { openSqlite } from './sqlite-driver.ts';
import {
  ASTRAY_SQL,
  GUARD_SQL,
  HIGHEST_BURNT_SQL,
  HIGHEST_IDENTITIES_SQL,
  HIGHEST_UTS_SQL,
  SCAN_JOURNAL_SQL,
  SCAN_STREAM_SQL,
  STRETCH_END_SQL,
  scanSql,
  stretchSumsSql,
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
      // It begins where the page before it ended.
      assert.is(
        (await walks(driver, scanSql(table, [column], true), /^SEARCH x .*=\? AND .*>/)).length,
        1,
        table,
      );
      // Found by index and already in key order: no page is sorted.
      assert.equal(await walks(driver, scanSql(table, [column], true), /TEMP B-TREE/), [], table);
    }
    assert.equal(await walks(driver, SCAN_JOURNAL_SQL, WALK), []);
    assert.equal(await walks(driver, SCAN_STREAM_SQL, WALK), []);
  }),
);

plans('the transaction of a reference number: by its index, which knows only those that have one', () =>
  withTables(async (driver) => {
    for (const columns of [['rrn'], ['rrn', 'terminalId']]) {
      const text = scanSql('transactions', columns, false);
      assert.is((await walks(driver, text, /^SEARCH x USING INDEX transactions_rrn/)).length, 1, text);
    }
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

plans('a stretch of entries and its sums: found by the index, whatever is before and behind it', () =>
  withTables(async (driver) => {
    const found = /SEARCH x USING (COVERING )?INDEX entries_businessDate_entryId .*>.* AND .*</;
    for (const text of [STRETCH_END_SQL, stretchSumsSql(true), stretchSumsSql(false)]) {
      assert.equal(await walks(driver, text, WALK), [], text);
      assert.is((await walks(driver, text, found)).length, 1, text);
    }
    assert.equal(await walks(driver, STRETCH_END_SQL, /TEMP B-TREE/), [], 'already in its order');
  }),
);

plans(
  'the transactions of a terminal on one day: by the day, in key order, whatever the terminal’s history',
  () =>
    withTables(async (driver) => {
      const text = scanSql('transactions', ['terminalId', 'businessDate'], true);
      assert.is(
        (await walks(driver, text, /^SEARCH x USING INDEX transactions_businessDate_transactionId/)).length,
        1,
      );
      assert.equal(await walks(driver, text, /identities|TEMP B-TREE/), []);
    }),
);

plans('open holds: by their own index, in key order, also those of one account', () =>
  withTables(async (driver) => {
    for (const columns of [[], ['accountId']]) {
      const text = scanSql('transactions', columns, true, 'open holds');
      assert.is((await walks(driver, text, /USING INDEX transactions_open_holds/)).length, 1, text);
      assert.equal(await walks(driver, text, /TEMP B-TREE/), [], text);
    }
  }),
);

plans('a question without an index is seen as a walk, so the tests above can fail', () =>
  withTables(async (driver) => {
    assert.is((await walks(driver, scanSql('transactions', ['state'], false), WALK)).length, 1);
  }),
);

plans.run();

const sound = suite('a transaction is astray');

const IDENTITY = 'T0000001|M1|000003|000042|0200|000000';
// biome-ignore format: a table is read by column
const ASTRAY: readonly (readonly [what: string, key: string, leadsTo: string, trace: string, ut: string | null, astray: boolean])[] = [
  ['not when its identity leads to it',            IDENTITY, 'X1', '000042', 'U1', false],
  ['when no identity is there',                    'other',  'X1', '000042', 'U1', true],
  ['when its identity leads to another',           IDENTITY, 'X2', '000042', 'U1', true],
  ['when its identity is of another place',        IDENTITY, 'X1', '000099', 'U1', true],
  ['not without a UT: it has an index of its own', 'other',  'X1', '000042', null, false],
];
for (const [what, key, leadsTo, trace, ut, astray] of ASTRAY) {
  sound(what, () =>
    withTables(async (driver) => {
      await driver.exec('PRAGMA foreign_keys = OFF');
      await driver.run(
        `INSERT INTO "identities" ("key", "transactionId", "body", "sum") VALUES (?1, ?2, '[]', 0)`,
        [key, leadsTo],
      );
      await driver.run(
        `INSERT INTO "transactions" ("transactionId", "version", "ut", "terminalId", "merchantId", "batch", "trace", "rrn", "businessDate", "body", "sum")
        VALUES ('X1', 1, ?1, 'T0000001', 'M1', 3, ?2, '', '20261122', json_array(?3), 0)`,
        [ut, trace, IDENTITY],
      );
      assert.equal(await driver.all(ASTRAY_SQL, []), astray ? [{ transactionId: 'X1' }] : []);
    }),
  );
}

sound.run();
