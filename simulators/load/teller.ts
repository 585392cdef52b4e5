/**
 * One terminal of the load: signs in, then sends sales as fast as it is asked to, each a whole request with PIN
 * block, DE57 and MAC. Requests are made before the time is taken, answers are judged after it.
 */
import { connect, type Socket } from 'node:net';
import { BlockCipher, encodePinBlock0, unionPayEcbMac } from '../../keys/index.ts';
import {
  buildDe57,
  buildFrame,
  codec,
  encodeWithMac,
  ensure,
  FrameSplitter,
  openFrame,
  parseDe60,
  parseTrack2,
} from '../../protocol/index.ts';
import { answerTrace, traceNumber } from './answer-trace.ts';
import type { LoadCard, LoadTerminal } from './job.ts';

const TPDU = Buffer.from('6000030000', 'hex');
const HEADER = '603100310000';
const KEY_BYTES = 16;
const CHECK_BYTES = 4;

/** One request, and what became of it. Times in milliseconds. */
export interface Sale {
  readonly teller: Teller;
  /** LEN included. */
  readonly request: Buffer;
  /** DE11. */
  readonly trace: string;
  sentAt: number;
  answeredAt: number;
  /** Without LEN; null when none came. */
  answer: Buffer | null;
}

interface Waiting {
  readonly sale: Sale;
  readonly done: (sale: Sale) => void;
}

export class Teller {
  readonly #terminal: LoadTerminal;
  readonly #socket: Socket;
  readonly #splitter = new FrameSplitter();
  /** By DE11: a host answers in whatever order it is done. */
  readonly #waiting = new Map<number, Waiting>();
  #pik: BlockCipher | undefined;
  #mak: BlockCipher | undefined;
  #batch = 0;
  #trace = 0;

  private constructor(terminal: LoadTerminal, socket: Socket) {
    this.#terminal = terminal;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('error', () => this.#lose());
    socket.on('close', () => this.#lose());
  }

  static async open(port: number, terminal: LoadTerminal): Promise<Teller> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const teller = new Teller(terminal, socket);
    await teller.#signIn();
    return teller;
  }

  async #signIn(): Promise<void> {
    const { id, merchantId, tmk } = this.#terminal;
    const trace = this.#nextTrace();
    const fields = {
      11: trace,
      41: id,
      42: merchantId,
      57: buildDe57([['V1', 'ZUNKA-LOAD']]),
      60: '00000000003',
      63: '01 ',
    };
    const signIn = this.#saleOf(framed(codec.encode({ mti: '0800', fields })), trace);
    const { answer } = await new Promise<Sale>((done) => this.send(signIn, done));
    ensure(answer !== null, `terminal ${id}: no answer to the sign-in`);
    const message = codec.decode(openFrame(answer).body);
    ensure(message.get(39) === '00', `terminal ${id}: the sign-in was answered ${message.get(39) ?? '–'}`);
    const master = new BlockCipher('3des', Buffer.from(tmk, 'hex'));
    const keys = Buffer.from(message.get(62) ?? '', 'hex');
    const open = (at: number) => {
      const key = master.decrypt(keys.subarray(at, at + KEY_BYTES));
      const cipher = new BlockCipher('3des', key);
      const check = cipher.encrypt(Buffer.alloc(8)).subarray(0, CHECK_BYTES);
      ensure(
        check.equals(keys.subarray(at + KEY_BYTES, at + KEY_BYTES + CHECK_BYTES)),
        `terminal ${id}: a check value differs`,
      );
      return cipher;
    };
    this.#pik = open(0);
    this.#mak = open(KEY_BYTES + CHECK_BYTES);
    this.#batch = parseDe60(message.get(60) ?? '').batch;
  }

  /** A sale of this amount in fen, ready to be sent. */
  sale(card: LoadCard, amount: number, ut: string): Sale {
    const { id, merchantId } = this.#terminal;
    const [pik, mak] = [this.#pik, this.#mak];
    ensure(pik !== undefined && mak !== undefined, 'a sale comes after the sign-in');
    const trace = this.#nextTrace();
    const block = pik.encrypt(encodePinBlock0(Buffer.from(card.pin, 'ascii'), card.pan));
    const fields = {
      3: '000000',
      4: String(amount).padStart(12, '0'),
      11: trace,
      22: '021',
      25: '00',
      26: '06',
      35: parseTrack2(card.track2).packed,
      41: id,
      42: merchantId,
      49: '156',
      52: block.toString('hex').toUpperCase(),
      53: '2600000000000000',
      57: buildDe57([['UT', ut]]),
      60: `22${String(this.#batch).padStart(6, '0')}000`,
      64: '',
    };
    const body = encodeWithMac(codec, { mti: '0200', fields }, (data) => unionPayEcbMac(mak, data));
    return this.#saleOf(framed(body), trace);
  }

  #saleOf(request: Buffer, trace: string): Sale {
    return { teller: this, request, trace, sentAt: 0, answeredAt: 0, answer: null };
  }

  /** @param done told when the answer is there, or when it is known that none will come */
  send(sale: Sale, done: (sale: Sale) => void): void {
    sale.sentAt = performance.now();
    this.#waiting.set(traceNumber(sale.trace), { sale, done });
    this.#socket.write(sale.request);
  }

  /** DE39 of an answer to a sale; throws where it is not the answer to that request, with a right MAC. */
  judge(answer: Buffer, trace: string): string {
    const message = codec.decode(openFrame(answer).body);
    const data = message.macData();
    ensure(
      this.#mak !== undefined && data !== undefined,
      `trace ${trace}: an answer to a sale carries a MAC, one with ${message.get(39) ?? 'no DE39'} did not`,
    );
    const mac = unionPayEcbMac(this.#mak, data).toString('hex').toUpperCase();
    ensure(message.get(64)?.toUpperCase() === mac, `trace ${trace}: the MAC of the answer is wrong`);
    ensure(message.mti === '0210' && message.get(11) === trace, `trace ${trace}: another request's answer`);
    return message.get(39) ?? '';
  }

  close(): void {
    this.#socket.destroy();
  }

  #nextTrace(): string {
    this.#trace += 1;
    return String(this.#trace).padStart(6, '0');
  }

  #take(chunk: Buffer): void {
    const now = performance.now();
    for (const answer of this.#splitter.push(chunk)) {
      const trace = answerTrace(answer);
      const waiting = this.#waiting.get(trace);
      if (waiting === undefined) continue;
      this.#waiting.delete(trace);
      waiting.sale.answeredAt = now;
      waiting.sale.answer = answer;
      waiting.done(waiting.sale);
    }
  }

  /** Whoever still waits learns that nothing will come. */
  #lose(): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { sale, done } of waiting) {
      sale.answeredAt = performance.now();
      done(sale);
    }
  }
}

function framed(body: Buffer): Buffer {
  return buildFrame({ tpdu: TPDU, header: HEADER, body });
}
