import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import type { Found, Wants } from './port.ts';
import { RowCache, together } from './row-cache.ts';
import { accountRow, cardRow, item, lotRow, terminalRow } from './sample-rows.ts';

const keeping = suite('rows that are kept');

const NOTHING: Found = {
  identities: [],
  transactions: [],
  cards: [],
  accounts: [],
  lots: [],
  terminals: [],
  batches: [],
  uploads: [],
  counters: new Map(),
  owedReversals: [],
  day: { businessDate: '20261122', version: 1, state: 'open', openedAt: 1, closedAt: null },
};
const terminals = (...ids: string[]): Found => ({ ...NOTHING, terminals: ids.map((id) => terminalRow(id)) });
const idsOf = (found: Found) => found.terminals.map(({ terminalId }) => terminalId).sort();

/** As a read of the store does it. @param database what it finds of what is lacking */
function read(cache: RowCache, wants: Wants, database: Found): Found {
  const lacking = cache.lacking(wants);
  const kept = cache.kept(wants);
  if (lacking === null) return kept;
  cache.keep(lacking, database);
  return together(wants, kept, database);
}

keeping('a wanted row that is put out by another wanted one is found all the same', () => {
  const cache = new RowCache(2);
  read(cache, { terminalIds: ['T1', 'T2'] }, terminals('T1', 'T2'));
  const wants = { terminalIds: ['T1', 'T3', 'T4'] };
  assert.equal(cache.lacking(wants)?.terminalIds, ['T3', 'T4']);
  assert.equal(idsOf(read(cache, wants, terminals('T3', 'T4'))), ['T1', 'T3', 'T4']);
  assert.equal(cache.lacking({ terminalIds: ['T1'] })?.terminalIds, ['T1'], 'it is gone now');
});

keeping('what is used last stays', () => {
  const cache = new RowCache(2);
  read(cache, { terminalIds: ['T1', 'T2'] }, terminals('T1', 'T2'));
  cache.kept({ terminalIds: ['T1'] });
  read(cache, { terminalIds: ['T3'] }, terminals('T3'));
  assert.is(cache.lacking({ terminalIds: ['T1', 'T3'] }), null);
  assert.equal(cache.lacking({ terminalIds: ['T2'] })?.terminalIds, ['T2']);
});

keeping('nothing is served before the open day is known, nor after all is forgotten', () => {
  const cache = new RowCache();
  assert.is.not(cache.lacking({}), null);
  cache.keep({}, NOTHING);
  assert.is(cache.lacking({}), null);
  cache.clear();
  assert.is.not(cache.lacking({}), null);
});

keeping(
  'a card without its account is asked for; an account follows what is committed of it and its lots',
  () => {
    const cache = new RowCache();
    const [card, account] = [cardRow('K1', 'A1'), accountRow('A1')];
    const lots = [lotRow('L1', 'A1'), lotRow('L2', 'A1')];
    const wants = { panHashes: [card.panHash] };
    cache.keep({}, { ...NOTHING, cards: [card] });
    assert.equal(cache.lacking(wants)?.panHashes, [card.panHash]);
    cache.keep({}, { ...NOTHING, cards: [card], accounts: [account], lots });
    cache.committed(
      item({
        accounts: [{ ...account, version: 2 }],
        lots: [lotRow('L1', 'A1', { remaining: fen(0) }), lotRow('L2', 'A1', { remaining: fen(5) })],
      }),
    );
    const found = cache.kept(wants);
    assert.equal(
      found.accounts.map(({ version }) => version),
      [2],
    );
    assert.equal(
      found.lots.map(({ lotId, remaining }) => [lotId, remaining]),
      [['L2', 5]],
    );
  },
);

keeping.run();
