/** Memory for secrets that can be wiped. */

/**
 * Zeros outside of V8's heap. `Buffer.alloc` of at most 64 bytes lies on the heap: the collector moves it, and
 * a native call (`fill` among them) goes on with a copy; either way the bytes from before stay where nobody
 * wipes them. PINs and keys were found so in a host's memory.
 */
export function secretBuffer(bytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(bytes));
}

/**
 * Zeros from node's pool, which lies outside of V8's heap too and costs a sixth: for a secret that is wiped before its
 * message is answered. One that stays would keep a whole slab of the pool from being freed.
 */
export function passingSecret(bytes: number): Buffer {
  return Buffer.allocUnsafe(bytes).fill(0);
}

/** Zeros over a few bytes of a secret: for so few, `fill` is a call into the engine that costs more than the bytes. */
export function wipe(secret: Buffer): void {
  for (let at = 0; at < secret.length; at += 1) secret[at] = 0;
}
