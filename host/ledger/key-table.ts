/**
 * Numbers for keys, 0, 1, 2 … in the order in which they come: a map from millions of texts that costs some 70 bytes a key,
 * outside of the JavaScript heap, which ends at 4 GB and ends the process with it. A Map takes twice that inside of it.
 */

/** By their hashes: what makes room in one large table takes a second, in which nobody else works. */
const SHARDS = 256;
/** Bytes of one piece of the keys' texts: they grow without being copied. */
const PIECE_BITS = 14;
const PIECE = 2 ** PIECE_BITS;
const SLOTS_FIRST = 16;
const ASCII_LAST = 0x7f;

export class KeyTable {
  readonly #shards = Array.from({ length: SHARDS }, () => new Shard());
  /** Keys that are not ASCII, longer than a piece, or empty: none of ours is, but what a damaged row says is a key, too. */
  readonly #odd = new Map<string, number>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The number of a key; undefined where it never came. */
  find(key: string): number | undefined {
    const hash = hashOf(key);
    if (hash === null) return this.#odd.get(key);
    return this.#shardOf(hash).find(key, hash);
  }

  /** The number of a key, which is given one where it has none. */
  numberOf(key: string): number {
    const known = this.find(key);
    if (known !== undefined) return known;
    const hash = hashOf(key);
    const number = this.#size;
    this.#size += 1;
    if (hash === null) this.#odd.set(key, number);
    else this.#shardOf(hash).add(key, hash, number);
    return number;
  }

  /** All keys with their numbers, those of one hash's shard together: the same keys are always cut the same way. */
  *shards(): Iterable<Iterable<readonly [key: string, number: number]>> {
    for (const shard of this.#shards) if (shard.size > 0) yield shard.pairs();
    if (this.#odd.size > 0) yield this.#odd;
  }

  #shardOf(hash: number): Shard {
    return this.#shards[(hash ^ (hash >>> 16)) & (SHARDS - 1)] as Shard;
  }
}

/** 32 bits; null for what has no place in a piece: what is not ASCII, too long, or empty, whose piece may not be there. */
function hashOf(key: string): number | null {
  if (key === '' || key.length > PIECE) return null;
  let hash = 0;
  let all = 0;
  for (let at = 0; at < key.length; at += 1) {
    const code = key.charCodeAt(at);
    all |= code;
    hash = (Math.imul(hash, 31) + code) | 0;
  }
  return all > ASCII_LAST ? null : hash;
}

/** Open addressing: a slot holds the place of a key in the lists below, plus one. */
class Shard {
  #slots = new Int32Array(SLOTS_FIRST);
  #hashes = new Int32Array(SLOTS_FIRST / 2);
  #numbers = new Int32Array(SLOTS_FIRST / 2);
  /** Where each key's text begins: the piece, and the place in it in the lower bits. */
  #starts = new Uint32Array(SLOTS_FIRST / 2);
  #lengths = new Uint16Array(SLOTS_FIRST / 2);
  readonly #pieces: Buffer[] = [];
  /** Where the next one may begin. */
  #end = 0;
  size = 0;

  find(key: string, hash: number): number | undefined {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = spread(hash) & mask; ; slot = (slot + 1) & mask) {
      const place = (slots[slot] as number) - 1;
      if (place < 0) return undefined;
      if (this.#hashes[place] === hash && this.#isAt(place, key)) return this.#numbers[place];
    }
  }

  /** @param key not there yet */
  add(key: string, hash: number, number: number): void {
    if (this.size === this.#numbers.length) this.#grow();
    const place = this.size;
    this.size += 1;
    this.#hashes[place] = hash;
    this.#numbers[place] = number;
    this.#starts[place] = this.#write(key);
    this.#lengths[place] = key.length;
    this.#put(place);
  }

  *pairs(): Iterable<readonly [key: string, number: number]> {
    for (let place = 0; place < this.size; place += 1)
      yield [this.#textAt(place), this.#numbers[place] as number];
  }

  #textAt(place: number): string {
    const start = this.#starts[place] as number;
    const from = start % PIECE;
    const piece = this.#pieces[start >>> PIECE_BITS] as Buffer;
    return piece.toString('latin1', from, from + (this.#lengths[place] as number));
  }

  #isAt(place: number, key: string): boolean {
    if (this.#lengths[place] !== key.length) return false;
    const start = this.#starts[place] as number;
    const piece = this.#pieces[start >>> PIECE_BITS] as Buffer;
    const from = start % PIECE;
    for (let at = 0; at < key.length; at += 1) if (piece[from + at] !== key.charCodeAt(at)) return false;
    return true;
  }

  /** Where it begins. */
  #write(key: string): number {
    // A text lies in one piece.
    const room = this.#pieces.length * PIECE;
    if (this.#end + key.length > room) {
      this.#end = room;
      this.#pieces.push(Buffer.allocUnsafeSlow(PIECE));
    }
    const start = this.#end;
    (this.#pieces[start >>> PIECE_BITS] as Buffer).write(key, start % PIECE, 'latin1');
    this.#end += key.length;
    return start;
  }

  #put(place: number): void {
    const mask = this.#slots.length - 1;
    let slot = spread(this.#hashes[place] as number) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = place + 1;
  }

  /** Half of the slots stay free. */
  #grow(): void {
    const most = this.#numbers.length * 2;
    this.#hashes = copied(this.#hashes, new Int32Array(most));
    this.#numbers = copied(this.#numbers, new Int32Array(most));
    this.#starts = copied(this.#starts, new Uint32Array(most));
    this.#lengths = copied(this.#lengths, new Uint16Array(most));
    this.#slots = new Int32Array(most * 2);
    for (let place = 0; place < this.size; place += 1) this.#put(place);
  }
}

/** All bits count for the slot: those of one shard share some. */
function spread(hash: number): number {
  return Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 4;
}

function copied<T extends Int32Array | Uint32Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
