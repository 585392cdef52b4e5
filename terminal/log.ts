/** The log as the logic sees it (pino fits): facts first, then words. Never card data, PINs or keys. */
export interface TerminalLog {
  info(facts: Readonly<Record<string, unknown>>, text: string): void;
  warn(facts: Readonly<Record<string, unknown>>, text: string): void;
  error(facts: Readonly<Record<string, unknown>>, text: string): void;
}
