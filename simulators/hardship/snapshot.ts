/**
 * Host and terminal as they are in the source now, each bundled into one file: a long run is of one
 * state of the code, and a killed process is back in half the time.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { bundle, type HostProgram, ROOT } from '../office/index.ts';

export interface Snapshot {
  readonly host: HostProgram;
  readonly terminal: HostProgram;
  remove(): Promise<void>;
}

/** @param nodeOptions for both, as `--expose-gc` */
export async function takeSnapshot(nodeOptions: readonly string[] = []): Promise<Snapshot> {
  // Inside the project, so that packages are found from there.
  const parent = join(ROOT, 'out', 'hardship');
  await mkdir(parent, { recursive: true });
  const folder = await mkdtemp(join(parent, 'snapshot-'));
  await bundle(
    {
      host: 'host/main.ts',
      terminal: 'simulators/hardship/terminal-child.ts',
      probe: 'simulators/hardship/probe.ts',
    },
    folder,
  );
  const program = (name: string): HostProgram => ({
    command: process.execPath,
    args: [...nodeOptions, '--import', join(folder, 'probe.mjs'), join(folder, `${name}.mjs`)],
  });
  return {
    host: program('host'),
    terminal: program('terminal'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
