/** What a clerk may type, one row each: names in both tongues, who may, and what it does. */
import { PosError, yuan } from '../protocol/index.ts';
import type { TerminalDeps } from './deps.ts';
import { owedText } from './exchange/owed.ts';
import { openReversals } from './exchange/request.ts';
import { balance } from './flows/balance.ts';
import { fateQuery } from './flows/fate-query.ts';
import { askSupervisor } from './flows/operator-check.ts';
import { completion, preAuthorisation, preAuthorisationVoid } from './flows/pre-authorisation.ts';
import { refund } from './flows/refund.ts';
import { decideRepeat, isDoubtful, openRepeats, sendOrAsk } from './flows/repeat.ts';
import { type CommandResult, succeeded } from './flows/result.ts';
import { decide, sendReversal } from './flows/reversal.ts';
import { sale } from './flows/sale.ts';
import { settle } from './flows/settlement.ts';
import { signIn } from './flows/sign-in.ts';
import { echo, signOff, statusUpload } from './flows/sign-off.ts';
import { voidTransaction } from './flows/void.ts';
import type { OperatorRole, TransactionRecord } from './journal/model.ts';
import { countedTransactions, isPending, totalsOf } from './journal/state.ts';
import { logOn, removeOperator, SUPERVISOR, SYSTEM, setOperator } from './operators.ts';
import { printPending, reprint } from './spool/printing.ts';
import { slipNamed } from './spool/slips.ts';
import { STATES } from './transaction-states.ts';

/** Words after the command: plain ones in order, `name=value` ones by name, `keyed` as a switch. */
export interface CommandWords {
  readonly plain: readonly string[];
  readonly named: Readonly<Record<string, string>>;
  readonly keyed: boolean;
}

interface CommandSpec {
  readonly alias: string;
  readonly usage: string;
  readonly en: string;
  /** Who may; 'anyone' also when nobody is logged on. */
  readonly who: 'anyone' | readonly OperatorRole[];
  readonly run: (deps: TerminalDeps, words: CommandWords) => Promise<CommandResult>;
}

const SELLING: readonly OperatorRole[] = ['cashier', 'supervisor'];
const ALL: readonly OperatorRole[] = ['cashier', 'supervisor', 'system'];
const MANAGING: readonly OperatorRole[] = ['supervisor', 'system'];

