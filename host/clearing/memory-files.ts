/** Settlement files in memory, for tests and simulations: the same promises, but nothing outlives the process. */
import { PosError } from '../../protocol/index.ts';
import { checkFileName, type FilePort } from './file-port.ts';

export interface MemoryFiles extends FilePort {
  /** All files, names sorted. */
  snapshot(): ReadonlyMap<string, Buffer>;
}

export function memoryFiles(): MemoryFiles {
  const files = new Map<string, Buffer>();
  return {
    write(name, bytes) {
      checkFileName(name);
      if (files.has(name)) return Promise.reject(new PosError('FILE_EXISTS', name));
      files.set(name, Buffer.from(bytes));
      return Promise.resolve();
    },
    read: (name) => Promise.resolve(files.get(name)),
    list: () => Promise.resolve([...files.keys()].sort()),
    snapshot: () => new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}
