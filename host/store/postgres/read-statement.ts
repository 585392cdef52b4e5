/**
 * The statements behind `read`: marks and rows are those of `../read-statement.ts`. Planned for look-ups by key (the
 * connection refuses plans that walk a table, see `node-connections.ts`). One gives whatever can be wanted; starting all of
 * it costs more than what new requests need of it, so two small ones give the same where it is little that is wanted.
 */
import type { Wants } from '../port.ts';
import { READ_COUNTERS_MARK, readParameters } from '../read-statement.ts';
import { nestedSql } from './ddl.ts';
import { rowSql } from './statements.ts';

const texts = (parameter: number) => `jsonb_array_elements_text($${parameter}::jsonb) AS j ("v")`;
const lists = (parameter: number) => `jsonb_array_elements($${parameter}::jsonb) AS j ("v")`;

const COUNTERS_PARAMETER = 12;
const OPEN_DAY = `SELECT 8 AS "mark", ${rowSql('days', 'x')} FROM "days" AS x WHERE x."state" = 'open'`;
const countersFrom = (parameter: number) =>
  `SELECT ${READ_COUNTERS_MARK}, json_build_array(x."counter", x."value")::text, NULL FROM ${texts(parameter)} JOIN "counters" AS x ON x."counter" = j."v"`;

/** What the rules of a batch want once its accounts are known. */
const ONLY_COUNTERS_SQL = `${OPEN_DAY} UNION ALL ${countersFrom(1)}`;

