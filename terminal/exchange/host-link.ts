/** One request, one answer over the line to the host. Answers that belong to no request are logged. */
import {
  buildFrame,
  codec,
  type Envelope,
  FrameSplitter,
  type Message,
  openFrame,
  PosError,
} from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import type { TerminalLog } from '../log.ts';
import type { HostConnection, HostWire } from './host-wire.ts';

/** What an answer must carry to belong to a request. */
export interface AnswerIdentity {
  readonly mti: string;
  /** DE11; null where the request carries none. */
  readonly trace: string | null;
  readonly terminalId: string;
  readonly merchantId: string;
}

export type Exchange =
  /** Header digits 6 and 5: what the host asks for, and whether it is a host for tests. */
  | {
      readonly kind: 'answer';
      readonly message: Message;
      readonly wanted: number;
      readonly isTest: boolean;
    }
  /** Something came while we waited that is no message: it may have been the answer. */
  | { readonly kind: 'garbled' }
  | { readonly kind: 'silent'; readonly why: string };

interface Waiting {
  readonly identity: AnswerIdentity;
  readonly done: (exchange: Exchange) => void;
}

const OLD_LINES_MAX = 2;
const FRAME_BYTES_MAX = 2048;
/** Header digit 6: what the host asks the terminal to do next. Digit 5: 1 from a host for tests. */
const WANTED_DIGIT = 5;
const TEST_DIGIT = 4;

export class HostLink {
  readonly #options: {
    readonly wire: HostWire;
    readonly clock: Clock;
    readonly log: TerminalLog;
    readonly tpdu: string;
    readonly header: string;
    readonly connectTimeoutMs: number;
    readonly answerTimeoutMs: number;
  };
  #connection: HostConnection | null = null;
  #waiting: Waiting | null = null;
  /** Lines that a time-out left behind: what still comes there is late, and only logged. */
  #old: HostConnection[] = [];

  constructor(options: {
    readonly wire: HostWire;
    readonly clock: Clock;
    readonly log: TerminalLog;
    readonly tpdu: string;
    readonly header: string;
    readonly connectTimeoutMs: number;
    readonly answerTimeoutMs: number;
  }) {
    this.#options = options;
  }

  /** Makes sure that there is a line. @throws HOST_UNREACHABLE: nothing was sent */
  async connect(): Promise<void> {
    if (this.#connection !== null) return;
    const connection = await this.#connected();
    const splitter = new FrameSplitter(FRAME_BYTES_MAX);
    this.#connection = connection;
    connection.onData((chunk) => this.#received(connection, splitter, chunk));
    connection.onClose((reason) => this.#closed(connection, reason));
  }

  /** A line that comes after its time is closed again. */
  async #connected(): Promise<HostConnection> {
    const { wire, clock, connectTimeoutMs } = this.#options;
    let isLate = false;
    let timer: { cancel(): void } | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = clock.after(connectTimeoutMs, () => {
        isLate = true;
        reject(new PosError('HOST_UNREACHABLE', `no connection within ${connectTimeoutMs} ms`));
      });
    });
    const connecting = wire.connect().then((connection) => {
      if (isLate) connection.close();
      return connection;
    });
    try {
      return await Promise.race([connecting, late]);
    } finally {
      timer?.cancel();
    }
  }

  /**
   * Sends one message and waits for what belongs to it. Never throws for the wire's sake: from the
   * moment the bytes may have left, silence is a result, not an error.
   *
   * @param body MTI up to DE64
   */
  async exchange(body: Buffer, identity: AnswerIdentity): Promise<Exchange> {
    const connection = this.#connection;
    if (connection === null) return { kind: 'silent', why: 'the line closed before the request was written' };
    const { clock, tpdu, header, answerTimeoutMs } = this.#options;
    return new Promise<Exchange>((resolve) => {
      const timer = clock.after(answerTimeoutMs, () => {
        this.#setAside(connection);
        done({ kind: 'silent', why: `no answer within ${answerTimeoutMs} ms` });
      });
      const done = (exchange: Exchange) => {
        timer.cancel();
        if (this.#waiting?.done === done) this.#waiting = null;
        resolve(exchange);
      };
      this.#waiting = { identity, done };
      const frame = buildFrame({ tpdu: Buffer.from(tpdu, 'hex'), header, body });
      connection.write(frame).catch((error: unknown) => {
        // Whatever it was, this line carries nothing any more: the next request gets another.
        this.#setAside(connection);
        done({
          kind: 'silent',
          why: error instanceof PosError ? error.detail : 'the line broke while sending',
        });
      });
    });
  }

  close(): void {
    for (const connection of [...this.#old, this.#connection]) connection?.close();
    this.#old = [];
    this.#connection = null;
  }

  /** The next request gets a new line; the old one is still heard, for what comes late. */
  #setAside(connection: HostConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#old.push(connection);
    if (this.#old.length > OLD_LINES_MAX) this.#old.shift()?.close();
  }

  #closed(connection: HostConnection, reason: string): void {
    this.#old = this.#old.filter((one) => one !== connection);
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#waiting?.done({ kind: 'silent', why: `the line closed: ${reason}` });
  }

  #received(connection: HostConnection, splitter: FrameSplitter, chunk: Buffer): void {
    const isCurrent = this.#connection === connection;
    let frames: Buffer[];
    try {
      frames = splitter.push(chunk);
    } catch (error) {
      this.#logUnreadable(error);
      connection.close();
      return;
    }
    for (const frame of frames) {
      const opened = this.#open(frame);
      if (opened === null) {
        if (isCurrent) this.#waiting?.done({ kind: 'garbled' });
        continue;
      }
      const { message, envelope } = opened;
      const waiting = isCurrent ? this.#waiting : null;
      if (waiting !== null && belongs(message, waiting.identity)) {
        const { header } = envelope;
        const wanted = Number(header[WANTED_DIGIT] ?? 0);
        waiting.done({ kind: 'answer', message, wanted, isTest: header[TEST_DIGIT] === '1' });
      } else {
        const identity = {
          mti: message.mti,
          trace: message.get(11) ?? null,
          batch: message.get(60)?.slice(2, 8) ?? null,
        };
        this.#options.log.warn(identity, 'an answer that no request waits for is ignored');
      }
    }
  }

  #open(frame: Buffer): { message: Message; envelope: Envelope } | null {
    try {
      const envelope = openFrame(frame);
      return { message: codec.decode(envelope.body), envelope };
    } catch (error) {
      this.#logUnreadable(error);
      return null;
    }
  }

  #logUnreadable(error: unknown): void {
    const facts =
      error instanceof PosError ? { code: error.code, offset: error.offset, field: error.field } : {};
    this.#options.log.warn(facts, 'what came from the host cannot be read');
  }
}

function belongs(message: Message, identity: AnswerIdentity): boolean {
  return (
    message.mti === identity.mti &&
    (identity.trace === null || message.get(11) === identity.trace) &&
    message.get(41) === identity.terminalId &&
    message.get(42) === identity.merchantId
  );
}
