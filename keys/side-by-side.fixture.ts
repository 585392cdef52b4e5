/** Two ways to do one thing, timed in turn in one sitting: only their ratio means something on a shared machine. */

export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const ROUNDS = 7;
const ROUND_MS = 120;
const BATCH = 100;

/** `rate`: calls a second of ours; `ratio`: above 1, ours is the faster. Medians of all rounds. */
export function sideBySide(
  ours: () => unknown,
  other: () => unknown,
): { readonly rate: number; readonly ratio: number } {
  const rates: { ours: number[]; other: number[] } = { ours: [], other: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.ours.push(rateOf(ours));
    rates.other.push(rateOf(other));
  }
  const rate = median(rates.ours);
  return { rate: Math.round(rate), ratio: Math.round((rate / median(rates.other)) * 100) / 100 };
}

/** Calls a second, over at least ROUND_MS. */
function rateOf(act: () => unknown): number {
  const started = process.hrtime.bigint();
  const end = started + BigInt(ROUND_MS) * 1_000_000n;
  let calls = 0;
  let now = started;
  while (now < end) {
    for (let call = 0; call < BATCH; call += 1) act();
    calls += BATCH;
    now = process.hrtime.bigint();
  }
  return (calls * 1e9) / Number(now - started);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}
