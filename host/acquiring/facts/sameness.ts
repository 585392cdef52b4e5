/** Whether a request is one that came before. Normative: the dialect, "Sameness, lateness, replay". */
import { burntUtKey } from '../identity.ts';
import type { Judgement } from '../judgement.ts';

/** A repeat without `UT` is believed for this long; after that a device may have been exchanged. */
const REPEAT_MS = 10 * 60_000;

/** An identity that a reversal or fate query burnt has no answer: its original came too late. */
export function isBurnt(j: Judgement): boolean {
  const { ut } = j.request;
  if (ut !== null && j.view.identity(burntUtKey(ut)) !== undefined) return true;
  return j.known !== undefined && j.known.answer === null;
}

/**
 * Another card, amount, DE25, 60.1 or UT under an identity that is known, or a UT that is known under
 * another identity. A burnt identity has no content to compare but its UT.
 */
export function differs(j: Judgement): boolean {
  const { known, request } = j;
  if (known === undefined) {
    return (
      request.ut !== null &&
      j.view.transactionsByUt(request.ut).some((row) => row.identity !== request.identity)
    );
  }
  if (known.answer === null) return known.ut !== null && request.ut !== null && known.ut !== request.ut;
  return known.ut !== request.ut || known.fingerprint !== j.fingerprint;
}

/** Only 0100 and 0200: an advice (0220) is repeated until it is answered, however long that takes. */
export function isTooLate(j: Judgement): boolean {
  const { known, request, now } = j;
  if (known === undefined || known.answer === null || request.ut !== null) return false;
  const { mti } = request.message;
  return (mti === '0100' || mti === '0200') && now - known.at > REPEAT_MS;
}
