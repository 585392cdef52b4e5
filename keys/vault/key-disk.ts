/** What a vault keeps on a disk: one write at a time, each taking along all that changed until it began. */
import { formatKeyFile, type KeyFileContent, type KeyFileLock, sealMasterKeys } from './key-file.ts';
import type { KeyEvent, KeyLogHead, KeyLogPort } from './key-log.ts';
import type { MasterKey } from './master-key.ts';
import type { KeyFilePort } from './vault.ts';

export interface KeyDiskOptions {
  readonly file: KeyFilePort;
  readonly lock: KeyFileLock;
  /** None: acts are not logged. */
  readonly log?: KeyLogPort;
  readonly logHead: KeyLogHead | null;
  readonly random: (bytes: number) => Buffer;
}

/** The state of a vault at one moment; the master key in use comes first. */
export interface KeyFileSnapshot {
  readonly masters: readonly MasterKey[];
  readonly content: Omit<KeyFileContent, 'log'>;
}

/** A snapshot whose secrets are sealed already, so that the vault may be wiped before it is written. */
interface Ready {
  readonly sealedMasters: string;
  readonly master: Pick<MasterKey, 'fileMac'>;
  readonly content: Omit<KeyFileContent, 'log'>;
}

export class KeyDisk {
  readonly #options: KeyDiskOptions;
  readonly #snapshot: () => KeyFileSnapshot;
  #events: KeyEvent[] = [];
  #logHead: KeyLogHead | null;
  /** What the key file on the disk knows of the log; null: there is none yet. */
  #fileHead: KeyLogHead | null;
  #unsaved = false;
  #failureTold = false;
  /** Of a vault that was closed with something unsaved. */
  #last: Ready | null = null;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: KeyDiskOptions, snapshot: () => KeyFileSnapshot) {
    this.#options = options;
    this.#logHead = options.logHead;
    this.#fileHead = options.logHead;
    this.#snapshot = snapshot;
  }

  /** Begins to save, behind what is being saved. A later save makes good an earlier failure. */
  save(events: readonly KeyEvent[]): void {
    this.#events.push(...events);
    this.#unsaved = true;
    this.#failureTold = false;
    this.#saving = this.#saving.catch(() => undefined).then(() => this.#write());
    // A failure waits for whoever asks `saved()`; it must not end the process before.
    this.#saving.catch(() => undefined);
  }

  /** Who asks again after a failure was told has it tried once more. */
  async saved(): Promise<void> {
    if (this.#failureTold) this.save([]);
    try {
      await this.#saving;
    } catch (error) {
      this.#failureTold = true;
      throw error;
    }
  }

  /** Before the vault is wiped: what is not saved yet is sealed now, and still reaches the disk. */
  close(wipe: () => void): void {
    if (this.#unsaved) this.#last = this.#ready();
    // The write that is under way needs the master key to bind the lines.
    void this.#saving
      .catch(() => undefined)
      .then(() => {
        this.#options.lock.key.fill(0);
        wipe();
      });
  }

  async #write(): Promise<void> {
    // An earlier write took this change along.
    if (!this.#unsaved) return;
    this.#unsaved = false;
    const ready = this.#last ?? this.#ready();
    const events = this.#events;
    this.#events = [];
    try {
      // The log first: what was done to a key is never on the disk without its line.
      if (events.length > 0 && this.#options.log !== undefined)
        this.#logHead = await this.#options.log.append(this.#witnessed(events)).catch((error: unknown) => {
          this.#events = [...events, ...this.#events];
          throw error;
        });
      const { sealedMasters, master, content } = ready;
      const { file, lock } = this.#options;
      const log = this.#logHead;
      await file.write(formatKeyFile(lock, sealedMasters, master, { ...content, log }));
      this.#fileHead = log;
    } catch (error) {
      this.#unsaved = true;
      throw error;
    }
  }

  /** Each line says how new the key file was: one that is put back later is seen to be older. */
  #witnessed(events: readonly KeyEvent[]): readonly KeyEvent[] {
    const head = this.#fileHead;
    return head === null ? events : events.map((event) => ({ ...event, file: head.records }));
  }

  #ready(): Ready {
    const { masters, content } = this.#snapshot();
    const [master] = masters;
    return {
      sealedMasters: sealMasterKeys(this.#options.lock, masters, this.#options.random),
      master: master as MasterKey,
      content,
    };
  }
}
