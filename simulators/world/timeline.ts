/** What happened in a world, in order, for the reader of a failure. */

export interface Moment {
  /** Virtual milliseconds. */
  readonly at: number;
  readonly step: number;
  /** `host`, a terminal's id, `wire`, `people`, `world`. */
  readonly who: string;
  readonly what: string;
}

export class Timeline {
  readonly #moments: Moment[] = [];
  readonly #when: () => { readonly now: number; readonly steps: number };

  constructor(when: () => { readonly now: number; readonly steps: number }) {
    this.#when = when;
  }

  note(who: string, what: string): void {
    const { now, steps } = this.#when();
    this.#moments.push({ at: now, step: steps, who, what });
  }

  get moments(): readonly Moment[] {
    return this.#moments;
  }

  /** One line a moment: step, time, and the two sides in columns of their own. */
  lines(): readonly string[] {
    return this.#moments.map(({ at, step, who, what }) => {
      const column = who === 'host' ? 44 : who === 'wire' ? 22 : 0;
      return `${String(step).padStart(6)} ${stamp(at)}  ${' '.repeat(column)}${who}: ${what}`;
    });
  }
}

function stamp(ms: number): string {
  const whole = Math.floor(ms / 1000);
  const days = Math.floor(whole / 86_400);
  const time = [Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60]
    .map((part) => String(part).padStart(2, '0'))
    .join(':');
  return `${days === 0 ? '' : `+${days}d `}${time}.${String(Math.floor(ms % 1000)).padStart(3, '0')}`;
}
