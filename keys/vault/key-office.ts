/**
 * What those who look after keys may do, and the host may not: it stands beside the vault over the same
 * store, and is opened by `npm run keys` only. Every act takes the name of who does it, for the key log.
 */
import { PosError } from '../../protocol/index.ts';
import { wrapKeyBlock } from '../key-block/key-block.ts';
import { combineComponents } from '../material/key-quality.ts';
import { refuseKnownKey } from '../material/known-keys.ts';
import type { Custodian, DestroyedKey, MasterKeyOrigin } from './key-file.ts';
import { headerPlaces } from './key-header.ts';
import type { KeyRecord, KeyStore } from './key-store.ts';
import { MasterKey } from './master-key.ts';
import { StoreVault } from './store-vault.ts';
import type { KeyUse, NewKey, Vault } from './vault.ts';
import { withOpenedBlock, withZoneKey } from './zone-key.ts';

/** What is kept under these is read for years: a successor could not open it. */
const KEYS_OF_CARDS: readonly KeyUse[] = ['pin-verification', 'card-verification', 'lookup', 'data'];

/** Dual control needs two. */
const CUSTODIANS_MIN = 2;

export class KeyOffice {
  readonly vault: Vault;
  readonly #store: KeyStore;
  readonly #random: (bytes: number) => Buffer;

  constructor(store: KeyStore, random: (bytes: number) => Buffer) {
    this.#store = store;
    this.#random = random;
    this.vault = new StoreVault(random, store);
  }

