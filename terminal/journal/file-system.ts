/**
 * The part of a file system that the journal needs, one effect a call, so that a simulated world can cut
 * the power between any two of them. `node-file-system.ts` is this machine's.
 */

/** An open file. Every call may reject with what the disk says; nothing may be believed of it then. */
export interface JournalFile {
  /** Bytes. */
  size(): Promise<number>;
  /** All the bytes, at the end of the file. Until `sync` a power cut may lose, keep or tear them. */
  write(bytes: Buffer): Promise<void>;
  /** Resolves when the file's bytes and size are on the disk; says nothing of its name. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface JournalFiles {
  /** Names of the files in a directory, in no order. Rejects when there is no such directory. */
  list(directory: string): Promise<readonly string[]>;
  /** Rejects with code `ENOENT` when there is no such file. */
  read(path: string): Promise<Buffer>;
  /** `append` and `replace` make the file when it is not there; `replace` empties one that is. */
  open(path: string, mode: 'append' | 'replace'): Promise<JournalFile>;
  /** At once: whoever looks, also after a power cut, finds the old file or the new one. */
  rename(from: string, to: string): Promise<void>;
  /** Resolves when the names in the directory are on the disk. */
  syncDirectory(directory: string): Promise<void>;
}
