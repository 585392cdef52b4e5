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
import { parseYuan } from '../../protocol/index.ts';
import { readTerminalJournal, type TerminalJournalReport } from '../../terminal/index.ts';
import type { Check } from './summary.ts';

export interface Outputs {
  readonly businessDate: string;
  readonly booksFile: string;
  readonly auditFile: string;
  readonly filesFolder: string;
  readonly journalFolders: readonly string[];
  /** Texts of all slips in the order in which they were printed. */
  readonly slipTexts: readonly string[];
  /** Masked card number → card account. */
  readonly accountsByCard: ReadonlyMap<string, string>;
  /** The folder of everything that was written, and what may be nowhere in it: full card numbers. */
  readonly folder: string;
  readonly secrets: readonly string[];
  /** Named differences of settlement: terminal, batch, what ours is above theirs in fen. */
  readonly differences: readonly {
    readonly terminalId: string;
    readonly batch: number;
    readonly delta: number;
  }[];
}

/** All statements, in the order in which an auditor would ask. */
export async function proveOutputs(outputs: Outputs): Promise<readonly Check[]> {
  const booksText = await readFile(outputs.booksFile, 'utf8');
  const books = parseHledger(booksText);
  const terminals = await Promise.all(outputs.journalFolders.map((folder) => readTerminalJournal(folder)));
  const files = await readFiles(outputs.filesFolder);
  return [
    entriesBalance(books),
    accountsSumToZero(books),
    ...hledgerAgrees(outputs.booksFile),
    terminalsAreWhole(terminals),
    nothingIsOwed(terminals),
    await auditJournalHolds(outputs.auditFile),
    hostTotalsAgree(terminals, outputs),
    ...filesAgree(terminals, files, books, outputs.businessDate),
    holdersWereToldTheTruth(books, outputs),
    await nothingLeaked(outputs),
  ];
}

async function readFiles(folder: string): Promise<readonly FileReading[]> {
  const names = (await readdir(folder)).filter((name) => /\.(csv|txt)$/.test(name)).sort();
  return Promise.all(names.map(async (name) => readBack(name, await readFile(join(folder, name)))));
}

function entriesBalance(books: readonly ParsedTransaction[]): Check {
  const wrong = books.filter((entry) =>
    ['fen', 'points'].some(
      (unit) => sum(entry.postings.filter((p) => p.unit === unit).map((p) => p.amount)) !== 0,
    ),
  );
  const postings = sum(books.map((entry) => entry.postings.length));
  return {
    zh: '每笔分录借贷平衡',
    en: 'every entry balances',
    ok: books.length > 0 && wrong.length === 0,
    detail: `${books.length} entries, ${postings} postings, ${wrong.length} unbalanced`,
  };
}

function accountsSumToZero(books: readonly ParsedTransaction[]): Check {
  const totals = (['fen', 'points'] as const).map((unit) =>
    sum(books.flatMap((entry) => entry.postings.filter((p) => p.unit === unit).map((p) => p.amount))),
  );
  const accounts = new Set(books.flatMap((entry) => entry.postings.map((p) => p.account)));
  return {
    zh: '全部账户之和为零',
    en: 'accounts sum to zero',
    ok: totals.every((total) => total === 0),
    detail: `${accounts.size} accounts; sum ${totals[0]} fen, ${totals[1]} points`,
  };
}

/** The independent judge, where the machine has it. */
function hledgerAgrees(booksFile: string): readonly Check[] {
  const { error, status, stderr } = spawnSync('hledger', ['check', '--strict', '-f', booksFile], {
    encoding: 'utf8',
  });
  if (error !== undefined) return [];
  return [
    {
      zh: 'hledger 独立复核通过',
      en: 'hledger check --strict agrees',
      ok: status === 0,
      detail: status === 0 ? 'exit 0' : stderr.trim().slice(0, 200),
    },
  ];
}

function terminalsAreWhole(terminals: readonly TerminalJournalReport[]): Check {
  return {
    zh: '终端日志链完整',
    en: 'terminal journals are whole',
    ok: terminals.every((t) => t.tornBytes === 0 && t.records > 0),
    detail: terminals
      .map((t) => `${t.terminalId}: ${t.records} records, head ${t.head.slice(0, 12)}…`)
      .join('; '),
  };
}

function nothingIsOwed(terminals: readonly TerminalJournalReport[]): Check {
  const open = terminals.flatMap((t) => t.open);
  return {
    zh: '没有未了结的冲正',
    en: 'no reversal is open',
    ok: open.length === 0,
    detail: `${open.length} open`,
  };
}

async function auditJournalHolds(file: string): Promise<Check> {
  const verdict = await verifyJournal(readNdjson(createInterface({ input: createReadStream(file) })));
  return {
    zh: '主机审计日志链验证通过',
    en: 'the audit journal verifies',
    ok: verdict.ok && verdict.streams.length > 0,
    detail: verdict.streams
      .map((s) => `stream ${s.stream}: ${s.records} records, head ${s.head.slice(0, 12)}…`)
      .join('; '),
  };
}

