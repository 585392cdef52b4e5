/**
 * Where a transaction took place: terminal, batch, trace. An identity begins with its terminal, its merchant, its batch
 * and its trace, and leads to its transaction, so what is there of a place is found in the identities' own order. An
 * index of the transactions by place would say the same once more, with a page of its own for every terminal that works:
 * a third of what a commit wrote.
 *
 * What has no UT may have no identity (a question that is judged afresh each time): such rows have an index of their own.
 */
import { PosError } from '../../protocol/index.ts';
import type { Changes } from './port.ts';
import type { TransactionRow } from './rows.ts';

/** The rows that are found by their own place, as their partial index has it. */
export const WITHOUT_UT = '"ut" IS NULL';

/** Separates the parts of an identity; the next character of all sorts behind whatever begins with it. */
const [MARK, BEHIND] = ['|', '}'];
const BATCH_DIGITS = 6;
/** What the names of burnt UTs begin with: they name no place. */
const BURNT = 'ut';

/** What the identities of a transaction's place begin with. */
function placeText({ terminalId, merchantId, batch, trace }: TransactionRow): string {
  return `${terminalId}${MARK}${merchantId}${MARK}${String(batch).padStart(BATCH_DIGITS, '0')}${MARK}${trace}${MARK}`;
}

/** The same, of the row `x` of `transactions`. */
export const PLACE_SQL = `x."terminalId" || '${MARK}' || x."merchantId" || '${MARK}' || ${batchSql('x')} || '${MARK}' || x."trace" || '${MARK}'`;

function batchSql(alias: string): string {
  return `printf('%0${BATCH_DIGITS}d', ${alias}."batch")`;
}

/**
 * Proves that each new transaction with a UT comes with the identity by which its place is found. What leads to it stays:
 * the database refuses to change it.
 * @throws STORE_REFUSED when one does not
 */
export function checkFoundByPlace({ transactions = [], identities = [] }: Changes): void {
  for (const row of transactions) {
    if (row.ut === null || row.version !== 1) continue;
    const { transactionId, identity } = row;
    const isLed =
      identity.startsWith(placeText(row)) &&
      row.terminalId !== BURNT &&
      !row.terminalId.includes(MARK) &&
      !row.merchantId.includes(MARK) &&
      identities.some((one) => one.key === identity && one.transactionId === transactionId);
    if (!isLed)
      throw new PosError(
        'STORE_REFUSED',
        `transaction ${transactionId} has a UT, but no identity of its place comes with it`,
      );
  }
}

/** Of a place: its terminal alone, a batch of it, or all of it. */
export type PlaceColumns =
  | readonly ['terminalId']
  | readonly ['terminalId', 'batch']
  | readonly ['terminalId', 'batch', 'trace'];

/**
 * Common table expressions for a statement that is WITH RECURSIVE; the last, `name`, has the ids (`id`) of the transactions
 * at the wanted places. A terminal is asked which merchants it worked for, from one to the next, and then for each.
 *
 * @param wanted a SELECT of distinct rows with these columns
 */
export function placesSql(name: string, columns: PlaceColumns, wanted: string): string {
  const [places, merchants] = [`${name}Wanted`, `${name}Merchants`];
  const parts = columns.map((column) => (column === 'batch' ? batchSql('w') : `w."${column}"`));
  const within = ['m."merchant"', ...parts.slice(1)].join(` || '${MARK}' || `);
  const first = (after: string) =>
    `(SELECT min(x."key") FROM "identities" AS x WHERE x."key" > ${after} AND x."key" < t."terminalId" || '${BEHIND}')`;
  // Terminal and merchant, as an identity begins with them.
  const merchantOf = (key: string) =>
    `substr(${key}, 1, length(t."terminalId") + instr(substr(${key}, length(t."terminalId") + 2), '${MARK}'))`;
  const at = (alias: string) => columns.map((column) => `${alias}."${column}" = w."${column}"`).join(' AND ');
  return `"${places}" AS MATERIALIZED (${wanted}),
"${merchants}" ("terminalId", "key") AS (
  SELECT t."terminalId", ${first(`t."terminalId" || '${MARK}'`)} FROM (SELECT DISTINCT "terminalId" FROM "${places}") AS t
  UNION ALL SELECT t."terminalId", ${first(`${merchantOf('t."key"')} || '${BEHIND}'`)} FROM "${merchants}" AS t WHERE t."key" IS NOT NULL
),
"${name}" ("id") AS (
  SELECT x."transactionId" FROM (SELECT t."terminalId", ${merchantOf('t."key"')} AS "merchant" FROM "${merchants}" AS t WHERE t."key" IS NOT NULL) AS m
    CROSS JOIN "${places}" AS w ON w."terminalId" = m."terminalId"
    CROSS JOIN "identities" AS x ON x."key" > ${within} || '${MARK}' AND x."key" < ${within} || '${BEHIND}' WHERE x."transactionId" IS NOT NULL
  UNION ALL SELECT x."transactionId" FROM "${places}" AS w CROSS JOIN "transactions" AS x ON ${at('x')} AND x.${WITHOUT_UT}
)`;
}
