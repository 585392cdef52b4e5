/**
 * Every point, not only random ones: for each kind of transaction the power goes before each effect of it in
 * turn, on either side, and again before each lasting effect of the recovery. Counted, listed, judged by the
 * same checks as the random worlds.
 */
import type { Violation } from '../checks/checks.ts';
import type { AfterCut } from '../disk/disk.ts';
import { type Effect, LASTING_EFFECTS, type Machine } from '../machine.ts';
import type { Task } from '../people/counter.ts';
import { World } from '../world.ts';

/** What a clerk does first, so that the last one can be done; the last one is looked at. */
// biome-ignore format: a table is read by column
export const POINT_SCRIPTS = {
  'sign-in':                ['signin'],
  'balance':                ['balance'],
  'sale':                   ['sale'],
  'sale by till':           ['sale'],
  'void':                   ['sale', 'void'],
  'refund':                 ['sale', 'refund'],
  'pre-authorisation':      ['preauth'],
  'pre-authorisation void': ['preauth', 'preauth-void'],
  'completion':             ['preauth', 'complete'],
  'completion void':        ['preauth', 'complete', 'completion-void'],
  'settlement':             ['sale', 'settle'],
} as const satisfies Record<string, readonly Task[]>;
export type PointScript = keyof typeof POINT_SCRIPTS;

export type Side = 'terminal' | 'host';

/** One place at which the power goes: before the effect of that number, counted from the task's beginning. */
export interface Point {
  readonly script: PointScript;
  readonly side: Side;
  readonly effect: number;
  /** The second cut: before that effect of the recovery, on the same side; null: none. */
  readonly second: number | null;
  /** What the disk keeps of what was not synced. */
  readonly afterCut: AfterCut;
}

export interface PointResult {
  readonly about: string;
  readonly steps: number;
  readonly transactions: number;
  readonly powerCuts: number;
  readonly violations: readonly Violation[];
  readonly timeline: readonly string[];
}

/** What may be left of un-synced writes at an exact point; torn ones are drawn by the random worlds. */
const WAYS = ['lose everything un-synced', 'keep everything'] as const;
const SEED = 1;

/** The world of one script, calm but for what is planned at the last task. */
async function scripted(
  script: PointScript,
  afterCut: AfterCut,
  atLastTask: (world: World) => void,
): Promise<World> {
  const world = await World.open({
    seed: SEED,
    faults: [],
    terminals: 1,
    tasks: 0,
    byTill: script === 'sale by till' ? 10_000 : 0,
  });
  const tasks: readonly Task[] = POINT_SCRIPTS[script];
  const [counter] = world.counters;
  if (counter === undefined) throw new Error('a world has a shop');
  counter.shop.clerk.isCalm = true;
  counter.script = [...tasks];
  let begun = 0;
  counter.beforeTask = () => {
    begun += 1;
    if (begun === tasks.length) atLastTask(world);
  };
  world.office.afterCut = afterCut;
  counter.shop.afterCut = afterCut;
  return world;
}

function machineOf(world: World, side: Side): Machine {
  const [shop] = world.shops;
  return side === 'host' || shop === undefined ? world.office.machine : shop.machine;
}

/** The effects of the last task on one side, while nothing goes wrong. */
export async function effectsOf(script: PointScript, side: Side): Promise<readonly Effect[]> {
  let stop: (() => readonly Effect[]) | null = null;
  const world = await scripted(script, 'lose everything un-synced', (begun) => {
    stop = machineOf(begun, side).record();
  });
  world.open();
  await world.trade();
  const effects = (stop as unknown as () => readonly Effect[])();
  world.close();
  return effects;
}

/** The effects of the recovery on that side after one cut, up to the end of the world. */
export async function recoveryOf(point: Point): Promise<readonly Effect[]> {
  let stop: (() => readonly Effect[]) | null = null;
  const world = await scripted(point.script, point.afterCut, (begun) => {
    const machine = machineOf(begun, point.side);
    machine.cutBeforeEffect(point.effect);
    machine.onCut(() => {
      stop ??= machine.record();
    });
  });
  await world.run();
  world.close();
  return stop === null ? [] : (stop as () => readonly Effect[])();
}

/** Lets the power go there, and judges the world that comes out of it. */
export async function cutAt(point: Point): Promise<PointResult> {
  const world = await scripted(point.script, point.afterCut, (begun) => {
    const machine = machineOf(begun, point.side);
    machine.cutBeforeEffect(point.effect);
    let isFirst = true;
    machine.onCut(() => {
      if (isFirst && point.second !== null) machine.cutBeforeEffect(point.second);
      isFirst = false;
    });
  });
  world.keepsSecondCut = point.second !== null;
  try {
    const { steps, transactions, powerCuts, violations } = await world.run();
    return {
      about: tell(point),
      steps,
      transactions,
      powerCuts,
      violations,
      timeline: world.timeline.lines(),
    };
  } finally {
    world.close();
  }
}

/** Every point of a script on both sides, with all that the disks may keep; and the pairs, when they are asked for. */
export async function pointsOf(
  script: PointScript,
  withPairs: boolean,
): Promise<{ readonly singles: readonly Point[]; readonly pairs: readonly Point[] }> {
  const singles: Point[] = [];
  const pairs: Point[] = [];
  for (const side of ['terminal', 'host'] as const) {
    singles.push(...(await singlePoints(script, side, WAYS)));
    if (!withPairs) continue;
    const [way] = WAYS;
    const effects = await effectsOf(script, side);
    for (const point of await singlePoints(script, side, [way])) {
      const kind = effects[point.effect - 1]?.kind;
      if (kind !== undefined && LASTING_EFFECTS.has(kind)) pairs.push(...(await pairsAfter(point)));
    }
  }
  return { singles, pairs };
}

/** All single points of a script: each effect and each of the ways in which a disk may be left. */
export async function singlePoints(
  script: PointScript,
  side: Side,
  ways: readonly AfterCut[],
): Promise<readonly Point[]> {
  const effects = await effectsOf(script, side);
  return ways.flatMap((afterCut) =>
    effects.map((_, index) => ({ script, side, effect: index + 1, second: null, afterCut })),
  );
}

/** The pairs that begin with one point: each lasting effect of its recovery. */
export async function pairsAfter(point: Point): Promise<readonly Point[]> {
  const recovery = await recoveryOf(point);
  return recovery.flatMap(({ kind }, index) =>
    LASTING_EFFECTS.has(kind) ? [{ ...point, second: index + 1 }] : [],
  );
}

export function tell({ script, side, effect, second, afterCut }: Point): string {
  const twice = second === null ? '' : `, again before effect ${second} of its recovery`;
  return `${script}: ${side} cut before effect ${effect}${twice}; ${afterCut}`;
}
