/**
 * The till's interface, without a wire: one request in, one answer out, never a throw.
 *
 * A request is journalled before anything happens for it and names its transaction before that is sent; its
 * answer is made of what the journal holds. So a till can always ask what became of a request, also after a
 * power cut at either side, and gets the same final answer until it acknowledges.
 */
import { PosError } from '../../protocol/index.ts';
import { runCommand } from '../commands.ts';
import type { TerminalDeps } from '../deps.ts';
import { display } from '../flows/card-input.ts';
import { cashierOnDuty } from '../flows/operator-check.ts';
import { type CommandResult, succeeded } from '../flows/result.ts';
import type { SlipRecord, TerminalState } from '../journal/model.ts';
import { slipNamed } from '../spool/slips.ts';
import { factsAnswer, finalAnswer, presentAnswer, type RunEnd, refusal } from './answers.ts';
import { batchFacts, deviceFacts } from './facts.ts';
import type { TillAnswer, TillRequestRecord } from './model.ts';
import type { KeptOp } from './ops.ts';
import { isKept, opRow } from './ops.ts';
import { resolveOriginal } from './original.ts';
import { TillClerk } from './prompts.ts';
import { bodyHash, type ResolvedRequest, readTillRequest, type TillRequest } from './request.ts';
import type { TillPhase } from './till-states.ts';

/** The one place at the counter: a clerk's command and a till's request never overlap. */
export interface Counter {
  /** Takes the place; null when somebody has it. */
  enter(): Place | null;
}
export interface Place {
  /** Runs when what was begun before has ended. Never rejects: a failure is a result too. */
  run(act: () => Promise<CommandResult>): Promise<CommandResult>;
  leave(): void;
}

/** Answers that no till has acknowledged: more are never dropped, new requests are refused instead. */
export const UNREAD_MAX = 1000;
/** An acknowledged answer is kept for 48 hours after its end: a copy of the request may still be under way. */
const KEPT_MS = 48 * 3_600_000;
const SECOND_MS = 1000;

interface ActiveRequest {
  readonly record: TillRequestRecord;
  readonly clerk: TillClerk;
  phase: TillPhase;
  abortedByTill: boolean;
  reprinted: SlipRecord | null;
  readonly ended: Promise<void>;
}

type KeptRequest = TillRequest & { readonly op: KeptOp; readonly requestId: string; readonly tillId: string };

export class Till {
  readonly #deps: TerminalDeps;
  readonly #counter: Counter;
  #active: ActiveRequest | null = null;
  #sweeping: Promise<void> = Promise.resolve();
  readonly #listeners = new Set<(answer: TillAnswer) => void>();

  constructor(deps: TerminalDeps, counter: Counter) {
    this.#deps = deps;
    this.#counter = counter;
  }