type Ask = (text: string, parameters: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

/** The rows of these wants, each in one snapshot with all others. */
export async function readRows(wants: Wants, ask: Ask): Promise<readonly Record<string, unknown>[]> {
  const parameters = readParameters(wants);
  const isAll = (places: readonly number[]) =>
    parameters.every((list, at) => list === null || places.includes(at + 1));
  if (isAll([COUNTERS_PARAMETER])) return ask(ONLY_COUNTERS_SQL, [parameters[COUNTERS_PARAMETER - 1]]);
  if (isAll(NEW_PARAMETERS)) {
    const rows = await ask(
      NEW_SQL,
      NEW_PARAMETERS.map((at) => parameters[at - 1]),
    );
    if (!rows.some(({ mark }) => mark === KNOWN_MARK)) return rows;
  }
  return ask(READ_SQL, parameters);
}

/** Of the parameters of READ_SQL those that new requests may have: identities, cards, accounts, UTs, terminals, batches. */
const NEW_PARAMETERS = [1, 2, 3, 6, 9, 10];
/** Something is there of what leads to transactions: all of it must be read. */
const KNOWN_MARK = -1;

/** What financial requests want whose identities and UTs nobody has used. */
const NEW_SQL = `
WITH
"foundCards" AS MATERIALIZED (
  SELECT x."accountId", ${rowSql('cards', 'x')} FROM (SELECT DISTINCT j."v" FROM ${texts(2)}) AS w JOIN "cards" AS x ON x."panHash" = w."v"
),
"held" ("id") AS MATERIALIZED (SELECT j."v" COLLATE "C" FROM ${texts(3)} UNION SELECT "accountId" FROM "foundCards")
SELECT ${KNOWN_MARK} AS "mark", NULL AS "kept", NULL AS "body" FROM ${texts(1)} JOIN "identities" AS x ON x."key" = j."v"
UNION ALL SELECT ${KNOWN_MARK}, NULL, NULL FROM ${texts(4)} JOIN "names" AS k ON k."name" = 'ut ' || j."v"
UNION ALL SELECT 2, w."kept", w."body" FROM "foundCards" AS w
UNION ALL SELECT 3, ${rowSql('accounts', 'x')} FROM "held" AS w JOIN "accounts" AS x ON x."accountId" = w."id"
UNION ALL SELECT 4, ${rowSql('lots', 'x')} FROM "held" AS w JOIN "lots" AS x ON x."accountId" = w."id" AND x."remaining" > 0
UNION ALL SELECT 5, ${rowSql('terminals', 'x')} FROM (SELECT DISTINCT j."v" FROM ${texts(5)}) AS w JOIN "terminals" AS x ON x."terminalId" = w."v"
UNION ALL SELECT 6, ${rowSql('batches', 'x')} FROM (SELECT DISTINCT j."v" ->> 0, (j."v" ->> 1)::bigint FROM ${lists(6)}) AS w ("terminalId", "batch") JOIN "batches" AS x ON x."terminalId" = w."terminalId" AND x."batch" = w."batch"
UNION ALL ${OPEN_DAY}`;

/** The date leads to the one partition that can hold the row. */
const ON_ITS_DAY =
  '"transactions" AS x ON x."transactionId" = "named"."id" AND x."businessDate" = "named"."day"';

/** Transactions by their ids, a list. */
export const TRANSACTIONS_SQL = `
WITH "named" ("id", "day") AS MATERIALIZED (
  SELECT k."transactionId", k."businessDate" FROM (SELECT DISTINCT 'id ' || j."v" FROM ${texts(1)}) AS n ("name") JOIN "names" AS k ON k."name" = n."name"
)
SELECT ${rowSql('transactions', 'x')} FROM "named" JOIN ${ON_ITS_DAY}`;

export const READ_SQL = `
WITH RECURSIVE
"named" ("id", "day") AS (
  SELECT k."transactionId", k."businessDate" FROM (
    SELECT 'id ' || j."v" FROM ${texts(4)}
    UNION ALL SELECT 'id ' || x."transactionId" FROM ${texts(1)} JOIN "identities" AS x ON x."key" = j."v"
    UNION ALL SELECT 'rrn ' || j."v" FROM ${texts(5)}
    UNION ALL SELECT 'ut ' || j."v" FROM ${texts(6)}
  ) AS n ("name") JOIN "names" AS k ON k."name" = n."name"
  UNION SELECT k."transactionId", k."businessDate" FROM ${lists(7)} JOIN "places" AS k
    ON k."terminalId" = j."v" ->> 0 AND k."batch" = (j."v" ->> 1)::bigint AND k."trace" = j."v" ->> 2
  UNION SELECT k."transactionId", k."businessDate" FROM ${lists(8)} JOIN "approvals" AS k ON k."merchantId" = j."v" ->> 0 AND k."auth" = j."v" ->> 1
  UNION SELECT k."transactionId", k."businessDate" FROM ${lists(11)} JOIN "places" AS k ON k."terminalId" = j."v" ->> 0 AND k."batch" = (j."v" ->> 1)::bigint
  UNION SELECT k."transactionId", k."businessDate" FROM "named" JOIN ${ON_ITS_DAY} JOIN "names" AS k ON k."name" = 'id ' || x."originalId"
),
"found" AS MATERIALIZED (
  SELECT x."transactionId", x."accountId", x."cardId", ${nestedSql('transactions', 'money', 'x')} AS "money", ${rowSql('transactions', 'x')} FROM "named" JOIN ${ON_ITS_DAY}
),
"foundCards" ("id", "accountId") AS MATERIALIZED (
  SELECT x."cardId", x."accountId" FROM ${texts(2)} JOIN "cards" AS x ON x."panHash" = j."v"
  UNION SELECT x."cardId", x."accountId" FROM "found" AS f JOIN "cards" AS x ON x."cardId" = f."cardId"
),
"held" ("id") AS MATERIALIZED (
  SELECT j."v" COLLATE "C" FROM ${texts(3)}
  UNION SELECT "accountId" FROM "foundCards"
  UNION SELECT f."accountId" FROM "found" AS f WHERE f."accountId" IS NOT NULL
),
"foundLots" ("id") AS (
  SELECT x."lotId" FROM "held" JOIN "lots" AS x ON x."accountId" = "held"."id" AND x."remaining" > 0
  UNION SELECT (l."v" ->> 'lotId') COLLATE "C" FROM "found" AS f CROSS JOIN LATERAL json_array_elements(f."money" -> 'lots') AS l ("v")
),
"wantedIdentities" ("id") AS (SELECT DISTINCT j."v" FROM ${texts(1)}),
"wantedTerminals" ("id") AS (SELECT DISTINCT j."v" FROM ${texts(9)}),
"wantedBatches" ("terminalId", "batch") AS (SELECT DISTINCT j."v" ->> 0, (j."v" ->> 1)::bigint FROM ${lists(10)}),
"fullBatches" ("terminalId", "batch") AS (SELECT DISTINCT j."v" ->> 0, (j."v" ->> 1)::bigint FROM ${lists(11)}),
"wantedOwed" ("terminalId", "batch", "trace") AS (SELECT DISTINCT j."v" ->> 0, (j."v" ->> 1)::bigint, j."v" ->> 2 FROM ${lists(13)})
SELECT 0 AS "mark", ${rowSql('identities', 'x')} FROM "wantedIdentities" AS w JOIN "identities" AS x ON x."key" = w."id"
UNION ALL SELECT 1, w."kept", w."body" FROM "found" AS w
UNION ALL SELECT 2, ${rowSql('cards', 'x')} FROM "foundCards" AS w JOIN "cards" AS x ON x."cardId" = w."id"
UNION ALL SELECT 3, ${rowSql('accounts', 'x')} FROM "held" AS w JOIN "accounts" AS x ON x."accountId" = w."id"
UNION ALL SELECT 4, ${rowSql('lots', 'x')} FROM "foundLots" AS w JOIN "lots" AS x ON x."lotId" = w."id"
UNION ALL SELECT 5, ${rowSql('terminals', 'x')} FROM "wantedTerminals" AS w JOIN "terminals" AS x ON x."terminalId" = w."id"
UNION ALL SELECT 6, ${rowSql('batches', 'x')} FROM "wantedBatches" AS w JOIN "batches" AS x ON x."terminalId" = w."terminalId" AND x."batch" = w."batch"
UNION ALL SELECT 7, ${rowSql('uploads', 'x')} FROM "fullBatches" AS w JOIN "uploads" AS x ON x."terminalId" = w."terminalId" AND x."batch" = w."batch"
UNION ALL ${OPEN_DAY}
UNION ALL SELECT 9, ${rowSql('owedReversals', 'x')} FROM "wantedOwed" AS w JOIN "owedReversals" AS x ON x."terminalId" = w."terminalId" AND x."batch" = w."batch" AND x."trace" = w."trace"
UNION ALL ${countersFrom(COUNTERS_PARAMETER)}
`;
