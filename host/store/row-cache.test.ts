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
const now = () => 1_784_000_000_000;
const idsOf = (found: Found) => found.terminals.map(({ terminalId }) => terminalId).sort();

/** As a read of the store does it. @param database what it finds of what is lacking */
function read(cache: RowCache, wants: Wants, database: Found): Found {
  const whole = cache.whole(wants);
  if (whole !== null) return whole;
  const lacking = cache.lacking(wants);
  const kept = cache.kept(wants);
  cache.keep(lacking, database);
  return together(wants, kept, database);
}

keeping('a wanted row that is put out by other wanted ones is found all the same', () => {
  const cache = new RowCache(now, 4);
  read(cache, { terminalIds: ['T1', 'T2', 'T3'] }, terminals('T1', 'T2', 'T3'));
  const more = ['T4', 'T5', 'T6', 'T7', 'T8', 'T9'];
  const wants = { terminalIds: ['T1', ...more] };
  assert.equal(cache.lacking(wants).terminalIds, more);
  assert.equal(idsOf(read(cache, wants, terminals(...more))), ['T1', ...more]);
  assert.equal(cache.lacking({ terminalIds: ['T1'] }).terminalIds, ['T1'], 'it is gone now');
});

keeping('what is used last stays', () => {
  const cache = new RowCache(now, 4);
  read(cache, { terminalIds: ['T1', 'T2', 'T3'] }, terminals('T1', 'T2', 'T3'));
  for (const id of ['T4', 'T5', 'T6', 'T7', 'T8']) {
    cache.kept({ terminalIds: ['T1'] });
    read(cache, { terminalIds: [id] }, terminals(id));
  }
  assert.is.not(cache.whole({ terminalIds: ['T1', 'T8'] }), null);
  assert.equal(cache.lacking({ terminalIds: ['T2', 'T3'] }).terminalIds, ['T2', 'T3']);
});

keeping('never keeps more of a kind than it may, and one', () => {
  const cache = new RowCache(now, 10);
  const ids = Array.from({ length: 100 }, (_, at) => `T${at}`);
  for (const id of ids) read(cache, { terminalIds: [id] }, terminals(id));
  assert.ok(cache.kept({ terminalIds: ids }).terminals.length <= 11);
});

keeping('nothing is served before the open day is known, nor after all is forgotten', () => {
  const cache = new RowCache(now);
  assert.is(cache.whole({}), null);
  cache.keep({}, NOTHING);
  assert.is.not(cache.whole({}), null);
  cache.clear();
  assert.is(cache.whole({}), null);
});

keeping(
  'a card without its account is asked for; an account follows what is committed of it and its lots',
  () => {
    const cache = new RowCache(now);
    const [card, account] = [cardRow('K1', 'A1'), accountRow('A1')];
    const lots = [lotRow('L1', 'A1'), lotRow('L2', 'A1')];
    const wants = { panHashes: [card.panHash] };
    cache.keep({}, { ...NOTHING, cards: [card] });
    assert.equal(cache.lacking(wants).panHashes, [card.panHash]);
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
