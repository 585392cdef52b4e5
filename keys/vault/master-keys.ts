/** The master key in use, those before it that still open, and the key blocks under them. */
import { ensure, PosError } from '../../protocol/index.ts';
import { unwrapKeyBlock, wrapKeyBlock } from '../key-block/key-block.ts';
import type { MasterKeyOrigin } from './key-file.ts';
import { type RestingKey, readRestingHeader, restingHeader } from './key-header.ts';
import type { MasterKey } from './master-key.ts';

export interface KeptMasterKey {
  readonly key: MasterKey;
  readonly origin: MasterKeyOrigin;
}

/** What came out of a block. The caller wipes the bytes. */
interface Opened {
  readonly key: RestingKey;
  readonly master: MasterKey;
  readonly bytes: Buffer;
}

export class MasterKeys {
  readonly #random: (bytes: number) => Buffer;
  #kept: readonly KeptMasterKey[];

  /** @param kept at least one; the first is in use */
  constructor(kept: readonly KeptMasterKey[], random: (bytes: number) => Buffer) {
    this.#kept = kept;
    this.#random = random;
  }

  get current(): MasterKey {
    const [first] = this.#kept;
    ensure(first !== undefined, 'a store has a master key');
    return first.key;
  }

  get keys(): readonly MasterKey[] {
    return this.#kept.map(({ key }) => key);
  }

  get origins(): readonly MasterKeyOrigin[] {
    return this.#kept.map(({ origin }) => origin);
  }

  /** It comes into use; the ones before only open. */
  add(kept: KeptMasterKey): void {
    this.#kept = [kept, ...this.#kept];
  }

  /** Wipes all but the one in use. */
  dropEarlier(): void {
    const [first, ...earlier] = this.#kept;
    ensure(first !== undefined, 'a store has a master key');
    this.#kept = [first];
    for (const { key } of earlier) key.wipe();
  }

  /** The key as a block under the master key in use. */
  wrap(key: RestingKey, checkValue: string, bytes: Buffer): string {
    return wrapKeyBlock(this.current.kbpk, restingHeader(key, checkValue), bytes, this.#random);
  }

  /** Opens a block under the master key in use, or an earlier one. @throws KEY_BLOCK_BAD */
  unwrap(block: string): Opened {
    let refusal: unknown;
    for (const { key: master } of this.#kept) {
      try {
        const { header, key: bytes } = unwrapKeyBlock(master.kbpk, block);
        try {
          return { key: readRestingHeader(header), master, bytes };
        } catch (error) {
          bytes.fill(0);
          throw error;
        }
      } catch (error) {
        // Said is why the master key in use refused it.
        refusal ??= error;
      }
    }
    throw refusal;
  }

  /** The block of a working key. @throws SEAL_BROKEN */
  unwrapWorking(sealed: string): Opened {
    try {
      const opened = this.unwrap(sealed);
      if (opened.key.life === null) return opened;
      opened.bytes.fill(0);
    } catch (error) {
      if (!(error instanceof PosError) || error.code !== 'KEY_BLOCK_BAD') throw error;
      throw new PosError('SEAL_BROKEN', `it is no working key of this vault: ${error.detail}`, {
        cause: error,
      });
    }
    throw new PosError('SEAL_BROKEN', 'it is the block of a named key, not of a working key');
  }

  wipe(): void {
    for (const { key } of this.#kept) key.wipe();
  }
}
