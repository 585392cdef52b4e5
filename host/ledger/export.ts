/**
 * The books as a plain-text journal that `hledger check --strict` and `ledger` read, and a parser of
 * that text that shares no code with the writer's sums, so that the export can be checked by itself.
 *
 * Our account names become a tree by class (`liability:purse:principal:A0001`); money is CNY with two
 * places, points are a second commodity, POINTS.
 */
import { businessDateOf, fenDelta, localTimeOf, PosError, yuan } from '../../protocol/index.ts';
import type { StorePort } from '../store/port.ts';
import { classOf } from './accounts.ts';
import type { Entry, LedgerEvent, Posting, Unit } from './model.ts';

// biome-ignore format: a table is read by column
const COMMODITIES = {
  fen:    { name: 'CNY',    places: 2 },
  points: { name: 'POINTS', places: 0 },
} as const satisfies Record<Unit, { name: string; places: number }>;

/** Every event, and every tag of a transaction or posting: declared, so that the tools' strictest modes accept the text. */
const EVENTS: readonly LedgerEvent[] = Object.keys({
  load: true,
  'remittance-sent': true,
  'remittance-arrived': true,
  sale: true,
  void: true,
  reversal: true,
  refund: true,
  hold: true,
  completion: true,
  'hold-released': true,
  'rebate-paid': true,
  'payout-sent': true,
  'payout-paid': true,
  'payout-rejected': true,
  'debt-covered': true,
  'operator-funds': true,
  difference: true,
  adjustment: true,
  'carried-forward': true,
} satisfies Record<LedgerEvent, true>) as LedgerEvent[];
const TAGS = ['cause', 'at', 'branch', 'terminal', 'corrects', 'lot'] as const;

/** The account's name in the tree: its class first, unless the name begins with it. Throws INVARIANT for a name that is none of ours. */
export function treeName(account: string): string {
  const root = classOf(account);
  return account.startsWith(`${root}:`) ? account : `${root}:${account}`;
}

/** A piece of the text has at most so many characters, and some more where one line alone has more. */
export const PIECE_CHARS_MAX = 65_536;

/** So many declared names are remembered. */
const REMEMBERED_MAX = 20_000;

/**
 * The journal in pieces of whole lines: commodities, tags and payees first, then one transaction an entry, in entry order.
 *
 * An account is declared before the page of entries that names it first. `ledger --pedantic` takes no declaration behind
 * a use, so a list at the end will not do; a list at the head would be of all accounts, of which there may be millions, and
 * would lack those that are opened meanwhile. Both tools let an account be declared again: names that were declared may be
 * forgotten, so no more than some thousands are held.
 */
export async function* exportHledger(
  store: Pick<StorePort, 'scan'>,
  rememberedMax = REMEMBERED_MAX,
): AsyncIterable<string> {
  const declared = new Set<string>();
  // Not before the first page is there: what fails until then can still be answered as a failure.
  let begun = head();
  for await (const page of store.scan('entries')) {
    if (declared.size >= rememberedMax) declared.clear();
    yield* pieces(begun, pageLines(page, declared));
    begun = '';
  }
  if (begun !== '') yield begun;
}

/** The lines behind a text that is begun, as many to a piece as it holds. */
function* pieces(begun: string, lines: Iterable<string>): Iterable<string> {
  let piece = begun;
  for (const line of lines) {
    if (piece !== '' && piece.length + line.length >= PIECE_CHARS_MAX) {
      yield piece;
      piece = '';
    }
    piece += `${line}\n`;
  }
  if (piece !== '') yield piece;
}

/** @param declared is added to */
function* pageLines(entries: readonly Entry[], declared: Set<string>): Iterable<string> {
  const news: string[] = [];
  for (const { postings } of entries) {
    for (const { account } of postings) {
      const name = treeName(account);
      if (declared.has(name)) continue;
      declared.add(name);
      news.push(`account ${name}`);
    }
  }
  if (news.length > 0) yield* [...news.sort(), ''];
  for (const entry of entries) yield* transactionLines(entry);
}

