/** Which source files the project has: what the scripts work on. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The project's root, with a trailing slash. */
export const ROOT = new URL('../', import.meta.url).pathname;

const ROOMS = ['protocol', 'keys', 'terminal', 'host', 'simulators', 'scripts'] as const;

/** All files of the six rooms whose name ends so, relative to the root, sorted. */
export function sourceFiles(ending: string): readonly string[] {
  return ROOMS.flatMap((room) =>
    readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => join(room, name)),
  ).sort();
}
