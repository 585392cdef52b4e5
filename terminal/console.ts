/**
 * The line-mode console: what the clerk types and reads. Every line begins with a mark, so that a
 * script can wait for it:
 *
 * | mark | line |
 * |---|---|
 * | `>` | ready for a command |
 * | `? NAME` | a question; the next line answers it; an empty line or `cancel` cancels |
 * | `~` | progress and notices |
 * | `#` | what the customer sees on the PIN pad |
 * | `\|` | a slip, as text |
 * | `*` | a device was lost, or is back |
 * | `= CODE` | the command succeeded |
 * | `! CODE` | it did not: why, and what to do |
 */
import { PosError } from '../protocol/index.ts';
import { type Clerk, PROMPTS, type PromptName } from './clerk.ts';
import type { PadKey } from './devices/ports.ts';
import type { CommandResult } from './flows/result.ts';
import type { Terminal } from './terminal.ts';

const CANCEL_WORDS: readonly string[] = ['', 'cancel', '取消'];
/** Prompts that the keys on the PIN pad answer too. */
const PAD_ANSWERS: readonly PromptName[] = ['confirm', 'noPaper'];

interface PendingPrompt {
  readonly name: PromptName;
  readonly resolve: (answer: string) => void;
  readonly reject: (error: PosError) => void;
}

export class LineConsole implements Clerk {
  readonly #write: (line: string) => void;
  /** Called when a secret is about to be typed, and when it was. */
  readonly #mute: (muted: boolean) => void;
  #abort = new AbortController();
  #prompt: PendingPrompt | null = null;
  #lines: string[] = [];
  /** Commands given beforehand; then what is typed only answers questions. */
  #script: string[] | null = null;
  #ended = false;
  #running = false;
  #hasQuit = false;
  #waiting: ((line: string | null) => void) | null = null;

  constructor(write: (line: string) => void, mute: (muted: boolean) => void = () => undefined) {
    this.#write = write;
    this.#mute = mute;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  begin(): void {
    this.#abort = new AbortController();
  }

  /** True once the clerk has stopped the terminal; not when what is typed just came to its end. */
  get hasQuit(): boolean {
    return this.#hasQuit;
  }

  /** One line from the keyboard or a script. */
  feed(line: string): void {
    if (this.#prompt !== null) {
      this.#answer(line);
    } else if (
      this.#running &&
      this.#lines.length === 0 &&
      line.trim() !== '' &&
      CANCEL_WORDS.includes(line.trim())
    ) {
      this.#abort.abort();
    } else if (this.#waiting !== null) {
      this.#take(line);
    } else {
      this.#lines.push(line);
    }
  }

  /** Runs these commands and no others. */
  script(commands: readonly string[]): void {
    this.#script = [...commands];
  }

  /** Nothing more will be typed. */
  end(): void {
    this.#ended = true;
    this.#prompt?.reject(nobodyThere());
    this.#prompt = null;
    this.#take(null);
  }

  ask(name: PromptName, detail?: string, withdrawn?: AbortSignal): Promise<string> {
    const { zh, en, secret } = PROMPTS[name];
    this.#write(`? ${name} ${zh} / ${en}${detail === undefined ? '' : ` [${detail}]`}`);
    if (this.#ended && this.#lines.length === 0) return Promise.reject(nobodyThere());
    return new Promise((resolve, reject) => {
      const prompt = { name, resolve, reject };
      this.#prompt = prompt;
      withdrawn?.addEventListener('abort', () => this.#withdraw(prompt), { once: true });
      if (secret) this.#mute(true);
      const typedAhead = this.#lines.shift();
      if (typedAhead !== undefined) this.#answer(typedAhead);
    });
  }

  /** What is typed next is a command again, not the answer to a question that nobody asks any more. */
  #withdraw(prompt: PendingPrompt): void {
    if (this.#prompt !== prompt) return;
    this.#prompt = null;
    this.#mute(false);
    this.show('不再等待输入', 'the question is withdrawn');
    prompt.reject(new PosError('CANCELLED', 'the question was withdrawn'));
  }

  show(zh: string, en: string): void {
    this.#write(`~ ${zh}${en === '' ? '' : ` / ${en}`}`);
  }

  customer(lines: readonly string[]): void {
    this.#write(`# ${lines.join(' · ')}`);
  }

  slip(text: string): void {
    for (const line of text.split('\n')) this.#write(`| ${line}`);
  }

  device(text: string): void {
    this.#write(`* ${text}`);
  }

  padKey(key: PadKey): void {
    const { name } = this.#prompt ?? {};
    if (name !== undefined && PAD_ANSWERS.includes(name)) {
      if (key === 'confirm') this.#answer('1');
      if (key === 'cancel') this.#answer('0');
    } else if (key === 'cancel' && this.#prompt === null) {
      this.#abort.abort();
    }
  }

  /** A result as its line, and the hint that belongs to it. */
  result(result: CommandResult): void {
    const mark = result.ok ? '=' : '!';
    const hint = result.hint === '' ? '' : ` — ${result.hint}`;
    this.#write(`${mark} ${result.code} ${result.zh} / ${result.en}${hint}`);
  }

  /** Takes commands until `quit` or the end of input. Resolves with true when every one succeeded. */
  async run(terminal: Terminal): Promise<boolean> {
    let allGood = true;
    for (;;) {
      this.#write(
        `> 就绪 READY ${terminal.state.operator === null ? '未登录 / nobody logged on' : `操作员 ${terminal.state.operator} / operator ${terminal.state.operator}`}`,
      );
      const line = await this.#next();
      if (line === null) return allGood;
      if (line.trim() === '' || line.trim().startsWith('//')) continue;
      this.#running = true;
      const result = await terminal.command(line);
      this.#running = false;
      this.result(result);
      allGood &&= result.ok;
      this.#hasQuit = result.facts['quit'] === true;
      if (this.#hasQuit) return allGood;
    }
  }

  #answer(line: string): void {
    const prompt = this.#prompt;
    if (prompt === null) return;
    this.#prompt = null;
    this.#mute(false);
    const text = line.trim();
    if (CANCEL_WORDS.includes(text)) prompt.reject(new PosError('CANCELLED', 'the clerk cancelled'));
    else prompt.resolve(text);
  }

  #next(): Promise<string | null> {
    if (this.#script !== null) return Promise.resolve(this.#script.shift() ?? null);
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  #take(line: string | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(line);
  }
}

function nobodyThere(): PosError {
  return new PosError('CANCELLED', 'nobody is there to answer');
}
