/**
 * The bytes of one file in pages of 4,096. A copy shares its pages with the original until one of the two
 * writes, so that an image of a file costs a list of pointers.
 */

const PAGE_BYTES = 4_096;
const ZEROS: Buffer = Buffer.alloc(PAGE_BYTES);

export class PagedBytes {
  #pages: Buffer[];
  #length: number;
  /** Pages that nobody else holds, by number: only these are written in place. */
  readonly #own = new Set<number>();

  private constructor(pages: Buffer[], length: number) {
    this.#pages = pages;
    this.#length = length;
  }

  static empty(): PagedBytes {
    return new PagedBytes([], 0);
  }

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  /** An image of now. Both go on by themselves. */
  copy(): PagedBytes {
    this.#own.clear();
    return new PagedBytes(this.#pages.slice(), this.#length);
  }

  /** Fills `into` from `offset` on. @returns how many bytes there were; what is behind them is left alone */
  read(into: Uint8Array, offset: number): number {
    const end = Math.min(offset + into.length, this.#length);
    for (let at = offset; at < end; ) {
      const inPage = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - inPage, end - at);
      into.set(this.#page(at).subarray(inPage, inPage + count), at - offset);
      at += count;
    }
    return Math.max(0, end - offset);
  }

  /** Writes at `offset`; a gap before it is filled with zeros. */
  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    this.#growTo(end);
    for (let at = offset; at < end; ) {
      const inPage = at % PAGE_BYTES;
      const count = Math.min(PAGE_BYTES - inPage, end - at);
      const part = bytes.subarray(at - offset, at - offset + count);
      if (count === PAGE_BYTES) this.#replace(at, Buffer.from(part));
      else this.#owned(at).set(part, inPage);
      at += count;
    }
  }

  /** Cuts to `length` bytes, or fills up to them with zeros. */
  truncate(length: number): void {
    if (length >= this.#length) {
      this.#growTo(length);
      return;
    }
    const inPage = length % PAGE_BYTES;
    if (inPage > 0) this.#owned(length).fill(0, inPage);
    const pages = Math.ceil(length / PAGE_BYTES);
    for (let page = pages; page < this.#pages.length; page += 1) this.#own.delete(page);
    this.#pages.length = pages;
    this.#length = length;
  }

  toBuffer(): Buffer {
    return Buffer.concat(this.#pages, this.#length);
  }

  #growTo(length: number): void {
    const pages = Math.ceil(length / PAGE_BYTES);
    while (this.#pages.length < pages) this.#pages.push(ZEROS);
    this.#length = Math.max(this.#length, length);
  }

  #page(at: number): Buffer {
    return this.#pages[Math.floor(at / PAGE_BYTES)] ?? ZEROS;
  }

  #owned(at: number): Buffer {
    const page = Math.floor(at / PAGE_BYTES);
    return this.#own.has(page) ? this.#page(at) : this.#replace(at, Buffer.from(this.#page(at)));
  }

  #replace(at: number, bytes: Buffer): Buffer {
    const page = Math.floor(at / PAGE_BYTES);
    this.#pages[page] = bytes;
    this.#own.add(page);
    return bytes;
  }
}