// biome-ignore format: a table is read by column
export const COMMANDS = {
  help:           { alias: '帮助',     usage: 'help',                               en: 'this list',                                         who: 'anyone', run: help },
  logon:          { alias: '登录',     usage: 'logon [NUMBER]',                     en: 'an operator logs on',                               who: 'anyone', run: logon },
  logoff:         { alias: '退出',     usage: 'logoff',                             en: 'the operator logs off',                             who: ALL,      run: logoff },
  signin:         { alias: '签到',     usage: 'signin',                             en: 'new working keys from the host',                    who: ALL,      run: (deps) => signIn(deps) },
  signoff:        { alias: '签退',     usage: 'signoff',                            en: 'the terminal signs off',                            who: ALL,      run: (deps) => signOff(deps) },
  echo:           { alias: '回响',     usage: 'echo',                               en: 'is the host there',                                 who: 'anyone', run: (deps) => echo(deps) },
  balance:        { alias: '余额',     usage: 'balance',                            en: 'what a card holds',                                 who: SELLING,  run: (deps, words) => balance(deps, words.keyed) },
  sale:           { alias: '消费',     usage: 'sale YUAN',                          en: 'sale',                                              who: SELLING,  run: (deps, words) => sale(deps, { ...first(words, 'amount'), keyed: words.keyed }) },
  void:           { alias: '撤销',     usage: 'void VOUCHER',                       en: 'void of a sale or completion of this batch',        who: SELLING,  run: (deps, words) => voidTransaction(deps, words.plain[0]) },
  refund:         { alias: '退货',     usage: 'refund YUAN [ref=… date=MMDD]',      en: 'refund, whole or in part',                          who: SELLING,  run: (deps, words) => refund(deps, { ...first(words, 'amount'), ...pick(words, { ref: 'reference', date: 'date' }), keyed: words.keyed }) },
  preauth:        { alias: '预授权',   usage: 'preauth YUAN',                       en: 'pre-authorisation',                                 who: SELLING,  run: (deps, words) => preAuthorisation(deps, { ...first(words, 'amount'), keyed: words.keyed }) },
  complete:       { alias: '预授权完成', usage: 'complete YUAN [auth=… date=MMDD]', en: 'completion of a pre-authorisation',                 who: SELLING,  run: (deps, words) => completion(deps, { ...first(words, 'amount'), ...pick(words, { auth: 'authorisation', date: 'date' }), keyed: words.keyed }) },
  'preauth-void': { alias: '预授权撤销', usage: 'preauth-void YUAN [auth=… date=MMDD]', en: 'void of a pre-authorisation',                   who: SELLING,  run: (deps, words) => preAuthorisationVoid(deps, { ...first(words, 'amount'), ...pick(words, { auth: 'authorisation', date: 'date' }), keyed: words.keyed }) },
  fate:           { alias: '查询',     usage: 'fate VOUCHER',                       en: 'what the host knows of a transaction',              who: SELLING,  run: (deps, words) => fateQuery(deps, words.plain[0]) },
  settle:         { alias: '结算',     usage: 'settle',                             en: 'settle and close the batch',                        who: SELLING,  run: (deps) => settle(deps) },
  reversal:       { alias: '冲正',     usage: 'reversal [decide|send]',             en: 'open reversals: show, decide, send now',            who: SELLING,  run: reversalCommand },
  repeat:         { alias: '重发',     usage: 'repeat [decide|send]',               en: 'unanswered repeats: show, decide, send now',        who: SELLING,  run: repeatCommand },
  paper:          { alias: '补打',     usage: 'paper',                              en: 'print what is pending',                             who: 'anyone', run: paper },
  reprint:        { alias: '重打印',   usage: 'reprint [VOUCHER|settlement]',       en: 'print a slip once more, with the mark',             who: SELLING,  run: reprintCommand },
  list:           { alias: '流水',     usage: 'list',                               en: 'the transactions of the open batch',                who: ALL,      run: list },
  status:         { alias: '状态',     usage: 'status [send]',                      en: 'devices, debts, batch; send: to the host',          who: 'anyone', run: status },
  operator:       { alias: '操作员',   usage: 'operator list|set NUMBER|remove NUMBER', en: 'cashiers and passwords',                        who: MANAGING, run: operatorCommand },
  quit:           { alias: '关机',     usage: 'quit',                               en: 'stop the terminal',                                 who: 'anyone', run: () => Promise.resolve(succeeded('再见', 'good-bye', { quit: true })) },
} as const satisfies Record<string, CommandSpec>;

/** Finds and runs a command. @throws INPUT_BAD, OPERATOR_REFUSED and what the flow throws */
export async function runCommand(deps: TerminalDeps, line: string): Promise<CommandResult> {
  const [word = '', ...rest] = line.trim().split(/\s+/);
  const found = Object.entries<CommandSpec>(COMMANDS).find(
    ([name, { alias }]) => name === word || alias === word,
  );
  if (found === undefined)
    throw new PosError('INPUT_BAD', `there is no command ${JSON.stringify(word.slice(0, 20))} (help)`);
  const [name, spec] = found;
  checkRole(deps, name, spec);
  return spec.run(deps, wordsOf(rest));
}

function checkRole(deps: TerminalDeps, name: string, spec: CommandSpec): void {
  if (spec.who === 'anyone') return;
  const { operator, operators } = deps.journal.state;
  if (operator === null) throw new PosError('OPERATOR_REFUSED', `${name}: nobody is logged on (logon)`);
  const role = operators[operator]?.role;
  if (role === undefined || !spec.who.includes(role)) {
    throw new PosError(
      'OPERATOR_REFUSED',
      `${name}: not for a ${role ?? 'stranger'}, but for ${spec.who.join(' or ')}`,
    );
  }
}

function wordsOf(words: readonly string[]): CommandWords {
  const named: Record<string, string> = {};
  const plain: string[] = [];
  for (const word of words) {
    const equals = word.indexOf('=');
    if (equals > 0) named[word.slice(0, equals)] = word.slice(equals + 1);
    else if (word !== 'keyed') plain.push(word);
  }
  return { plain, named, keyed: words.includes('keyed') };
}

function first<Name extends string>(words: CommandWords, name: Name): Partial<Record<Name, string>> {
  const [value] = words.plain;
  return value === undefined ? {} : ({ [name]: value } as Partial<Record<Name, string>>);
}

