/** For the terminal's tests: a host that keeps money by identity, and misbehaves when told to. */
import { createHash } from 'node:crypto';
import {
  buildDe57,
  buildDe60,
  buildFrame,
  buildHt,
  buildTotals,
  codec,
  type Fen,
  FrameSplitter,
  fen,
  type Message,
  openFrame,
  parseDe57,
  parseDe60,
  parseTotals,
  RESULT,
  type SideTotals,
  TRANSACTIONS,
  transactionOf,
} from '../protocol/index.ts';

/** DE64 of the tests: eight characters that depend on key and data. */
export function testMac(key: string, data: Buffer): Buffer {
  const hex = createHash('sha256').update(key).update(data).digest('hex').toUpperCase();
  return Buffer.from(hex.slice(0, 8), 'ascii');
}

/** What happens to one answer: it may be lost, doubled, or changed on its way. */
export interface Mischief {
  readonly mti: string;
  /** The request itself never arrives. */
  readonly loseRequest?: boolean;
  /** Fields of the request as they arrive: changed on the way. */
  readonly arrives?: Readonly<Record<number, string>>;
  readonly lose?: boolean;
  readonly twice?: boolean;
  /** Another DE39 than the host means. */
  readonly code?: string;
  /** The host says `code` before it looks at the request: nothing is done. */
  readonly unjudged?: boolean;
  readonly fields?: Readonly<Record<number, string>>;
  readonly wrongMac?: boolean;
  readonly noMac?: boolean;
}

interface Kept {
  readonly kind: string;
  readonly amount: Fen;
  readonly de37: string;
  state: 'approved' | 'declined' | 'reversed' | 'voided';
}

export class TestHost {
  isReachable = true;
  /** Used up in order, each by the first request with its MTI. */
  mischief: Mischief[] = [];
  readonly received: Message[] = [];
  readonly bodies: Buffer[] = [];
  readonly kept = new Map<string, Kept>();
  /** Identities that were reversed before they came. */
  readonly burnt = new Set<string>();
  batch = 7;
  #keyCount = 0;
  #key = '';
  #rrn = 0;
  signedIn = false;
  /** The next transaction with money is declined with this code, and kept as declined. */
  declineNext: string | null = null;
  /** What it says to a 0400, instead of judging it. */
  reversalCode: string | null = null;
  speaksDe57 = true;
  /** Totals that the host wants to see; null: computed from what it keeps. */
  totalsOverride: SideTotals | null = null;
  /** What each batch's 0500 was answered last. */
  readonly #settled = new Map<number, Record<number, string>>();
  wanted = 0;
  readonly uploaded: string[] = [];
  readonly hangUps: (() => void)[] = [];

  goAway(): void {
    this.isReachable = false;
    for (const hangUp of this.hangUps) hangUp();
  }

  receive(bytes: Buffer): { mti: string; answers: readonly Buffer[] } {
    const [frame] = new FrameSplitter().push(bytes);
    if (frame === undefined) throw new Error('a whole frame is written at once');
    const envelope = openFrame(frame);
    const request = codec.decode(envelope.body);
    const at = this.mischief.findIndex(({ mti }) => mti === request.mti);
    const [mischief] = at === -1 ? [] : this.mischief.splice(at, 1);
    if (mischief?.loseRequest === true) return { mti: request.mti, answers: [] };
    this.received.push(request);
    this.bodies.push(envelope.body);
    const seen = asItArrives(request, mischief);
    const judged = mischief?.unjudged === true ? this.#base(seen) : this.#judge(seen);
    const fields = { ...judged, ...mischief?.fields };
    if (mischief?.code !== undefined) fields[39] = mischief.code;
    if (mischief?.lose === true) return { mti: request.mti, answers: [] };
    const header = `${envelope.header.slice(0, 5)}${this.wanted}${envelope.header.slice(6)}`;
    const body = this.#encode(request, fields, mischief);
    const answer = buildFrame({ tpdu: envelope.tpdu, header, body });
    return { mti: request.mti, answers: mischief?.twice === true ? [answer, answer] : [answer] };
  }

  /** What stands: approved and neither reversed nor voided, in fen by kind. */
  standing(kind: string): number {
    const of = [...this.kept.values()].filter((one) => one.kind === kind && one.state === 'approved');
    return of.reduce((sum, one) => sum + one.amount, 0);
  }

  /** What every answer has. */
  #base(request: Message): Record<number, string> {
    const echoed: Record<number, string> = {};
    for (const field of [3, 4, 11, 25, 41, 42, 49, 60]) {
      const value = request.get(field);
      if (value !== undefined) echoed[field] = value;
    }
    return { ...echoed, 12: '120000', 13: '1122', 37: this.#nextRrn(), 39: '00' };
  }

  #judge(request: Message): Record<number, string> {
    const base = this.#base(request);
    switch (request.mti) {
      case '0800':
        return this.#signIn(request, base);
      case '0820':
        return base;
      case '0500':
        return this.#settle(request, base);
      case '0320':
        this.uploaded.push(request.get(48) ?? '');
        // For a batch that is closed already an end message has no effect.
        if (this.#isEndOfOpenBatch(request)) this.batch += 1;
        return { ...base, 48: request.get(48) ?? '' };
      case '0400':
        return { ...base, 39: this.reversalCode ?? this.#reverse(request) };
      default:
        return this.#financial(request, base);
    }
  }

  #isEndOfOpenBatch(request: Message): boolean {
    const { batch, code } = parseDe60(request.get(60) ?? '');
    return code !== '201' && batch === this.batch;
  }

