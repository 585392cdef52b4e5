/** What makes two requests the same one, and what makes them differ. Normative: the dialect, "Sameness". */
import { hash } from 'node:crypto';

/** The parts of an identity: DE41, DE42, 60.2, DE11, MTI, DE3. */
export interface IdentityParts {
  readonly terminalId: string;
  readonly merchantId: string;
  readonly batch: number;
  readonly trace: string;
  readonly mti: string;
  /** Empty for messages without DE3 (batch upload). */
  readonly de3: string;
}

/** The key under which an answer is remembered. */
export function identityKey(parts: IdentityParts): string {
  const { terminalId, merchantId, batch, trace, mti, de3 } = parts;
  return `${terminalId}|${merchantId}|${String(batch).padStart(6, '0')}|${trace}|${mti}|${de3}`;
}

/**
 * Equal for a true repeat: account, amount, DE25 and 60.1, SHA-256 as 64 hex digits. The account is
 * told by the card number's keyed hash, so that a card we do not know has a fingerprint too.
 *
 * @param panHash empty where no card was sent
 * @param amount DE4, twelve digits, or empty
 */
export function fingerprint(panHash: string, amount: string, de25: string, type601: string): string {
  return hash('sha256', `${panHash}|${amount}|${de25}|${type601}`, 'hex');
}

/** What a fate query burns when it names its original by `UT`: the identity itself is not known then. */
export const burntUtKey = (ut: string) => `ut|${ut}`;
