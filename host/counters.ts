/**
 * What happened how often, by name and label: for the health page, the log at stop and the tests.
 * A refusal that is counted nowhere did not happen, as far as an operator can see.
 */
export class Counters {
  readonly #counts = new Map<string, Map<string, number>>();

  /**
   * Adds to one counter.
   * @param name what is counted, for example `refused frame`
   * @param label which of them, for example `too long`; never card data, keys or a PIN
   */
  count(name: string, label = '', by = 1): void {
    let labels = this.#counts.get(name);
    if (labels === undefined) {
      labels = new Map();
      this.#counts.set(name, labels);
    }
    labels.set(label, (labels.get(label) ?? 0) + by);
  }

  /** One counter's value; without a label the sum over all its labels. */
  value(name: string, label?: string): number {
    const labels = this.#counts.get(name);
    if (labels === undefined) return 0;
    if (label !== undefined) return labels.get(label) ?? 0;
    return [...labels.values()].reduce((sum, count) => sum + count, 0);
  }

  /** All counters, names and labels in order, as plain data. */
  snapshot(): Record<string, Record<string, number>> {
    const inOrder = <T>(map: Map<string, T>) => [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
    return Object.fromEntries(
      inOrder(this.#counts).map(([name, labels]) => [name, Object.fromEntries(inOrder(labels))]),
    );
  }
}
