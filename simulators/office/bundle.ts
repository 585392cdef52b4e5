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
