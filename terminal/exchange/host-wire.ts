/** The line to the host, as the logic sees it. The adapter over TCP is `tcp-wire.ts`. */
export interface HostConnection {
  write(bytes: Buffer): Promise<void>;
  onData(listener: (chunk: Buffer) => void): void;
  /** Called once, also when `close` was asked for. */
  onClose(listener: (reason: string) => void): void;
  close(): void;
}

export interface HostWire {
  /** @throws HOST_UNREACHABLE: nothing was sent */
  connect(): Promise<HostConnection>;
}
