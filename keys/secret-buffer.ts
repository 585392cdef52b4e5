/** Memory for secrets that can be wiped. */

/**
 * Zeros outside of V8's heap. `Buffer.alloc` of at most 64 bytes lies on the heap: the collector moves it, and
 * a native call (`fill` among them) goes on with a copy; either way the bytes from before stay where nobody
 * wipes them. PINs and keys were found so in a host's memory.
 */
export function secretBuffer(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes));
}