/** Terminal totals + named differences = host totals, batch by batch. */
function hostTotalsAgree(terminals: readonly TerminalJournalReport[], { differences }: Outputs): Check {
  const lines: string[] = [];
  let ok = true;
  for (const terminal of terminals) {
    for (const batch of terminal.batches.filter((b) => b.closed)) {
      const host = batch.hostTotals;
      const theirs = batch.totals.debitAmount - batch.totals.creditAmount;
      const ours = host === null ? Number.NaN : host.debitAmount - host.creditAmount;
      const named = sum(
        differences
          .filter((d) => d.terminalId === terminal.terminalId && d.batch === batch.batch)
          .map((d) => d.delta),
      );
      ok &&= theirs + named === ours;
      lines.push(
        `${terminal.terminalId}/${batch.batch}: ${money(theirs)}${named === 0 ? '' : ` + ${money(named)} named`} = ${money(ours)}`,
      );
    }
  }
  return {
    zh: '终端合计 = 主机合计',
    en: 'terminal totals = host totals',
    ok: ok && lines.length > 0,
    detail: lines.join('; '),
  };
}

function filesAgree(
  terminals: readonly TerminalJournalReport[],
  files: readonly FileReading[],
  books: readonly ParsedTransaction[],
  businessDate: string,
): readonly Check[] {
  const details = files.filter((file) => file.layout === 'detail');
  const lines: string[] = [];
  let terminalsOk = details.length > 0;
  for (const terminal of terminals) {
    const own = sum(terminal.batches.map((b) => b.totals.debitAmount - b.totals.creditAmount));
    const rows = details
      .flatMap((file) => file.rows)
      .filter((row) => row.text['终端号'] === terminal.terminalId);
    const filed = sum(rows.map((row) => row.fen['交易金额'] ?? Number.NaN));
    terminalsOk &&= own === filed;
    lines.push(`${terminal.terminalId}: ${money(own)} = ${money(filed)} in ${rows.length} rows`);
  }
  const payable = new Map<string, number>();
  for (const entry of books.filter((b) => b.date === businessDate)) {
    for (const posting of entry.postings) {
      const merchant = /payable:merchant:(.+)$/.exec(posting.account)?.[1];
      if (merchant !== undefined) payable.set(merchant, (payable.get(merchant) ?? 0) - posting.amount);
    }
  }
  const nets = [...payable].map(([merchantId, booked]) => {
    const filed = sum(
      details.filter((f) => f.merchantId === merchantId).map((f) => f.sums['net'] ?? Number.NaN),
    );
    return { merchantId, booked, filed };
  });
  return [
    {
      zh: '终端合计 = 文件合计',
      en: 'terminal totals = file totals',
      ok: terminalsOk,
      detail: lines.join('; '),
    },
    {
      zh: '账簿应付商户 = 文件净额',
      en: 'merchant payable in the books = net in the files',
      ok: nets.length > 0 && nets.every((n) => n.booked === n.filed),
      detail: nets.map((n) => `${n.merchantId}: ${money(n.booked)} = ${money(n.filed)}`).join('; '),
    },
  ];
}

/** The last balance that each holder was shown on a slip is what the books hold. */
function holdersWereToldTheTruth(books: readonly ParsedTransaction[], outputs: Outputs): Check {
  const told = new Map<string, number>();
  for (const text of outputs.slipTexts) {
    const card = /\d{6}\*+\d{4}/.exec(text)?.[0];
    const balance = /余额[^\d-]*(-?\d+\.\d\d)/.exec(text)?.[1];
    if (card !== undefined && balance !== undefined) told.set(card, parseYuan(balance));
  }
  const lines = [...told].map(([card, balance]) => {
    const account = outputs.accountsByCard.get(card) ?? 'unknown';
    const held = -sum(
      books.flatMap((entry) =>
        entry.postings
          .filter(
            (p) => p.unit === 'fen' && new RegExp(`purse:(principal|bonus):${account}$`).test(p.account),
          )
          .map((p) => p.amount),
      ),
    );
    return { card, balance, held };
  });
  return {
    zh: '持卡人所见余额 = 账簿余额',
    en: 'what holders were told = what the books hold',
    ok: lines.length > 0 && lines.every((l) => l.balance === l.held),
    detail: lines.map((l) => `${l.card}: ${money(l.balance)} = ${money(l.held)}`).join('; '),
  };
}

/** The capture of the wire is left out: on the wire the track is in clear unless the terminal has a track key. */
const WIRE_CAPTURE = /\.pcap$/;

/** No full card number in any file: not as text, not as hex of text, not as packed digits. */
async function nothingLeaked({ folder, secrets }: Outputs): Promise<Check> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile() && !WIRE_CAPTURE.test(entry.name));
  const needles = secrets.flatMap((secret) => [
    Buffer.from(secret),
    Buffer.from(Buffer.from(secret).toString('hex')),
    Buffer.from(secret.padEnd(secret.length + (secret.length % 2), '0'), 'hex'),
  ]);
  const leaks: string[] = [];
  let bytes = 0;
  for (const { parentPath, name } of names) {
    const content = await readFile(join(parentPath, name));
    bytes += content.length;
    if (needles.some((needle) => content.includes(needle))) leaks.push(name);
  }
  return {
    zh: '输出文件中没有完整卡号',
    en: 'no full card number in any file',
    ok: names.length > 0 && needles.length > 0 && leaks.length === 0,
    detail: leaks.length === 0 ? `${names.length} files, ${bytes} bytes searched` : leaks.join(', '),
  };
}

const money = (fen: number) =>
  Number.isNaN(fen) ? 'nothing' : `${fen < 0 ? '-' : ''}${(Math.abs(fen) / 100).toFixed(2)}`;
const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
