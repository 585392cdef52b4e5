/**
 * What happened how often and how long it took: for the scraper, the log at stop and the tests. A refusal that is
 * counted nowhere did not happen, as far as an operator can see.
 *
 * Counting is two look-ups and no object: it stands in the path of every request. What a scraper reads is made
 * when it asks.
 */
import { Counter, Histogram, Registry } from 'prom-client';
import { COUNTERS, type CounterName, HISTOGRAMS, type HistogramName } from './metric-table.ts';

/** Labels that one counter may have: a scraper keeps a series for each, for ever. */
const LABELS_MAX = 200;
/** Where a label goes that may not be shown. */
const OTHER = 'other';

export interface MetricsOptions {
  /** Milliseconds on a clock that never jumps. Without one nothing is timed. */
  readonly elapsedMs?: () => number;
  /** Shown at every series: which process, which store. */
  readonly about?: Readonly<Record<string, string>>;
}

export class Metrics {
  /** What a scraper reads. Gauges are added by who knows them. */
  readonly registry = new Registry();
  /** Milliseconds on a clock that never jumps; only differences mean anything. */
  readonly elapsedMs: () => number;
  readonly #counts = new Map<CounterName, Map<string, number>>();
  readonly #histograms = new Map<HistogramName, Histogram>();

  constructor(options: MetricsOptions = {}) {
    this.elapsedMs = options.elapsedMs ?? (() => 0);
    if (options.about !== undefined) this.registry.setDefaultLabels(options.about);
    for (const name of Object.keys(COUNTERS) as CounterName[]) this.#exposeCounter(name);
    for (const [name, { buckets, ...row }] of Object.entries(HISTOGRAMS)) {
      const histogram = new Histogram({ ...row, buckets: [...buckets], registers: [this.registry] });
      this.#histograms.set(name as HistogramName, histogram);
    }
  }

  /**
   * Adds to one counter.
   * @param label which of them, for example `too long`; never card data, keys or a PIN. What looks like a number of
   *   six digits and more is counted as `other`, and so is what comes after 200 different labels
   */
  count(name: CounterName, label = '', by = 1): void {
    let labels = this.#counts.get(name);
    if (labels === undefined) {
      labels = new Map();
      this.#counts.set(name, labels);
    }
    const before = labels.get(label);
    if (before !== undefined) labels.set(label, before + by);
    else if (isFit(label) && labels.size < LABELS_MAX) labels.set(label, by);
    else labels.set(OTHER, (labels.get(OTHER) ?? 0) + by);
  }

  /** Notes one duration in seconds, or one size. */
  observe(name: HistogramName, value: number): void {
    this.#histograms.get(name)?.observe(value);
  }

  /** One counter's value; without a label the sum over all its labels. */
  value(name: CounterName, label?: string): number {
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

  #exposeCounter(name: CounterName): void {
    const { labels, ...row } = COUNTERS[name];
    const counts = () => this.#counts.get(name) ?? [];
    new Counter({
      ...row,
      labelNames: [...labels],
      registers: [this.registry],
      collect() {
        this.reset();
        for (const [label, count] of counts()) this.inc(partsOf(label, labels), count);
      },
    });
  }
}

/** The label's parts by name: all but the last one hold no blank. */
function partsOf(label: string, names: readonly string[]): Record<string, string> {
  const words = label.split(' ');
  const last = names.length - 1;
  return Object.fromEntries(
    names.map((name, at) => [name, at === last ? words.slice(last).join(' ') : (words[at] ?? '')]),
  );
}

/** Words, codes and short numbers: no card number, track, key or PIN block looks like this. */
function isFit(label: string): boolean {
  return /^[\w .,:'()/–-]{0,80}$/.test(label) && !/\d{6}|[0-9A-Fa-f]{12}/.test(label);
}
