/** The latest version of each document of one kind, in id order. */

/** One version of a document. */
export interface Version {
  readonly version: number;
  readonly body: unknown;
}

/**
 * Changed where it is: a host has 100,000 terminals, and to copy or sort them for each one that is written takes the time of
 * hundreds of sales.
 */
export class Shelf {
  readonly #versions = new Map<string, Version>();
  /** Ascending. */
  #ids: string[] = [];

  get(id: string): Version | undefined {
    return this.#versions.get(id);
  }

  /** Puts a document in the place of the one that has its id. */
  put(id: string, version: Version): void {
    if (!this.#versions.has(id)) {
      // What is read in id order goes to the end.
      if (id > (this.#ids.at(-1) ?? '')) this.#ids.push(id);
      else this.#ids.splice(this.#placeBehind(id), 0, id);
    }
    this.#versions.set(id, version);
  }

  /** All versions, in id order. */
  values(): readonly Version[] {
    return this.#ids.map((id) => this.#versions.get(id) as Version);
  }

  /** Those behind an id, which need not be there (`''`: from the first), so many at the most. */
  behind(id: string, max: number): readonly Version[] {
    const place = this.#placeBehind(id);
    return this.#ids.slice(place, place + max).map((each) => this.#versions.get(each) as Version);
  }

  /** How many ids are not above this one. */
  #placeBehind(id: string): number {
    let [from, to] = [0, this.#ids.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if ((this.#ids[middle] as string) <= id) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
