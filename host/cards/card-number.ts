/**
 * The card number at rest: a keyed hash to find it by, a sealed copy bound to its card, a mask to show.
 * The clear number is in no row, record or log.
 */
import type { Vault } from '../../keys/index.ts';
import { checkPan, maskPan, PosError } from '../../protocol/index.ts';
import type { HostKeys } from '../deps.ts';
import type { CardRow } from '../store/rows.ts';

export interface NumberDeps {
  readonly vault: Vault;
  readonly keys: Pick<HostKeys, 'lookup' | 'data'>;
}

/** How a card number rests. */
export type RestingNumber = Pick<CardRow, 'panHash' | 'panSealed' | 'panMasked'>;

/** What a card is found by. The number is not judged: a wrong one is found nowhere. */
export function lookUpHash(deps: NumberDeps, pan: string): string {
  return deps.vault.lookupHash(deps.keys.lookup, pan);
}

/**
 * Puts a number to rest for a card: moved to another card's row, its sealed copy does not open.
 *
 * @throws PAN_BAD not 13 to 19 digits, or a wrong check digit
 */
export function putToRest(deps: NumberDeps, pan: string, cardId: string): RestingNumber {
  checkPan(pan);
  return {
    panHash: lookUpHash(deps, pan),
    panSealed: deps.vault.seal(deps.keys.data, Buffer.from(pan, 'ascii'), sealContext(cardId)),
    panMasked: maskPan(pan),
  };
}

/**
 * The clear number, for the few acts that need it (a personaliser's file). Never logged or stored.
 *
 * @throws SEAL_BROKEN the row was changed; INVARIANT its three columns do not belong together
 */
export function clearNumber(deps: NumberDeps, card: RestingNumber & Pick<CardRow, 'cardId'>): string {
  const clear = deps.vault.unseal(deps.keys.data, card.panSealed, sealContext(card.cardId));
  const pan = clear.toString('ascii');
  clear.fill(0);
  if (lookUpHash(deps, pan) !== card.panHash || maskPan(pan) !== card.panMasked) {
    throw new PosError('INVARIANT', `card ${card.cardId}: its sealed number is not the one it is found by`);
  }
  return pan;
}

function sealContext(cardId: string): string {
  return `card ${cardId}`;
}
