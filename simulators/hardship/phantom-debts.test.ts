import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import { type Difference, type Journal, judgeDebts, type OwedRow } from './phantom-debts.ts';

const UT = '01JD6Z0000000000000000000A';
/** One bit of its last character, as a bad line turns it. */
const CHANGED_UT = '01JD6Z0000000000000000000C';

const SALE: Journal['batches'][number]['transactions'][number] = {
  ...{
    ut: UT,
    kind: 'sale' as const,
    state: 'reversed' as const,
    batch: 1,
    trace: '000042',
    amount: fen(500),
  },
  ...{ panMasked: null, rrn: null },
};
const JOURNAL: Journal = {
  terminalId: '41010001',
  batches: [
    {
      ...{ segment: 'segment-000001-batch-000001.journal', batch: 1, closed: true, transactions: [SALE] },
      ...{
        totals: { debitAmount: fen(0), debitCount: 0, creditAmount: fen(0), creditCount: 0 },
        hostTotals: null,
        closingTotals: null,
      },
    },
  ],
};
const PHANTOM: OwedRow = {
  ...{ terminalId: '41010001', batch: 1, trace: '000042', ut: CHANGED_UT, amount: fen(500) },
  proven: false,
};
const NAMED: Difference = {
  ...{ kind: 'owed-reversal', terminalId: '41010001', batch: 1, trace: '000042', theirs: fen(500) },
  causeEn: 'the terminal owes its reversal since 20261122; the original: never came, told without a MAC',
};

const debts = suite('a difference that is a phantom debt');

debts('is excused when it was told without a MAC and the terminal has no such transaction', () => {
  assert.equal(judgeDebts([PHANTOM], [NAMED], [JOURNAL]), {
    phantoms: [`told without a MAC, in no journal: 41010001 1 000042 ${CHANGED_UT}`],
    wrong: [],
  });
});

debts('is excused too where the settlement has named it', () => {
  assert.equal(judgeDebts([PHANTOM], [{ ...NAMED, kind: 'status' }], [JOURNAL]).wrong, []);
});

// biome-ignore format: a table is read by column
const NEVER: Readonly<Record<string, Parameters<typeof judgeDebts>>> = {
  'was told under a MAC':                        [[{ ...PHANTOM, proven: true }], [NAMED], [JOURNAL]],
  'is a transaction of the terminal':            [[{ ...PHANTOM, ut: UT }], [NAMED], [JOURNAL]],
  'is of a terminal whose journal was not read': [[PHANTOM], [NAMED], []],
  'is not on the list of owed reversals':        [[], [NAMED], [JOURNAL]],
  'is at another place than the phantom':        [[PHANTOM], [{ ...NAMED, trace: '000043' }], [JOURNAL]],
  'is of another amount than the phantom':       [[PHANTOM], [{ ...NAMED, theirs: fen(501) }], [JOURNAL]],
  'is no debt':                                  [[PHANTOM], [{ ...NAMED, kind: 'shortage' }], [JOURNAL]],
};

for (const [what, given] of Object.entries(NEVER)) {
  debts(`is wrong when it ${what}`, () => {
    assert.ok(judgeDebts(...given).wrong.some((line) => line.startsWith('difference: ')));
  });
}

debts('an open debt that is no phantom is wrong, also without a difference', () => {
  assert.is(judgeDebts([{ ...PHANTOM, ut: UT }], [], [JOURNAL]).wrong.length, 1);
});

debts.run();
