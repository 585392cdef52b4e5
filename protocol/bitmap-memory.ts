/** Bitmaps remembered each. A peer that sends many different ones makes us forget, not grow. */
const BITMAPS_MAX = 512;

/**
 * Remembers what was made for a bitmap of eight bytes, by its exact bits.
 *
 * @param make for the 32 bits of fields 1…32, field 1 the highest, and those of 33…64; undefined is not remembered
 */
export function rememberByBitmap<T extends object>(
  make: (high: number, low: number) => T | undefined,
): (high: number, low: number) => T | undefined {
  const made = new Map<number, Map<number, T>>();
  let count = 0;
  // Most messages look like the one before.
  let lastHigh = 0;
  let lastLow = 0;
  let last: T | undefined;

  return function madeFor(high: number, low: number): T | undefined {
    if (high === lastHigh && low === lastLow && last !== undefined) return last;
    const found = made.get(high)?.get(low) ?? keep(high, low, make(high, low));
    if (found === undefined) return undefined;
    lastHigh = high;
    lastLow = low;
    last = found;
    return found;
  };

  function keep(high: number, low: number, one: T | undefined): T | undefined {
    if (one === undefined) return undefined;
    if (count >= BITMAPS_MAX) {
      made.clear();
      count = 0;
    }
    count += 1;
    const row = made.get(high);
    if (row === undefined) made.set(high, new Map([[low, one]]));
    else row.set(low, one);
    return one;
  }
}

/** The fields of a bitmap of eight bytes, ascending; 1 among them where its bit is set. */
export function fieldsOfBitmap(high: number, low: number): number[] {
  const fields: number[] = [];
  for (let field = 1; field <= 64; field += 1) {
    const word = field <= 32 ? high : low;
    if ((word & (1 << ((64 - field) & 31))) !== 0) fields.push(field);
  }
  return fields;
}
