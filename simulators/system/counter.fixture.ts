/** A shop's counter: a real terminal in this process on simulated devices, with a clerk and a customer. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { openSoftVault } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import {
  type Clerk,
  type Clock,
  type CommandResult,
  type Devices,
  type HostWire,
  type JournalDisk,
  nodeClock,
  nodePasswordHash,
  nodeRandom,
  openDevices,
  openNodeDisk,
  type PromptName,
  startTerminal,
  type Terminal,
  type TerminalConfig,
  type TlsIdentity,
  tcpWire,
  terminalConfig,
} from '../../terminal/index.ts';
import type { SimulatedDevices } from '../devices/index.ts';
import { SimulatedPinPad } from '../devices/simulated-pin-pad.ts';
import { SimulatedPrinter } from '../devices/simulated-printer.ts';
import { SimulatedReader } from '../devices/simulated-reader.ts';
import { MERCHANT_ID, type Office, pause, tmkAlgorithmOf } from '../office/index.ts';
import { type Card, terminalId } from '../programme/index.ts';
import { MemoryLine } from './memory-line.fixture.ts';

const PASSWORDS = { supervisor: '246810', system: '975310', cashier: '1357' };

/** Who stands at the counter. A PIN that is not given is the card's own. */
export interface Customer {
  readonly card: Card;
  readonly pin?: string;
}

/** The clerk of a test: answers by prompt, and writes down everything that is shown. */
export class TestClerk implements Clerk {
  readonly said: string[] = [];
  readonly answers: Partial<Record<PromptName, string>> = {
    supervisor: '00',
    supervisorPassword: PASSWORDS.supervisor,
    confirm: '1',
    noPaper: '1',
    reversalDecision: '1',
  };
  /** Told of each line that is shown. */
  onShow: (zh: string) => void = () => undefined;
  #abort = new AbortController();

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  begin(): void {
    this.#abort = new AbortController();
  }

  cancel(): void {
    this.#abort.abort();
  }

  async ask(prompt: PromptName, detail = ''): Promise<string> {
    this.said.push(`? ${prompt} ${detail}`);
    const answer = this.answers[prompt];
    if (answer === undefined) throw new PosError('CANCELLED', 'the clerk cancelled');
    return answer;
  }

  show(zh: string, en: string): void {
    this.said.push(`~ ${zh} / ${en}`);
    this.onShow(zh);
  }

  customer(lines: readonly string[]): void {
    this.said.push(`  ${lines.join(' | ')}`);
  }

  slip(text: string): void {
    this.said.push(text);
  }

  device(text: string): void {
    this.said.push(`# ${text}`);
  }

  padKey(): void {}
}

export interface CounterOptions {
  readonly office: Office;
  /** Which terminal: 0, 1 … */
  readonly index: number;
  /** Where the line to the host begins; default: the host itself. */
  readonly hostPort?: number;
  /** Speaks TLS over it. */
  readonly tls?: TlsIdentity;
  readonly settings?: Partial<TerminalConfig>;
  /** Default: lines in memory. */
  readonly devices?: {
    readonly simulated: Pick<SimulatedDevices, 'reader' | 'pinPad' | 'printer'>;
    readonly open: (clock: Clock) => Devices;
  };
}

/** Reader, PIN pad and printer outlive the terminal that uses them. */
export class Counter {
  readonly clerk = new TestClerk();
  readonly journalFolder: string;
  readonly reader: SimulatedReader;
  readonly pinPad: SimulatedPinPad;
  readonly printer: SimulatedPrinter;
  /** Everything that the terminal logged, as it came. */
  readonly logged: string[] = [];
  /** Looks at each journal append: may cut the power before or after it. */
  onAppend: (write: () => Promise<void>, bytes: Buffer) => Promise<void> = (write) => write();
  readonly #options: CounterOptions;
  readonly #openDevices: (clock: Clock) => Devices;
  #terminal: Terminal | undefined;
  #devices: Devices | undefined;
  #disk: JournalDisk | undefined;
  #power = { isOn: true };
  #customer: Customer | undefined;

  private constructor(options: CounterOptions, devices: NonNullable<CounterOptions['devices']>) {
    this.#options = options;
    this.#openDevices = devices.open;
    this.journalFolder = join(options.office.folder, terminalId(options.index));
    this.reader = devices.simulated.reader;
    this.pinPad = devices.simulated.pinPad;
    this.printer = devices.simulated.printer;
    this.clerk.onShow = (zh) => {
      if (zh === '请刷卡') void this.#swipe();
      // Only when it is asked for: a PIN typed ahead would wait for the next customer.
      else if (zh === '请持卡人输入密码') this.#typePin();
    };
  }

  /** Builds the counter and opens the till: a cashier is logged on and the terminal has signed in. */
  static async open(options: CounterOptions): Promise<Counter> {
    const counter = new Counter(options, options.devices ?? (await devicesInMemory(options)));
    await counter.start();
    try {
      for (const line of [
        `logon 00 ${PASSWORDS.supervisor}`,
        `operator set 01 ${PASSWORDS.cashier}`,
        `logon 01 ${PASSWORDS.cashier}`,
        'signin',
      ])
        await counter.must(line);
      return counter;
    } catch (error) {
      await counter.close();
      throw error;
    }
  }

