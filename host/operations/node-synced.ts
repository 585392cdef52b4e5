import { open } from 'node:fs/promises';

/** When it resolves, what was written to this file or folder is on the disk. */
export async function synced(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
