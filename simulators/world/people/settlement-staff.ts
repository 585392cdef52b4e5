/** The settlement staff: cut over, run the clearing, and do both again until they went through. */
import { cutOver, runClearing } from '../../../host/index.ts';
import { PosError } from '../../../protocol/index.ts';
import type { Office } from '../office.ts';
import type { Scheduler } from '../scheduler.ts';
import type { Timeline } from '../timeline.ts';

const BY = { person: 'chen', reason: '日终 end of day' } as const;
const LOOK_AGAIN_MS = 30_000;
const ATTEMPTS_MAX = 60;

type Act = 'cut over' | 'clear';

export class SettlementStaff {
  readonly #office: Office;
  readonly #scheduler: Scheduler;
  readonly #timeline: Timeline;
  #queue: Act[] = [];
  #attempts = 0;
  #isAtWork = false;
  #isWaiting = false;
  /** Closed days that are not cleared yet, oldest first. */
  readonly #closed: string[] = [];

  constructor(office: Office, world: { scheduler: Scheduler; timeline: Timeline }) {
    this.#office = office;
    this.#scheduler = world.scheduler;
    this.#timeline = world.timeline;
    // An act that the power interrupted is begun again: its outcome is looked up first.
    office.machine.onCut(() => {
      this.#isAtWork = false;
      this.#later();
    });
  }

  get isDone(): boolean {
    return this.#queue.length === 0;
  }

  /** True when an act did not come about in a bounded number of attempts. */
  get isStuck(): boolean {
    return this.#attempts > ATTEMPTS_MAX;
  }

  /** Closes the open day, and clears every closed one when `clear` is asked for too. */
  ask(...acts: readonly Act[]): void {
    this.#queue.push(...acts);
    this.#later();
  }

  /** The faults have stopped: what did not come about until now was not their fault. */
  startAfresh(): void {
    this.#attempts = 0;
  }

  #later(): void {
    if (this.#queue.length === 0 || this.#isWaiting) return;
    this.#isWaiting = true;
    this.#scheduler.after(LOOK_AGAIN_MS, () => {
      this.#isWaiting = false;
      this.#go();
    });
  }

  #go(): void {
    const { host } = this.#office;
    const [act] = this.#queue;
    if (act === undefined || this.#isAtWork) return;
    if (host === null) {
      this.#later();
      return;
    }
    this.#isAtWork = true;
    this.#attempts += 1;
    const done = act === 'cut over' ? this.#cutOver(host) : this.#clear(host);
    done
      .then(() => {
        this.#attempts = 0;
        this.#queue.shift();
      })
      .catch((error: unknown) => {
        const text = error instanceof PosError ? `${error.code}: ${error.detail}` : String(error);
        this.#timeline.note('people', `${act} refused: ${text}`);
      })
      .finally(() => {
        this.#isAtWork = false;
        this.#later();
      });
  }

  async #cutOver(host: NonNullable<Office['host']>): Promise<void> {
    const { day } = await host.store.read({});
    // An earlier attempt may have gone through without its answer.
    if (this.#expected !== null && day.businessDate !== this.#expected) {
      this.#closed.push(this.#expected);
      this.#expected = null;
      return;
    }
    this.#expected = day.businessDate;
    const { closed, opened } = await cutOver(host, {
      ...BY,
      expected: day.businessDate,
      aheadOfCalendar: true,
    });
    this.#closed.push(closed);
    this.#expected = null;
    this.#timeline.note('people', `cut over: ${closed} closed, ${opened} open`);
  }

  #expected: string | null = null;

  async #clear(host: NonNullable<Office['host']>): Promise<void> {
    for (const businessDate of this.#closed) {
      const { files, differences } = await runClearing(host, { ...BY, businessDate });
      this.#timeline.note(
        'people',
        `cleared ${businessDate}: ${files.length} files, ${differences} differences`,
      );
    }
  }
}