  get terminal(): Terminal {
    if (this.#terminal === undefined) throw new Error('the terminal is off');
    return this.#terminal;
  }

  /** Switches the terminal on, on what its folder holds. */
  async start(): Promise<void> {
    const { office, index, hostPort = office.acquirerPort, settings, tls } = this.#options;
    const power = { isOn: true };
    this.#power = power;
    const config = terminalConfig({
      terminalId: terminalId(index),
      merchantId: MERCHANT_ID,
      answerTimeoutSeconds: 1,
      slipCopies: 1,
      supervisorPassword: PASSWORDS.supervisor,
      systemPassword: PASSWORDS.system,
      ...office.keyProfile(index),
      ...settings,
    });
    const disk = await openNodeDisk(this.journalFolder);
    this.#disk = disk;
    this.#devices = this.#openDevices(nodeClock);
    this.#terminal = await startTerminal({
      clock: nodeClock,
      random: nodeRandom,
      disk: this.#watched(disk, power),
      wire: wireWhile(
        power,
        tcpWire({ address: '127.0.0.1', port: hostPort, connectTimeoutMs: 2_000, ...(tls && { tls }) }),
      ),
      devices: this.#devices,
      clerk: this.clerk,
      log: this.#log(),
      passwordHash: nodePasswordHash,
      config,
    });
  }

  /** Types a command; the customer swipes when a card is waited for, and types the PIN. */
  async type(line: string, customer?: Customer): Promise<CommandResult> {
    this.#customer = customer;
    try {
      return await this.terminal.command(line);
    } finally {
      this.#customer = undefined;
    }
  }

  async must(line: string, customer?: Customer): Promise<CommandResult> {
    const result = await this.type(line, customer);
    if (!result.ok) throw new Error(`${line}: ${result.code} ${result.en}`);
    return result;
  }

  /** The plug is pulled: nothing of the running terminal reaches disk, line or devices any more. */
  async cutPower(): Promise<void> {
    this.#power.isOn = false;
    this.#terminal = undefined;
    // What the kernel does for a process that is gone.
    await this.#devices?.close();
    await this.#disk?.release();
  }

  async stop(): Promise<void> {
    await this.#terminal?.stop();
    this.#terminal = undefined;
  }

  /** Stops, and ends the devices. */
  async close(): Promise<void> {
    await this.stop();
    this.pinPad.close();
    this.printer.close();
  }

  /** Swipes as soon as the reader waits; what comes earlier a reader drops. */
  async #swipe(): Promise<void> {
    const customer = this.#customer;
    const devices = this.#devices;
    if (customer === undefined || devices === undefined) return;
    while (devices.reader.state() !== 'busy') {
      if (this.#customer !== customer || !this.#power.isOn) return;
      await pause(1);
    }
    this.reader.swipe(customer.card.track2, customer.card.track1);
  }

  #typePin(): void {
    const customer = this.#customer;
    if (customer !== undefined) void this.pinPad.typePin(customer.pin ?? customer.card.pin);
  }

  #watched(disk: JournalDisk, power: { isOn: boolean }): JournalDisk {
    const never = () => new Promise<never>(() => undefined);
    return {
      ...disk,
      append: async (name, bytes) => {
        if (!power.isOn) return never();
        await this.onAppend(() => disk.append(name, bytes), bytes);
        return power.isOn ? undefined : never();
      },
    };
  }

  #log() {
    const note = (facts: object, text: string) => void this.logged.push(`${text} ${JSON.stringify(facts)}`);
    return { info: note, warn: note, error: note };
  }
}

async function devicesInMemory({
  office,
  index,
}: CounterOptions): Promise<NonNullable<CounterOptions['devices']>> {
  const lines = { reader: new MemoryLine(), pinPad: new MemoryLine(), printer: new MemoryLine() };
  const vault = await openSoftVault({ random: randomBytes });
  const pinPad = new SimulatedPinPad({ line: lines.pinPad, vault, random: randomBytes, clock: nodeClock });
  const components = (office.tmkComponents[index] ?? []).map((one) => Buffer.from(one));
  pinPad.injectTmk(components, tmkAlgorithmOf(office.keyProfile(index)));
  return {
    simulated: {
      reader: new SimulatedReader(lines.reader),
      pinPad,
      printer: new SimulatedPrinter(lines.printer, nodeClock),
    },
    open: (clock) =>
      openDevices({
        reader: lines.reader.port(),
        pinPad: lines.pinPad.port(),
        printer: lines.printer.port(),
        clock,
      }),
  };
}

/** A line that dies with the power. */
function wireWhile(power: { isOn: boolean }, wire: HostWire): HostWire {
  return {
    connect: async () => {
      const connection = await wire.connect();
      return {
        ...connection,
        write: (bytes) => (power.isOn ? connection.write(bytes) : new Promise(() => undefined)),
        onData: (listener) => connection.onData((chunk) => power.isOn && listener(chunk)),
      };
    },
  };
}
