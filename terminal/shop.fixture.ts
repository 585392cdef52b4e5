/** For the terminal's tests: a shop in memory whose power can be cut at any act that leaves the process. */
import { createHash } from 'node:crypto';
import { PosError, parseTrack2 } from '../protocol/index.ts';
import type { Clerk, PromptName } from './clerk.ts';
import type { Clock, Random } from './clock.ts';
import { type TerminalConfig, terminalConfig } from './config.ts';
import type { CardReader, Devices, FaultListener, PrinterStatus, PrintProgress } from './devices/ports.ts';
import type { HostWire } from './exchange/host-wire.ts';
import { TestHost, testMac } from './host.fixture.ts';
import type { JournalDisk } from './journal/disk.ts';
import type { TerminalLog } from './log.ts';
import { slipText } from './receipt/index.ts';
import { startTerminal, type Terminal } from './terminal.ts';

export const TERMINAL_ID = '12345678';
export const MERCHANT_ID = '898410000000001';
/** An invented card of the programme's invented range, with a right check digit. */
export const PAN = '6277880000000016';
export const TRACK2 = `;${PAN}=30127010000012300000?`;
export const SUPERVISOR_PASSWORD = '000000';
export const CASHIER_PASSWORD = '111111';

/** Stands for the machine: when the power is gone nothing that leaves the process works any more. */
export class Power {
  #left: number;
  readonly #mode: 'before' | 'after' | 'torn';
  isOn = true;
  /** Acts so far: journal appends, sends, prints. */
  acts = 0;

  constructor(cutAt = Number.POSITIVE_INFINITY, mode: 'before' | 'after' | 'torn' = 'before') {
    this.#left = cutAt;
    this.#mode = mode;
  }

  /** Lets one act happen; cuts before it, after it, or in its middle. */
  async act(whole: () => void | Promise<void>, half: () => void = () => undefined): Promise<void> {
    if (!this.isOn) throw new Error('the power is off');
    this.acts += 1;
    this.#left -= 1;
    if (this.#left > 0) {
      await whole();
      return;
    }
    this.isOn = false;
    if (this.#mode === 'after') await whole();
    if (this.#mode === 'torn') half();
    throw new Error('the power is off');
  }
}

export class MemoryDisk implements JournalDisk {
  readonly files: Map<string, Buffer>;
  power = new Power();
  readonly happened: string[];

  constructor(files: Map<string, Buffer> = new Map<string, Buffer>(), happened: string[] = []) {
    this.files = files;
    this.happened = happened;
  }

  async list(): Promise<readonly string[]> {
    return [...this.files.keys()];
  }

  async read(name: string): Promise<Buffer> {
    return Buffer.from(this.files.get(name) ?? Buffer.alloc(0));
  }

  async append(name: string, bytes: Buffer): Promise<void> {
    const add = (part: Buffer) => {
      this.files.set(name, Buffer.concat([this.files.get(name) ?? Buffer.alloc(0), part]));
    };
    await this.power.act(
      () => {
        add(bytes);
        this.happened.push(`journal ${this.#describe(bytes)}`);
      },
      () => add(bytes.subarray(0, bytes.length >> 1)),
    );
  }

  async place(name: string, bytes: Buffer): Promise<void> {
    this.files.set(name, Buffer.from(bytes));
  }

  async note(name: string, bytes: Buffer): Promise<void> {
    if (!this.power.isOn) throw new Error('the power is off');
    this.files.set(name, Buffer.from(bytes));
  }

  async release(): Promise<void> {}

  #describe(bytes: Buffer): string {
    const event = JSON.parse(bytes.toString().split('\t')[0] ?? '{}') as { type: string; to?: string };
    return event.to === undefined ? event.type : event.to;
  }
}

export class ManualClock implements Clock {
  time = Date.UTC(2026, 10, 22, 4, 0, 0);
  #timers: { at: number; act: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, act: () => void) {
    const timer = { at: this.time + ms, act };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((one) => one !== timer)) };
  }

  pass(ms: number): void {
    this.time += ms;
    const due = this.#timers.filter((one) => one.at <= this.time);
    this.#timers = this.#timers.filter((one) => one.at > this.time);
    for (const { act } of due) act();
  }
}

let drawn = 0;

/** Not random, but never the same twice, also not after a restart. */
export class CountingRandom implements Random {
  bytes(count: number): Buffer {
    drawn += 1;
    const seed = createHash('sha256').update(`random ${drawn}`).digest();
    return Buffer.concat([seed, seed, seed, seed]).subarray(0, count);
  }
}

