/**
 * One command at a time over the pad's line: framing, pairing of answers, timers, priority of cancel.
 * What the commands mean is the driver's business (pin-pad.ts).
 */
import { type FailureCode, PosError } from '../../protocol/index.ts';
import type { Clock } from '../clock.ts';
import { PAD_COMMANDS, PAD_STATES, type PadCommandName, type PadState } from './pin-pad-commands.ts';
import { encodePadFrame, type Fed, type PadFrame, PadFrameSplitter } from './pin-pad-frame.ts';

/** A frame that stops for so long is given up: a hundred byte times at 9600 baud. */
const INTER_BYTE_MS = 100;
/** Beyond the holder's own time: the pad must have said by then that nobody typed. */
const HOLDER_GRACE_MS = 3_000;

const STATES_BY_CODE = new Map<number, PadState>(Object.values(PAD_STATES).map((row) => [row.code, row]));

export interface PadAnswer {
  readonly state: PadState;
  /** DATA without its sequence byte. */
  readonly payload: Buffer;
}

export interface PadWire {
  write(bytes: Buffer): Promise<void>;
  /** A key was pressed on the pad while no PIN was asked for. */
  event(frame: PadFrame): void;
  /** The pad did not answer, or not in our protocol. */
  trouble(text: string): void;
}

interface Job {
  readonly command: PadCommandName;
  readonly payload: Buffer;
  /** Time the holder has, for PIN entry; else 0. */
  readonly holderMs: number;
  readonly resolve: (answer: PadAnswer) => void;
  readonly reject: (error: PosError) => void;
  triesLeft: number;
  sequence: number;
  timer: { cancel(): void } | undefined;
  /** Bytes that came while this command was out and were no frame. */
  garbage: number;
}

export class PadExchange {
  readonly #wire: PadWire;
  readonly #clock: Clock;
  readonly #splitter = new PadFrameSplitter();
  readonly #queue: Job[] = [];
  readonly #outstanding: Job[] = [];
  #sequence = 0;
  #interByte: { cancel(): void } | undefined;
  /** Frames that answered nothing that is asked, and bytes that were no frame: for the health page. */
  readonly counters = { strayFrames: 0, rejectedBytes: 0 };

  constructor(wire: PadWire, clock: Clock) {
    this.#wire = wire;
    this.#clock = clock;
  }

  /**
   * Waits for its turn and for the answer. Rejects with what the answer's state says, with
   * DEVICE_SILENT when no answer came, and with DEVICE_GARBAGE when only nonsense came.
   */
  run(command: PadCommandName, payload: Buffer, holderMs = 0): Promise<PadAnswer> {
    return new Promise((resolve, reject) => {
      const triesLeft = PAD_COMMANDS[command].again === 'safe' ? 1 : 0;
      const asked = { command, payload, holderMs, resolve, reject };
      const job: Job = { ...asked, triesLeft, sequence: 0, timer: undefined, garbage: 0 };
      if (command === 'cancel') this.#queue.unshift(job);
      else this.#queue.push(job);
      this.#next();
    });
  }

  feed(chunk: Buffer): void {
    this.#interByte?.cancel();
    this.#take(this.#splitter.feed(chunk));
    if (this.#splitter.pendingBytes > 0) {
      this.#interByte = this.#clock.after(INTER_BYTE_MS, () => this.#take(this.#splitter.drop()));
    }
  }

  /** The line is gone: everything that waits fails with this. */
  failAll(error: PosError): void {
    this.#interByte?.cancel();
    this.#splitter.drop();
    const jobs = [...this.#outstanding.splice(0), ...this.#queue.splice(0)];
    for (const job of jobs) {
      job.timer?.cancel();
      job.reject(error);
    }
  }

  #next(): void {
    const first = this.#queue[0];
    if (first === undefined) return;
    const [current] = this.#outstanding;
    // A cancel goes out beside a PIN entry, and beside nothing else: other commands end by themselves.
    const mayGo =
      current === undefined ||
      (first.command === 'cancel' && this.#outstanding.length === 1 && current.command === 'enterPin');
    if (!mayGo) return;
    this.#queue.shift();
    this.#outstanding.push(first);
    this.#send(first);
  }

  #send(job: Job): void {
    this.#sequence = (this.#sequence % 255) + 1;
    job.sequence = this.#sequence;
    const data = Buffer.concat([Buffer.from([job.sequence]), job.payload]);
    const { code, answerMs } = PAD_COMMANDS[job.command];
    job.timer = this.#clock.after(answerMs, () => this.#silent(job));
    this.#wire.write(encodePadFrame({ command: code, state: 0, data })).catch((cause: unknown) => {
      this.#end(job);
      job.reject(
        cause instanceof PosError ? cause : new PosError('DEVICE_ABSENT', 'the line refused', { cause }),
      );
      this.#next();
    });
  }

  #take(fed: Fed): void {
    for (const { count } of fed.rejected) {
      this.counters.rejectedBytes += count;
      for (const job of this.#outstanding) job.garbage += count;
    }
    for (const frame of fed.frames) this.#takeFrame(frame);
  }

  #takeFrame(frame: PadFrame): void {
    if (frame.command === PAD_COMMANDS.keyPressed.code) {
      this.#wire.event(frame);
      return;
    }
    const job = this.#outstanding.find(
      ({ command, sequence }) => PAD_COMMANDS[command].code === frame.command && sequence === frame.data[0],
    );
    if (job === undefined) {
      this.counters.strayFrames += 1;
      return;
    }
    const state = STATES_BY_CODE.get(frame.state);
    if (state === PAD_STATES.working) {
      job.timer?.cancel();
      job.timer = this.#clock.after(job.holderMs + HOLDER_GRACE_MS, () => this.#silent(job));
      return;
    }
    this.#end(job);
    if (state === undefined)
      job.reject(this.#failure('DEVICE_GARBAGE', job, `state ${frame.state.toString(16)}`));
    else if (state.failure === null) job.resolve({ state, payload: frame.data.subarray(1) });
    else job.reject(this.#failure(state.failure, job, `${state.zh} ${state.en}`));
    this.#next();
  }

  #silent(job: Job): void {
    this.#take(this.#splitter.drop());
    if (job.triesLeft > 0) {
      job.triesLeft -= 1;
      // Another sequence number: should the first answer still come, it answers nothing.
      this.#send(job);
      return;
    }
    this.#end(job);
    const error =
      job.garbage > 0
        ? this.#failure('DEVICE_GARBAGE', job, `乱码 ${job.garbage} bytes that are no frame`)
        : this.#failure('DEVICE_SILENT', job, '无应答 no answer');
    this.#wire.trouble(error.detail);
    job.reject(error);
    this.#next();
  }

  #end(job: Job): void {
    job.timer?.cancel();
    const at = this.#outstanding.indexOf(job);
    if (at >= 0) this.#outstanding.splice(at, 1);
  }

  #failure(code: FailureCode, job: Job, what: string): PosError {
    const { nameZh, nameEn } = PAD_COMMANDS[job.command];
    return new PosError(code, `密码键盘 PIN pad, ${nameZh} ${nameEn}: ${what}`);
  }
}
