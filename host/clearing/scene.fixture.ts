/** A closed day to clear, for tests. */

import { fen, PosError } from '../../protocol/index.ts';
import type { StorePort } from '../store/port.ts';
import { cutOver } from './cut-over.ts';
import type { FilePort } from './file-port.ts';
import { memoryFiles } from './memory-files.ts';
import type { Pause } from './pieces.ts';
import { runClearing } from './run.ts';
import { FIRST_DAY, type OpenSample, playFirstDay, type SampleWorld, sampleWorld } from './sample-day.ts';

export const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
export const who = { person: '李结算', reason: '日终清算' };
export const HOUR = 3_600_000;

export interface Scene {
  readonly world: SampleWorld;
  readonly files: ReturnType<typeof memoryFiles>;
}
export async function closedDay(open?: OpenSample): Promise<Scene> {
  const world = await sampleWorld(open);
  await playFirstDay(world);
  world.pass(13 * HOUR);
  await cutOver(world, who);
  return { world, files: memoryFiles() };
}
export const clear = (
  { world, files }: Scene,
  changes: Partial<{ store: StorePort; files: FilePort; pause: Pause }> = {},
  businessDate = FIRST_DAY,
) => runClearing({ ...world, files, log, ...changes }, { businessDate, ...who });
export const codeIs =
  (code: string, part = '') =>
  (error: unknown) =>
    error instanceof PosError && error.code === code && error.message.includes(part);

export async function soleLot(world: SampleWorld, more: number) {
  const { lots } = await world.store.read({ accountIds: ['A1'] });
  const [lot] = lots;
  if (lot === undefined) throw new Error('no lot');
  return { ...lot, remaining: fen(lot.remaining + more) };
}
