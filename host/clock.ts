/**
 * Time and randomness as the host's logic sees them. The real ones are `node-clock.ts` and
 * `node-random.ts`; tests and the simulated world bring their own.
 */

/** A started delay. Cancelling one that has fired, or was cancelled before, does nothing. */
export interface Delay {
  cancel(): void;
}

export interface Clock {
  /** The instant, UTC milliseconds since 1970. May jump when the machine's clock is set. */
  now(): number;
  /** Calls `act` once, no sooner than `ms` from now. */
  after(ms: number, act: () => void): Delay;
  /** Calls `act` when all that has come in by now was handed over: at the end of this turn of the event loop. */
  soon?(act: () => void): void;
}

/** Resolves at the end of this turn of the event loop; where the clock knows of none, at once. */
export function turnEnd({ soon }: Clock): Promise<void> {
  return soon === undefined ? Promise.resolve() : new Promise(soon);
}

/** The work's result, or `late` when it takes longer than `ms`; leaves no delay behind. What it rejects with, this rejects with. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | 'late'> {
  let delay: Delay | undefined;
  const late = new Promise<'late'>((resolve) => {
    delay = clock.after(ms, () => resolve('late'));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    delay?.cancel();
  }
}

export interface Random {
  /** Bytes that nobody can foretell: fit for salts, tokens and key material. */
  bytes(count: number): Buffer;
}
