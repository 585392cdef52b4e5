/** The load as a process of its own: a job as JSON on standard input, one JSON line a phase on standard output. */
import { text } from 'node:stream/consumers';
import { ulid } from 'ulid';
import { ensure } from '../../protocol/index.ts';
import type { LoadJob, LoadPhase, PhaseResult } from './job.ts';
import { type Exchange, Teller } from './teller.ts';

const SETTLE_MS = 10_000;

interface Prepared {
  readonly teller: Teller;
  readonly request: Buffer;
  readonly trace: string;
}
interface Done extends Prepared {
  readonly exchange: Exchange;
  /** Open load: when it should have been sent. */
  readonly dueAt: number;
}

const job = JSON.parse(await text(process.stdin)) as LoadJob;
const tellers: Teller[] = [];
for (const terminal of job.terminals) tellers.push(await Teller.open(job.port, terminal));
let serial = 0;

for (const phase of job.phases) {
  const prepared = prepare(phase.requestsMax);
  process.stdout.write(`${JSON.stringify({ ready: phase.name })}\n`);
  const done = 'inFlight' in phase ? await closed(phase, prepared) : await open(phase, prepared);
  process.stdout.write(`${JSON.stringify(result(phase, done))}\n`);
}
for (const teller of tellers) teller.close();

function prepare(count: number): Prepared[] {
  return Array.from({ length: count }, () => {
    const teller = tellers[serial % tellers.length];
    const card = job.cards[(serial * 7) % job.cards.length];
    ensure(teller !== undefined && card !== undefined, 'there are terminals and cards');
    serial += 1;
    return { teller, ...teller.sale(card, job.amount, ulid()) };
  });
}

/** Each worker sends its next request when its last one is answered. */
async function closed(
  phase: LoadPhase & { readonly inFlight: number },
  requests: Prepared[],
): Promise<Done[]> {
  const done: Done[] = [];
  const until = performance.now() + phase.seconds * 1_000;
  const lanes = lanesOf(requests);
  await Promise.all(
    Array.from({ length: phase.inFlight }, async (_, worker) => {
      const lane = lanes[worker % lanes.length] ?? [];
      for (let next = lane.pop(); next !== undefined && performance.now() < until; next = lane.pop()) {
        const exchange = await next.teller.send(next.request, next.trace);
        done.push({ ...next, exchange, dueAt: exchange.sentAt });
        if (exchange.answer === null) return;
      }
    }),
  );
  return done;
}

/** By terminal, the next request last: traces must go up. */
function lanesOf(requests: readonly Prepared[]): Prepared[][] {
  return tellers.map((teller) => requests.filter((each) => each.teller === teller).reverse());
}

/** What is due is sent at once: a request that could not be sent in time waits in our figures, too. */
async function open(
  phase: LoadPhase & { readonly perSecond: number },
  requests: Prepared[],
): Promise<Done[]> {
  const done: Done[] = [];
  const pending: Promise<void>[] = [];
  const start = performance.now();
  const count = Math.min(requests.length, Math.floor(phase.seconds * phase.perSecond));
  for (let at = 0; at < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - start) / 1_000) * phase.perSecond) + 1);
    for (; at < due; at += 1) {
      const next = requests[at] as Prepared;
      const dueAt = start + (at * 1_000) / phase.perSecond;
      pending.push(
        next.teller
          .send(next.request, next.trace)
          .then((exchange) => void done.push({ ...next, exchange, dueAt })),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.race([
    Promise.all(pending),
    new Promise((resolve) => setTimeout(resolve, SETTLE_MS).unref()),
  ]);
  return done;
}

function result(phase: LoadPhase, done: readonly Done[]): PhaseResult {
  const codes: Record<string, number> = {};
  for (const { exchange, teller, trace } of done) {
    const code = exchange.answer === null ? 'none' : teller.judge(exchange.answer, trace);
    codes[code] = (codes[code] ?? 0) + 1;
  }
  const first = Math.min(...done.map(({ dueAt }) => dueAt).slice(0, 1_000));
  const counted = done.filter(
    ({ dueAt, exchange }) => exchange.answer !== null && dueAt >= first + phase.warmSeconds * 1_000,
  );
  const latencies = counted.map(({ dueAt, exchange }) => exchange.answeredAt - dueAt).sort((a, b) => a - b);
  const ends = counted.map(({ exchange }) => exchange.answeredAt);
  const last = ends.reduce((latest, end) => Math.max(latest, end), 0);
  return {
    name: phase.name,
    answered: counted.length,
    seconds: Math.max(0, last - first) / 1_000 - phase.warmSeconds,
    codes,
    p50: at(latencies, 0.5),
    p99: at(latencies, 0.99),
    p999: at(latencies, 0.999),
  };
}

function at(sorted: readonly number[], share: number): number {
  return (
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 1_000) / 1_000
  );
}
