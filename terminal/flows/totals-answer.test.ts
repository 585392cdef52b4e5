import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildDe57, buildHt, buildTotals, codec, fen, type SideTotals } from '../../protocol/index.ts';
import { contradictionOf } from './totals-answer.ts';

const SEED = Number(process.env['ZUNKA_SEED'] ?? Date.now() % 1_000_000);
console.log(`seed ${SEED} (ZUNKA_SEED)`);

const NOTHING: SideTotals = { debitAmount: fen(0), debitCount: 0, creditAmount: fen(0), creditCount: 0 };
const SIDE = fc.record({
  debitAmount: fc.nat(999_999_999).map(fen),
  debitCount: fc.nat(999),
  creditAmount: fc.nat(999_999_999).map(fen),
  creditCount: fc.nat(999),
});
const [OWN_RESULT_AT, FOREIGN_RESULT_AT] = [30, 61];

interface Told {
  readonly batch?: string;
  readonly de48?: string;
  readonly ht?: string;
}

const sentOf = (own: SideTotals) => buildTotals({ own, ownResult: 0, foreign: NOTHING, foreignResult: 0 });

/** As the dialect has it: the arrived figures with the results, and the host's own. */
function honest(arrived: string, host: SideTotals): Required<Told> {
  const isSame = arrived.slice(0, OWN_RESULT_AT) === sentOf(host).slice(0, OWN_RESULT_AT);
  const isZero = /^0{30}$/.test(arrived.slice(OWN_RESULT_AT + 1, FOREIGN_RESULT_AT));
  const results = [isSame ? 1 : 2, isZero ? 1 : 2];
  const de48 =
    arrived.slice(0, OWN_RESULT_AT) +
    results[0] +
    arrived.slice(OWN_RESULT_AT + 1, FOREIGN_RESULT_AT) +
    results[1];
  return { batch: '00000007201', de48, ht: buildHt(host, NOTHING) };
}

/** What the terminal makes of it. */
function contradictionIn({ batch, de48, ht }: Required<Told>, sent: string): string | null {
  const fields = { 11: '000003', 39: '00', 48: de48, 60: batch, 57: buildDe57([['HT', ht]]) };
  const answer = codec.decode(codec.encode({ mti: '0510', fields }));
  return contradictionOf(answer, { mti: '0500', fields: { 48: sent, 60: '00000007201' } });
}

function withDigit(text: string, at: number, by: number): string {
  return text.slice(0, at) + String((Number(text[at]) + by) % 10) + text.slice(at + 1);
}

/** Digits of DE48 that are figures, not results. */
const FIGURE_AT = fc.nat(FOREIGN_RESULT_AT - 1).filter((at) => at !== OWN_RESULT_AT);
const BY = fc.integer({ min: 1, max: 9 });

const answers = suite('the answer to an 0500');

answers('about what was sent contradicts nothing, balanced or not', () => {
  fc.assert(
    fc.property(SIDE, SIDE, fc.boolean(), (own, other, isSame) => {
      const sent = sentOf(own);
      assert.is(contradictionIn(honest(sent, isSame ? own : other), sent), null);
    }),
    { seed: SEED },
  );
});

answers('contradicts itself when one digit of the figures was changed on the way there', () => {
  fc.assert(
    fc.property(SIDE, FIGURE_AT, BY, (own, at, by) => {
      const sent = sentOf(own);
      assert.ok(contradictionIn(honest(withDigit(sent, at, by), own), sent) !== null);
    }),
    { seed: SEED },
  );
});

answers('contradicts itself when one digit was changed on the way back', () => {
  const place = fc.oneof(
    fc.record({ field: fc.constant('de48' as const), at: FIGURE_AT }),
    fc.record({ field: fc.constant('de48' as const), at: fc.constant(OWN_RESULT_AT) }),
    fc.record({ field: fc.constant('ht' as const), at: fc.nat(59) }),
    fc.record({ field: fc.constant('batch' as const), at: fc.nat(10) }),
  );
  fc.assert(
    fc.property(SIDE, place, BY, (own, { field, at }, by) => {
      const sent = sentOf(own);
      const told = honest(sent, own);
      assert.ok(contradictionIn({ ...told, [field]: withDigit(told[field], at, by) }, sent) !== null);
    }),
    { seed: SEED },
  );
});

answers.run();
