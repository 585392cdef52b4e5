/**
 * One worker of the world: runs seeds, or exact points, and writes one JSON line for each on standard output.
 * Started by `npm run world`, which shares the work among processes and sums up.
 */
import { parseArgs } from 'node:util';
import type { FaultName } from '../faults.ts';
import { World } from '../world.ts';
import { cutAt, type Point } from './points.ts';

/** What a worker says of one seed or one point. */
export interface WorkerLine {
  readonly seed: number | null;
  readonly about: string;
  readonly steps: number;
  readonly transactions: number;
  readonly powerCuts: number;
  readonly faults: number;
  readonly violations: readonly { readonly check: string; readonly detail: string }[];
  /** Only where something is wrong, or it was asked for. */
  readonly timeline: readonly string[];
}

/** What a worker is told, as one JSON line on standard input. */
export type WorkerOrder =
  | {
      readonly seed: number;
      readonly faults?: readonly FaultName[];
      readonly at?: number;
      readonly show: boolean;
    }
  | { readonly point: Point };

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { order: { type: 'string', multiple: true } } });
  for (const order of values.order ?? []) tell(await obey(JSON.parse(order) as WorkerOrder));
  if (values.order !== undefined) return;
  let rest = '';
  for await (const chunk of process.stdin) {
    rest += String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') tell(await obey(JSON.parse(line) as WorkerOrder));
  }
}

async function obey(order: WorkerOrder): Promise<WorkerLine> {
  return 'point' in order ? onePoint(order.point) : oneSeed(order);
}

async function oneSeed(order: Extract<WorkerOrder, { readonly seed: number }>): Promise<WorkerLine> {
  const { seed, faults, at, show } = order;
  let world: World;
  try {
    world = await World.open({
      seed,
      ...(faults !== undefined && { faults }),
      ...(at !== undefined && { at }),
    });
  } catch (error) {
    return notBegun(seed, error);
  }
  try {
    const { steps, transactions, powerCuts, faultsStruck, violations } = await world.run();
    const timeline = show || violations.length > 0 ? world.timeline.lines() : [];
    return {
      seed,
      about: `seed ${seed}`,
      steps,
      transactions,
      powerCuts,
      faults: faultsStruck,
      violations,
      timeline,
    };
  } finally {
    world.close();
  }
}

/** Not even its first morning came about: a defect that shows in every world. */
function notBegun(seed: number, error: unknown): WorkerLine {
  const violations = [{ check: 'genesis', detail: `the world cannot begin: ${String(error)}` }];
  const counts = { steps: 0, transactions: 0, powerCuts: 0, faults: 0 };
  return { seed, about: `seed ${seed}`, ...counts, violations, timeline: [] };
}

async function onePoint(point: Point): Promise<WorkerLine> {
  const { about, violations, timeline, steps, transactions, powerCuts } = await cutAt(point);
  return {
    seed: null,
    about,
    steps,
    transactions,
    powerCuts,
    faults: powerCuts,
    violations,
    timeline: violations.length > 0 ? timeline : [],
  };
}

function tell(line: WorkerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

await main();
