/**
 * Programs as one file each, as a machine in service runs them: they start in a third of the time, and nothing
 * compiles while they run. `npm run build` writes the host into `out/program`.
 */
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { ROOT } from './office.ts';

/** Packages stay outside: the file must lie inside the project, so that they are found from there. */
export const BUNDLED: BuildOptions = {
  absWorkingDir: ROOT,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'error',
};

/**
 * How Node runs a host in service: units, container and npm say the same (`bundle.test.ts`).
 *
 * What a sale leaves behind is garbage at once, but for the rows that are kept in memory: they grow old and are
 * replaced one by one. So what is new has much room, and the whole heap is looked through when it is four times what
 * lives in it, not at each 10 MB, which was every few thousand sales. Some hundred kilobytes live on from what is
 * new: to wake other threads for them costs more than to copy them.
 */
export const HOST_FLAGS: readonly string[] = [
  '--max-semi-space-size=32',
  '--heap-growing-percent=300',
  '--no-parallel-scavenge',
];

/**
 * The threads beside JavaScript's, in its environment. Commits, folding, looks and marks take one each, and Node has four: a
 * settlement file or a log that is written then would make a sale wait.
 */
export const HOST_ENV: Readonly<Record<string, string>> = { UV_THREADPOOL_SIZE: '8' };

/**
 * @param programs by the name of the file to be written, without `.mjs`: its source, from the project's root
 * @param folder where to
 */
export async function bundle(programs: Readonly<Record<string, string>>, folder: string): Promise<void> {
  await build({
    ...BUNDLED,
    entryPoints: { ...programs },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    sourcemap: 'linked',
  });
}

/** The host as one file: what units and containers start. @returns its path */
export async function bundleHost(folder = join(ROOT, 'out', 'program')): Promise<string> {
  await bundle({ host: 'host/main.ts' }, folder);
  return join(folder, 'host.mjs');
}
