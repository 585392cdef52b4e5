/** The card as a request shows it: by track 2, clear or encrypted, or by its number. */
import { checkPan, parseDe35, type Track2 } from '../../../protocol/index.ts';
import type { HostDeps } from '../../deps.ts';
import type { SealedWorkingKeys } from '../../store/rows.ts';
import type { Request } from '../request.ts';

export interface PresentedCard {
  readonly pan: string;
  /** Keyed hash of the number: what the card is found by. */
  readonly panHash: string;
  /** Null when only the number was sent. */
  readonly track2: Track2 | null;
  /** YYMM from the track or DE14; null when neither was sent. */
  readonly expiry: string | null;
}

/**
 * What a request shows:
 * - `none`: neither DE2 nor DE35;
 * - `sealed`: track 2 is encrypted, and the keys that open it are not known yet;
 * - `unreadable`: no card number can be read from it, or DE2 and DE35 name different cards.
 */
export type Presented =
  | { readonly kind: 'card'; readonly card: PresentedCard }
  | { readonly kind: 'none' | 'sealed' | 'unreadable' };

/** DE53's third digit says that the tracks are encrypted under the TDK. */
export const hasSealedTrack = (request: Request) =>
  request.de35 !== null && request.message.get(53)?.[2] === '1';

/**
 * @param keys the working keys whose MAC was right; null while they are not known
 */
export function presentedCard(
  deps: Pick<HostDeps, 'vault' | 'keys'>,
  request: Request,
  keys: SealedWorkingKeys | null,
): Presented {
  const { de2, de35 } = request;
  if (de2 === null && de35 === null) return { kind: 'none' };
  let track2: Track2 | null = null;
  if (de35 !== null) {
    const clear = hasSealedTrack(request) ? opened(deps, de35, keys) : de35;
    if (clear === 'sealed') return { kind: 'sealed' };
    track2 = readTrack(clear);
    if (track2 === null || (de2 !== null && de2 !== track2.pan)) return { kind: 'unreadable' };
  }
  const pan = track2?.pan ?? de2 ?? '';
  const expiry = track2?.expiry ?? request.message.get(14) ?? null;
  return {
    kind: 'card',
    card: { pan, panHash: deps.vault.lookupHash(deps.keys.lookup, pan), track2, expiry },
  };
}

function opened(deps: Pick<HostDeps, 'vault'>, de35: string, keys: SealedWorkingKeys | null): string {
  if (keys === null) return 'sealed';
  // A terminal that says its track is encrypted without a track key to do it is misread on purpose:
  // what comes out is no track.
  if (keys.tdk === null) return '';
  return deps.vault.decryptTrack(deps.vault.openSealed(keys.tdk), de35);
}

function readTrack(de35: string): Track2 | null {
  try {
    return parseDe35(de35);
  } catch {
    return null;
  }
}

/** Thirteen to nineteen digits with a right check digit. */
export function isSoundPan(pan: string): boolean {
  try {
    checkPan(pan);
    return true;
  } catch {
    return false;
  }
}
