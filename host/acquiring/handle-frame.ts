/**
 * One frame in, one answer out: parse, address, judge. Whatever the bytes are, the outcome is an answer,
 * or a counted and logged refusal where nothing in them can be answered.
 */
import {
  codec,
  type Envelope,
  FIELDS,
  type Message,
  openFrame,
  PosError,
  TRANSACTIONS,
  transactionOf,
} from '../../protocol/index.ts';
import type { HostDeps } from '../deps.ts';
import { ANSWERED, type AnsweredMembers } from '../log.ts';
import { type Answered, refusalFrame } from './answer.ts';
import { flowOf } from './dispatch.ts';
import { judging } from './judge.ts';
import { partOf } from './parsed-part.ts';
import { type Request, readRequest } from './request.ts';

/** Where a frame came from, for the log. */
export interface Connection {
  readonly id: number;
  readonly remote: string;
  /** DE41 that its certificate names; absent: it proved nothing, and any may come. */
  readonly terminalId?: string;
}

const TPDU_MARK = 0x60;
const SPOKEN: ReadonlySet<string> = new Set(Object.values(TRANSACTIONS).map((spec) => spec.mti));

/**
 * @param frame one frame without LEN
 * @returns the answer with LEN; undefined when there is none: the frame cannot be answered, or it is
 *   not certain whether its effect was committed
 */
export async function handleFrame(
  deps: HostDeps,
  connection: Connection,
  frame: Buffer,
): Promise<Buffer | undefined> {
  const cameMs = deps.metrics.elapsedMs();
  const request = readFrame(deps, connection, frame);
  if (request === undefined || Buffer.isBuffer(request)) {
    if (request !== undefined) deps.metrics.observe('answer', (deps.metrics.elapsedMs() - cameMs) / 1000);
    return request;
  }
  try {
    const answered = await deps.engine.submit(judging(deps, request));
    noteAnswered(deps, request, answered, cameMs);
    return answered.frame;
  } catch (error) {
    const refused = refuseUnjudged(deps, connection, request, error);
    if (refused !== undefined) noteAnswered(deps, request, { ...UNJUDGED, frame: refused }, cameMs);
    return refused;
  }
}

/** What is known of a 96 that no decision stands behind. */
const UNJUDGED = { code: '96', rrn: null, transactionId: null } as const;

/**
 * One line an answer, by which a transaction is followed from terminal to books (`npm run trace`). `answeredLine` in
 * log.ts spells it: change both.
 */
function noteAnswered(deps: HostDeps, request: Request, answered: Answered, cameMs: number): void {
  const { metrics } = deps;
  const ms = metrics.elapsedMs() - cameMs;
  metrics.observe('answer', ms / 1000);
  metrics.count('answered', answered.code);
  deps.log.info(
    {
      ut: request.ut,
      transactionId: answered.transactionId,
      rrn: answered.rrn,
      terminal: request.terminalId,
      batch: request.batch,
      trace: request.trace,
      kind: request.spec?.kind ?? null,
      code: answered.code,
      ms: Math.round(ms * 1000) / 1000,
    } satisfies AnsweredMembers,
    ANSWERED,
  );
}

/** The request, or the refusal of what is none; undefined when it cannot be answered. */
function readFrame(deps: HostDeps, connection: Connection, frame: Buffer): Request | Buffer | undefined {
  let envelope: Envelope;
  try {
    envelope = openFrame(frame);
  } catch (error) {
    return drop(deps, connection, 'frame too short', error);
  }
  if (envelope.tpdu[0] !== TPDU_MARK) {
    deps.metrics.count('tolerated', 'TPDU');
    deps.log.info({ connection: connection.id, tpdu: envelope.tpdu.toString('hex') }, 'an unusual TPDU');
  }
  let message: Message;
  try {
    message = codec.decode(envelope.body);
  } catch (error) {
    return refuse30(deps, connection, envelope, partOf(envelope.body, error), error);
  }
  if (!SPOKEN.has(message.mti)) return refuse40(deps, connection, envelope, message);
  try {
    const request = readRequest(envelope, message, transactionOf(message));
    flowOf(request.spec?.kind)?.readable?.(request);
    if (request.terminalId === '' || request.merchantId === '' || !message.has(60)) {
      throw new PosError('FIELD_MISSING', 'DE41, DE42 and DE60 address a request');
    }
    if (connection.terminalId !== undefined && connection.terminalId !== request.terminalId)
      return refuseOtherTerminal(deps, connection, request);
    noteUnknownFields(deps, request);
    noteForeignDe57(deps, request);
    return request;
  } catch (error) {
    return refuse30(deps, connection, envelope, message, error);
  }
}