  /**
   * Answers one request. A kept operation is answered when it is over, or when its outcome is unknown for
   * now; the same request again, also meanwhile, is told how it stands.
   */
  async handle(value: unknown): Promise<TillAnswer> {
    const read = readTillRequest(value);
    if (!read.ok) return refusal({}, read.code, { detail: read.detail });
    const { request } = read;
    try {
      return await (isKeptRequest(request) ? this.#keep(request) : this.#ask(request));
    } catch (error) {
      const code = error instanceof PosError ? error.code : 'INVARIANT';
      this.#deps.log.error({ op: request.op, code }, 'a till request could not be answered');
      return refusal(request, code === 'JOURNAL_WRITE' ? 'JOURNAL_WRITE' : 'DEFECT');
    }
  }

  /** Calls the listener with every change of every request. @returns how to end it */
  watch(listener: (answer: TillAnswer) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** How many watch. */
  get watchers(): number {
    return this.#listeners.size;
  }

  /** After a start: what ran when the power went is over. Runs once, before the first request. */
  async recover(): Promise<void> {
    await this.#finishWhere(() => true);
  }

  /** Makes final what a reversal, a repeat or a restart has closed. @throws JOURNAL_WRITE */
  finishClosed(): Promise<void> {
    const swept = this.#sweeping.then(() => this.#finishWhere(({ ut }) => ut !== null));
    this.#sweeping = swept.catch(() => undefined);
    return swept;
  }

  /** Somebody at the terminal wants the till's request to end. @returns false when it is too late */
  cancelFromCounter(): boolean {
    const active = this.#active;
    if (active === null || !isAbortable(active)) return false;
    active.clerk.abort();
    return true;
  }

  // — what is journalled —

  async #keep(request: KeptRequest): Promise<TillAnswer> {
    const { requestId } = request;
    const hash = bodyHash(request);
    const known = this.#known(requestId);
    if (known !== null) {
      if (known.bodyHash !== hash) return refusal(request, 'OTHER_BODY');
      return this.#answerAfresh(known);
    }
    const resolved = resolveOriginal(this.#state, request);
    if (!resolved.ok) return refusal(request, resolved.code, { detail: resolved.detail });
    if (this.#state.tillRequests.filter(({ acknowledgedAt }) => acknowledgedAt === null).length >= UNREAD_MAX)
      return refusal(request, 'TOO_MANY_UNREAD');
    const place = this.#counter.enter();
    if (place === null) return refusal(request, 'BUSY', { active: this.#active?.record.requestId ?? null });
    try {
      await this.#run(request, hash, resolved.original, place);
    } finally {
      place.leave();
    }
    return this.#present(requestId);
  }

  /** From the record of acceptance to that of the final answer. @throws JOURNAL_WRITE: it was not accepted */
  async #run(request: KeptRequest, hash: string, original: ResolvedRequest, place: Place): Promise<void> {
    const { journal, clerk, clock, config } = this.#deps;
    const record = this.#recordOf(request, hash);
    const timeoutMs = (request.options?.timeoutS ?? config.cardTimeoutSeconds) * SECOND_MS;
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const active: ActiveRequest = {
      record,
      clerk: new TillClerk(clerk, clock, timeoutMs),
      phase: 'accepted',
      abortedByTill: false,
      reprinted: null,
      ended,
    };
    this.#active = active;
    try {
      await journal.append({ type: 'till request accepted', request: record, forgets: this.#outdated() });
      this.#tell(record.requestId);
      const result = await place.run(() => this.#act(active, request, original));
      await this.#finish(record.requestId, {
        result,
        phase: active.phase,
        abortedByTill: active.abortedByTill,
        reprinted: active.reprinted,
      });
    } finally {
      this.#active = null;
      end();
    }
    this.#tell(record.requestId);
  }

  /** The command, as a clerk would type it. */
  async #act(active: ActiveRequest, request: KeptRequest, original: ResolvedRequest): Promise<CommandResult> {
    const { line, sends } = opRow(request.op);
    const { zh } = opRow(request.op);
    this.#deps.clerk.show(
      `收银机 ${request.tillId} ${zh} ${request.requestId}`,
      `till ${request.tillId}: ${request.op} ${request.requestId}`,
    );
    // What makes no transaction of its own cannot be called back once it has begun.
    if (!sends) this.#reached(active, 'online');
    if (request.op === 'reprint' && active.record.print === 'till') {
      cashierOnDuty(this.#deps);
      const { voucher } = original;
      active.reprinted = slipNamed(this.#state.slips, voucher === '' ? undefined : voucher);
      return succeeded('重打印由收银机完成', 'the till prints it once more');
    }
    return runCommand(this.#drivenDeps(active, request), line === null ? '' : line(original));
  }

  #drivenDeps(active: ActiveRequest, request: KeptRequest): TerminalDeps {
    const seconds = request.options?.timeoutS;
    const { config } = this.#deps;
    return {
      ...this.#deps,
      clerk: active.clerk,
      config:
        seconds === undefined
          ? config
          : { ...config, cardTimeoutSeconds: seconds, pinTimeoutSeconds: seconds },
      till: {
        requestId: request.requestId,
        reached: (phase) => this.#reached(active, phase),
      },
    };
  }

  /** @throws CANCELLED at the last moment before it goes online: from there on nothing can be called back */
  #reached(active: ActiveRequest, phase: TillPhase): void {
    if (active.clerk.signal.aborted) throw new PosError('CANCELLED', 'before anything was sent');
    active.phase = phase;
    this.#tell(active.record.requestId);
  }

  #recordOf(request: KeptRequest, hash: string): TillRequestRecord {
    return {
      requestId: request.requestId,
      tillId: request.tillId,
      cashier: request.cashier ?? '',
      op: request.op,
      amountFen: request.amountFen ?? null,
      orderNo: request.orderNo ?? null,
      print: request.options?.print ?? 'terminal',
      bodyHash: hash,
      acceptedAt: this.#now(),
      ut: null,
      closedBatch: null,
      answer: null,
      acknowledgedAt: null,
    };
  }

  async #finish(requestId: string, end: RunEnd | null): Promise<void> {
    const record = this.#known(requestId);
    if (record === null || record.answer !== null) return;
    const answer = finalAnswer(this.#state, record, end, this.#now());
    if (answer === null) return;
    try {
      await this.#deps.journal.append({ type: 'till request finished', requestId, answer });
    } catch (error) {
      // It was accepted, and perhaps sent: the till is told that the outcome is open until the restart.
      const facts =
        error instanceof PosError ? { code: error.code, detail: error.detail } : { detail: String(error) };
      this.#deps.log.error({ requestId, ...facts }, 'a till request stays unfinished');
    }
  }

  async #finishWhere(wanted: (record: TillRequestRecord) => boolean): Promise<void> {
    for (const record of this.#state.tillRequests) {
      const { requestId, answer } = record;
      if (answer !== null || requestId === this.#active?.record.requestId || !wanted(record)) continue;
      await this.#finish(requestId, null);
      this.#tell(requestId);
    }
  }

  /** Acknowledged, and their time is over. */
  #outdated(): readonly string[] {
    const limit = this.#deps.clock.now() - KEPT_MS;
    return this.#state.tillRequests
      .filter(
        ({ acknowledgedAt, answer }) =>
          acknowledgedAt !== null && Date.parse(answer?.finishedAt ?? '') < limit,
      )
      .map(({ requestId }) => requestId);
  }

  // — what is answered afresh —

  async #ask(request: TillRequest): Promise<TillAnswer> {
    const { requestId = '', tillId = '' } = request;
    switch (request.op) {
      case 'status':
        return this.#about(request, this.#known(requestId));
      case 'last':
        return this.#about(
          request,
          this.#state.tillRequests.findLast((one) => one.tillId === tillId) ?? null,
        );
      case 'abort':
        return this.#abort(request, this.#owned(requestId, tillId));
      case 'ack':
        return this.#acknowledge(request, this.#owned(requestId, tillId));
      case 'totals':
        return factsAnswer(request, batchFacts(this.#state));
      case 'device-status':
        return factsAnswer(request, deviceFacts(this.#deps, this.#active?.record.requestId ?? null));
      case 'display':
        return this.#display(request);
      default:
        throw new PosError('INVARIANT', `${request.op} is journalled`);
    }
  }

  async #about(request: TillRequest, record: TillRequestRecord | null): Promise<TillAnswer> {
    return record === null ? refusal(request, 'NOT_FOUND') : this.#answerAfresh(record);
  }

  /** Works until the request goes online; answers when the request has ended. */
  async #abort(request: TillRequest, record: TillRequestRecord | null): Promise<TillAnswer> {
    if (record === null) return refusal(request, 'NOT_FOUND');
    const active = this.#active;
    if (active?.record.requestId !== record.requestId || !isAbortable(active)) {
      const { state } = await this.#answerAfresh(record);
      return refusal(request, 'NOT_ALLOWED_NOW', { detail: `it is ${state}`, requestState: state });
    }
    active.abortedByTill = true;
    active.clerk.abort();
    await active.ended;
    return this.#present(record.requestId);
  }

  /** The till has stored the final answer. Acknowledging twice is acknowledging once. */
  async #acknowledge(request: TillRequest, record: TillRequestRecord | null): Promise<TillAnswer> {
    if (record === null) return refusal(request, 'NOT_FOUND');
    const { requestId } = record;
    const { state, final } = await this.#answerAfresh(record);
    if (!final)
      return refusal(request, 'NOT_ALLOWED_NOW', {
        detail: `it is ${state}, not final`,
        requestState: state,
      });
    if (record.acknowledgedAt === null)
      await this.#deps.journal.append({ type: 'till request acknowledged', requestId, at: this.#now() });
    return this.#present(requestId);
  }

  async #display(request: TillRequest): Promise<TillAnswer> {
    const place = this.#counter.enter();
    if (place === null) return refusal(request, 'BUSY', { active: this.#active?.record.requestId ?? null });
    try {
      const { ok } = await place.run(async () => {
        await display(this.#deps, request.lines ?? []);
        return succeeded('已显示', 'shown');
      });
      return ok ? factsAnswer(request, {}) : refusal(request, 'DEFECT');
    } finally {
      place.leave();
    }
  }

  // — what is known —

  get #state(): TerminalState {
    return this.#deps.journal.state;
  }

  #now(): string {
    return new Date(this.#deps.clock.now()).toISOString();
  }

  /** Also the one whose record is just being written. */
  #known(requestId: string): TillRequestRecord | null {
    const kept = this.#state.tillRequests.find((one) => one.requestId === requestId);
    const active = this.#active?.record;
    return kept ?? (active?.requestId === requestId ? active : null);
  }

  #owned(requestId: string, tillId: string): TillRequestRecord | null {
    const record = this.#known(requestId);
    return record?.tillId === tillId ? record : null;
  }

  /** As it stands; a reversal that another command has closed meanwhile makes it final now. */
  async #answerAfresh({ requestId }: TillRequestRecord): Promise<TillAnswer> {
    await this.finishClosed();
    return this.#present(requestId);
  }

  #present(requestId: string): TillAnswer {
    const record = this.#known(requestId);
    if (record === null) return refusal({ requestId }, 'NOT_FOUND');
    if (record.answer !== null) return record.answer;
    const isActive = this.#active?.record.requestId === requestId;
    return presentAnswer(this.#state, record, isActive ? (this.#active?.phase ?? null) : null);
  }

  #tell(requestId: string): void {
    if (this.#listeners.size === 0) return;
    const answer = this.#present(requestId);
    for (const listener of this.#listeners) listener(answer);
  }
}

function isKeptRequest(request: TillRequest): request is KeptRequest {
  return isKept(request.op);
}

function isAbortable({ record, phase }: ActiveRequest): boolean {
  return opRow(record.op).sends && phase !== 'online';
}
