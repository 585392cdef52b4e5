/** Many worlds at once: workers in processes of their own, orders given out one by one, lines gathered. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { PosError } from '../../../protocol/index.ts';
import type { FaultName } from '../faults.ts';
import type { WorkerLine, WorkerOrder } from './main.ts';

export type { WorkerLine, WorkerOrder };

/** Worlds die young: with a larger young generation a seed takes a fifth less. */
const NODE_OPTIONS = ['--enable-source-maps', '--max-semi-space-size=64'] as const;

export interface FleetOptions {
  /** The world as one file, see `bundle.ts`. */
  readonly program: string;
  readonly workers: number;
  readonly orders: Iterable<WorkerOrder>;
  /** Called for each line as it comes; false ends the fleet. */
  readonly onLine: (line: WorkerLine, order: WorkerOrder) => boolean;
}

/** Resolves when all orders are obeyed, or `onLine` said that it is enough. Rejects when a worker dies. */
export async function runFleet({ program, workers, orders, onLine }: FleetOptions): Promise<void> {
  const waiting = orders[Symbol.iterator]() as Iterator<WorkerOrder, undefined>;
  let isOver = false;
  const next = (): WorkerOrder | null => {
    if (isOver) return null;
    const order: IteratorResult<WorkerOrder, undefined> = waiting.next();
    return order.done === true ? null : order.value;
  };
  const children: ChildProcessWithoutNullStreams[] = [];
  const work = async (): Promise<void> => {
    const child = spawn(process.execPath, [...NODE_OPTIONS, program], { stdio: 'pipe' });
    children.push(child);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-4_000);
    });
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    const lines: AsyncIterator<string, undefined> = createInterface({ input: child.stdout })[
      Symbol.asyncIterator
    ]();
    for (let order = next(); order !== null; order = next()) {
      child.stdin.write(`${JSON.stringify(order)}\n`);
      const line: IteratorResult<string, undefined> = await lines.next();
      if (line.done === true) {
        const status = await ended;
        if (isOver) return;
        throw new PosError('INVARIANT', `a worker died (${status}) at ${JSON.stringify(order)}:\n${said}`);
      }
      if (!onLine(JSON.parse(line.value) as WorkerLine, order)) isOver = true;
    }
    child.stdin.end();
    await ended;
  };
  try {
    await Promise.all(Array.from({ length: workers }, work));
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

/** Seeds one after the other. @param faults these alone; undefined: each seed draws its own */
export function* seedOrders(
  from: number,
  count: number,
  faults?: readonly FaultName[],
): Iterable<WorkerOrder> {
  for (let seed = from; seed < from + count; seed += 1)
    yield { seed, show: false, ...(faults !== undefined && { faults }) };
}