/** 97: what this line's certificate proves is another terminal. Nothing of the message is judged. */
function refuseOtherTerminal(deps: HostDeps, connection: Connection, request: Request): Buffer {
  deps.metrics.count('answered', '97');
  deps.metrics.count('refused', '97 terminal of another certificate');
  deps.log.warn(
    {
      connection: connection.id,
      remote: connection.remote,
      certificate: connection.terminalId,
      terminal: request.terminalId,
    },
    'refused: DE41 is not the terminal that the certificate names',
  );
  return refusalFrame(deps, request.envelope, request.message, '97');
}

function refuse30(
  deps: HostDeps,
  connection: Connection,
  envelope: Envelope,
  parsed: Pick<Message, 'mti' | 'get'> | undefined,
  error: unknown,
): Buffer | undefined {
  if (parsed === undefined || !isAnswerable(parsed.mti))
    return drop(deps, connection, 'not answerable', error);
  deps.metrics.count('answered', '30');
  deps.metrics.count('refused', '30 not parsed');
  deps.log.info({ ...whereWrong(connection, error), terminal: parsed.get(41) }, 'refused: not parsed');
  return refusalFrame(deps, envelope, parsed, '30');
}

function refuse40(
  deps: HostDeps,
  connection: Connection,
  envelope: Envelope,
  message: Message,
): Buffer | undefined {
  if (!isAnswerable(message.mti))
    return drop(deps, connection, 'not answerable', new PosError('MTI_BAD', message.mti));
  deps.metrics.count('answered', '40');
  deps.metrics.count('refused', '40 MTI not spoken');
  deps.log.info({ connection: connection.id, mti: message.mti }, 'refused: an MTI that is not spoken');
  return refusalFrame(deps, envelope, message, '40');
}

/** An MTI whose third digit can be raised by one: 0200 by 0210, but not 0290. */
function isAnswerable(mti: string): boolean {
  return /^\d\d[0-8]\d$/.test(mti);
}

/** 96 only when it is certain that nothing was committed. */
function refuseUnjudged(
  deps: HostDeps,
  connection: Connection,
  request: Request,
  error: unknown,
): Buffer | undefined {
  const about = { ...whereWrong(connection, error), terminal: request.terminalId, trace: request.trace };
  if (error instanceof PosError && error.code === 'STORE_UNKNOWN') {
    deps.metrics.count('silent', 'outcome unknown');
    deps.log.error(about, 'no answer: it is not known whether this was committed');
    return undefined;
  }
  deps.metrics.count('refused', '96 not judged');
  deps.log.warn(about, 'refused: not judged, nothing was committed');
  return refusalFrame(deps, request.envelope, request.message, '96');
}

function drop(deps: HostDeps, connection: Connection, reason: string, error: unknown): undefined {
  deps.metrics.count('dropped', reason);
  deps.log.warn(whereWrong(connection, error), `dropped: ${reason}`);
  return undefined;
}

/** Position, field and reason of the first wrong byte; never its value. */
function whereWrong(connection: Connection, error: unknown): object {
  const where = { connection: connection.id, remote: connection.remote };
  if (!(error instanceof PosError)) return { ...where, err: error };
  return { ...where, error: error.code, field: error.field, offset: error.offset, detail: error.detail };
}

/** Fields outside the table are kept and shown, not refused; the sample tells length and shape only. */
function noteUnknownFields(deps: HostDeps, request: Request): void {
  for (const field of request.message.unknown) {
    const value = request.message.get(field) ?? '';
    deps.metrics.count('unknown field', String(field));
    const sample = value
      .replace(/\d/g, '9')
      .replace(/[A-Za-z]/g, 'x')
      .slice(0, 40);
    deps.log.info(
      { field, known: field in FIELDS, terminal: request.terminalId, length: value.length, sample },
      'a field outside the table',
    );
  }
}

/** Nothing of it is shown: what another vendor puts there may be anything. */
function noteForeignDe57(deps: HostDeps, request: Request): void {
  const value = request.message.get(57);
  if (value === undefined || request.items.length > 0) return;
  deps.metrics.count('tolerated', 'DE57');
  deps.log.info(
    { terminal: request.terminalId, trace: request.trace, length: value.length },
    'a DE57 without items: treated as absent',
  );
}