/** Tests make many operators: what is slow by design is `node-password.ts`, tested there. */
function cheapHash(password: string, salt: Buffer): Buffer {
  return createHash('sha256').update(salt).update(password).digest();
}

function logTo(lines: string[]): TerminalLog {
  const note = (facts: object, text: string) => void lines.push(`${text} ${JSON.stringify(facts)}`);
  return { info: note, warn: note, error: note };
}

export interface Shop {
  readonly terminal: Terminal;
  readonly said: readonly string[];
  readonly happened: readonly string[];
  readonly prints: readonly string[];
  readonly disk: MemoryDisk;
  readonly clock: ManualClock;
  readonly pad: TestPad;
  readonly printer: TestPrinter;
  readonly clerk: TestClerk;
  readonly power: Power;
  readonly faults: FaultListener[];
  readonly logged: readonly string[];
}

export class TestClerk implements Clerk {
  readonly said: string[] = [];
  /** Answers by prompt; a function may look at the detail. */
  answers: Partial<Record<PromptName, string>> = {
    supervisor: '00',
    supervisorPassword: SUPERVISOR_PASSWORD,
    confirm: '1',
    noPaper: '1',
  };
  /** Typed to the first question, whatever it is. */
  firstTyped: string | null = null;
  #abort = new AbortController();

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  begin(): void {
    this.#abort = new AbortController();
  }

  async ask(prompt: PromptName): Promise<string> {
    this.said.push(`? ${prompt}`);
    const answer = this.firstTyped ?? this.answers[prompt];
    this.firstTyped = null;
    if (answer === undefined) throw new PosError('CANCELLED', 'the clerk cancelled');
    return answer;
  }

  show(zh: string, en: string): void {
    this.said.push(`~ ${zh} / ${en}`);
  }

  customer(): void {}
  slip(): void {}
  device(): void {}
  padKey(): void {}
}

export class TestPad {
  key: string | null = null;
  previous: string | null = null;
  /** false: it was reset, and holds nothing. */
  hasMasterKey = true;
  /** false: it was exchanged, and its storage key is another. */
  opensSealed = true;
  pin: Buffer | 'bypassed' | 'cancel' = Buffer.from('1122334455667788', 'hex');
}

export class TestPrinter {
  status: PrinterStatus = { online: true, paper: 'enough', coverOpen: false, error: false };
  /** Lines after which the paper runs out, once. */
  tearsAfter: number | null = null;
  /** What it never answers any more. */
  hangs: 'nothing' | 'status' | 'print' = 'nothing';
  readonly prints: string[] = [];
}

/** Opens the shop: the same disk, host and pad may be given again after a power cut. */
export async function openShop(options: {
  readonly host: TestHost;
  readonly disk?: MemoryDisk;
  readonly pad?: TestPad;
  readonly printer?: TestPrinter;
  readonly clock?: ManualClock;
  readonly clerk?: TestClerk;
  readonly power?: Power;
  readonly settings?: Partial<TerminalConfig>;
  readonly track?: string;
  /** Another reader than the one that always reads `track`. */
  readonly reader?: CardReader;
}): Promise<Shop> {
  const { host, clock = new ManualClock(), clerk = new TestClerk(), power = new Power() } = options;
  const { pad = new TestPad(), printer = new TestPrinter() } = options;
  const happened: string[] = [];
  const logged: string[] = [];
  // One life at a time: what the last one still had to do it never does.
  if (options.disk !== undefined) options.disk.power.isOn = false;
  const disk = new MemoryDisk(options.disk?.files ?? new Map<string, Buffer>(), happened);
  disk.power = power;
  const faults: FaultListener[] = [];
  const config = terminalConfig({
    terminalId: TERMINAL_ID,
    merchantId: MERCHANT_ID,
    supervisorPassword: SUPERVISOR_PASSWORD,
    systemPassword: '999999',
    ...options.settings,
  });
  const terminal = await startTerminal({
    clock,
    random: new CountingRandom(),
    disk,
    wire: wireTo(host, clock, power, happened),
    devices: {
      ...devicesOf(pad, printer, power, happened, faults, options.track ?? TRACK2),
      ...(options.reader && { reader: options.reader }),
    },
    clerk,
    log: logTo(logged),
    passwordHash: cheapHash,
    config,
  });
  return {
    terminal,
    said: clerk.said,
    happened,
    prints: printer.prints,
    disk,
    clock,
    pad,
    printer,
    clerk,
    power,
    faults,
    logged,
  };
}

/** A shop with a cashier logged on and keys from the host. */
export async function openShopForBusiness(options: Parameters<typeof openShop>[0]): Promise<Shop> {
  staffed ??= diskWithCashier();
  const shop = await openShop({ disk: new MemoryDisk(new Map(await staffed)), ...options });
  const result = await shop.terminal.command('signin');
  if (!result.ok) throw new Error(`${result.code} ${result.en}`);
  shop.disk.happened.length = 0;
  return shop;
}

