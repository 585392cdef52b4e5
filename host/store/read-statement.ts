/**
 * The one statement behind `read`: being one statement, it sees one snapshot. Its rows are `mark`, the
 * table or COUNTERS_MARK, then `kept` and `body`, the packed row.
 */
import { PosError } from '../../protocol/index.ts';
import { fieldSql } from './ddl.ts';
import { placesSql } from './places.ts';
import type { Found, Wants } from './port.ts';
import { rowOf } from './row-shape.ts';
import type { DayRow, TableName } from './rows.ts';
import { rowSql } from './statements.ts';

/** Tables in the order of their marks. The open day comes always. */
export const READ_TABLES = [
  'identities',
  'transactions',
  'cards',
  'accounts',
  'lots',
  'terminals',
  'batches',
  'uploads',
  'days',
  'owedReversals',
] as const satisfies readonly TableName[];
export const READ_COUNTERS_MARK = READ_TABLES.length;

/** Parameters, one list each: see the numbers in the statement. Null stands for an empty list. */
export function readParameters(wants: Wants): readonly (string | null)[] {
  const batches = wants.batches ?? [];
  const full = batches.filter((batch) => batch.withTransactions);
  return [
    list(wants.identities),
    list(wants.panHashes),
    list(wants.accountIds),
    list(wants.transactionIds),
    list(wants.rrns?.filter((rrn) => rrn !== '')),
    list(wants.uts),
    list(wants.traces?.map(split)),
    list(wants.auths?.map(split)),
    list(wants.terminalIds),
    list(batches.map(({ key }) => split(key))),
    list(full.map(({ key }) => split(key))),
    list(wants.counters),
    list(wants.owed?.map(split)),
  ];
}

function list(values: readonly unknown[] | undefined): string | null {
  return values === undefined || values.length === 0 ? null : JSON.stringify(values);
}

/** The parts of a joined key. A batch number is compared as a number: see the CASTs. */
function split(key: string): readonly string[] {
  return key.split('|');
}

