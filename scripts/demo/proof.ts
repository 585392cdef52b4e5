/**
 * What the demonstration proves: computed by reading again what lies in the output folder – terminal
 * journals, exported books, audit journal, settlement files, slips – and nothing from memory.
 */
import { spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type FileReading,
  type ParsedTransaction,
  parseHledger,
  readBack,
  readNdjson,
  verifyJournal,
} from '../../host/index.ts';
import { isLuhnValid, parseYuan, type SideTotals } from '../../protocol/index.ts';
import { readTerminalJournal, type TerminalJournalReport } from '../../terminal/index.ts';
import type { Check } from './summary.ts';

/** What stands in `manifest.json`: nothing that could not be shown to anybody. */
export interface Manifest {
  readonly businessDate: string;
  /** Folders of terminal journals, relative to the output folder. */
  readonly journals: readonly string[];
  /** Masked card number → card account. */
  readonly accounts: Readonly<Record<string, string>>;
}

/** Where everything lies in the output folder. */
export const PLACES = {
  manifest: 'manifest.json',
  books: 'books.journal',
  audit: 'audit.ndjson',
  settlement: 'settlement',
  slips: 'slips',
} as const;

/**
 * All statements, in the order in which an auditor would ask. A file that cannot be read, or that
 * contradicts itself, makes its statement false; it does not end the proof.
 */
export async function proveOutputs(folder: string): Promise<readonly Check[]> {
  const at = (...names: readonly string[]) => join(folder, ...names);
  const manifest = JSON.parse(await readFile(at(PLACES.manifest), 'utf8')) as Manifest;
  const books = async () => parseHledger(await readFile(at(PLACES.books), 'utf8'));
  const terminals = () => Promise.all(manifest.journals.map((journal) => readTerminalJournal(at(journal))));
  const files = () => readFiles(at(PLACES.settlement));
  const statements: readonly Statement[] = [
    ['每笔分录借贷平衡', 'every entry balances', async () => entriesBalance(await books())],
    ['全部账户之和为零', 'accounts sum to zero', async () => accountsSumToZero(await books())],
    ...(hasHledger() ? [hledgerStatement(at(PLACES.books))] : []),
    ['终端日志链完整', 'terminal journals are whole', async () => terminalsAreWhole(await terminals())],
    ['没有未了结的冲正', 'no reversal is open', async () => nothingIsOwed(await terminals())],
    ['主机审计日志链验证通过', 'the audit journal verifies', () => auditJournalHolds(at(PLACES.audit))],
    [
      '终端合计 = 主机合计',
      'terminal totals = host totals',
      async () => hostTotalsAgree(await terminals(), await files()),
    ],
    [
      '终端合计 = 文件合计',
      'terminal totals = file totals',
      async () => fileTotalsAgree(await terminals(), await files()),
    ],
    [
      '账簿应付商户 = 文件净额',
      'merchant payable in the books = net in the files',
      async () => payablesAgree(await books(), await files(), manifest),
    ],
    [
      '持卡人所见余额 = 账簿余额',
      'what holders were told = what the books hold',
      async () => holdersWereToldTheTruth(await books(), await readSlips(at(PLACES.slips)), manifest),
    ],
    ['输出文件中没有完整卡号', 'no full card number in any file', () => nothingLeaked(folder)],
  ];
  const checks: Check[] = [];
  for (const [zh, en, prove] of statements) checks.push({ zh, en, ...(await judged(prove)) });
  return checks;
}

/** Prints every statement with its figures. @returns true when all hold */
export function tellProof(checks: readonly Check[]): boolean {
  for (const { zh, en, ok, detail } of checks) {
    console.log(`${ok ? '✓' : '✗'} ${zh} · ${en}`);
    for (const line of detail.split('; ')) console.log(`    ${line}`);
  }
  return checks.length > 0 && checks.every(({ ok }) => ok);
}

type Verdict = Pick<Check, 'ok' | 'detail'>;
type Statement = readonly [zh: string, en: string, prove: () => Verdict | Promise<Verdict>];

async function judged(prove: () => Verdict | Promise<Verdict>): Promise<Verdict> {
  try {
    return await prove();
  } catch (error) {
    return { ok: false, detail: error instanceof Error ? error.message : 'it could not be read' };
  }
}

async function readFiles(folder: string): Promise<readonly FileReading[]> {
  const names = (await readdir(folder)).filter((name) => /\.(csv|txt)$/.test(name)).sort();
  return Promise.all(names.map(async (name) => readBack(name, await readFile(join(folder, name)))));
}