/** The journal with the cashier in it is made once and copied. */
let staffed: Promise<Map<string, Buffer>> | null = null;

async function diskWithCashier(): Promise<Map<string, Buffer>> {
  const { terminal, disk } = await openShop({ host: new TestHost() });
  for (const line of [
    `logon 00 ${SUPERVISOR_PASSWORD}`,
    `operator set 01 ${CASHIER_PASSWORD}`,
    `logon 01 ${CASHIER_PASSWORD}`,
  ]) {
    const result = await terminal.command(line);
    if (!result.ok) throw new Error(`${line}: ${result.code} ${result.en}`);
  }
  return disk.files;
}

function wireTo(host: TestHost, clock: ManualClock, power: Power, happened: string[]): HostWire {
  return {
    connect: async () => {
      if (!host.isReachable) throw new PosError('HOST_UNREACHABLE', 'no route to the host');
      let hear: (chunk: Buffer) => void = () => undefined;
      return {
        write: (bytes) =>
          power.act(() => {
            const { mti, answers } = host.receive(bytes);
            happened.push(`sent ${mti}`);
            queueMicrotask(() => {
              if (!power.isOn) return;
              for (const answer of answers) hear(answer);
              if (answers.length === 0) clock.pass(60_000);
            });
          }),
        onData: (listener) => {
          hear = listener;
        },
        onClose: (listener) => {
          host.hangUps.push(() => listener('the network is gone'));
        },
        close: () => undefined,
      };
    },
  };
}

function devicesOf(
  pad: TestPad,
  printer: TestPrinter,
  power: Power,
  happened: string[],
  faults: FaultListener[],
  track: string,
): Devices {
  const needsKey = () => {
    if (pad.key === null) throw new PosError('KEY_UNKNOWN', 'the pad holds no working keys');
    return pad.key;
  };
  return {
    reader: {
      read: async () => ({ track2: parseTrack2(track), track1Name: null }),
      state: () => 'ready',
    },
    pinPad: {
      status: async () => ({
        version: '1',
        tmkCheckValue: 'AAAA',
        macCheckValue: pad.key && 'BBBB',
        pinCheckValue: null,
      }),
      loadWorkingKeys: async (_mode, de62) => {
        if (!pad.hasMasterKey) throw new PosError('KEY_UNKNOWN', 'no master key');
        pad.previous = pad.key;
        pad.key = de62;
      },
      mac: async (data) => testMac(needsKey(), data),
      verifyMac: async (data, mac) =>
        [pad.key, pad.previous].some((key) => key !== null && testMac(key, data).equals(mac)),
      whichMac: async () => 'current',
      enterPin: async () => {
        if (pad.pin === 'cancel') throw new PosError('CANCELLED', 'the holder cancelled');
        return pad.pin;
      },
      seal: async (clear) => `sealed:${Buffer.from(clear.map((byte) => byte ^ 0x5a)).toString('base64')}`,
      unseal: async (sealed) => {
        if (!pad.opensSealed) throw new PosError('DEVICE_REFUSED', 'sealed by another pad');
        return Buffer.from(Buffer.from(sealed.slice(7), 'base64').map((byte) => byte ^ 0x5a));
      },
      random: async (count) => Buffer.alloc(count, 7),
      display: async () => undefined,
      cancel: async () => undefined,
      onKey: () => undefined,
      state: () => 'ready',
    },
    printer: {
      status: () =>
        printer.hangs === 'status' ? new Promise(() => undefined) : Promise.resolve(printer.status),
      print: (slip) =>
        power.act(
          () => {
            if (printer.hangs === 'print') return new Promise(() => undefined);
            const lines = slipText(slip).split('\n');
            const tornAt = printer.tearsAfter;
            printer.prints.push(lines.slice(0, tornAt ?? lines.length).join('\n'));
            if (tornAt === null) return void happened.push('printed');
            printer.tearsAfter = null;
            printer.status = { ...printer.status, paper: 'out' };
            const progress: PrintProgress = {
              kind: 'print progress',
              linesKnownPrinted: 0,
              linesSent: tornAt,
              linesTotal: lines.length,
            };
            throw new PosError('PAPER_OUT', `the paper ended after ${tornAt} lines`, { cause: progress });
          },
          () => printer.prints.push('half a slip'),
        ),
      state: () => 'ready',
    },
    onFault: (listener) => faults.push(listener),
    close: async () => undefined,
  };
}