  get records(): readonly KeyRecord[] {
    return this.vault.names().map(({ name }) => this.#store.record(name));
  }

  get destroyed(): readonly DestroyedKey[] {
    return this.#store.destroyed;
  }

  /** The master key in use first; behind it those that still open what they once protected. */
  get masters(): readonly MasterKeyOrigin[] {
    return this.#store.masters.origins;
  }

  get custodians(): readonly Custodian[] {
    return this.#store.custodians;
  }

  enrol(custodian: Custodian, by: string): void {
    const others = this.#store.custodians.filter(({ name }) => name !== custodian.name);
    if (others.length < this.#store.custodians.length)
      throw new PosError('ALREADY_EXISTS', `custodian ${custodian.name} is enrolled`);
    this.#store.custodians = [...others, custodian];
    this.#store.note({ act: 'custodian enrolled', subject: custodian.name, by });
  }

  /** @throws NOT_FOUND; NOT_ALLOWED_NOW fewer than two would remain: what needs two could not be done any more */
  dismiss(name: string, by: string): void {
    const others = this.#store.custodians.filter((one) => one.name !== name);
    if (others.length === this.#store.custodians.length) throw new PosError('NOT_FOUND', `custodian ${name}`);
    if (others.length < CUSTODIANS_MIN)
      throw new PosError(
        'NOT_ALLOWED_NOW',
        `${CUSTODIANS_MIN} custodians must remain: enrol a successor first`,
      );
    this.#store.custodians = others;
    this.#store.note({ act: 'custodian dismissed', subject: name, by });
  }

  /** @throws KEY_UNKNOWN, KEY_USE it serves already */
  activate(name: string, by: string): void {
    if (this.#store.record(name).activated !== null) throw new PosError('KEY_USE', `key ${name} is active`);
    this.#store.changeLife(name, { activated: this.#store.now() }, { act: 'key activated', by });
  }

  /** From now on it opens and verifies only. @throws KEY_UNKNOWN, KEY_USE */
  retire(name: string, by: string): void {
    if (this.#store.record(name).retired !== null) throw new PosError('KEY_USE', `key ${name} is retired`);
    this.#store.changeLife(name, { retired: this.#store.now() }, { act: 'key retired', by });
  }

  /**
   * A new key takes the name; the old one retires under the name with a number behind it.
   *
   * @returns the name of the old one
   * @throws KEY_UNKNOWN; KEY_USE what rests under it could not be opened any more
   */
  rotate(name: string, by: string): string {
    const { checkValue, created, activated, retired, ...old } = this.#store.record(name);
    if (KEYS_OF_CARDS.includes(old.use))
      throw new PosError(
        'KEY_USE',
        `${name}: cards rest under a ${old.use} key: it is not rotated but replaced with them`,
      );
    let number = 1;
    while (this.vault.find(`${name}@${number}`) !== undefined) number += 1;
    const aside = `${name}@${number}`;
    this.#store.setAside(name, aside);
    const { cryptoperiodDays, ...rest } = old;
    this.vault.generate({ ...rest, ...(cryptoperiodDays === null ? {} : { cryptoperiodDays }), by });
    this.#store.note({ act: 'key rotated', subject: aside, checkValue, by, detail: `succeeded by ${name}` });
    return aside;
  }

  /** A key that a ceremony made. The caller wipes it. @throws KEY_BAD, ALREADY_EXISTS */
  enter(key: NewKey, bytes: Buffer): void {
    this.#store.add(key, bytes, 'key from a ceremony');
  }

  /**
   * Takes a key from a partner's key block.
   *
   * @param zmk name of the zone master key that both hold
   * @throws KEY_BLOCK_BAD the block was changed, or its header names no use of this vault; KEY_USE the header
   *   names another use than asked for
   */
  importBlock(key: NewKey, zmk: string, block: string): KeyRecord {
    withOpenedBlock(this.#store, this.#store.handleOf(zmk), block, ({ use, algorithm, mustStay, bytes }) => {
      if (use !== key.use || algorithm !== key.algorithm)
        throw new PosError(
          'KEY_USE',
          `the block holds a ${algorithm} ${use} key, not a ${key.algorithm} ${key.use} key`,
        );
      if (mustStay && key.exportable === true)
        throw new PosError('KEY_USE', `${key.name}: its block says that it must not leave again`);
      this.#store.add(key, bytes, `key imported under ${zmk}`);
    });
    return this.#store.record(key.name);
  }

  /**
   * A key as a block for a partner: version D under an AES zone key, B under triple DES. It says that it must
   * not be passed on.
   *
   * @throws KEY_USE it must not leave, or does not serve; KEY_BLOCK_BAD the zone key is too weak for it
   */
  exportBlock(name: string, zmk: string, by: string): string {
    const { handle, bytes } = this.#leaving(name);
    try {
      const block = withZoneKey(this.#store, this.#store.handleOf(zmk), 'protect', (kbpk) =>
        wrapKeyBlock(
          kbpk,
          {
            version: kbpk.protection === 'aes' ? 'D' : 'B',
            ...headerPlaces(handle),
            exportability: 'N',
            keyContext: '0',
            optional: [],
          },
          bytes,
          this.#random,
        ),
      );
      const { checkValue } = handle;
      this.#store.note({ act: `key exported under ${zmk}`, subject: name, checkValue, by });
      return block;
    } finally {
      bytes.fill(0);
    }
  }

  /**
   * A key as components, of which all together make it and fewer say nothing: each for the eyes of one
   * custodian. The caller wipes them.
   *
   * @throws KEY_USE it must not leave, or does not serve
   */
  splitForExport(name: string, count: 2 | 3, by: string): readonly Buffer[] {
    const { handle, bytes } = this.#leaving(name);
    const masks = Array.from({ length: count - 1 }, () => this.#random(bytes.length));
    const last = masks.length === 1 ? Buffer.from(masks[0] as Buffer) : combineComponents(masks, name);
    for (let at = 0; at < bytes.length; at += 1) last[at] = (last[at] as number) ^ (bytes[at] as number);
    bytes.fill(0);
    const { checkValue } = handle;
    this.#store.note({ act: `key exported in ${count} components`, subject: name, checkValue, by });
    return [...masks, last];
  }

  /**
   * A new master key comes into use. Call `rewrapNext` until it returns null, saving after each; a cut in
   * between is made good by going on from there.
   *
   * @throws NOT_ALLOWED_NOW the one before is not finished; KEY_BAD
   */
  changeMaster(bytes: Buffer, from: MasterKeyOrigin['from'], by: string): MasterKeyOrigin {
    if (this.masters.length > 1)
      throw new PosError(
        'NOT_ALLOWED_NOW',
        'an earlier master key still opens keys: finish that change first',
      );
    refuseKnownKey(bytes, 'master key');
    const key = new MasterKey(bytes);
    const origin = { checkValue: key.checkValue, created: this.#store.now(), from };
    if (origin.checkValue === this.masters[0]?.checkValue) {
      key.wipe();
      throw new PosError('KEY_BAD', 'master key: it is the one in use');
    }
    this.#store.masters.add({ key, origin });
    this.#store.note({ act: 'master key in use', subject: 'master key', checkValue: origin.checkValue, by });
    return origin;
  }

  /** @returns the name of the key that rests under the master key in use now, null when none was left */
  rewrapNext(by: string): string | null {
    const name = this.#store.rewrapNext();
    if (name !== null) this.#store.note({ act: 'key wrapped anew', subject: name, by });
    return name;
  }

  /**
   * Destroys the earlier master key. Working keys in a database that still rest under it are lost; the host
   * wraps them anew at its start.
   *
   * @throws NOT_ALLOWED_NOW keys still rest under it, or there is none
   */
  finishMasterChange(by: string): void {
    const [, earlier] = this.masters;
    if (earlier === undefined) throw new PosError('NOT_ALLOWED_NOW', 'there is no earlier master key');
    if (this.#store.restsUnderEarlier)
      throw new PosError(
        'NOT_ALLOWED_NOW',
        'keys still rest under the earlier master key: wrap them anew first',
      );
    this.#store.masters.dropEarlier();
    const { checkValue } = earlier;
    this.#store.note({ act: 'master key destroyed', subject: 'master key', checkValue, by });
  }

  note(act: string, subject: string, by: string): void {
    this.#store.note({ act, subject, by });
  }

  async saved(): Promise<void> {
    await this.#store.saved();
  }

  /** The caller wipes the bytes. */
  #leaving(name: string) {
    const { exportable, activated, retired } = this.#store.record(name);
    if (!exportable) throw new PosError('KEY_USE', `key ${name} was made to stay: it is not exportable`);
    if (activated === null || retired !== null) throw new PosError('KEY_USE', `key ${name} is not active`);
    const handle = this.#store.handleOf(name);
    return { handle, bytes: this.#store.held.copyOf(handle) };
  }
}