function entriesBalance(books: readonly ParsedTransaction[]): Verdict {
  const wrong = books.filter((entry) =>
    ['fen', 'points'].some(
      (unit) => sum(entry.postings.filter((p) => p.unit === unit).map((p) => p.amount)) !== 0,
    ),
  );
  const postings = sum(books.map((entry) => entry.postings.length));
  return {
    ok: books.length > 0 && wrong.length === 0,
    detail: `${books.length} entries, ${postings} postings, ${wrong.length} unbalanced`,
  };
}

function accountsSumToZero(books: readonly ParsedTransaction[]): Verdict {
  const totals = (['fen', 'points'] as const).map((unit) =>
    sum(books.flatMap((entry) => entry.postings.filter((p) => p.unit === unit).map((p) => p.amount))),
  );
  const accounts = new Set(books.flatMap((entry) => entry.postings.map((p) => p.account)));
  return {
    ok: totals.every((total) => total === 0),
    detail: `${accounts.size} accounts; sum ${totals[0]} fen, ${totals[1]} points`,
  };
}

/** The independent judge, where the machine has it. */
function hasHledger(): boolean {
  return spawnSync('hledger', ['--version']).error === undefined;
}

function hledgerStatement(booksFile: string): Statement {
  const prove = (): Verdict => {
    const { status, stderr } = spawnSync('hledger', ['check', '--strict', '-f', booksFile], {
      encoding: 'utf8',
    });
    return { ok: status === 0, detail: status === 0 ? 'exit 0' : stderr.trim().slice(0, 200) };
  };
  return ['hledger 独立复核通过', 'hledger check --strict agrees', prove];
}

function terminalsAreWhole(terminals: readonly TerminalJournalReport[]): Verdict {
  return {
    ok: terminals.every((t) => t.tornBytes === 0 && t.records > 0),
    detail: terminals
      .map((t) => `${t.terminalId}: ${t.records} records, head ${t.head.slice(0, 12)}…`)
      .join('; '),
  };
}

function nothingIsOwed(terminals: readonly TerminalJournalReport[]): Verdict {
  const open = terminals.flatMap((t) => t.open);
  return {
    ok: open.length === 0,
    detail: `${open.length} open`,
  };
}

async function auditJournalHolds(file: string): Promise<Verdict> {
  const verdict = await verifyJournal(readNdjson(createInterface({ input: createReadStream(file) })));
  return {
    ok: verdict.ok && verdict.streams.length > 0,
    detail: verdict.streams
      .map((s) => `stream ${s.stream}: ${s.records} records, head ${s.head.slice(0, 12)}…`)
      .join('; '),
  };
}

/** Kinds of differences that stand between two totals; the others name a state. The words of the file. */
const MONEY_KINDS = /^(长款|短款|金额不符|重复)/;

/** Terminal totals + the differences that the list names = host totals, batch by batch. */
function hostTotalsAgree(
  terminals: readonly TerminalJournalReport[],
  files: readonly FileReading[],
): Verdict {
  const differences = files
    .filter((file) => file.layout === 'differences')
    .flatMap((file) => file.rows)
    .filter((row) => MONEY_KINDS.test(row.text['类别'] ?? ''));
  const lines: string[] = [];
  let ok = true;
  for (const { terminalId, batches } of terminals) {
    for (const batch of batches.filter(({ closed }) => closed)) {
      const theirs = net(batch.totals);
      const ours = batch.hostTotals === null ? Number.NaN : net(batch.hostTotals);
      const named = sum(
        differences
          .filter((row) => row.text['终端号'] === terminalId && Number(row.text['批次号']) === batch.batch)
          .map((row) => (row.fen['我方金额'] ?? 0) - (row.fen['对方金额'] ?? 0)),
      );
      ok &&= theirs + named === ours;
      const difference = named === 0 ? '' : ` + ${money(named)} named`;
      lines.push(`${terminalId}/${batch.batch}: ${money(theirs)}${difference} = ${money(ours)}`);
    }
  }
  return { ok: ok && lines.length > 0, detail: lines.join('; ') };
}

function fileTotalsAgree(
  terminals: readonly TerminalJournalReport[],
  files: readonly FileReading[],
): Verdict {
  const rows = files.filter((file) => file.layout === 'detail').flatMap((file) => file.rows);
  const pairs = terminals.map(({ terminalId, batches }) => {
    const own = rows.filter((row) => row.text['终端号'] === terminalId);
    return {
      terminalId,
      journal: sum(batches.map((batch) => net(batch.totals))),
      filed: sum(own.map((row) => row.fen['交易金额'] ?? Number.NaN)),
      count: own.length,
    };
  });
  return {
    ok: pairs.length > 0 && pairs.every(({ journal, filed }) => journal === filed),
    detail: pairs
      .map(
        ({ terminalId, journal, filed, count }) =>
          `${terminalId}: ${money(journal)} = ${money(filed)} in ${count} rows`,
      )
      .join('; '),
  };
}

