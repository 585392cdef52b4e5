/** The disk as the journal needs it: a few named files, each call durable before it resolves. */
export interface JournalDisk {
  /** Names of the files there are, in no order. */
  list(): Promise<readonly string[]>;
  read(name: string): Promise<Buffer>;
  /** Adds bytes at the end, creating the file; they and its name are durable on resolve. */
  append(name: string, bytes: Buffer): Promise<void>;
  /** A whole file, in the place of one that has the name: after a cut the old one or the new one, never a part. */
  place(name: string, bytes: Buffer): Promise<void>;
  /** A whole small file, without waiting for the disk: after a cut the old one, the new one, a part or none. */
  note(name: string, bytes: Buffer): Promise<void>;
  /** Gives the directory free for another process. */
  release(): Promise<void>;
}