function pick<Name extends string>(
  words: CommandWords,
  names: Readonly<Record<string, Name>>,
): Partial<Record<Name, string>> {
  const picked = Object.entries(names).flatMap(([word, name]) => {
    const value = words.named[word];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(picked) as Partial<Record<Name, string>>;
}

async function help(deps: TerminalDeps): Promise<CommandResult> {
  for (const { alias, usage, en } of Object.values<CommandSpec>(COMMANDS))
    deps.clerk.show(`${alias}  ${usage}`, en);
  return succeeded('共列出全部命令', 'all commands are listed');
}

async function logon(deps: TerminalDeps, words: CommandWords): Promise<CommandResult> {
  const id = words.plain[0] ?? (await deps.clerk.ask('operator'));
  const password = words.plain[1] ?? (await deps.clerk.ask('password'));
  await logOn(deps, id, password);
  return succeeded(`操作员${id}已登录`, `operator ${id} is logged on`, { operator: id });
}

async function logoff(deps: TerminalDeps): Promise<CommandResult> {
  await deps.journal.append({ type: 'logged off' });
  return succeeded('操作员已退出', 'the operator is logged off');
}

async function reversalCommand(deps: TerminalDeps, words: CommandWords): Promise<CommandResult> {
  const open = openReversals(deps.journal.state);
  const [what] = words.plain;
  for (const one of open) {
    if (what === 'send') await sendReversal(deps, one.ut);
    else if (what === 'decide' && one.state === 'decisionDue') await decide(deps, one.ut);
    else showOwed(deps, one);
  }
  const left = openReversals(deps.journal.state).length;
  return succeeded(`未完成冲正${left}笔`, `${left} reversals are open`, { open: left });
}

async function repeatCommand(deps: TerminalDeps, words: CommandWords): Promise<CommandResult> {
  const [what] = words.plain;
  for (const one of openRepeats(deps)) {
    const isOld = isDoubtful(deps, one);
    if (what === 'send' && !isOld) await sendOrAsk(deps, one);
    else if (what === 'send' || (what === 'decide' && (isOld || one.state === 'repeatDue')))
      await decideRepeat(deps, one);
    else showRepeat(deps, one);
  }
  const left = openRepeats(deps).length;
  return succeeded(`未完成重发${left}笔`, `${left} repeats are unanswered`, { open: left });
}

function showOwed(deps: TerminalDeps, one: TransactionRecord): void {
  const [owed, state] = [owedText(one), STATES[one.state]];
  deps.clerk.show(`${state.zh}:${owed.zh}`, `${state.en}: ${owed.en}`);
}

function showRepeat(deps: TerminalDeps, one: TransactionRecord): void {
  const { zh, en } = STATES[one.state];
  const money = yuan(one.amount);
  deps.clerk.show(
    `凭证号${one.trace} ${money} ${one.panMasked ?? ''} ${zh}`,
    `voucher ${one.trace} ${money} ${one.panMasked ?? ''} ${en}`,
  );
}

async function paper(deps: TerminalDeps): Promise<CommandResult> {
  const pending = deps.journal.state.slips.filter(isPending).length;
  const done = await printPending(deps);
  if (!done && deps.clerk.signal.aborted)
    throw new PosError('CANCELLED', 'the rest is printed between commands');
  if (!done) throw new PosError('PAPER_OUT', 'slips are still pending');
  return succeeded(`补打${pending}张`, `${pending} pending slips are printed`, { printed: pending });
}

async function reprintCommand(deps: TerminalDeps, words: CommandWords): Promise<CommandResult> {
  const [which] = words.plain;
  const slip = slipNamed(deps.journal.state.slips, which);
  if (!(await reprint(deps, slip))) throw new PosError('PAPER_OUT', 'the slip stays pending');
  return succeeded('重打印完成', 'printed once more');
}

async function list(deps: TerminalDeps): Promise<CommandResult> {
  const { state } = deps.journal;
  for (const one of state.transactions) {
    const money = yuan(one.answer?.amount ?? one.amount);
    const { zh, en } = STATES[one.state];
    deps.clerk.show(`${one.trace} ${one.kind} ${one.panMasked ?? ''} ${money} ${zh}`, en);
  }
  const totals = totalsOf(countedTransactions(state, state.batch));
  return succeeded(
    `批次${state.batch}共${state.transactions.length}笔`,
    `${state.transactions.length} in batch ${state.batch}`,
    {
      batch: state.batch,
      ...totals,
    },
  );
}

const YES_NO = { true: { zh: '是', en: 'yes' }, false: { zh: '否', en: 'no' } } as const;

/** What a clerk asks for on the telephone: devices, keys, numbers, and what is owed. */
async function status(deps: TerminalDeps, words: CommandWords): Promise<CommandResult> {
  if (words.plain[0] === 'send') return statusUpload(deps);
  const { state } = deps.journal;
  const last = state.transactions.at(-1);
  const facts = {
    reader: deps.reader.state(),
    pinPad: deps.pinPad.state(),
    printer: deps.printer.state(),
    operator: state.operator,
    signedIn: state.signedIn,
    signInDue: state.signInDue,
    batch: state.batch,
    nextTrace: state.nextTrace,
    openReversals: openReversals(state).length,
    openRepeats: openRepeats(deps).length,
    pendingSlips: state.slips.filter(isPending).length,
    settlement: state.settlement?.phase ?? null,
    lastTrace: last?.trace ?? null,
    lastState: last?.state ?? null,
  };
  const signedIn = YES_NO[state.signedIn ? 'true' : 'false'];
  const { clerk } = deps;
  clerk.show(
    `读卡器 ${facts.reader},密码键盘 ${facts.pinPad},打印机 ${facts.printer}`,
    `reader ${facts.reader}, PIN pad ${facts.pinPad}, printer ${facts.printer}`,
  );
  clerk.show(
    `操作员 ${state.operator ?? '无'},已签到 ${signedIn.zh}`,
    `operator ${state.operator ?? 'none'}, signed in ${signedIn.en}`,
  );
  clerk.show(
    `批次 ${state.batch},下一凭证号 ${state.nextTrace}`,
    `batch ${state.batch}, next voucher ${state.nextTrace}`,
  );
  clerk.show(
    `未完成冲正 ${facts.openReversals} 笔,待重发 ${facts.openRepeats} 笔,待打印 ${facts.pendingSlips} 张`,
    `${facts.openReversals} reversals open, ${facts.openRepeats} repeats open, ${facts.pendingSlips} slips pending`,
  );
  if (facts.settlement !== null)
    clerk.show('结算未完成,请再次结算', 'a settlement is unfinished: settle again');
  if (last !== undefined) {
    const { zh, en } = STATES[last.state];
    clerk.show(
      `最近一笔 凭证号${last.trace} ${yuan(last.amount)} ${zh}`,
      `last: voucher ${last.trace} ${yuan(last.amount)} ${en}`,
    );
  }
  return succeeded('状态已显示', 'the status is shown', facts);
}

async function operatorCommand(deps: TerminalDeps, words: CommandWords): Promise<CommandResult> {
  const [what = 'list', id = '', password] = words.plain;
  const { state } = deps.journal;
  const by = state.operator ?? '';
  if (what === 'list') {
    for (const one of Object.values(state.operators)) deps.clerk.show(`操作员${one.id}`, one.role);
    return succeeded('操作员已列出', 'operators are listed', { count: Object.keys(state.operators).length });
  }
  if (what === 'remove') {
    await removeOperator(deps, id, by);
    return succeeded(`操作员${id}已删除`, `operator ${id} is removed`);
  }
  if (what !== 'set')
    throw new PosError('INPUT_BAD', 'operator list, operator set NUMBER, or operator remove NUMBER');
  await checkMaySet(deps, id, by);
  await setOperator(deps, id, password ?? (await deps.clerk.ask('newPassword')), by);
  return succeeded(`操作员${id}密码已设`, `the password of operator ${id} is set`);
}

/** 00 sets cashiers and itself; 99 sets 00 and itself. Cashiers are the supervisor's. */
async function checkMaySet(deps: TerminalDeps, id: string, by: string): Promise<void> {
  if (by === SYSTEM && id !== SUPERVISOR && id !== SYSTEM) {
    throw new PosError('OPERATOR_REFUSED', 'cashiers are set by the supervisor');
  }
  if (by !== SYSTEM && id === SYSTEM) throw new PosError('OPERATOR_REFUSED', '99 is set by 99 only');
  if (by === SUPERVISOR) await askSupervisor(deps);
}
