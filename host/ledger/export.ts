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

/** The journal in pieces of whole lines: directives first, then one transaction an entry, in entry order. */
export async function* exportHledger(store: Pick<StorePort, 'scan' | 'balances'>): AsyncIterable<string> {
  const accounts = new Set<string>();
  for (const { account } of await store.balances()) accounts.add(treeName(account));
  yield header([...accounts].sort());
  for await (const page of store.scan('entries')) {
    for (const entry of page) {
      const late = entry.postings.filter((posting) => !accounts.has(treeName(posting.account)));
      // An account that was opened after the list was made is declared where it first appears.
      for (const posting of late) {
        accounts.add(treeName(posting.account));
        yield `account ${treeName(posting.account)}\n\n`;
      }
      yield transaction(entry);
    }
  }
}

function header(accounts: readonly string[]): string {
  const lines = ['; 尊卡账本 · the books of Zunka, exported: debit positive, credit negative', ''];
  for (const { name } of Object.values(COMMODITIES)) lines.push(`commodity ${name}`);
  lines.push('', ...TAGS.map((tag) => `tag ${tag}`), '', ...EVENTS.map((event) => `payee ${event}`));
  lines.push('', ...accounts.map((account) => `account ${account}`), '');
  return `${lines.join('\n')}\n`;
}

function transaction(entry: Entry): string {
  const { businessDate: date, cause } = entry;
  const tags: (readonly [(typeof TAGS)[number], string | null])[] = [
    ['cause', `${cause.kind} ${cause.id}`],
    ['at', `${businessDateOf(entry.at)} ${localTimeOf(entry.at).time}`],
    ['branch', entry.branchId],
    ['terminal', entry.terminalId],
    ['corrects', entry.corrects],
  ];
  const lines = [
    `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)} (${entry.entryId}) ${entry.event}`,
  ];
  for (const [tag, value] of tags) if (value !== null) lines.push(`    ; ${tag}: ${value}`);
  for (const posting of entry.postings) lines.push(postingLine(posting));
  return `${lines.join('\n')}\n\n`;
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
