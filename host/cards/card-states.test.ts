import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError, responseCode, type TransactionKind } from '../../protocol/index.ts';
import { CHECKS, concerns } from '../acquiring/checks.ts';
import type { Judgement } from '../acquiring/judgement.ts';
import { accountRow, BUSINESS_DATE, cardRow } from '../store/sample-rows.ts';
import { CARD_STATES, type CardState, ensureLoadable, ensureMove, refusalByState } from './card-states.ts';

const STATES = Object.keys(CARD_STATES) as CardState[];

const states = suite("what a card's state allows");

// biome-ignore format: a table is read by column
for (const [state, kind, code, sentence] of [
  ['active',   'sale',          null, 'an active card pays'],
  ['inactive', 'sale',          '62', 'a card that is not activated does not pay'],
  ['inactive', 'activation',    null, 'a card that is not activated is activated'],
  ['frozen',   'sale',          '62', 'a frozen card does not pay'],
  ['frozen',   'refund',        null, 'a frozen card still gets its money back'],
  ['lost',     'sale',          '41', 'a lost card is refused as lost'],
  ['lost',     'refund',        '41', 'a lost card gets nothing by its track'],
  ['expired',  'balance',       '54', 'an expired card is refused as expired'],
  ['expired',  'refund',        null, 'the money of an expired card stays the holder\'s: a refund comes back'],
  ['replaced', 'sale',          '14', 'a replaced card is no card any more'],
  ['active',   'void',          null, 'a void is asked of its original, not of the card'],
  ['destroyed', 'lossReport',   '14', 'a destroyed card cannot be lost'],
] as const) {
  states(sentence, () => assert.is(refusalByState(state, kind), code));
}

states('every refusal is a response code of the table, and none approves', () => {
  for (const { allows } of Object.values(CARD_STATES)) {
    for (const code of Object.values(allows)) {
      if (code !== null) assert.not(responseCode(code).approved, code);
    }
  }
});

states('the checks of an authorisation refuse by state exactly what this table refuses', () => {
  const rows = CHECKS.filter(
    (check) => check.stage === 'card' && /lost|withdrawn|activated|frozen|valid$/.test(check.name),
  );
  assert.is(rows.length, 5);
  for (const state of STATES) {
    for (const kind of ['balance', 'sale', 'preAuthorisation', 'refund', 'void', 'completion'] as const) {
      const judgement = judgementOf(state, kind);
      const failing = rows.find((check) => concerns(check, judgement) && check.fails(judgement));
      assert.is(failing?.code ?? null, refusalByState(state, kind), `${state}, ${kind}`);
    }
  }
});

states.run();

const moves = suite('states that follow one another');

moves('every state can be reached from stock, and destroyed is the end', () => {
  const reached = new Set<CardState>(['stock']);
  for (const state of reached) for (const next of CARD_STATES[state].next) reached.add(next);
  assert.equal([...reached].sort(), [...STATES].sort());
  assert.equal(CARD_STATES.destroyed.next, []);
});

moves('a frozen card is set free; a redeemed one never works again', () => {
  ensureMove({ cardId: 'C1', state: 'frozen' }, 'active');
  throws(
    () => ensureMove({ cardId: 'C1', state: 'redeemed' }, 'active'),
    isBad(/redeemed: it may become destroyed, not active/),
  );
  throws(() => ensureMove({ cardId: 'C1', state: 'destroyed' }, 'active'), isBad(/it may become nothing/));
});

moves('an inactive or active card may be loaded, any other not', () => {
  const loadable = STATES.filter((state) => {
    try {
      ensureLoadable({ cardId: 'C1', state });
      return true;
    } catch (error) {
      assert.ok(isBad(/cannot be loaded/)(error));
      return false;
    }
  });
  assert.equal(loadable, ['inactive', 'active']);
});

moves.run();

/** As much of a judgement as the rows about a card's state look at. */
function judgementOf(state: CardState, kind: TransactionKind): Judgement {
  return {
    kind,
    businessDate: BUSINESS_DATE,
    cardRow: cardRow('C1', 'A1', { state }),
    account: accountRow('A1'),
  } as unknown as Judgement;
}

function isBad(detail: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === 'REQUEST_BAD' && detail.test(error.detail);
}
