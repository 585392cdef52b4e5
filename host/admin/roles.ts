/** Who may do what. A token names a person and a role; the role decides here, in one table. */
import { PosError } from '../../protocol/index.ts';

export type Role = 'operator' | 'settlement' | 'auditor' | 'admin' | 'monitor';
export const ROLES: readonly Role[] = ['operator', 'settlement', 'auditor', 'admin', 'monitor'];

interface ActRow {
  readonly zh: string;
  readonly en: string;
  readonly roles: readonly Role[];
}

/**
 * Every act of the administration. Reading is open to all roles of people, but for files and the journal; `monitor` is
 * a scraper's, which reads figures and nothing else.
 */
// biome-ignore format: a table is read by column
export const ACTS = {
  'document.write':  { zh: '维护商户、终端、规则等资料', en: 'write a document of the programme',     roles: ['admin'] },
  'terminal.key':    { zh: '录入、更换终端主密钥',         en: "enter a terminal master key's components, or have it change", roles: ['admin'] },
  'certificate.issue':  { zh: '签发终端证书',           en: 'issue a certificate',                   roles: ['admin'] },
  'certificate.revoke': { zh: '吊销终端证书',           en: 'revoke a certificate',                  roles: ['admin'] },
  'card.issue':      { zh: '开卡',                       en: 'issue a card',                          roles: ['operator', 'admin'] },
  'card.load':       { zh: '充值',                       en: 'load a card',                           roles: ['operator', 'admin'] },
  'card.state':      { zh: '冻结、解冻',                 en: 'freeze a card, set it free',            roles: ['operator', 'admin'] },
  'card.pin':        { zh: '解锁、重置密码',             en: 'unblock or set a PIN',                  roles: ['operator', 'admin'] },
  'batch.close':     { zh: '强制结批',                   en: 'close a batch by an act',               roles: ['settlement', 'admin'] },
  'owed.propose':    { zh: '提出关闭未结冲正',           en: 'propose to close an owed reversal',     roles: ['operator', 'settlement', 'admin'] },
  'owed.approve':    { zh: '核准或退回关闭冲正',         en: 'approve or refuse it: another person',  roles: ['settlement', 'admin'] },
  'day.cut-over':    { zh: '日切',                       en: 'close the day, open the next',          roles: ['settlement', 'admin'] },
  'clearing.run':    { zh: '清算',                       en: 'run a clearing',                        roles: ['settlement', 'admin'] },
  'query':           { zh: '查询',                       en: 'look things up',                        roles: ['operator', 'settlement', 'auditor', 'admin'] },
  'metrics.read':    { zh: '读取运行指标',               en: 'read the metrics',                      roles: ['operator', 'settlement', 'auditor', 'admin', 'monitor'] },
  'file.read':       { zh: '下载结算文件',               en: 'read settlement files',                 roles: ['settlement', 'auditor', 'admin'] },
  'journal.read':    { zh: '查看审计日志、导出账本',     en: 'read the journal, export the books',    roles: ['settlement', 'auditor', 'admin'] },
} as const satisfies Record<string, ActRow>;

export type ActName = keyof typeof ACTS;

/** @throws NOT_AUTHORISED naming the act and the roles that may do it */
export function demandRole(role: Role, act: ActName): void {
  const { zh, roles }: ActRow = ACTS[act];
  if (roles.includes(role)) return;
  throw new PosError('NOT_AUTHORISED', `${zh} ${act}: 需要角色 needs ${roles.join(' | ')}`);
}

/** The table for the README. */
export function rolesTable(): string {
  const rows = Object.entries(ACTS).map(([act, { zh, en, roles }]: [string, ActRow]) => {
    const marks = ROLES.map((role) => (roles.includes(role) ? '✓' : ''));
    return `| \`${act}\` | ${zh} · ${en} | ${marks.join(' | ')} |`;
  });
  return [`| 行为 act | 含义 meaning | ${ROLES.join(' | ')} |`, '|---|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}
