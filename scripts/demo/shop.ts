/** A shop: one terminal process on three simulated devices, driven as a clerk and a customer would. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PosError } from '../../protocol/index.ts';
import { type Card, type SimulatedDevices, startDevices } from '../../simulators/index.ts';
import { ROOT } from '../files.ts';

/** How long the demo waits for any single line of the terminal. */
const LINE_SECONDS_MAX = 30;
/** From the prompt to the swipe. */
const SWIPE_MS = 250;

/** Who stands at the counter: the card that is swiped, and the PIN that is typed where one is asked for. */
export interface Customer {
  readonly card: Card;
  readonly pin?: string;
}

export interface ShopOptions {
  readonly folder: string;
  readonly terminalId: string;
  readonly merchantId: string;
  readonly merchantName: string;
  readonly hostPort: number;
  readonly tmkComponents: readonly Buffer[];
  /** Seconds after which silence is the answer. */
  readonly answerTimeoutSeconds: number;
  /** Shows a line in the terminal's window. */
  readonly show: (line: string) => void;
}

/** What a command of the clerk came to: the terminal's own last line. */
export interface Outcome {
  readonly ok: boolean;
  readonly code: string;
  readonly text: string;
  /** All lines since the command was typed. */
  readonly lines: readonly string[];
}

export class Shop {
  readonly devices: SimulatedDevices;
  readonly journalFolder: string;
  readonly #child: ChildProcess;
  readonly #show: (line: string) => void;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #unread: string[] = [];
  #ended = false;
  #closing = false;
  /** Set once a person sits at the keyboard: lines go straight to the window. */
  #isManned = false;

  private constructor(
    devices: SimulatedDevices,
    journalFolder: string,
    child: ChildProcess,
    show: (line: string) => void,
  ) {
    this.devices = devices;
    this.journalFolder = journalFolder;
    this.#child = child;
    this.#show = show;
    if (child.stdout === null) throw new PosError('INVARIANT', 'the terminal has no window');
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => this.#take(line));
    lines.on('close', () => {
      this.#ended = true;
      this.#take(this.#closing ? '~ 终端已关机 / the terminal is off' : '! ENDED the terminal has stopped');
    });
  }

  static async open(options: ShopOptions): Promise<Shop> {
    const { folder } = options;
    await mkdir(folder, { recursive: true });
    const devicesFolder = join(folder, 'devices');
    const journalFolder = join(folder, 'journal');
    const settings = {
      terminalId: options.terminalId,
      merchantId: options.merchantId,
      merchantName: options.merchantName,
      hostPort: options.hostPort,
      answerTimeoutSeconds: options.answerTimeoutSeconds,
      journalDirectory: journalFolder,
      readerPort: join(devicesFolder, 'reader'),
      pinPadPort: join(devicesFolder, 'pinpad'),
      printerPort: join(devicesFolder, 'printer'),
      deviceBaud: 115_200,
      supervisorPassword: '246810',
      systemPassword: '975310',
    };
    const settingsFile = join(folder, 'terminal.json');
    await writeFile(settingsFile, JSON.stringify(settings, null, 2));
    // The terminal first: a process started later would inherit the devices' ends of the virtual lines, and
    // pulling a cable would go unnoticed. It waits for its devices by itself.
    const child = spawn(process.execPath, ['--import', 'tsx', 'terminal/main.ts', '--config', settingsFile], {
      cwd: ROOT,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    process.once('exit', () => child.kill());
    const devices = await startDevices({
      dir: devicesFolder,
      random: randomBytes,
      tmkComponents: options.tmkComponents.map((component) => Buffer.from(component)),
    });
    const shop = new Shop(devices, journalFolder, child, options.show);
    await shop.#until((line) => line.startsWith('> '));
    return shop;
  }

  /**
   * Types a command and answers its prompts until the terminal is ready again.
   *
   * @param answers by prompt name: what the clerk types; a prompt without an answer fails the demo
   * @param customer swipes when the terminal waits for a card, and types the PIN when the pad asks
   */
  async type(
    command: string,
    answers: Readonly<Record<string, string>> = {},
    customer?: Customer,
  ): Promise<Outcome> {
    this.#unread.length = 0;
    this.#show(`> ${command}`);
    this.#write(command);
    const lines: string[] = [];
    let result = '';
    for (;;) {
      const line = await this.#next();
      if (line.startsWith('> ')) break;
      lines.push(line);
      this.#show(line);
      if (line.startsWith('= ') || line.startsWith('! ')) result = line;
      if (line.startsWith('~ 请刷卡') && customer !== undefined) this.#serve(customer);
      const prompt = /^\? (\w+)/.exec(line)?.[1];
      if (prompt === undefined) continue;
      const answer = answers[prompt];
      if (answer === undefined) throw new PosError('INVARIANT', `the demo has no answer to ${prompt}`);
      this.#write(answer);
    }
    const [, code = '', text = ''] = /^[=!] (\S+) (.*)$/.exec(result) ?? [];
    return { ok: result.startsWith('= '), code, text, lines };
  }

  /** Hands the keyboard to a person: what is typed goes to the terminal, what it says to the window. */
  man(): (line: string) => void {
    this.#isManned = true;
    for (const line of this.#unread.splice(0)) this.#show(line);
    return (line) => this.#write(line);
  }

  /** Stops the terminal process and unplugs its devices. */
  async close(): Promise<void> {
    if (!this.#ended) {
      this.#closing = true;
      this.#write('quit');
      await new Promise<void>((resolve) => {
        this.#child.once('exit', () => resolve());
      });
    }
    await this.devices.close();
  }

  /** The customer takes a moment to find the card, as people do; the PIN is typed once the pad asks. */
  #serve({ card, pin }: Customer): void {
    if (pin !== undefined) void this.devices.pinPad.typePin(pin);
    setTimeout(() => this.devices.reader.swipe(card.track2, card.track1), SWIPE_MS);
  }

  #write(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  #take(line: string): void {
    if (this.#isManned) {
      this.#show(line);
      return;
    }
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#unread.push(line);
    else waiting(line);
  }

  #next(): Promise<string> {
    const line = this.#unread.shift();
    if (line !== undefined) return Promise.resolve(line);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new PosError('INVARIANT', 'the terminal said nothing for too long')),
        LINE_SECONDS_MAX * 1000,
      );
      this.#waiting.push((next) => {
        clearTimeout(timer);
        resolve(next);
      });
    });
  }

  async #until(isIt: (line: string) => boolean): Promise<void> {
    for (;;) {
      const line = await this.#next();
      if (isIt(line)) return;
      this.#show(line);
    }
  }
}
