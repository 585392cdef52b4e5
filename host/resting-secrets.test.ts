import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { wrapAnew } from './resting-secrets.ts';
import type { CommitItem, StorePort } from './store/port.ts';
import type { SealedWorkingKeys, TerminalRow } from './store/rows.ts';

const anew = suite('working keys after a change of the master key');

/** As the vault does it: what rests under the earlier master key is wrapped anew, the rest stays as it is. */
const vault = { resealed: (sealed: string) => sealed.replace('earlier', 'current') };

anew(
  'those of every terminal that rest under the earlier one are wrapped anew, under its row’s version',
  async () => {
    const rows = [
      terminal('1', keys('earlier', null), null),
      terminal('2', keys('current', null), keys('earlier', 'earlier')),
      terminal('3', keys('current', 'current'), null),
      terminal('4', null, null),
    ];
    const items: CommitItem[] = [];
    const wrapped = await wrapAnew(storeOf(rows, items), vault);
    assert.is(wrapped, 2);
    assert.equal(items, [
      item(terminal('1', keys('current', null), null, 8)),
      item(terminal('2', keys('current', null), keys('current', 'current'), 8)),
    ]);
  },
);

anew('a terminal that changed meanwhile is left: its keys are new', async () => {
  const store = storeOf([terminal('1', keys('earlier', null), null)], []);
  const conflict = { kind: 'version', table: 'terminals', key: '1', version: 7 } as const;
  const commit = () => Promise.resolve([{ committed: false, conflict, failure: null } as const]);
  assert.is(await wrapAnew({ ...store, commit }, vault), 0);
});

anew.run();

function keys(under: string, tdk: string | null): SealedWorkingKeys {
  return { mode: '003', pik: `pik ${under}`, mak: `mak ${under}`, tdk };
}

function terminal(
  terminalId: string,
  now: SealedWorkingKeys | null,
  previousKeys: SealedWorkingKeys | null,
  version = 7,
): TerminalRow {
  const row = { terminalId, version, batch: 1, keys: now, previousKeys, previousKeysUntil: null };
  return { ...row, macFailures: 0, speaksDe57: false, wanted: 0 };
}

function item(row: TerminalRow): CommitItem {
  const guard = { kind: 'version', table: 'terminals', key: row.terminalId, version: 7 } as const;
  return { guards: [guard], changes: { terminals: [row] }, journal: [] };
}

function storeOf(rows: readonly TerminalRow[], items: CommitItem[]): Pick<StorePort, 'scan' | 'commit'> {
  return {
    async *scan() {
      yield rows as never;
    },
    commit: async (added) => {
      items.push(...added);
      return added.map(() => ({ committed: true, head: '', sequence: 1 }) as const);
    },
  };
}
