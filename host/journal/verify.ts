/**
 * Proves a journal by computing it again: from the rows of a store or from an export, which needs no
 * database. Names the first wrong record of each stream.
 */
import { PosError } from '../../protocol/index.ts';
import type { JournalRow } from '../store/rows.ts';
import { canonicalJson, chainHead, genesisHead, leafHash } from './record.ts';

export interface StreamVerdict {
  readonly stream: string;
  /** Records found right, from the first on, and the head after them. */
  readonly records: number;
  readonly head: string;
  readonly wrong: { readonly sequence: number; readonly why: string } | null;
}
export interface JournalVerdict {
  readonly ok: boolean;
  readonly streams: readonly StreamVerdict[];
}

/**
 * A head that the verifier holds from elsewhere (a slip's `HH`, an older export). Only this shows that
 * records were cut off at the end, or that the whole journal was written anew.
 */
export interface KnownHead {
  readonly stream: string;
  readonly sequence: number;
  readonly head: string;
}

/**
 * @param pages rows of each stream in sequence order; streams may be mixed
 * @param from where to begin in a stream: what stands up to there is believed, and not among the pages
 */
export async function verifyJournal(
  pages: AsyncIterable<readonly JournalRow[]>,
  known: readonly KnownHead[] = [],
  from: readonly KnownHead[] = [],
): Promise<JournalVerdict> {
  const streams = new Map<string, StreamProof>();
  for (const { stream } of [...known, ...from]) streams.set(stream, new StreamProof(stream, known, from));
  for await (const page of pages) {
    for (const row of page) {
      const proof = streams.get(row.stream) ?? new StreamProof(row.stream, known, from);
      streams.set(row.stream, proof);
      proof.take(row);
    }
  }
  const verdicts = [...streams.values()].map((proof) => proof.verdict());
  return { ok: verdicts.every(({ wrong }) => wrong === null), streams: verdicts };
}

class StreamProof {
  readonly #stream: string;
  readonly #known: ReadonlyMap<number, string>;
  #records = 0;
  #head: string;
  #wrong: StreamVerdict['wrong'] = null;

  constructor(stream: string, known: readonly KnownHead[], from: readonly KnownHead[]) {
    this.#stream = stream;
    this.#known = new Map(
      known.filter((head) => head.stream === stream).map(({ sequence, head }) => [sequence, head]),
    );
    const start = from.find((head) => head.stream === stream);
    this.#records = start?.sequence ?? 0;
    this.#head = start?.head ?? genesisHead(stream);
  }

  take(row: JournalRow): void {
    if (this.#wrong !== null) return;
    const why = this.#whyWrong(row);
    if (why !== null) {
      this.#wrong = { sequence: row.sequence, why };
      return;
    }
    this.#records = row.sequence;
    this.#head = row.head;
  }

  #whyWrong(row: JournalRow): string | null {
    const expected = this.#records + 1;
    if (row.sequence !== expected) return `number ${expected} is missing or out of order`;
    if (!isCanonical(row.body)) return 'the body is not canonical JSON';
    if (leafHash(row.body) !== row.leaf) return 'the leaf hash is not that of the body';
    if (chainHead(this.#head, row.leaf) !== row.head) return 'the head does not follow from the one before';
    const known = this.#known.get(row.sequence);
    return known === undefined || known === row.head ? null : 'the head differs from the one that is held';
  }

  verdict(): StreamVerdict {
    const longest = Math.max(0, ...this.#known.keys());
    const cut = this.#wrong === null && this.#records < longest;
    const wrong = cut
      ? { sequence: this.#records + 1, why: `the records up to ${longest} are missing` }
      : this.#wrong;
    return { stream: this.#stream, records: this.#records, head: this.#head, wrong };
  }
}

function isCanonical(body: string): boolean {
  try {
    return canonicalJson(JSON.parse(body)) === body;
  } catch {
    return false;
  }
}

/**
 * The rows of an export, line by line.
 * @param lines without their line ends; empty ones are passed over
 * @throws JOURNAL_DAMAGED for a line that is not a record, by its number, counted from 1
 */
export async function* readNdjson(
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncIterable<readonly JournalRow[]> {
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line === '') continue;
    const row = parsedLine(line);
    if (row === null) throw new PosError('JOURNAL_DAMAGED', `line ${number} of the export is not a record`);
    yield [row];
  }
}

const HEX_64 = /^[0-9a-f]{64}$/;

function parsedLine(line: string): JournalRow | null {
  let row: Partial<JournalRow> | null;
  try {
    row = JSON.parse(line) as Partial<JournalRow> | null;
  } catch {
    return null;
  }
  if (row === null || typeof row !== 'object') return null;
  const { stream, sequence, body, leaf, head } = row;
  const whole = typeof stream === 'string' && typeof body === 'string' && Number.isSafeInteger(sequence);
  if (!whole || sequence === undefined) return null;
  if (leaf === undefined || head === undefined || !HEX_64.test(leaf) || !HEX_64.test(head)) return null;
  return { stream, sequence, body, leaf, head };
}
