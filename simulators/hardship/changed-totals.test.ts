import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen } from '../../protocol/index.ts';
import { type HostBatch, judgeTotals, type Unbalanced } from './changed-totals.ts';
import { Fleet } from './fleet.ts';
import type { Difference, Journal } from './phantom-debts.ts';

/** Batch 69 of the terminal 41010004, as the soak of seed 20261122 left it: one digit of DE48 came as another. */
const ARRIVED = '00000001014000100000000000000020000000000000000000000000000001';
const HOST = '000000000140001000000000000000000000000000000000000000000000';

const JOURNAL: Journal = {
  terminalId: '41010004',
  batches: [
    {
      ...{ segment: 'segment-000069-batch-000069.journal', batch: 69, closed: true, transactions: [] },
      ...{
        totals: { debitAmount: fen(140), debitCount: 1, creditAmount: fen(0), creditCount: 0 },
        hostTotals: null,
        closingTotals: null,
      },
    },
  ],
};
const ROW: HostBatch = {
  ...{ terminalId: '41010004', batch: 69, state: 'closed', closedBy: 'upload' },
  ...{ terminalTotals: ARRIVED, hostTotals: HOST },
};
const NAMED: Difference = {
  ...{ kind: 'totals', terminalId: '41010004', batch: 69, trace: null, theirs: null },
  causeEn: 'every item matches, the totals that arrived do not: wrong at the terminal, or changed on the way',
};
const TOLD: Unbalanced = {
  ...{ terminalId: '41010004', batch: 69 },
  en: 'batch 69 settled, unbalanced, 1 items uploaded',
};

const totals = suite('totals that differ');

totals('are excused when others arrived than the host has, and the journal has what the host has', () => {
  assert.equal(judgeTotals([TOLD], [NAMED], [ROW], [JOURNAL]), {
    changed: ['changed on the line, both sides hold the same totals: 41010004 69'],
    wrong: [],
  });
});

function journalOf(changes: Partial<Journal['batches'][number]>): Journal {
  return { ...JOURNAL, batches: JOURNAL.batches.map((batch) => ({ ...batch, ...changes })) };
}
const OTHER = { debitAmount: fen(141), debitCount: 1, creditAmount: fen(0), creditCount: 0 };
const AS_SENT = '00000000014000100000000000000020000000000000000000000000000001';

// biome-ignore format: a table is read by column
const NEVER: Readonly<Record<string, Parameters<typeof judgeTotals>>> = {
  'the terminal holds other totals than the host': [[TOLD], [NAMED], [ROW], [journalOf({ totals: OTHER })]],
  'the journal of the terminal was not read':      [[TOLD], [NAMED], [ROW], []],
  'the terminal has not closed the batch':         [[TOLD], [NAMED], [ROW], [journalOf({ closed: false })]],
  'what arrived is what the host has':             [[TOLD], [NAMED], [{ ...ROW, terminalTotals: AS_SENT }], [JOURNAL]],
  'the host keeps nothing of what arrived':        [[TOLD], [NAMED], [{ ...ROW, terminalTotals: null }], [JOURNAL]],
  'no upload closed it':                           [[TOLD], [NAMED], [{ ...ROW, closedBy: 'act' }], [JOURNAL]],
  'the host has no such batch':                    [[TOLD], [NAMED], [], [JOURNAL]],
  'its cause is another':                          [[TOLD], [{ ...NAMED, causeEn: 'the terminal announced 2 items, 1 came' }], [ROW], [JOURNAL]],
  'the host names nothing':                        [[TOLD], [], [ROW], [JOURNAL]],
  'the host names another batch':                  [[TOLD], [{ ...NAMED, batch: 68 }], [ROW], [JOURNAL]],
};

for (const [when, given] of Object.entries(NEVER)) {
  totals(`are wrong when ${when}`, () => {
    const { changed, wrong } = judgeTotals(...given);
    assert.equal(changed, []);
    assert.ok(wrong.includes(`41010004: ${TOLD.en}`));
  });
}

totals('are wrong also where no clerk was told', () => {
  const { wrong } = judgeTotals([], [NAMED], [], [JOURNAL]);
  assert.equal(wrong, [`difference: totals 41010004 69: ${NAMED.causeEn}`]);
});

totals.run();

const SEED = 69;
/** TPDU 5, header 6, MTI 2, bitmap 8, DE11 3, DE41 8, DE42 15, length 2: here the debit amount begins, two digits a byte. */
const DEBIT_AT = 49;

const lines = suite('an 0500 of which the line changes a digit');

for (const [what, times, expected] of [
  [
    'once: it is sent once more, balances, and nothing is named',
    1,
    { balanced: true, uploaded: 0, named: 0 },
  ],
  ['twice: the upload closes it, and the end names the line', 2, { balanced: false, uploaded: 1, named: 1 }],
] as const) {
  lines(what, async () => {
    const fleet = await Fleet.open({ seed: SEED, tills: 1, cards: 1, linked: true });
    try {
      const [[till], [link]] = [fleet.tills, fleet.links];
      if (till === undefined || link === undefined) throw new Error('there is one till behind one line');
      await till.must('sale 1.40', fleet.office.cards[0]);
      for (let time = 0; time < times; time += 1) link.corruptNext(DEBIT_AT + 3, 'request');
      const came = await fleet.type(till, 'settle');
      if (came.kind === 'died') throw new Error('the terminal died');
      const { balanced, uploaded } = came.result.facts;
      const { changedTotals } = await fleet.finish(console.log);
      assert.equal({ balanced, uploaded, named: changedTotals.length }, expected);
      assert.equal(fleet.failures, []);
    } finally {
      await fleet.close({ keep: false, tell: console.log });
    }
  });
}

lines.run();
