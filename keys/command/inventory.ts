/** What an auditor asks for: which keys there are, what for, since when, until when, whose. Check values only. */
import { stringify } from 'csv-stringify/sync';
import type { DestroyedKey } from '../vault/key-file.ts';
import type { KeyOffice } from '../vault/key-office.ts';
import type { KeyRecord } from '../vault/key-store.ts';

const DAY_MS = 86_400_000;

/** Columns of the inventory, one row a key. */
// biome-ignore format: a list is read by line
const COLUMNS = [
  'name', 'use', 'algorithm', 'check value', 'state', 'owner', 'exportable',
  'created', 'activated', 'due', 'retired', 'destroyed', 'finding',
] as const;

type Row = readonly string[];

/** One row a key, those that are destroyed behind. `now` in milliseconds since 1970. */
export function inventoryRows(office: Pick<KeyOffice, 'records' | 'destroyed'>, now: number): readonly Row[] {
  return [
    ...office.records.map((key) => rowOf({ ...key, destroyed: null }, now)),
    ...office.destroyed.map((key) => rowOf({ ...key, exportable: false }, now)),
  ];
}

export function inventoryCsv(office: KeyOffice, now: number): string {
  return stringify([[...COLUMNS], ...inventoryRows(office, now).map((row) => [...row])]);
}

/** The report: master keys, custodians, keys, findings. */
export function inventoryMarkdown(office: KeyOffice, now: number): string {
  const rows = inventoryRows(office, now);
  const findings = [
    ...masterFindings(office),
    ...rows.filter((row) => row.at(-1) !== '').map((row) => `\`${row[0]}\`: ${row.at(-1)}`),
  ];
  return [
    '# 密钥清单 Key inventory',
    '',
    `${instant(now)} · ${office.records.length} keys, ${office.destroyed.length} destroyed`,
    '',
    '## 主密钥 Master key',
    '',
    ...office.masters.map(
      ({ checkValue, created, from }, index) =>
        `- ${checkValue}, ${index === 0 ? 'in use' : 'only opens what it once protected'}, since ${instant(created)}, ${from === 'generated' ? 'made by this machine' : `components of ${from.join(', ')}`}`,
    ),
    '',
    '## 保管员 Custodians',
    '',
    ...(office.custodians.length === 0
      ? ['none enrolled']
      : office.custodians.map(({ name }) => `- ${name}`)),
    '',
    '## 密钥 Keys',
    '',
    tableRow(COLUMNS),
    tableRow(COLUMNS.map(() => '---')),
    ...rows.map(tableRow),
    '',
    '## 发现 Findings',
    '',
    ...(findings.length === 0 ? ['none'] : findings.map((finding) => `- ${finding}`)),
    '',
  ].join('\n');
}

function masterFindings({ masters, custodians }: KeyOffice): readonly string[] {
  const found: string[] = [];
  if (masters[0]?.from === 'generated')
    found.push('the master key was made by this machine, without a ceremony: for demonstrations');
  if (masters.length > 1) found.push('a change of the master key is not finished');
  if (custodians.length < 2)
    found.push('fewer than two custodians are enrolled: nobody can act as the second');
  return found;
}

type Listed = KeyRecord & Pick<{ destroyed: DestroyedKey['destroyed'] | null }, 'destroyed'>;

function rowOf(key: Listed, now: number): Row {
  const { activated, cryptoperiodDays } = key;
  const due = activated === null || cryptoperiodDays === null ? null : activated + cryptoperiodDays * DAY_MS;
  const state = stateOf(key);
  const finding =
    state === 'active' && due !== null && due < now ? 'its cryptoperiod is over: rotate it' : '';
  return [
    key.name,
    key.use,
    key.algorithm,
    key.checkValue,
    state,
    key.owner,
    key.exportable ? 'yes' : 'no',
    ...[key.created, activated, due, key.retired, key.destroyed].map((at) =>
      at === null ? '' : instant(at),
    ),
    finding,
  ];
}

export function stateOf(key: Pick<Listed, 'destroyed' | 'retired' | 'activated'>): string {
  if (key.destroyed !== null) return 'destroyed';
  if (key.retired !== null) return 'retired';
  return key.activated === null ? 'pre-active' : 'active';
}

function tableRow(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** UTC, to the second. */
function instant(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
