/** SM3, the Chinese hash. Source: GM/T 0004-2012 (GB/T 32905). */
import { createHash } from 'node:crypto';

/**
 * @returns 32 bytes
 * @example 'abc' gives 66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0 (GM/T 0004, A.1)
 */
export function sm3(...parts: readonly Buffer[]): Buffer {
  const hash = createHash('sm3');
  for (const part of parts) hash.update(part);
  return hash.digest();
}