function payablesAgree(
  books: readonly ParsedTransaction[],
  files: readonly FileReading[],
  { businessDate }: Manifest,
): Verdict {
  const payable = new Map<string, number>();
  for (const posting of books
    .filter(({ date }) => date === businessDate)
    .flatMap(({ postings }) => postings)) {
    const merchant = /payable:merchant:(.+)$/.exec(posting.account)?.[1];
    if (merchant !== undefined) payable.set(merchant, (payable.get(merchant) ?? 0) - posting.amount);
  }
  const details = files.filter((file) => file.layout === 'detail');
  const pairs = [...payable].map(([merchantId, booked]) => {
    const own = details.filter((file) => file.merchantId === merchantId);
    return { merchantId, booked, filed: sum(own.map((file) => file.sums['net'] ?? Number.NaN)) };
  });
  return {
    ok:
      pairs.length > 0 &&
      pairs.length === details.length &&
      pairs.every(({ booked, filed }) => booked === filed),
    detail: pairs
      .map(({ merchantId, booked, filed }) => `${merchantId}: ${money(booked)} = ${money(filed)}`)
      .join('; '),
  };
}

/** All slips by the time that stands on them. */
async function readSlips(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.txt')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  const stampOf = (text: string) => /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.exec(text)?.[0] ?? '';
  return texts.toSorted((a, b) => (stampOf(a) < stampOf(b) ? -1 : stampOf(a) > stampOf(b) ? 1 : 0));
}

/** The last balance that each holder was shown on a slip is what the books hold. */
function holdersWereToldTheTruth(
  books: readonly ParsedTransaction[],
  slips: readonly string[],
  { accounts }: Manifest,
): Verdict {
  const told = new Map<string, number>();
  for (const text of slips) {
    const card = /\d{6}\*+\d{4}/.exec(text)?.[0];
    const balance = /^余额 BALANCE +(-?\d+\.\d\d)/m.exec(text)?.[1];
    if (card !== undefined && balance !== undefined) told.set(card, parseYuan(balance));
  }
  const postings = books.flatMap((entry) => entry.postings).filter(({ unit }) => unit === 'fen');
  const pairs = [...told].map(([card, balance]) => {
    const purses = ['principal', 'bonus'].map((purse) => `purse:${purse}:${accounts[card] ?? 'unknown'}`);
    const own = postings.filter(({ account }) => purses.some((purse) => account.endsWith(purse)));
    return { card, balance, held: -sum(own.map(({ amount }) => amount)) };
  });
  return {
    ok: pairs.length > 0 && pairs.every(({ balance, held }) => balance === held),
    detail: pairs.map(({ card, balance, held }) => `${card}: ${money(balance)} = ${money(held)}`).join('; '),
  };
}

/** The capture of the wire is left out: on the wire the track is in clear unless the terminal has a track key. */
const WIRE_CAPTURE = /\.pcap$/;
/** The programme's own numbers: sixteen digits, as text, or as packed digits seen through their hex. */
const OWN_PAN = /627788\d{10}/g;

/** No full card number in any file: not as text, not as hex of text, not as packed digits. */
async function nothingLeaked(folder: string): Promise<Verdict> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && !WIRE_CAPTURE.test(entry.name));
  const leaks: string[] = [];
  let bytes = 0;
  for (const { parentPath, name } of names) {
    const content = await readFile(join(parentPath, name));
    bytes += content.length;
    const text = content.toString('latin1');
    // As text, as packed digits, and as text that was written in hex.
    const views = [text, content.toString('hex'), text.replaceAll(/3(\d)/g, '$1')];
    if (views.some((view) => [...view.matchAll(OWN_PAN)].some(([pan]) => isLuhnValid(pan)))) leaks.push(name);
  }
  return {
    ok: names.length > 0 && leaks.length === 0,
    detail: leaks.length === 0 ? `${names.length} files, ${bytes} bytes searched` : leaks.join(', '),
  };
}

const net = ({ debitAmount, creditAmount }: SideTotals) => debitAmount - creditAmount;
const money = (fen: number) =>
  Number.isNaN(fen) ? 'nothing' : `${fen < 0 ? '-' : ''}${(Math.abs(fen) / 100).toFixed(2)}`;
const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