function head(): string {
  const lines = ['; 尊卡账本 · the books of Zunka, exported: debit positive, credit negative', ''];
  for (const { name } of Object.values(COMMODITIES)) lines.push(`commodity ${name}`);
  lines.push('', ...TAGS.map((tag) => `tag ${tag}`), '', ...EVENTS.map((event) => `payee ${event}`), '');
  return `${lines.join('\n')}\n`;
}

function* transactionLines(entry: Entry): Iterable<string> {
  const { businessDate: date, cause } = entry;
  const tags: (readonly [(typeof TAGS)[number], string | null])[] = [
    ['cause', `${cause.kind} ${cause.id}`],
    ['at', `${businessDateOf(entry.at)} ${localTimeOf(entry.at).time}`],
    ['branch', entry.branchId],
    ['terminal', entry.terminalId],
    ['corrects', entry.corrects],
  ];
  yield `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)} (${entry.entryId}) ${entry.event}`;
  for (const [tag, value] of tags) if (value !== null) yield `    ; ${tag}: ${value}`;
  for (const posting of entry.postings) yield postingLine(posting);
  yield '';
}

function postingLine(posting: Posting): string {
  const { name, places } = COMMODITIES[posting.unit];
  const amount = places === 2 ? yuan(fenDelta(posting.amount)) : String(posting.amount);
  const lot = posting.lot === null ? '' : `  ; lot: ${posting.lot}`;
  return `    ${treeName(posting.account)}  ${amount} ${name}${lot}`;
}

/** One transaction as the text states it. Amounts in fen, or in whole points. */
export interface ParsedTransaction {
  /** YYYYMMDD. */
  readonly date: string;
  readonly code: string;
  readonly description: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly postings: readonly {
    /** The tree name, class first. */
    readonly account: string;
    readonly lot: string | null;
    readonly unit: Unit;
    readonly amount: number;
  }[];
}

const TRANSACTION = /^(\d{4})-(\d{2})-(\d{2}) \(([^)]*)\) (.+)$/;
const TAG = /^ {4}; ([a-z]+): (.+)$/;
const POSTING = /^ {4}(\S+) {2}(-?)(\d+)(?:\.(\d\d))? (CNY|POINTS)(?: {2}; lot: (\S+))?$/;
const DIRECTIVE = /^(;|account |commodity |payee |tag )/;

/** Reads an exported journal. Throws INPUT_BAD naming the line that is none of the export's forms. */
export function parseHledger(text: string): readonly ParsedTransaction[] {
  const found: {
    date: string;
    code: string;
    description: string;
    tags: Record<string, string>;
    postings: ParsedTransaction['postings'][number][];
  }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line === '' || DIRECTIVE.test(line)) continue;
    const head = TRANSACTION.exec(line);
    const current = found.at(-1);
    if (head !== null) {
      const [, year = '', month = '', day = '', code = '', description = ''] = head;
      found.push({ date: year + month + day, code, description, tags: {}, postings: [] });
      continue;
    }
    const tag = TAG.exec(line);
    const posting = POSTING.exec(line);
    if (current === undefined || (tag === null && posting === null)) {
      throw new PosError('INPUT_BAD', `line ${index + 1} of the journal is none of the export's forms`);
    }
    if (tag !== null) current.tags[tag[1] ?? ''] = tag[2] ?? '';
    if (posting !== null) current.postings.push(parsedPosting(posting, index + 1));
  }
  return found;
}

function parsedPosting(match: RegExpExecArray, line: number): ParsedTransaction['postings'][number] {
  const [, account = '', sign = '', whole = '', places, commodity = '', lot] = match;
  const unit: Unit = commodity === 'CNY' ? 'fen' : 'points';
  if ((unit === 'fen') !== (places !== undefined)) {
    throw new PosError(
      'INPUT_BAD',
      `line ${line} of the journal: ${commodity} with the wrong number of places`,
    );
  }
  const magnitude = Number(whole + (places ?? ''));
  return { account, lot: lot ?? null, unit, amount: sign === '-' ? -magnitude : magnitude };
}

/** Sums of parsed postings by tree name and unit: what `store.balances()` must equal. */
export function parsedBalances(transactions: readonly ParsedTransaction[]): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { postings } of transactions) {
    for (const { account, unit, amount } of postings) {
      const key = `${unit} ${account}`;
      sums.set(key, (sums.get(key) ?? 0) + amount);
    }
  }
  return sums;
}
