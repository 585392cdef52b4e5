/**
 * Every point, not only random ones: for each kind of transaction the power goes before each effect of it in
 * turn, on either side; and twice, the second time within the recovery. Counted, listed, judged by the same
 * checks as the random worlds.
 */
import type { Violation } from '../checks/checks.ts';
import type { Effect, EffectKind, Machine } from '../machine.ts';
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
  readonly afterCut: Way;
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
export type Way = (typeof WAYS)[number];

/**
 * The effects behind which a cut leaves something else on the disk, or somebody outside knows more, than before
 * them. What was only written is lost in the one way, and there already before its sync in the other.
 */
const TELLING: Readonly<Record<Way, ReadonlySet<EffectKind>>> = {
  'lose everything un-synced': new Set(['disk sync', 'socket byte']),
  'keep everything': new Set(['disk write', 'disk name', 'socket byte']),
};
/**
 * Pairs of the host with every write kept are left to the random worlds: each frame of an uncommitted WAL would
 * begin some thirty of them, two thousand for a sale.
 */
const PAIRED: Readonly<Record<Side, readonly Way[]>> = {
  terminal: WAYS,
  host: ['lose everything un-synced'],
};
const SEED = 1;

/** The world of one script, calm but for what is planned at the last task. */
async function scripted(
  script: PointScript,
  afterCut: Way,
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

/**
 * The effects of the recovery on that side after one cut: until everything that it left open is in order, on
 * both sides. What follows, the closing of the day, has points of its own.
 */
export async function recoveryOf(point: Point): Promise<readonly Effect[]> {
  let stop: (() => readonly Effect[]) | null = null;
  const world = await scripted(point.script, point.afterCut, (begun) => {
    const machine = machineOf(begun, point.side);
    machine.cutBeforeEffect(point.effect);
    machine.onCut(() => {
      stop ??= machine.record();
    });
  });
  world.open();
  await world.trade();
  await world.recover();
  const effects = stop === null ? [] : (stop as () => readonly Effect[])();
  world.close();
  return effects;
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
    for (const way of WAYS) {
      singles.push(...(await singlePoints(script, side, way)));
      if (withPairs && PAIRED[side].includes(way)) pairs.push(...(await pairsOf(script, side, way)));
    }
  }
  return { singles, pairs };
}

/** All single points of a script on one side: each effect. */
export async function singlePoints(
  script: PointScript,
  side: Side,
  afterCut: Way,
): Promise<readonly Point[]> {
  const effects = await effectsOf(script, side);
  return effects.map((_, index) => ({ script, side, effect: index + 1, second: null, afterCut }));
}

/** Two cuts on one side: each state in which the first can leave the world, with each that the second can. */
export async function pairsOf(script: PointScript, side: Side, afterCut: Way): Promise<readonly Point[]> {
  const pairs: Point[] = [];
  for (const effect of differentCuts(await effectsOf(script, side), afterCut)) {
    const first: Point = { script, side, effect, second: null, afterCut };
    const seconds = differentCuts(await recoveryOf(first), afterCut);
    pairs.push(...seconds.map((second) => ({ ...first, second })));
  }
  return pairs;
}

/** Of cuts that leave the same behind the first: the number of the effect, from 1, before which each comes. */
export function differentCuts(effects: readonly Effect[], way: Way): readonly number[] {
  let hasTold = true;
  return effects.flatMap(({ kind }, index) => {
    const isDifferent = hasTold;
    hasTold = TELLING[way].has(kind);
    return isDifferent ? [index + 1] : [];
  });
}

export function tell({ script, side, effect, second, afterCut }: Point): string {
  const twice = second === null ? '' : `, again before effect ${second} of its recovery`;
  return `${script}: ${side} cut before effect ${effect}${twice}; ${afterCut}`;
}
