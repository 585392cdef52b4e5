/** The only door to the host's room. */

export type { Acquirer, AcquirerLimits } from './acquiring/acquirer.ts';
export type { Line, Listener, OpenListener } from './acquiring/line.ts';
export { ROLES, type Role, rolesTable } from './admin/roles.ts';
export { buildAdmin } from './admin/server.ts';
export type { Token } from './admin/tokens.ts';
export { cutOver } from './clearing/cut-over.ts';
export type { FilePort } from './clearing/file-port.ts';
export type { Check, ClearingResult, MerchantTotals, Movement } from './clearing/model.ts';
export { nodeFiles } from './clearing/node-files.ts';
export { type FileReading, type FileRecord, readBack } from './clearing/read-back.ts';
export { runClearing } from './clearing/run.ts';
export type { Clock, Random } from './clock.ts';
export { HOST_DEFAULTS, type HostConfig, hostSettingsTable, readHostConfig } from './config.ts';
export { assembleHost, type HostDeps, type Logger } from './deps.ts';
export { makeHostKeys } from './host-keys.ts';
export { exportJournal } from './journal/export.ts';
export { type JournalVerdict, readNdjson, verifyJournal } from './journal/verify.ts';
export { exportHledger, type ParsedTransaction, parsedBalances, parseHledger } from './ledger/export.ts';
export { type BooksProof, proveBooks } from './ledger/proofs.ts';
export { type RunningHost, startHost } from './node-host.ts';
export { type HostOutside, type OpenHost, openHost } from './open-host.ts';
export type { DocumentKind, Documents } from './programme/model.ts';
export type { SqlDriver } from './store/driver.ts';
export type { StorePort } from './store/port.ts';
export type { BatchRow, DifferenceRow, FileRow } from './store/rows.ts';
export { openSqlite } from './store/sqlite-driver.ts';
export { openSqliteStore } from './store/sqlite-store.ts';
