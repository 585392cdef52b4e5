/** The load as a process of its own: a job as JSON on standard input, one JSON line a phase on standard output. */
import { text } from 'node:stream/consumers';
import { ulid } from 'ulid';
import { ensure } from '../../protocol/index.ts';
import type { LoadJob, LoadPhase, PhaseResult } from './job.ts';
import { type Sale, Teller } from './teller.ts';

const SETTLE_MS = 10_000;

/** A sale that was sent, and when it was due. */
interface Done {
  readonly sale: Sale;
  readonly dueAt: number;
}

const job = JSON.parse(await text(process.stdin)) as LoadJob;
const tellers: Teller[] = [];
for (const terminal of job.terminals) tellers.push(await Teller.open(job.port, terminal));
let serial = 0;

for (const phase of job.phases) {
  const sales = prepare(phase.requestsMax);
  ensure(globalThis.gc !== undefined, 'the load is started with --expose-gc');
  globalThis.gc();
  process.stdout.write(`${JSON.stringify({ ready: phase.name })}\n`);
  const before = process.cpuUsage();
  const done = 'inFlight' in phase ? await closed(phase, sales) : await open(phase, sales);
  const { user, system } = process.cpuUsage(before);
  process.stdout.write(`${JSON.stringify(result(phase, done, user + system))}\n`);
}
for (const teller of tellers) teller.close();

function prepare(count: number): Sale[] {
  return Array.from({ length: count }, () => {
    const teller = tellers[serial % tellers.length];
    const card = job.cards[(serial * 7) % job.cards.length];
    ensure(teller !== undefined && card !== undefined, 'there are terminals and cards');
    serial += 1;
    return teller.sale(card, job.amount, ulid());
  });
}

/** Each worker sends its next request when its last one is answered. */
function closed(phase: LoadPhase & { readonly inFlight: number }, sales: readonly Sale[]): Promise<Done[]> {
  const done: Done[] = [];
  const until = performance.now() + phase.seconds * 1_000;
  const lanes = lanesOf(sales);
  return new Promise((resolve) => {
    let working = phase.inFlight;
    const goOn = (lane: Sale[]) => {
      const next = performance.now() < until ? lane.pop() : undefined;
      if (next === undefined) stop();
      else
        next.teller.send(next, (sale) => {
          done.push({ sale, dueAt: sale.sentAt });
          if (sale.answer === null) stop();
          else goOn(lane);
        });
    };
    const stop = () => {
      working -= 1;
      if (working === 0) resolve(done);
    };
    for (let worker = 0; worker < phase.inFlight; worker += 1) goOn(lanes[worker % lanes.length] ?? []);
  });
}

/** By terminal, the next request last: traces must go up. */
function lanesOf(sales: readonly Sale[]): Sale[][] {
  return tellers.map((teller) => sales.filter((each) => each.teller === teller).reverse());
}

/** Sending never waits for an answer: what is due is sent, within a millisecond where this process gets its time. */
async function open(
  phase: LoadPhase & { readonly perSecond: number },
  sales: readonly Sale[],
): Promise<Done[]> {
  const done: Done[] = [];
  const waiting = new Set<Done>();
  const start = performance.now();
  const count = Math.min(sales.length, Math.floor(phase.seconds * phase.perSecond));
  for (let at = 0; at < count; ) {
    const due = Math.min(count, Math.floor(((performance.now() - start) / 1_000) * phase.perSecond) + 1);
    for (; at < due; at += 1) {
      const next = sales[at] as Sale;
      const dueAt = start + (at * 1_000) / phase.perSecond;
      const sent: Done = { sale: next, dueAt };
      waiting.add(sent);
      next.teller.send(next, () => {
        waiting.delete(sent);
        done.push(sent);
      });
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const settledBy = performance.now() + SETTLE_MS;
  while (waiting.size > 0 && performance.now() < settledBy)
    await new Promise((resolve) => setTimeout(resolve, 1));
  // What is not answered by now counts as never answered.
  return [...done, ...waiting];
}

/** @param cpuMicros processor time of this process while the clock ran */
function result(phase: LoadPhase, done: readonly Done[], cpuMicros: number): PhaseResult {
  const codes: Record<string, number> = {};
  for (const { sale } of done) {
    const code = sale.answer === null ? 'none' : sale.teller.judge(sale.answer, sale.trace);
    codes[code] = (codes[code] ?? 0) + 1;
  }
  const first = Math.min(...done.map(({ dueAt }) => dueAt).slice(0, 1_000));
  const counted = done.filter(
    ({ dueAt, sale }) => sale.answer !== null && dueAt >= first + phase.warmSeconds * 1_000,
  );
  const latencies = sorted(counted.map(({ sale }) => sale.answeredAt - sale.sentAt));
  const lateness = sorted(counted.map(({ dueAt, sale }) => sale.sentAt - dueAt));
  const ends = counted.map(({ sale }) => sale.answeredAt);
  const last = ends.reduce((latest, end) => Math.max(latest, end), 0);
  return {
    name: phase.name,
    answered: counted.length,
    seconds: Math.max(0, last - first) / 1_000 - phase.warmSeconds,
    codes,
    p50: at(latencies, 0.5),
    p99: at(latencies, 0.99),
    p999: at(latencies, 0.999),
    lateP50: at(lateness, 0.5),
    lateP99: at(lateness, 0.99),
    loadCpuMicros: cpuMicros / Math.max(1, done.length),
  };
}

function sorted(values: number[]): readonly number[] {
  return values.sort((a, b) => a - b);
}

function at(values: readonly number[], share: number): number {
  return (
    Math.round((values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0) * 1_000) / 1_000
  );
}
