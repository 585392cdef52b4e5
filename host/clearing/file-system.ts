/**
 * The part of a file system that settlement files need, one effect a call, so that a simulated world can cut
 * the power between any two of them. `node-file-system.ts` is this machine's.
 */

export interface SettlementFile {
  /** All the bytes, at the end of the file. Until `sync` a power cut may lose, keep or tear them. */
  write(bytes: Buffer): Promise<void>;
  /** Resolves when the bytes are on the disk; says nothing of the file's name. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface SettlementFiles {
  /** With those above it; one that is there stays as it is. */
  makeDirectory(directory: string): Promise<void>;
  /** Names of the files in a directory, in no order. */
  list(directory: string): Promise<readonly string[]>;
  /** Rejects with code `ENOENT` when there is no such file. */
  read(path: string): Promise<Buffer>;
  /** Makes the file. Rejects with code `EEXIST` when the name is taken. */
  open(path: string, mode: 'new'): Promise<SettlementFile>;
  /** A second name for the same file. Rejects with code `EEXIST` when it is taken. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Resolves when the names in the directory are on the disk. */
  syncDirectory(directory: string): Promise<void>;
}
