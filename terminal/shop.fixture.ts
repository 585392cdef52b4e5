/** For the terminal's tests: a shop in memory, with a clerk, on a machine and devices of its own. */
import { createHash } from 'node:crypto';
import { PosError } from '../protocol/index.ts';
import type { Clerk, PromptName } from './clerk.ts';
import { type TerminalConfig, terminalConfig } from './config.ts';
import type { CardReader, FaultListener } from './devices/ports.ts';
import { devicesOf, TestPad, TestPrinter } from './devices.fixture.ts';
import type { HostWire } from './exchange/host-wire.ts';
import { TestHost } from './host.fixture.ts';
import type { TerminalLog } from './log.ts';
import { CountingRandom, ManualClock, MemoryDisk, Power } from './machine.fixture.ts';
import { startTerminal, type Terminal } from './terminal.ts';

export const TERMINAL_ID = '12345678';
export const MERCHANT_ID = '898410000000001';
/** An invented card of the programme's invented range, with a right check digit. */
export const PAN = '6277880000000016';
export const TRACK2 = `;${PAN}=30127010000012300000?`;
export const SUPERVISOR_PASSWORD = '000000';
export const CASHIER_PASSWORD = '111111';

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