  #signIn(request: Message, base: Record<number, string>): Record<number, string> {
    this.#keyCount += 1;
    this.#key = String(this.#keyCount).padStart(2, '0').repeat(40);
    this.signedIn = true;
    const speaks = this.speaksDe57 && parseDe57(request.get(57) ?? '').some(([tag]) => tag === 'V1');
    return {
      ...base,
      60: buildDe60({ type: '00', batch: this.batch, code: '003' }),
      62: this.#key,
      ...(speaks && { 57: buildDe57([['V1', 'TEST HOST']]) }),
    };
  }

  #financial(request: Message, base: Record<number, string>): Record<number, string> {
    const identity = identityOf(request);
    const known = this.kept.get(identity);
    const again = known?.state === 'approved' ? '00' : '12';
    if (known !== undefined) return { ...base, 37: known.de37, 39: again };
    if (this.burnt.has(identity)) return { ...base, 39: '12' };
    if (parseDe60(request.get(60) ?? '').batch !== this.batch && request.mti !== '0220')
      return { ...base, 39: '77' };
    const kind = transactionOf(request)?.kind ?? 'sale';
    const amount = fen(Number(request.get(4) ?? 0));
    const code = this.declineNext;
    this.declineNext = null;
    this.kept.set(identity, {
      kind,
      amount,
      de37: base[37] ?? '',
      state: code === null ? 'approved' : 'declined',
    });
    if (code !== null) return { ...base, 39: code };
    return { ...base, 38: 'A12345', 54: '0210156C000000098765' };
  }

  #reverse(request: Message): string {
    const identity = identityOf(request);
    const known = this.kept.get(identity);
    if (known === undefined) {
      this.burnt.add(identity);
      return '25';
    }
    known.state = 'reversed';
    return '00';
  }

  /** Figures of what stands; a voided sale still counts, and so does its void. */
  totals(): SideTotals {
    const sum = { debitAmount: fen(0), debitCount: 0, creditAmount: fen(0), creditCount: 0 };
    for (const [identity, one] of this.kept) {
      const { counts } = TRANSACTIONS[one.kind as keyof typeof TRANSACTIONS];
      if (one.state !== 'approved' || counts === 'no' || !identity.startsWith(`${this.batch} `)) continue;
      if (counts === 'debit') {
        sum.debitAmount = fen(sum.debitAmount + one.amount);
        sum.debitCount += 1;
      } else {
        sum.creditAmount = fen(sum.creditAmount + one.amount);
        sum.creditCount += 1;
      }
    }
    return sum;
  }

  #settle(request: Message, base: Record<number, string>): Record<number, string> {
    const { own, foreign } = parseTotals(request.get(48) ?? '');
    const { batch } = parseDe60(request.get(60) ?? '');
    const { [37]: _none, ...rest } = base;
    const isOpen = batch === this.batch;
    const before = this.#settled.get(batch);
    // A batch that is closed again gets the same answer; one that never was cannot be compared.
    if (!isOpen && before !== undefined) return { ...rest, ...before };
    const ours = isOpen ? (this.totalsOverride ?? this.totals()) : NOTHING;
    const result = !isOpen ? RESULT.error : isEqual(ours, own) ? RESULT.balanced : RESULT.unbalanced;
    const given = {
      48: buildTotals({ own, ownResult: result, foreign, foreignResult: isOpen ? 1 : result }),
      ...(this.speaksDe57 && { 57: buildDe57([['HT', buildHt(ours, NOTHING)]]) }),
    };
    if (isOpen) this.#settled.set(batch, given);
    if (result === RESULT.balanced) this.batch += 1;
    return { ...rest, ...given };
  }

  #encode(request: Message, fields: Record<number, string>, mischief: Mischief | undefined): Buffer {
    const mti = String(Number(request.mti) + 10).padStart(4, '0');
    if (!request.has(64) || mischief?.noMac === true) return codec.encode({ mti, fields });
    const body = codec.encode({ mti, fields: { ...fields, 64: '0'.repeat(16) } });
    const covered = body.subarray(0, body.length - 8);
    const mac = testMac(mischief?.wrongMac === true ? 'another key' : this.#key, covered);
    return Buffer.concat([covered, mac]);
  }

  #nextRrn(): string {
    this.#rrn += 1;
    return `R${String(this.#rrn).padStart(11, '0')}`;
  }
}

const NOTHING: SideTotals = { debitAmount: fen(0), debitCount: 0, creditAmount: fen(0), creditCount: 0 };

function isEqual(a: SideTotals, b: SideTotals): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function asItArrives(request: Message, mischief: Mischief | undefined): Message {
  if (mischief?.arrives === undefined) return request;
  const { mti, fields } = request.toObject();
  return codec.decode(codec.encode({ mti, fields: { ...fields, ...mischief.arrives } }));
}

/** Batch, trace and amounts of digits: what a 0400 and its original share. */
function identityOf(request: Message): string {
  const { batch } = parseDe60(request.get(60) ?? '');
  return `${batch} ${request.get(11)} ${request.get(3)}`;
}
