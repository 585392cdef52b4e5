/** The disk as the journal needs it: a few named files, each call durable before it resolves. */
export interface JournalDisk {
  /** Names of the files there are, in no order. */
  list(): Promise<readonly string[]>;
  read(name: string): Promise<Buffer>;
  /** Adds bytes at the end, creating the file; written and fsynced (the directory too) on resolve. */
  append(name: string, bytes: Buffer): Promise<void>;
  /** Cuts the file to `length` bytes, durably. */
  truncate(name: string, length: number): Promise<void>;
  /** A whole file that is there completely or not at all. */
  place(name: string, bytes: Buffer): Promise<void>;
  /** Gives the directory free for another process. */
  release(): Promise<void>;
}
