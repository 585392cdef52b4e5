/** Hard times on the real machine, each a part that can be run alone. */
import { badLine } from './bad-line.ts';
import { damage } from './damage.ts';
import { diskFull } from './disk-full.ts';
import { kills } from './kills.ts';
import { soak } from './soak.ts';
import { writes } from './writes.ts';

export interface PartOptions {
  readonly seed: number;
  /** How often, how many or how long, by what `size` names; the part's own default when it is not given. */
  readonly size: number | undefined;
  tell(line: string): void;
}

export interface HardshipPart {
  /** The option that says how much. */
  readonly size: 'times' | 'transactions' | 'minutes' | 'none';
  readonly usage: string;
  readonly en: string;
  /** Members of the outcome go into the JSON line as they are. */
  run(options: PartOptions): Promise<{ readonly failures: readonly string[] }>;
}

export const PARTS: Readonly<Record<string, HardshipPart>> = {
  kills: {
    size: 'times',
    usage: '[--times 300] [--seed N] [--json]',
    en: 'host and terminals killed with SIGKILL at random moments under load',
    run: ({ seed, size = 300, tell }) => kills({ seed, times: size, tills: 4, tell }),
  },
  writes: {
    size: 'times',
    usage: '[--times 110] [--seed N] [--json]',
    en: 'writes and fsyncs that fail, in the host and in a terminal: the n-th, from the n-th on, by chance',
    run: ({ seed, size = 110, tell }) => writes({ seed, times: size, tell }),
  },
  'disk-full': {
    size: 'times',
    usage: '[--times 20] [--seed N] [--json]',
    en: "the host's disk and a terminal's run full under load; needs root for a tmpfs",
    run: ({ seed, size = 20, tell }) => diskFull({ seed, times: size, tell }),
  },
  damage: {
    size: 'times',
    usage: '[--times 120] [--seed N] [--json]',
    en: 'bytes turned and files cut, of a terminal journal and of the host database, while they are stopped',
    run: ({ seed, size = 120, tell }) => damage({ seed, times: size, tell }),
  },
  link: {
    size: 'transactions',
    usage: '[--transactions 3000] [--seed N] [--json]',
    en: 'thousands of transactions through lines that drop, delay, double, corrupt, cut and hang',
    run: ({ seed, size = 3_000, tell }) => badLine({ seed, transactions: size, tills: 4, tell }),
  },
  soak: {
    size: 'minutes',
    usage: '[--minutes 60] [--seed N] [--json]',
    en: 'steady load with line faults and kills; memory, handles, agreement',
    run: ({ seed, size = 60, tell }) =>
      soak({
        seed,
        minutes: size,
        sampleMs: 10_000,
        pauseMs: 550,
        tills: 4,
        troubleMs: 2_000,
        // A dozen, however long the run is.
        killMs: size * 2_000,
        tell,
      }),
  },
};
