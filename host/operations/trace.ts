/**
 * One transaction through all parts: the lines of logs, journals and settlement files that are about it. It has
 * three names: the terminal's `ut`, the host's `transactionId` and the reference number; a line that holds two of
 * them joins them. Pure.
 */
import { cleanLine } from '../log.ts';

export interface TraceSource {
  readonly name: string;
  /** All its lines, some at a time; from the first, each time it is asked. */
  lines(): AsyncIterable<readonly string[]> | Iterable<readonly string[]>;
}
export interface TracedLine {
  readonly source: string;
  /** 1 is the first. */
  readonly line: number;
  /** Without card numbers, keys and sealed values. */
  readonly text: string;
}

/** What each name of a transaction is called where it stands. A reference to another transaction is called otherwise. */
const NAMES: Readonly<Record<string, 'ut' | 'transactionId' | 'rrn'>> = {
  ut: 'ut',
  UT: 'ut',
  transactionId: 'transactionId',
  rrn: 'rrn',
  DE37: 'rrn',
};
/** Where one of these begins, another transaction or a whole state is spoken of. */
const OTHERS: ReadonlySet<string> = new Set(['original', 'state', 'transactions', 'reversal']);

/**
 * Reads the sources once, and again as long as a line gives the transaction a further name: a line before it may have been
 * about that. Only the lines that are told are kept.
 *
 * @param id a `ut`, a `transactionId` or a reference number
 * @returns the names that belong together, and the lines in the order of the sources
 */
export async function traceOf(
  id: string,
  sources: readonly TraceSource[],
): Promise<{ readonly names: readonly string[]; readonly lines: readonly TracedLine[] }> {
  const names = new Set([id]);
  for (;;) {
    const before = names.size;
    const lines: TracedLine[] = [];
    for (const source of sources) await readSource(source, names, lines);
    if (names.size === before) return { names: [...names], lines };
  }
}

/** @param names are added to; @param traced likewise */
async function readSource(source: TraceSource, names: Set<string>, traced: TracedLine[]): Promise<void> {
  let line = 0;
  for await (const lines of source.lines()) {
    for (const text of lines) {
      line += 1;
      if (!isAbout(text, names)) continue;
      traced.push({ source: source.name, line, text: shown(text) });
      // A refund's line mentions its sale and is told; but it names the refund, which is another transaction.
      const own = namesIn(text);
      if (own.some((name) => names.has(name))) for (const name of own) names.add(name);
    }
  }
}

/** Whether one of the names stands in it as a word. */
function isAbout(text: string, names: ReadonlySet<string>): boolean {
  for (const name of names)
    if (text.includes(name)) return text.match(WORDS)?.some((word) => names.has(word)) ?? false;
  return false;
}

const WORDS = /[0-9A-Za-z]{12,26}/g;

/** The names that a line gives its one transaction; none where it speaks of several. */
function namesIn(text: string): readonly string[] {
  const found = { ut: new Set<string>(), transactionId: new Set<string>(), rrn: new Set<string>() };
  collect(jsonOf(text), found);
  const sets = Object.values(found);
  return sets.every(({ size }) => size <= 1) ? sets.flatMap((set) => [...set]) : [];
}

function collect(value: unknown, found: Readonly<Record<'ut' | 'transactionId' | 'rrn', Set<string>>>): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [member, item] of Object.entries(value) as [string, unknown][]) {
    const name = Object.hasOwn(NAMES, member) ? NAMES[member] : undefined;
    if (name !== undefined && typeof item === 'string' && item !== '') found[name].add(item);
    else if (member === 'body' && typeof item === 'string') collect(jsonOf(item), found);
    else if (!OTHERS.has(member)) collect(item, found);
  }
}

/** The JSON of a line; a terminal's journal has the head behind a tab. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text.split('\t')[0] ?? '');
  } catch {
    return null;
  }
}

/** A line that is not JSON is cleaned as text. */
function shown(text: string): string {
  return cleanLine(jsonOf(text) === null ? text : (text.split('\t')[0] ?? '')).trimEnd();
}
