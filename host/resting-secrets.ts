/**
 * What rests in a database only this host's own key file opens. Before anything is served, one text of
 * each kind is opened: a database with another installation's key file would find no card, judge every
 * MAC as wrong, and seal new cards that the old keys never open.
 */
import type { Vault } from '../keys/index.ts';
import { PosError } from '../protocol/index.ts';
import { clearNumber } from './cards/card-number.ts';
import type { HostKeys } from './deps.ts';
import type { StorePort } from './store/port.ts';
import type { CardRow, SealedWorkingKeys, TerminalRow } from './store/rows.ts';

/** One of each, where there is one. */
export interface RestingSecrets {
  readonly card: CardRow | null;
  /** A terminal with working keys. */
  readonly terminal: TerminalRow | null;
}

export async function restingSecrets(store: Pick<StorePort, 'scan'>): Promise<RestingSecrets> {
  return {
    card: await first(store.scan('cards'), () => true),
    terminal: await first(store.scan('terminals'), ({ keys }) => keys !== null),
  };
}

/**
 * Opens them.
 *
 * @throws SEAL_BROKEN naming the row that did not open and what to do
 */
export function proveOpens(
  parts: { readonly vault: Vault; readonly keys: Pick<HostKeys, 'lookup' | 'data'> },
  { card, terminal }: RestingSecrets,
): void {
  if (card !== null) opens(`card ${card.cardId}`, () => clearNumber(parts, card));
  const mak = terminal?.keys?.mak;
  if (terminal !== null && mak !== undefined)
    opens(`terminal ${terminal.terminalId}`, () => parts.vault.openSealed(mak));
}

/**
 * After a change of the vault's master key, working keys still rest under the one before: they are wrapped
 * anew, so that it can be destroyed. A terminal that signs in meanwhile gets new keys anyway.
 *
 * @returns how many terminals' keys were wrapped anew
 * @throws SEAL_BROKEN
 */
export async function wrapAnew(
  store: Pick<StorePort, 'scan' | 'commit'>,
  vault: Pick<Vault, 'resealed'>,
): Promise<number> {
  let wrapped = 0;
  for await (const page of store.scan('terminals')) {
    const items = page.flatMap((row) => {
      const keys = anew(vault, row.keys);
      const previousKeys = anew(vault, row.previousKeys);
      if (keys === row.keys && previousKeys === row.previousKeys) return [];
      const { terminalId, version } = row;
      const guard = { kind: 'version', table: 'terminals', key: terminalId, version } as const;
      const changed = { ...row, version: version + 1, keys, previousKeys };
      return [{ guards: [guard], changes: { terminals: [changed] }, journal: [] }];
    });
    const outcomes = items.length === 0 ? [] : await store.commit(items);
    wrapped += outcomes.filter(({ committed }) => committed).length;
  }
  return wrapped;
}

/** The very same object when nothing has to change. */
function anew(vault: Pick<Vault, 'resealed'>, keys: SealedWorkingKeys | null): SealedWorkingKeys | null {
  if (keys === null) return null;
  const pik = vault.resealed(keys.pik);
  const mak = vault.resealed(keys.mak);
  const tdk = keys.tdk === null ? null : vault.resealed(keys.tdk);
  return pik === keys.pik && mak === keys.mak && tdk === keys.tdk ? keys : { ...keys, pik, mak, tdk };
}

function opens(row: string, open: () => unknown): void {
  try {
    open();
  } catch (error) {
    const why = error instanceof PosError ? error.detail : 'it cannot be opened';
    throw new PosError(
      'SEAL_BROKEN',
      `数据库与密钥文件不配套 database and key file do not belong together: ${row}: ${why}。` +
        '请恢复同一次备份的 host.sqlite 与 keys.sealed put back host.sqlite and keys.sealed of one installation',
      { cause: error },
    );
  }
}

async function first<Row>(
  pages: AsyncIterable<readonly Row[]>,
  fits: (row: Row) => boolean,
): Promise<Row | null> {
  for await (const page of pages) {
    const found = page.find(fits);
    if (found !== undefined) return found;
  }
  return null;
}
