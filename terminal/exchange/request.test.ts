import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, parseDe57 } from '../../protocol/index.ts';
import type { TerminalState, TransactionRecord } from '../journal/model.ts';
import { privateItems } from './request.ts';

const naming = suite('DE57: every open reversal is named to the host');

const HEAD: readonly [string, string] = ['TH', 'a'.repeat(64)];
const utOf = (number: number) => `01JD9Q4C7N5W8R2Z6X3V1T${String(number).padStart(4, '0')}`;

/** A terminal with so many open reversals, every third of them set aside, and one that is closed. */
function stateWith(open: number, changes: Partial<TerminalState> = {}): TerminalState {
  const one = (number: number, state: TransactionRecord['state']) =>
    ({
      ...{ ut: utOf(number), kind: 'sale', state, batch: 7, trace: String(number).padStart(6, '0') },
      amount: fen(100 + number),
      reversal: { reason: '98', tries: 3, lastCode: null, setAsideBy: null },
    }) as TransactionRecord;
  const transactions = Array.from({ length: open }, (_, index) =>
    one(index + 1, index % 3 === 0 ? 'setAside' : 'reversalDue'),
  );
  return {
    peerSpeaksDe57: true,
    nextTrace: '000900',
    transactions: [...transactions, one(999, 'reversed')],
    ...changes,
  } as TerminalState;
}
const namedIn = (de57: string | null) =>
  parseDe57(de57 ?? '')
    .filter(([tag]) => tag === 'OW')
    .map(([, value]) => value);

naming('all of them, oldest first, as long as the field carries them', () => {
  for (const count of [1, 8, 9, 15]) {
    const expected = Array.from({ length: count }, (_, index) => {
      const number = String(index + 1).padStart(6, '0');
      return `000007${number}${utOf(index + 1)}${String(101 + index).padStart(12, '0')}`;
    });
    const de57 = privateItems(stateWith(count), [HEAD, ['UT', utOf(500)]]);
    assert.equal(namedIn(de57), expected);
    assert.equal(parseDe57(de57 ?? '').slice(-2), [HEAD, ['UT', utOf(500)]]);
  }
});

naming('where there are more, request after request goes on where the last one ended', () => {
  for (const count of [16, 17, 31, 40, 100]) {
    const seen = new Set<string>();
    for (let request = 0; request < Math.ceil(count / 16) + 1; request += 1) {
      const nextTrace = String(900 + request).padStart(6, '0');
      const de57 = privateItems(stateWith(count, { nextTrace }), [HEAD, ['UT', utOf(500)]]) ?? '';
      assert.ok(de57.length <= 999);
      for (const value of namedIn(de57)) seen.add(value);
      assert.is(new Set(namedIn(de57)).size, namedIn(de57).length, 'none twice in one request');
    }
    assert.is(seen.size, count, `${count} in ${Math.ceil(count / 16) + 1} requests`);
  }
});

naming('a try that was counted goes on as a trace does: 0400s have no trace of their own', () => {
  const seen = new Set<string>();
  for (let tries = 0; tries < 4; tries += 1) {
    const state = stateWith(40);
    const [first, ...rest] = state.transactions;
    if (first?.reversal == null) throw new Error('it has tries');
    const tried = { ...first, reversal: { ...first.reversal, tries } };
    for (const value of namedIn(privateItems({ ...state, transactions: [tried, ...rest] }, [HEAD])))
      seen.add(value);
  }
  assert.is(seen.size, 40);
});

naming('a 0400 always names the debt that it is about', () => {
  for (let number = 1; number <= 40; number += 1) {
    const named = namedIn(privateItems(stateWith(40), [['UT', utOf(number)]]));
    assert.is(named[0]?.slice(12, 38), utOf(number));
    assert.is(named.filter((value) => value.includes(utOf(number))).length, 1);
  }
});

naming('nothing where nothing is open, and nothing at all to a peer that does not speak it', () => {
  assert.is(privateItems(stateWith(0), []), null);
  assert.equal(namedIn(privateItems(stateWith(0), [HEAD])), []);
  assert.is(privateItems(stateWith(3, { peerSpeaksDe57: false }), [HEAD]), null);
});

naming.run();
