/**
 * Requests for the certificate of a PIN pad, which may then be sent master keys: two persons bring the same one, each
 * from the pad itself. Until the second has, the first waits in this process's memory, a day at most; nothing in it is
 * secret.
 */
import { createHash } from 'node:crypto';
import { readCertificateRequest } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import { isSamePerson } from './persons.ts';

const WAIT_MS = 24 * 60 * 60_000;

interface Waiting {
  readonly person: string;
  readonly fingerprint: string;
  readonly days: number | undefined;
  readonly at: number;
}

export class RequestDesk {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /**
   * @param request PKCS#10, DER
   * @returns who brought it before; null: this one is the first, and waits
   * @throws FOUR_EYES the same person again; NOT_ALLOWED_NOW another one waits for this terminal: both are told apart by
   *   their fingerprints, and the second person begins again by `drop`; CERTIFICATE_BAD
   */
  bring(
    terminalId: string,
    person: string,
    request: Buffer,
    days: number | undefined,
  ): { readonly fingerprint: string; readonly first: string | null } {
    const fingerprint = fingerprintOf(request);
    const now = this.#clock.now();
    const before = this.#waiting.get(terminalId);
    if (before === undefined || now - before.at > WAIT_MS) {
      this.#waiting.set(terminalId, { person, fingerprint, days, at: now });
      return { fingerprint, first: null };
    }
    if (before.fingerprint !== fingerprint || before.days !== days)
      throw new PosError(
        'NOT_ALLOWED_NOW',
        `terminal ${terminalId}: 等待中的申请不同 another request waits, of key ${before.fingerprint} from ${before.person}: compare it with the PIN pad, then DELETE it`,
      );
    if (isSamePerson(before.person, person))
      throw new PosError(
        'FOUR_EYES',
        `terminal ${terminalId}: ${person} 已提交 has brought it: another person must bring it from the PIN pad`,
      );
    this.#waiting.delete(terminalId);
    return { fingerprint, first: before.person };
  }

  /** @returns whether any waited */
  drop(terminalId: string): boolean {
    return this.#waiting.delete(terminalId);
  }
}

/** SHA-256 over the public key (SPKI, DER), first eight bytes, hex. The request's signature differs each time. */
function fingerprintOf(request: Buffer): string {
  const { publicKey } = readCertificateRequest(request);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest('hex').slice(0, 16).toUpperCase();
}
