/** The host's commit mark on a simulated disk: two sectors of one file, as on a real one. */
import { type MarkSlots, SLOT_BYTES } from '../../../host/index.ts';
import { never } from '../machine.ts';
import type { DiskDoor } from './disk.ts';
import { PowerIsOff } from './disk.ts';

export function markSlots(mount: DiskDoor, path: string): MarkSlots {
  const opened = () => {
    if (mount.exists(path)) return mount.open(path);
    const file = mount.create(path);
    file.write(0, Buffer.alloc(2 * SLOT_BYTES));
    file.sync();
    mount.syncDirectory('/');
    return file;
  };
  return {
    read: (slot) =>
      settled(() => {
        if (!mount.exists(path)) return null;
        const bytes = Buffer.alloc(SLOT_BYTES);
        return bytes.subarray(0, mount.open(path).read(bytes, slot * SLOT_BYTES));
      }),
    write: (slot, bytes) =>
      settled(() => {
        const file = opened();
        file.write(slot * SLOT_BYTES, bytes);
        file.sync();
      }),
  };
}

async function settled<T>(act: () => T): Promise<T> {
  try {
    return act();
  } catch (error) {
    if (error instanceof PowerIsOff) return never();
    throw error;
  }
}
