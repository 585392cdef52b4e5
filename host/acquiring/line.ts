/**
 * The wire as the acquirer sees it: lines that open, bring bytes in pieces, and close. `tcp-listener.ts`
 * makes them of sockets, a simulated world of memory.
 */

/** A terminal that proved by its certificate which one it is. */
export interface ProvenTerminal {
  /** DE41 of everything that may come over its line. */
  readonly id: string;
  /** False from the moment on at which its certificate is revoked or over. */
  holds(): boolean;
}

/** One open connection. Listeners are set once each, in the turn in which the line was handed over. */
export interface Line {
  /** Who is at the other end, for the log: `address:port`. */
  readonly remote: string;
  /** Who it is, where the line proves it; absent: plain TCP, anybody. */
  readonly terminal?: ProvenTerminal;
  /** Takes the bytes in any case; false: the other end does not read now, wait for `onDrain`. */
  write(bytes: Buffer): boolean;
  onData(listener: (chunk: Buffer) => void): void;
  /** What was written has gone out, after `write` said false. */
  onDrain(listener: () => void): void;
  /** Once, however it closed; `broken`: why, when neither end closed it in order. */
  onClose(listener: (broken?: Error) => void): void;
  /** No `onData` comes until `resume`. */
  pause(): void;
  resume(): void;
  /** Closes when all that is written has gone out. An end that never reads keeps it open: see `abort`. */
  close(): void;
  /** Closes at once; what has not gone out is lost. */
  abort(): void;
  /** False once it is closing or closed. */
  readonly isWritable: boolean;
  /** `write` said false, and `onDrain` has not come yet. */
  readonly needsDrain: boolean;
}

export interface OpenListener {
  readonly port: number;
  /** Accepts no further line, from now on; resolves when those that are open have closed. */
  close(): Promise<void>;
}

export interface Listener {
  /** Rejects when the address cannot be listened on. */
  open(accept: (line: Line) => void): Promise<OpenListener>;
}
