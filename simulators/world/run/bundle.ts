/**
 * The world as one file that Node runs at once, with or without a planted bug compiled in. The bugs live in no
 * source: a plan names a file, the text that is there and the text that a hasty author might have written.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { PosError } from '../../../protocol/index.ts';
import { BUNDLED } from '../../office/index.ts';
import { PLANTED_BUGS, type PlantedBug, type PlantedBugName } from './planted-bugs.ts';

/** @param options.root the project's folder; @param options.to the file to write */
export async function bundleWorld(options: {
  readonly root: string;
  readonly to: string;
  readonly bug?: PlantedBugName;
}): Promise<void> {
  const { root, to, bug } = options;
  await build({
    ...BUNDLED,
    entryPoints: [join(root, 'simulators/world/run/main.ts')],
    outfile: to,
    sourcemap: 'inline',
    plugins: bug === undefined ? [] : [planting(root, PLANTED_BUGS[bug])],
  });
}

/** @throws INVARIANT when the text is not there exactly once: a bug that is not planted would never be caught */
export function planted(source: string, { file, find, plant }: PlantedBug): string {
  const parts = source.split(find);
  if (parts.length !== 2)
    throw new PosError('INVARIANT', `${file}: the text to plant a bug in is there ${parts.length - 1} times`);
  return parts.join(plant);
}

function planting(root: string, bug: PlantedBug): Plugin {
  return {
    name: 'planted bug',
    setup(building) {
      building.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        if (path !== join(root, bug.file)) return undefined;
        return { contents: planted(await readFile(path, 'utf8'), bug), loader: 'ts' };
      });
    },
  };
}
