/** Memory and handles of the children, sampled while they work, and what may be concluded from them. */
import type { ChildProcess } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { PROBE, type Probed } from './orders.ts';

const BYTES_A_KIB = 1024;
const PROBE_MS_MAX = 5_000;
export const MIB = 1024 * 1024;
const HOUR_MS = 3_600_000;

/** One look at one process. Bytes; `heapUsed` after a full collection; `loopDelayMs` the longest since the look before. */
export interface Sample {
  readonly who: string;
  /** Milliseconds since the run began. */
  readonly at: number;
  readonly pid: number;
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  readonly handles: number;
  readonly loopDelayMs: number;
}

/** Undefined when the process died under the look. */
export async function look(who: string, child: ChildProcess, at: number): Promise<Sample | undefined> {
  const { pid } = child;
  if (pid === undefined || !child.connected) return undefined;
  const probed = await probe(child);
  if (probed === undefined) return undefined;
  try {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const handles = (await readdir(`/proc/${pid}/fd`)).length;
    const rss = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) * BYTES_A_KIB;
    const { heapUsed, external, loopDelayMs } = probed;
    return { who, at, pid, rss, heapUsed, external, handles, loopDelayMs };
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined;
    throw error;
  }
}

function probe(child: ChildProcess): Promise<Probed | undefined> {
  return new Promise((resolve) => {
    const end = (probed: Probed | undefined) => {
      clearTimeout(timer);
      child.off('message', hear);
      child.off('disconnect', gone);
      resolve(probed);
    };
    const gone = () => end(undefined);
    const hear = (message: unknown) => {
      if (typeof message === 'object' && message !== null && 'kind' in message && message.kind === PROBE)
        end(message as Probed);
    };
    const timer = setTimeout(gone, PROBE_MS_MAX);
    child.on('message', hear);
    child.once('disconnect', gone);
    child.send(PROBE, (error) => error && end(undefined));
  });
}

/** Least squares: units of `value` an hour. @param points at least two at different times */
export function slopeAnHour(points: readonly { readonly at: number; readonly value: number }[]): number {
  const n = points.length;
  const meanAt = points.reduce((sum, { at }) => sum + at, 0) / n;
  const mean = points.reduce((sum, { value }) => sum + value, 0) / n;
  let above = 0;
  let below = 0;
  for (const { at, value } of points) {
    above += (at - meanAt) * (value - mean);
    below += (at - meanAt) ** 2;
  }
  return below === 0 ? 0 : (above / below) * HOUR_MS;
}

/** What one process showed, over the longest time that it lived without a restart. */
export interface Conclusion {
  readonly who: string;
  readonly samples: number;
  readonly minutes: number;
  readonly rssPeakMiB: number;
  readonly rssMiBAnHour: number;
  readonly heapMiBAnHour: number;
  readonly handlesPeak: number;
  /** Over the longest life, the least of its last third above the least of its first: connections come and go, a leak stays. */
  readonly handlesRise: number;
  readonly loopDelayMsMax: number;
  /** Empty: memory is bounded and no handle leaks. */
  readonly complaints: readonly string[];
}

/**
 * Peaks are over all samples. Slopes are over the second half of the longest life of the process: what a
 * fresh process takes until it is warm is no leak, and a restart begins anew. Slopes are judged only
 * where that half has `judgedMinutesMin`, because a short one measures noise.
 */
// biome-ignore format: a table is read by column
export const BOUNDS = {
  rssPeakMiB:       { host: 400, terminal: 300 },
  rssMiBAnHour:     { host: 60,  terminal: 40 },
  /** After a full collection, so that only what is held counts. */
  heapMiBAnHour:    { host: 12,  terminal: 8 },
  handlesPeak:      { host: 80,  terminal: 60 },
  handlesRise:      { host: 1,   terminal: 1 },
  judgedMinutesMin: 10,
} as const;

export function conclude(who: string, kind: 'host' | 'terminal', samples: readonly Sample[]): Conclusion {
  const looks = new Map<number, Sample[]>();
  for (const one of samples) if (one.who === who) looks.set(one.pid, [...(looks.get(one.pid) ?? []), one]);
  // The first look at a process may fall into its start, when it has all its modules open at once.
  const lives = [...looks.values()].map((life) => life.slice(1));
  const own = lives.flat();
  const lasted = (life: readonly Sample[]) => (life.at(-1)?.at ?? 0) - (life[0]?.at ?? 0);
  const longest = lives.toSorted((a, b) => lasted(b) - lasted(a))[0] ?? [];
  const middle = (longest[0]?.at ?? 0) + lasted(longest) / 2;
  const half = longest.filter(({ at }) => at >= middle);
  const slope = (value: (one: Sample) => number) =>
    half.length < 2 ? 0 : slopeAnHour(half.map((one) => ({ at: one.at, value: value(one) })));
  const peak = (value: (one: Sample) => number) => own.reduce((max, one) => Math.max(max, value(one)), 0);
  const measured = {
    rssPeakMiB: rounded(peak(({ rss }) => rss) / MIB),
    rssMiBAnHour: rounded(slope(({ rss }) => rss) / MIB),
    heapMiBAnHour: rounded(slope(({ heapUsed }) => heapUsed) / MIB),
    handlesPeak: peak(({ handles }) => handles),
    handlesRise: riseOfLeast(longest.map(({ handles }) => handles)),
  };
  const minutes = rounded(lasted(half) / 60_000);
  const isJudged = (name: keyof typeof measured) =>
    name.endsWith('Peak') || name === 'rssPeakMiB' || minutes >= BOUNDS.judgedMinutesMin;
  const complaints = (Object.keys(measured) as (keyof typeof measured)[])
    .filter((name) => isJudged(name) && measured[name] > BOUNDS[name][kind])
    .map((name) => `${who}: ${name} ${measured[name]}, at most ${BOUNDS[name][kind]}`);
  if (own.length === 0) complaints.push(`${who}: no sample was taken`);
  const loopDelayMsMax = rounded(peak(({ loopDelayMs }) => loopDelayMs));
  return { who, samples: own.length, minutes, ...measured, loopDelayMsMax, complaints };
}

function riseOfLeast(values: readonly number[]): number {
  const third = Math.floor(values.length / 3);
  return third === 0 ? 0 : Math.min(...values.slice(-third)) - Math.min(...values.slice(0, third));
}

const rounded = (value: number) => Math.round(value * 10) / 10;
