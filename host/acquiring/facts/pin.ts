/** The PIN of a request: asked of the vault once, and its tries counted. The PIN itself never comes here. */
import { itemOf } from '../../../protocol/index.ts';
import type { CardRow } from '../../store/rows.ts';
import type { Judgement } from '../judgement.ts';

/** The third wrong PIN in a row locks it until an administrator resets it. */
export const PIN_TRIES_MAX = 3;

export type PinResult =
  /** The card has no PIN. */
  | 'not set'
  | 'locked'
  /** A PIN is set and no block was sent: no try is counted. */
  | 'missing'
  | 'malformed'
  | 'wrong'
  | 'wrong and locked'
  | 'right';

/** Judges the PIN block under the PIN key of the set whose MAC was right, and writes the tries. */
export function judgePin(j: Judgement): PinResult {
  const row = j.cardRow;
  const { card, keys } = j;
  if (row === undefined || card === null || row.pin === null) return 'not set';
  if (row.pinTries >= PIN_TRIES_MAX) return 'locked';
  const block = pinBlock(j);
  if (block === null || keys === null) return 'missing';
  const { vault, keys: hostKeys } = j.deps;
  const result = vault.verifyPin({
    pik: vault.openSealed(keys.pik),
    pinBlock: block,
    pan: card.pan,
    pvk: hostKeys.pvk,
    reference: row.pin,
  });
  // A PIN key that saw too many wrong PINs serves no more: both ask the terminal to sign in again (99).
  if (result === 'malformed' || result === 'blocked') return 'malformed';
  return result === 'right' ? rightPin(j, row) : wrongPin(j, row);
}

function rightPin(j: Judgement, row: CardRow): PinResult {
  // Tries count in a row: a right PIN ends the row.
  if (row.pinTries > 0) j.writes.replace('cards', row, { pinTries: 0 });
  return 'right';
}

function wrongPin(j: Judgement, row: CardRow): PinResult {
  const pinTries = row.pinTries + 1;
  j.writes.replace('cards', row, { pinTries });
  return pinTries >= PIN_TRIES_MAX ? 'wrong and locked' : 'wrong';
}

/** DE52, or DE57 `PB` under SM4 keys. */
function pinBlock(j: Judgement): Buffer | null {
  const { message, items } = j.request;
  if (j.keys?.mode !== '005') return message.bytes(52) ?? null;
  const hex = itemOf(items, 'PB');
  return hex === undefined ? null : Buffer.from(hex, 'hex');
}
