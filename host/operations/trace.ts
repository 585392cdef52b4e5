/**
 * One transaction through all parts: the lines of logs, journals and settlement files that are about it. It has
 * three names: the terminal's `ut`, the host's `transactionId` and the reference number; a line that holds two of
 * them joins them. Pure.
 */
import { cleanLine } from '../log.ts';

export interface TraceSource {
  readonly name: string;
  readonly lines: readonly string[];
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
 * @param id a `ut`, a `transactionId` or a reference number
 * @returns the names that belong together, and the lines in the order of the sources
 */
export function traceOf(
  id: string,
  sources: readonly TraceSource[],
): { readonly names: readonly string[]; readonly lines: readonly TracedLine[] } {
  const names = new Set([id]);
  const read = sources.map(({ name, lines }) => ({
    name,
    lines: lines.map((text) => ({ text, words: new Set(text.match(/[0-9A-Za-z]{12,26}/g) ?? []) })),
  }));
  const about = ({ words }: { readonly words: ReadonlySet<string> }) =>
    [...names].some((name) => words.has(name));
  for (let before = 0; before < names.size; ) {
    before = names.size;
    for (const { lines } of read)
      for (const line of lines) {
        if (!about(line)) continue;
        // A refund's line mentions its sale and is told; but it names the refund, which is another transaction.
        const own = namesIn(line.text);
        if (own.some((name) => names.has(name))) for (const name of own) names.add(name);
      }
  }
  const lines = read.flatMap(({ name, lines: all }) =>
    all.flatMap((line, at) => (about(line) ? [{ source: name, line: at + 1, text: shown(line.text) }] : [])),
  );
  return { names: [...names], lines };
}

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
