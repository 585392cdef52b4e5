/**
 * The trace of a spend: every rule that was tried, in the order of trying, and why it did or did not apply. It is kept
 * with the spend as one ASCII text, because each sale writes it and hardly anybody reads it: with a thousand rules in
 * force, sentences in two languages were the greater part of a sale's row.
 *
 *   trace = [ line *( ";" line ) ]
 *   line  = rule "." version " " reason [ " " worth *( " " counter ) ]      a worth only where the rule applied
 *
 *   contract-rebate.0 contract:100 21;B-1.1 minimum:500000;B-2.1 applies 21 rule|B-2|budget
 */
import type { RuleTrace } from './model.ts';
import { type Reason, tell } from './reasons.ts';

/** As it rests in a row: the text, or the lines with their sentences in rows from before there was a text. */
export type KeptTrace = string | readonly RuleTrace[];

/** A rule as the trace names it. */
export function nameInTrace(rule: string, version: number): string {
  return `${rule}.${version}`;
}

/** Gathers the lines of one evaluation; names, reasons and counters have no blanks and no semicolons. */
export class TraceWriter {
  #text = '';

  /** The text so far. */
  get text(): string {
    return this.#text;
  }

  /** @param name see `nameInTrace` */
  refused(name: string, reason: Reason): void {
    this.#line(name, reason);
  }

  /** @param worth fen for discounts and rebates; for points, the basis points that it adds to the multiplier */
  applied(name: string, reason: Reason, worth: number): void {
    this.#line(name, reason);
    this.#text += ` ${worth}`;
  }

  /** A capped counter that the worth of the line before was added to. */
  counted(counter: string): void {
    this.#text += ` ${counter}`;
  }

  #line(name: string, reason: Reason): void {
    this.#text += this.#text === '' ? `${name} ${reason}` : `;${name} ${reason}`;
  }
}

/** The lines of a kept trace, with their reasons as people read them. */
export function traceLines(kept: KeptTrace): readonly RuleTrace[] {
  if (typeof kept !== 'string') return kept;
  return kept === '' ? [] : kept.split(';').map(lineOf);
}

function lineOf(text: string): RuleTrace {
  const [name = '', reason = '', worth, ...counters] = text.split(' ');
  const dot = name.lastIndexOf('.');
  const line = {
    rule: name.slice(0, dot),
    version: Number(name.slice(dot + 1)),
    applied: worth !== undefined,
    because: tell(reason),
    worth: Number(worth ?? 0),
  };
  return counters.length === 0 ? line : { ...line, counters };
}