// `named`: the transactions that are wanted by any of their names, those of the wanted identities and
// batches, and what each of them voids, refunds or completes, to the first of the line.
// `held`: the accounts that are wanted, and those of wanted cards and transactions.
// CROSS JOIN keeps the order: each wanted value is looked up in an index, no table is walked.
export const READ_SQL = `
WITH RECURSIVE
${placesSql('atTraces', ['terminalId', 'batch', 'trace'], `SELECT DISTINCT j."value" ->> 0 AS "terminalId", CAST(j."value" ->> 1 AS INTEGER) AS "batch", j."value" ->> 2 AS "trace" FROM json_each(?7) AS j`)},
${placesSql('inBatches', ['terminalId', 'batch'], `SELECT DISTINCT j."value" ->> 0 AS "terminalId", CAST(j."value" ->> 1 AS INTEGER) AS "batch" FROM json_each(?11) AS j`)},
"named" ("id") AS (
  SELECT j."value" FROM json_each(?4) AS j
  UNION SELECT x."transactionId" FROM json_each(?1) AS j CROSS JOIN "identities" AS x ON x."key" = j."value" WHERE x."transactionId" IS NOT NULL
  UNION SELECT x."transactionId" FROM json_each(?5) AS j CROSS JOIN "transactions" AS x ON x."rrn" = j."value" AND x."rrn" <> ''
  UNION SELECT x."transactionId" FROM json_each(?6) AS j CROSS JOIN "transactions" AS x ON x."ut" = j."value"
  UNION SELECT "id" FROM "atTraces"
  UNION SELECT x."transactionId" FROM json_each(?8) AS j CROSS JOIN "transactions" AS x ON x."merchantId" = j."value" ->> 0 AND x."auth" = j."value" ->> 1
  UNION SELECT "id" FROM "inBatches"
  UNION SELECT x."originalId" FROM "named" CROSS JOIN "transactions" AS x ON x."transactionId" = "named"."id" WHERE x."originalId" IS NOT NULL
),
"found" AS MATERIALIZED (
  SELECT x."transactionId", x."accountId", x."cardId", ${fieldSql('transactions', 'money', 'x')} AS "money" FROM "named" CROSS JOIN "transactions" AS x ON x."transactionId" = "named"."id"
),
"foundCards" ("id", "accountId") AS MATERIALIZED (
  SELECT x."cardId", x."accountId" FROM json_each(?2) AS j CROSS JOIN "cards" AS x ON x."panHash" = j."value"
  UNION SELECT x."cardId", x."accountId" FROM "found" AS f CROSS JOIN "cards" AS x ON x."cardId" = f."cardId"
),
"held" ("id") AS MATERIALIZED (
  SELECT j."value" FROM json_each(?3) AS j
  UNION SELECT "accountId" FROM "foundCards"
  UNION SELECT f."accountId" FROM "found" AS f WHERE f."accountId" IS NOT NULL
),
"foundLots" ("id") AS (
  SELECT x."lotId" FROM "held" CROSS JOIN "lots" AS x ON x."accountId" = "held"."id" AND x."remaining" > 0
  UNION SELECT l."value" ->> 'lotId' FROM "found" AS f CROSS JOIN json_each(f."money", '$.lots') AS l
),
"wantedIdentities" ("id") AS (SELECT DISTINCT j."value" FROM json_each(?1) AS j),
"wantedTerminals" ("id") AS (SELECT DISTINCT j."value" FROM json_each(?9) AS j),
"wantedBatches" ("terminalId", "batch") AS (SELECT DISTINCT j."value" ->> 0, CAST(j."value" ->> 1 AS INTEGER) FROM json_each(?10) AS j),
"fullBatches" ("terminalId", "batch") AS (SELECT DISTINCT j."value" ->> 0, CAST(j."value" ->> 1 AS INTEGER) FROM json_each(?11) AS j),
"wantedOwed" ("terminalId", "batch", "trace") AS (SELECT DISTINCT j."value" ->> 0, CAST(j."value" ->> 1 AS INTEGER), j."value" ->> 2 FROM json_each(?13) AS j)
SELECT 0 AS "mark", ${rowSql('identities', 'x')} FROM "wantedIdentities" AS w CROSS JOIN "identities" AS x ON x."key" = w."id"
UNION ALL SELECT 1, ${rowSql('transactions', 'x')} FROM "found" AS w CROSS JOIN "transactions" AS x ON x."transactionId" = w."transactionId"
UNION ALL SELECT 2, ${rowSql('cards', 'x')} FROM "foundCards" AS w CROSS JOIN "cards" AS x ON x."cardId" = w."id"
UNION ALL SELECT 3, ${rowSql('accounts', 'x')} FROM "held" AS w CROSS JOIN "accounts" AS x ON x."accountId" = w."id"
UNION ALL SELECT 4, ${rowSql('lots', 'x')} FROM "foundLots" AS w CROSS JOIN "lots" AS x ON x."lotId" = w."id"
UNION ALL SELECT 5, ${rowSql('terminals', 'x')} FROM "wantedTerminals" AS w CROSS JOIN "terminals" AS x ON x."terminalId" = w."id"
UNION ALL SELECT 6, ${rowSql('batches', 'x')} FROM "wantedBatches" AS w CROSS JOIN "batches" AS x ON x."terminalId" = w."terminalId" AND x."batch" = w."batch"
UNION ALL SELECT 7, ${rowSql('uploads', 'x')} FROM "fullBatches" AS w CROSS JOIN "uploads" AS x ON x."terminalId" = w."terminalId" AND x."batch" = w."batch"
UNION ALL SELECT 8, ${rowSql('days', 'x')} FROM "days" AS x WHERE x."state" = 'open'
UNION ALL SELECT 9, ${rowSql('owedReversals', 'x')} FROM "wantedOwed" AS w CROSS JOIN "owedReversals" AS x ON x."terminalId" = w."terminalId" AND x."batch" = w."batch" AND x."trace" = w."trace"
UNION ALL SELECT ${READ_COUNTERS_MARK}, json_array(x."counter", x."value"), NULL FROM json_each(?12) AS j CROSS JOIN "counters" AS x ON x."counter" = j."value"
`;

/** A row of the statement. */
interface Packed {
  readonly mark: number;
  readonly kept: string;
  readonly body: string;
}

/** What a read gives, from the rows that the statement gave. */
export function foundOf(wants: Wants, rows: readonly Record<string, unknown>[]): Found {
  const found = READ_TABLES.map(() => [] as unknown[]);
  const counters = new Map((wants.counters ?? []).map((counter) => [counter, 0]));
  for (const { mark, kept, body } of rows as unknown as readonly Packed[]) {
    if (mark === READ_COUNTERS_MARK) {
      const [counter, value] = JSON.parse(kept) as [string, number];
      counters.set(counter, value);
    } else {
      found[mark]?.push(rowOf(READ_TABLES[mark] as TableName, kept, body));
    }
  }
  const [identities, transactions, cards, accounts, lots, terminals, batches, uploads, days, owedReversals] =
    found;
  const [day] = days as DayRow[];
  if (day === undefined) throw new PosError('INVARIANT', 'no business day is open');
  return {
    identities,
    transactions,
    cards,
    accounts,
    lots,
    terminals,
    batches,
    uploads,
    counters,
    owedReversals,
    day,
  } as unknown as Found;
}
