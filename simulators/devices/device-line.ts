/** The device's end of a line, as a simulated device sees it: a virtual serial line, or memory. */
export interface DeviceLine {
  onData(listener: (chunk: Buffer) => void): void;
  /** What is written while unplugged goes nowhere, as on a real cable. */
  write(bytes: Buffer): void;
  plug(): Promise<void>;
  unplug(): Promise<void>;
}
