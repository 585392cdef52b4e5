/**
 * How the host stands: whether it may be given work, with reasons, and the figures that are looked up when a
 * scraper asks. Nothing here is asked by a transaction.
 */
import { Gauge } from 'prom-client';
import { businessDateOf, daysBetween } from '../../protocol/index.ts';
import { within } from '../clock.ts';
import type { HostDeps } from '../deps.ts';
import { keysOf } from '../host-keys.ts';
import type { MarkStanding } from '../store/commit-mark.ts';
import { GAUGES, type GaugeName } from './metric-table.ts';

/** A store that has not answered by then, or a mark not written, is not there, as far as an orchestrator is concerned. */
const STORE_ANSWER_MS = 2_000;
/** How old a figure may be whose look-up reads rows. */
const ROWS_FRESH_MS = 60_000;

export interface ReadinessCheck {
  readonly name: 'draining' | 'store' | 'mark' | 'keys';
  readonly ok: boolean;
  /** What is wrong, in Chinese and English; empty when it is well. */
  readonly reason: string;
}
export interface Readiness {
  readonly ready: boolean;
  readonly checks: readonly ReadinessCheck[];
}

type StandingParts = Pick<HostDeps, 'clock' | 'vault' | 'store' | 'metrics'> & {
  /** Requests that wait for the next commit. */
  readonly waiting: () => number;
  /** Terminals connected now. */
  readonly connections: () => number;
  /** Requests whose answers have not left. */
  readonly inFlight: () => number;
  /** Null where nothing is marked. */
  readonly mark: (() => MarkStanding) | null;
  /** Length of the database's write-ahead log; not there where a server has its own. */
  readonly logBytes?: (() => Promise<number>) | undefined;
};

export class Standing {
  readonly #parts: StandingParts;
  #draining = false;
  #rows: { readonly at: number; readonly figures: Promise<RowFigures> } | null = null;

  constructor(parts: StandingParts) {
    this.#parts = parts;
    this.#expose();
  }

  get isDraining(): boolean {
    return this.#draining;
  }

  /** From now on the host says that it wants no new work; what it is given all the same it still does. */
  drain(): void {
    this.#draining = true;
  }

  /** What a stop that does not come to its end leaves behind: for the log. */
  underWay(): object {
    const { inFlight, waiting, connections, mark } = this.#parts;
    const { committed = null, marked = null } = mark?.() ?? {};
    return { inFlight: inFlight(), waiting: waiting(), connections: connections(), committed, marked };
  }

  /** May this host be sent work? Never rejects, and answers within two seconds. */
  async readiness(): Promise<Readiness> {
    const [store, mark] = await Promise.all([this.#storeAnswers(), this.#markIsWritten()]);
    const checks = [this.#notDraining(), store, mark, this.#keysAreThere()];
    return { ready: checks.every(({ ok }) => ok), checks };
  }

  /** The open business date; null when the store does not answer. */
  async businessDate(): Promise<string | null> {
    const { clock, store } = this.#parts;
    try {
      const found = await within(clock, STORE_ANSWER_MS, store.read({}));
      return found === 'late' ? null : found.day.businessDate;
    } catch {
      return null;
    }
  }

  async #daysBehind(): Promise<number | null> {
    const open = await this.businessDate();
    return open === null ? null : daysBetween(open, businessDateOf(this.#parts.clock.now()));
  }

  #notDraining(): ReadinessCheck {
    return checked('draining', this.#draining ? '正在停机 the host is stopping' : '');
  }

  async #storeAnswers(): Promise<ReadinessCheck> {
    const date = await this.businessDate();
    return checked('store', date === null ? '数据库无应答 the store does not answer' : '');
  }

  async #markIsWritten(): Promise<ReadinessCheck> {
    const { clock, mark } = this.#parts;
    if (mark === null) return checked('mark', '');
    // No answer leaves before its mark: while marks hang, nobody is answered.
    const isLate = (await within(clock, STORE_ANSWER_MS, mark().settled)) === 'late';
    return checked(
      'mark',
      isLate || mark().isFailing ? '无法记下已确认位置 the mark beside the database cannot be written' : '',
    );
  }

  #keysAreThere(): ReadinessCheck {
    try {
      // Each is looked up as it is taken.
      Object.values(keysOf(this.#parts.vault));
      return checked('keys', '');
    } catch {
      return checked('keys', '缺少主机密钥 a key of the host is missing');
    }
  }

  #expose(): void {
    const { metrics, waiting, connections, mark, logBytes } = this.#parts;
    // biome-ignore format: a table is read by column
    const readings: Readonly<Record<GaugeName, () => number | null | Promise<number | null>>> = {
      connections,
      waiting,
      committed:   () => mark?.().committed ?? null,
      unmarked:    () => (mark === null ? null : mark().committed - mark().marked),
      owedOpen:    async () => (await this.#rowFigures()).owedOpen,
      batchesOpen: async () => (await this.#rowFigures()).batchesOpen,
      logBytes:    () => logBytes?.() ?? null,
      daysBehind:  () => this.#daysBehind(),
      draining:    () => Number(this.#draining),
    };
    for (const name of Object.keys(GAUGES) as GaugeName[]) {
      new Gauge({
        ...GAUGES[name],
        registers: [metrics.registry],
        async collect() {
          this.reset();
          try {
            const value = await readings[name]();
            // A figure that is not known is left out: 0 would be a statement.
            if (value === null) this.remove();
            else this.set(value);
          } catch {
            this.remove();
            metrics.count('scrape', name);
          }
        },
      });
    }
  }

  #rowFigures(): Promise<RowFigures> {
    const now = this.#parts.clock.now();
    if (this.#rows === null || now - this.#rows.at >= ROWS_FRESH_MS) {
      const figures = this.#countRows();
      this.#rows = { at: now, figures };
      // A failed look-up is tried again at the next scrape.
      figures.catch(() => {
        this.#rows = null;
      });
    }
    return this.#rows.figures;
  }

  async #countRows(): Promise<RowFigures> {
    const { store } = this.#parts;
    const open = await counted(store.scan('batches', { state: 'open' }));
    const uploading = await counted(store.scan('batches', { state: 'uploading' }));
    return {
      owedOpen: await counted(store.scan('owedReversals', { state: 'open' })),
      batchesOpen: open + uploading,
    };
  }
}

interface RowFigures {
  readonly owedOpen: number;
  readonly batchesOpen: number;
}

const checked = (name: ReadinessCheck['name'], reason: string): ReadinessCheck => ({
  name,
  ok: reason === '',
  reason,
});

async function counted(pages: AsyncIterable<readonly unknown[]>): Promise<number> {
  let count = 0;
  for await (const page of pages) count += page.length;
  return count;
}
