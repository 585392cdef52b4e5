/** Time as a dependency: the logic of the terminal never asks the machine. Same shape as the host's. */
export interface Clock {
  /** UTC, in milliseconds. */
  now(): number;
  /** Calls `act` once, `ms` milliseconds from now, unless it is cancelled first. */
  after(ms: number, act: () => void): { cancel(): void };
}

/** Randomness as a dependency. Not for keys: those are made in the PIN pad and in the vault. */
export interface Random {
  bytes(count: number): Buffer;
}
