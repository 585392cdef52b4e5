/** What the load process is told, and what it tells, as JSON. */

export interface LoadTerminal {
  readonly id: string;
  readonly merchantId: string;
  /** The terminal master key, 32 hex digits: a test's own, thrown for this run. */
  readonly tmk: string;
}

export interface LoadCard {
  readonly pan: string;
  readonly track2: string;
  readonly pin: string;
}

export interface LoadJob {
  readonly port: number;
  readonly terminals: readonly LoadTerminal[];
  readonly cards: readonly LoadCard[];
  /** Price of each sale in fen. */
  readonly amount: number;
  readonly phases: readonly LoadPhase[];
}

/** Closed: `inFlight` requests are always on their way. Open: `perSecond` are sent whatever comes back. */
export type LoadPhase = {
  readonly name: string;
  /** What is sent in the first `warmSeconds` does not count. */
  readonly seconds: number;
  readonly warmSeconds: number;
  /** Requests are made beforehand: so many, at the most. */
  readonly requestsMax: number;
} & ({ readonly inFlight: number } | { readonly perSecond: number });

export interface PhaseResult {
  readonly name: string;
  /** Counted sales, and the seconds in which they were answered. */
  readonly answered: number;
  readonly seconds: number;
  /** All sales of the phase by DE39, `none` where no answer came: what the books are compared with. */
  readonly codes: Readonly<Record<string, number>>;
  /** Milliseconds from sending to the answer, as the fact sheet has them. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /**
   * Open: how many milliseconds after it was due a sale was sent. The load's own lateness, its timer's millisecond among it:
   * sending never waits for the host, but a host that takes all processors makes the load late.
   */
  readonly lateP50: number;
  readonly lateP99: number;
  /** Processor time of the load for each sale, while the clock ran: what it took from the host on the same cores. */
  readonly loadCpuMicros: number;
}
