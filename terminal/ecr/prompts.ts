/** The clerk while a till drives: questions that the till has answered already, and the few that need a person. */
import { PosError } from '../../protocol/index.ts';
import type { Clerk, PromptName } from '../clerk.ts';
import type { Clock } from '../clock.ts';
import type { PadKey } from '../devices/ports.ts';

/**
 * What becomes of a question, one row each: `ask` puts it to the person at the terminal, for a limited
 * time; `refuse` ends the request; a digit is the answer.
 */
// biome-ignore format: a table is read by column
export const TILL_PROMPTS = {
  operator:           { does: 'refuse', why: 'nobody logs on through a till' },
  password:           { does: 'refuse', why: 'nobody logs on through a till' },
  newPassword:        { does: 'refuse', why: 'passwords are set at the terminal' },
  firstSupervisor:    { does: 'refuse', why: 'passwords are set at the terminal' },
  firstSystem:        { does: 'refuse', why: 'passwords are set at the terminal' },
  supervisor:         { does: 'ask',    why: 'the supervisor comes to the terminal; unanswered in time: cancelled' },
  supervisorPassword: { does: 'ask',    why: 'the password is typed at the terminal only; unanswered in time: cancelled' },
  amount:             { does: 'refuse', why: 'the amount stands in the request' },
  cardNumber:         { does: 'refuse', why: 'no card number comes from a till' },
  expiry:             { does: 'refuse', why: 'no card number comes from a till' },
  voucher:            { does: 'refuse', why: 'orig names the original' },
  reference:          { does: 'refuse', why: 'orig names the original' },
  originalDate:       { does: 'refuse', why: 'orig names the original' },
  authorisation:      { does: 'refuse', why: 'orig names the original' },
  confirm:            { does: '1',      why: 'the request is the confirmation' },
  noPaper:            { does: '1',      why: 'the sale goes on; the slip stays pending and the answer warns' },
  repeatDecision:     { does: '0',      why: 'set aside by a supervisor at the terminal, never by a program' },
  reversalDecision:   { does: '0',      why: 'decided at the terminal (command: reversal decide); the request fails with NOT_ALLOWED_NOW' },
} as const satisfies Record<PromptName, { does: 'ask' | 'refuse' | '0' | '1'; why: string }>;

/** Stands before the terminal's own clerk for one request. What is told to the clerk is still shown there. */
export class TillClerk implements Clerk {
  readonly #clerk: Clerk;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #abort = new AbortController();

  /** @param timeoutMs for a person at the terminal to answer */
  constructor(clerk: Clerk, clock: Clock, timeoutMs: number) {
    this.#clerk = clerk;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    clerk.begin();
    // The cancel key on the PIN pad, or the word at the terminal's keyboard.
    clerk.signal.addEventListener('abort', () => this.#abort.abort(), { once: true });
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(): void {
    this.#abort.abort();
  }

  async ask(prompt: PromptName, detail?: string): Promise<string> {
    const { does, why } = TILL_PROMPTS[prompt];
    if (does === 'ask') return this.#askPerson(prompt, detail);
    if (does === 'refuse') throw new PosError('CANCELLED', `${prompt}: ${why}`);
    return does;
  }

  show(zh: string, en: string): void {
    this.#clerk.show(zh, en);
  }

  customer(lines: readonly string[]): void {
    this.#clerk.customer(lines);
  }

  slip(text: string): void {
    this.#clerk.slip(text);
  }

  device(text: string): void {
    this.#clerk.device(text);
  }

  padKey(key: PadKey): void {
    this.#clerk.padKey(key);
  }

  /** The request has begun already. */
  begin(): void {}

  /** Asks at the terminal; the question is withdrawn when nobody answers in time, or the till aborts. */
  #askPerson(prompt: PromptName, detail: string | undefined): Promise<string> {
    const withdrawn = new AbortController();
    const { signal } = this;
    return new Promise<string>((resolve, reject) => {
      const giveUp = (why: string) => {
        withdrawn.abort();
        reject(new PosError('CANCELLED', why));
      };
      const seconds = Math.round(this.#timeoutMs / 1000);
      const timer = this.#clock.after(this.#timeoutMs, () =>
        giveUp(`nobody answered «${prompt}» at the terminal within ${seconds} s`),
      );
      const onAbort = () => giveUp(`«${prompt}» was not answered: the request was aborted`);
      signal.addEventListener('abort', onAbort, { once: true });
      const settled = () => {
        timer.cancel();
        signal.removeEventListener('abort', onAbort);
      };
      if (signal.aborted) onAbort();
      this.#clerk.ask(prompt, detail, withdrawn.signal).then(resolve, reject).finally(settled);
    });
  }
}
