/** Opens the vault in software: self-test, then the key file, or a new one. */
import { PosError } from '../../protocol/index.ts';
import { SoftRemoteLoading } from '../remote/soft-remote-loading.ts';
import { type Custodian, type MasterKeyOrigin, newKeyFileLock, openKeyFile } from './key-file.ts';
import type { KeyEvent, KeyLogHead, KeyLogPort } from './key-log.ts';
import { KeyStore } from './key-store.ts';
import { MASTER_KEY_BYTES, MasterKey } from './master-key.ts';
import { selfTest } from './self-test.ts';
import { StoreVault } from './store-vault.ts';
import type { KeyFilePort, Vault } from './vault.ts';

interface VaultOptions {
  /** Cryptographic randomness. */
  readonly random: (bytes: number) => Buffer;
  /** Known test keys and repeated keys are taken: for tests and demonstrations. Default false. */
  readonly testMode?: boolean;
  /** Replaced only to show that a failing test keeps the vault shut. */
  readonly selfTest?: () => void;
}

/** Everything lives in memory only and is gone at the end. */
interface MemoryVaultOptions extends VaultOptions {
  readonly file?: undefined;
}

/** Keys rest in a file. */
export interface FileVaultOptions extends VaultOptions {
  readonly file: KeyFilePort;
  /** Opens or makes the file. The caller wipes it. */
  readonly passphrase: Buffer;
  /** When keys were made, retired …: milliseconds since 1970. */
  readonly now: () => number;
  /** What is done to keys is written here, before the file. None: nowhere. */
  readonly log?: KeyLogPort;
  /**
   * Only a restore takes a key file that is older than the log beside it. Is told which acts of the log that file does
   * not have. Default: such a file is refused.
   */
  readonly takesOlder?: (missing: readonly KeyEvent[]) => void;
  /**
   * Is told, once the vault is about to open, that the log is not the one that the key file knows: it lost its end, or is
   * gone. Then nothing shows whether the key file is the newest.
   */
  readonly warns?: (what: string) => void;
  /** Refuses to make a new file: a mistyped path must not start an empty vault. Default false. */
  readonly mustExist?: boolean;
}

export type SoftVaultOptions = MemoryVaultOptions | FileVaultOptions;

/**
 * Runs the self-test, then opens the key file or makes a new one (durable before this resolves).
 *
 * @throws SELF_TEST, KEY_FILE
 */
export async function openSoftVault(options: SoftVaultOptions): Promise<Vault> {
  const store = await openKeyStore(options);
  return new StoreVault(options.random, store, new SoftRemoteLoading(options.random, store));
}

/** The store behind the vault, for whoever looks after keys. @throws SELF_TEST, KEY_FILE */
export async function openKeyStore(options: SoftVaultOptions): Promise<KeyStore> {
  (options.selfTest ?? selfTest)();
  if (options.file === undefined) return memoryStore(options);
  const bytes = await options.file.read();
  if (bytes !== undefined) return storeFromFile(options, bytes);
  if (options.mustExist === true)
    throw new PosError('KEY_FILE', 'key file: it does not exist: check its path');
  const master = options.random(MASTER_KEY_BYTES);
  try {
    return await newKeyStore(options, master, { from: 'generated', custodians: [], by: 'vault' });
  } finally {
    master.fill(0);
  }
}

/**
 * A new key file under this master key, durable before this resolves.
 *
 * @param from who entered its components; `generated`: this machine made it
 * @param by who asked, for the log
 * @throws KEY_FILE
 */
export async function newKeyStore(
  { random, file, passphrase, now, log, testMode }: FileVaultOptions,
  master: Buffer,
  {
    from,
    custodians,
    by,
  }: Pick<MasterKeyOrigin, 'from'> & { readonly custodians: readonly Custodian[]; readonly by: string },
): Promise<KeyStore> {
  const lock = await newKeyFileLock(passphrase, random);
  const key = new MasterKey(master);
  const { checkValue } = key;
  const store = new KeyStore({
    random,
    now,
    masters: [{ key, origin: { checkValue, created: now(), from } }],
    disk: { file, lock, logHead: null, ...(log === undefined ? {} : { log }) },
    custodians,
    testMode: testMode ?? false,
  });
  store.note({ act: 'master key in use', subject: 'master key', checkValue, by });
  await store.saved();
  return store;
}

function memoryStore({ random, testMode }: MemoryVaultOptions): KeyStore {
  const bytes = random(MASTER_KEY_BYTES);
  const key = new MasterKey(bytes);
  bytes.fill(0);
  // A vault that is gone at the end of its process shows no times to anybody.
  const now = () => 0;
  const origin = { checkValue: key.checkValue, created: now(), from: 'generated' } as const;
  return new KeyStore({ random, now, masters: [{ key, origin }], testMode: testMode ?? false });
}

async function storeFromFile(options: FileVaultOptions, bytes: Buffer): Promise<KeyStore> {
  const { random, file, passphrase, now, log, testMode } = options;
  const { lock, masters, content } = await openKeyFile(bytes, passphrase);
  const store = new KeyStore({
    random,
    now,
    masters: masters.map((key, index) => {
      const origin = content.masters[index];
      if (origin === undefined) throw new PosError('KEY_FILE', 'key file: a master key without its origin');
      return { key, origin };
    }),
    disk: { file, lock, logHead: content.log, ...(log === undefined ? {} : { log }) },
    custodians: content.custodians,
    destroyed: content.destroyed,
    testMode: testMode ?? false,
  });
  try {
    for (const block of content.blocks) store.restore(block);
    if (log !== undefined && content.log !== null) await compareWithLog(store, log, content.log, options);
    return store;
  } catch (error) {
    store.close();
    throw error;
  }
}

/**
 * Holds the key file against the log beside it. What a power cut explains is told in the log, and the vault opens: a
 * shop must not stand still for it. Nor for a log that is gone: then an older key file is not seen to be one, and whoever
 * opens the vault is warned.
 *
 * @throws KEY_FILE a newer key file was here: this one was put back
 */
async function compareWithLog(
  store: KeyStore,
  log: KeyLogPort,
  known: KeyLogHead,
  { takesOlder, warns }: FileVaultOptions,
): Promise<void> {
  const { records, head } = known;
  const tell = async (act: string, detail: string) => {
    store.note({ act, subject: 'key log', by: 'vault', detail });
    await store.saved();
  };
  const behind = await log.behind(known);
  if (behind === null) {
    const gap = `the key file names record ${records} with head ${head}; this log has not got it`;
    warns?.(gap);
    await tell('log gap', gap);
    return;
  }
  if (behind.length === 0) return;
  if (takesOlder !== undefined) takesOlder(behind);
  else if (behind.some(({ file = 0 }) => file > records))
    throw new PosError(
      'KEY_FILE',
      `key file: it is older than the log beside it: it knows ${records} records of ${records + behind.length}, and a newer one was here. Put the newest back; if there is none, move this one into a folder and take it by: npm run keys -- restore FOLDER`,
    );
  await tell(
    'key file behind its log',
    `it knows ${records} records of ${records + behind.length}: what the others tell is not in it`,
  );
}
