/** The one door of terminal/: the device in the shop. */
export { type Clerk, PROMPTS, type PromptName } from './clerk.ts';
export type { Clock, Random } from './clock.ts';
export { COMMANDS } from './commands.ts';
export { readTerminalConfig, type TerminalConfig, terminalConfig, terminalSettingsTable } from './config.ts';
export { LineConsole } from './console.ts';
export * from './devices/index.ts';
export {
  openTillDoor,
  type Till,
  type TillAnswer,
  type TillDoor,
  type TillDoorOptions,
  type TillOp,
  type TillSlip,
  type TillState,
  type TillTransaction,
  type TillWarning,
  tillTables,
} from './ecr/index.ts';
export type { HostConnection, HostWire } from './exchange/host-wire.ts';
export { type TlsIdentity, tcpWire } from './exchange/tcp-wire.ts';
export type { CommandResult } from './flows/result.ts';
export type { JournalDisk } from './journal/disk.ts';
export { fileDisk } from './journal/file-disk.ts';
export type { JournalFile, JournalFiles } from './journal/file-system.ts';
export { nodeFileSystem, openNodeDisk } from './journal/node-file-system.ts';
export {
  type JournalBatch,
  type JournalTransaction,
  readJournalFrom,
  readTerminalJournal,
  type TerminalJournalReport,
} from './journal/read-back.ts';
export type { TerminalLog } from './log.ts';
export { nodeClock, nodeRandom } from './node-clock.ts';
export { nodeOutside } from './node-outside.ts';
export { nodePasswordHash } from './node-password.ts';
export { readTlsIdentity, requestTlsCertificate } from './node-tls-identity.ts';
export * from './receipt/index.ts';
export { terminalTables } from './tables.ts';
export { startTerminal, type Terminal, type TerminalOutside } from './terminal.ts';
