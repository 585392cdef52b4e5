/**
 * Where settlement files go, as the clearing sees it. The real one is `folder-files.ts`; tests keep bytes
 * in a map.
 */
import { PosError } from '../../protocol/index.ts';

export interface FilePort {
  /**
   * Writes a new file whole: after this resolves the bytes are durable under that name, and before it
   * nothing is. Rejects with FILE_EXISTS when the name is taken, whatever it holds.
   */
  write(name: string, bytes: Buffer): Promise<void>;
  /** The bytes, or undefined when there is no such file. */
  read(name: string): Promise<Buffer | undefined>;
  /** All names, sorted. A file that is still being written is not among them. */
  list(): Promise<readonly string[]>;
}

const SAFE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/;

/** A name that can leave the folder or hide in it is refused: it may come from a URL or an identifier. */
export function checkFileName(name: string): void {
  if (!SAFE_NAME.test(name) || name.includes('..')) {
    throw new PosError('REQUEST_BAD', `文件名 file name: ${JSON.stringify(name.slice(0, 40))}`);
  }
}
