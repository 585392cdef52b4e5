/** Adapter: the printer's slips as picture files. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimulatedDevices } from './start-devices.ts';

/** Writes every slip that came out so far as `slip-001.svg` and so on; returns the paths. Makes the folder. */
export async function savePictures(devices: SimulatedDevices, dir: string): Promise<readonly string[]> {
  await mkdir(dir, { recursive: true });
  const names: string[] = [];
  for (const [at, { svg }] of devices.printer.slips().entries()) {
    const name = join(dir, `slip-${String(at + 1).padStart(3, '0')}.svg`);
    await writeFile(name, svg);
    names.push(name);
  }
  return names;
}
