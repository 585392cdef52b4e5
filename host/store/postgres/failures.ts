/** What PostgreSQL's SQLSTATEs mean to the store: one table. */
import { type FailureCode, PosError } from '../../../protocol/index.ts';
import { REFUSED_STATE } from './ddl.ts';

/** By SQLSTATE, or by its class (two characters); the first that fits. What is not here is STORE_FAILED. */
// biome-ignore format: a table is read by column
const STATES: readonly { readonly state: string; readonly failure: FailureCode }[] = [
  { state: REFUSED_STATE, failure: 'STORE_REFUSED' },  // our own triggers and functions
  { state: '21',          failure: 'STORE_REFUSED' },  // a row that one statement would change twice
  { state: '22',          failure: 'STORE_REFUSED' },  // a value that does not fit its type
  { state: '23',          failure: 'STORE_REFUSED' },  // a key, a CHECK, a foreign key, a NOT NULL
  { state: '54000',       failure: 'STORE_REFUSED' },  // a value above a limit of the database
  { state: '40001',       failure: 'STORE_CONFLICT' }, // serialization failure: the whole transaction went back
  { state: '40P01',       failure: 'STORE_CONFLICT' }, // deadlock: the same
  { state: '55P03',       failure: 'STORE_BUSY' },     // a lock was not had in time
  { state: '57014',       failure: 'STORE_BUSY' },     // a statement ran out of time
  { state: 'XX001',       failure: 'STORE_DAMAGED' },  // data corrupted
  { state: 'XX002',       failure: 'STORE_DAMAGED' },  // index corrupted
];

/** What the server says about an error, as far as it may be shown. */
export interface ServerError {
  readonly code?: string | undefined;
  readonly message: string;
  readonly constraint?: string | undefined;
  readonly table?: string | undefined;
}

/**
 * A failure of PostgreSQL as the store's contract has it. The server's DETAIL and, for values that do not fit,
 * its message hold values of rows: they are not taken over.
 */
export function postgresFailure({ code = '', message, constraint, table }: ServerError): PosError {
  const row = STATES.find(({ state }) => state === code || state === code.slice(0, 2));
  const names = [table, constraint].filter((name) => name !== undefined).join('.');
  const what = code.startsWith('22') ? 'a value does not fit' : message;
  return new PosError(
    row?.failure ?? 'STORE_FAILED',
    `${what}${names === '' ? '' : ` (${names})`} [${code}]`,
  );
}
