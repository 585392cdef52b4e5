/** What `npm run keys` can do, one row a command. How an act is done stands with the office and the ceremony. */
import { PosError } from '../../protocol/index.ts';
import type { Desk } from '../ceremony/desk.ts';
import { authenticateAtDesk, enrolAtDesk, holdCeremony } from '../ceremony/desk.ts';
import { toHex } from '../hex.ts';
import { KEY_USES } from '../vault/key-header.ts';
import type { KeyLogPort } from '../vault/key-log.ts';
import type { KeyOffice } from '../vault/key-office.ts';
import type { KeyAlgorithm, NewKey } from '../vault/vault.ts';
import { inventoryCsv, inventoryMarkdown, inventoryRows } from './inventory.ts';

/** What was typed behind the command. */
export interface CommandOptions {
  readonly use?: string;
  readonly algorithm?: string;
  readonly owner?: string;
  readonly cryptoperiod?: string;
  readonly exportable?: boolean;
  readonly inactive?: boolean;
  readonly under?: string;
  readonly block?: string;
  readonly components?: string;
  readonly csv?: boolean;
  readonly resume?: boolean;
  readonly finish?: boolean;
}

export interface CommandParts {
  readonly office: KeyOffice;
  readonly options: CommandOptions;
  /** The key, or the custodian. */
  readonly subject: string;
  /** Who acts: authenticated where custodians are enrolled. */
  readonly by: string;
  /** Opened when it is asked for: listing needs no terminal. */
  readonly desk: () => Desk;
  readonly log: KeyLogPort;
  readonly now: () => number;
  readonly random: (bytes: number) => Buffer;
  readonly testMode: boolean;
  readonly say: (line: string) => void;
}

interface Command {
  readonly arguments: string;
  /** How many custodians must agree, where there are any; the first alone enrols the second. */
  readonly hands: 0 | 1 | 2;
  readonly does: string;
  readonly run: (parts: CommandParts) => Promise<void>;
}

const MADE =
  '--use USE --algorithm ALGORITHM [--owner TEXT] [--cryptoperiod DAYS] [--exportable] [--inactive]';

// biome-ignore format: a table is read by column
export const COMMANDS = {
  list:      { hands: 0, run: list,      arguments: '',                                              does: 'names, uses, states, check values' },
  inventory: { hands: 0, run: inventory, arguments: '[--csv]',                                       does: 'the report for the auditor, Markdown or CSV' },
  generate:  { hands: 1, run: generate,  arguments: `NAME ${MADE}`,                                  does: 'a random key' },
  import:    { hands: 1, run: importKey, arguments: `NAME ${MADE} --under ZMK --block TEXT | --components 2|3`, does: "a partner's key: its key block, or components in a ceremony" },
  export:    { hands: 2, run: exportKey, arguments: 'NAME --under ZMK | --components 2|3',           does: 'an exportable key: as a key block, or each component for the eyes of one custodian' },
  activate:  { hands: 1, run: activate,  arguments: 'NAME',                                          does: 'a key made inactive begins to serve' },
  rotate:    { hands: 1, run: rotate,    arguments: 'NAME',                                          does: 'a new key takes the name; the old one retires' },
  retire:    { hands: 1, run: retire,    arguments: 'NAME',                                          does: 'from now on it opens and verifies only' },
  destroy:   { hands: 2, run: destroy,   arguments: 'NAME',                                          does: 'wiped; what rests under it is lost' },
  enrol:     { hands: 2, run: enrol,     arguments: '',                                              does: 'another custodian' },
  dismiss:   { hands: 2, run: dismiss,   arguments: 'NAME',                                          does: 'a custodian' },
  master:    { hands: 2, run: master,    arguments: '[--components 2|3] | --resume | --finish',      does: 'a new master key by ceremony, every key wrapped anew; go on after a cut; destroy the one before' },
} as const satisfies Record<string, Command>;

/** Those that open the key file; `ceremony`, `component`, `backup` and `restore` do not come here. */
export type CommandName = keyof typeof COMMANDS;

/** @throws INPUT_BAD, or what the act refuses; nothing of a key is in it */
export async function runCommand(
  name: CommandName,
  parts: Omit<CommandParts, 'by'>,
  user: string,
): Promise<void> {
  const { hands, run } = COMMANDS[name];
  const isSecond = name === 'enrol' && parts.office.custodians.length === 1;
  const by = await agreed(parts, isSecond ? 1 : hands, user);
  await run({ ...parts, by });
  await parts.office.saved();
}

/** Where custodians are enrolled they answer for what is done; else whoever is logged on at this machine. */
async function agreed(
  { office, desk }: Omit<CommandParts, 'by'>,
  hands: number,
  user: string,
): Promise<string> {
  if (office.custodians.length === 0 || hands === 0) return user;
  const names: string[] = [];
  while (names.length < hands) names.push(await authenticateAtDesk(desk(), office.custodians, names));
  return names.join(', ');
}

async function list({ office, now, say }: CommandParts): Promise<void> {
  for (const [name, use, algorithm, checkValue, state] of inventoryRows(office, now()))
    say([checkValue, state?.padEnd(10), use?.padEnd(17), algorithm?.padEnd(12), name].join('  '));
}

async function inventory({ office, options, now, say }: CommandParts): Promise<void> {
  say(options.csv === true ? inventoryCsv(office, now()) : inventoryMarkdown(office, now()));
}

async function generate(parts: CommandParts): Promise<void> {
  const { name, checkValue } = parts.office.vault.generate(newKey(parts));
  parts.say(`${name}: 校验值 check value ${checkValue}`);
}

async function importKey(parts: CommandParts): Promise<void> {
  const { office, options, say } = parts;
  const key = newKey(parts);
  if (options.under !== undefined) {
    if (options.block === undefined) throw new PosError('INPUT_BAD', '--block: the key block is missing');
    const { checkValue } = office.importBlock(key, options.under, options.block);
    say(`${key.name}: 校验值 check value ${checkValue}`);
    return;
  }
  const { algorithm } = key;
  if (algorithm !== '3des' && algorithm !== 'sm4' && algorithm !== 'aes-256')
    throw new PosError('INPUT_BAD', `--algorithm: a ${algorithm} key is not entered in components`);
  const made = await holdCeremony(parts.desk(), { ...ceremonyOf(parts, key.name), algorithm });
  try {
    office.enter({ ...key, by: made.custodians.join(', ') }, made.key);
  } finally {
    made.key.fill(0);
  }
}

async function exportKey(parts: CommandParts): Promise<void> {
  const { office, options, subject, by, say } = parts;
  if (options.under !== undefined) {
    say(office.exportBlock(subject, options.under, by));
    return;
  }
  const count = countOf(options);
  const desk = parts.desk();
  const components = office.splitForExport(subject, count, by);
  const seen: string[] = [];
  try {
    for (const [index, component] of components.entries()) {
      desk.say(
        `── 分量 component ${index + 1}/${count} · ${subject}: 只给一位保管员看 for the eyes of one custodian`,
      );
      if (office.custodians.length > 0) seen.push(await authenticateAtDesk(desk, office.custodians, seen));
      desk.say(toHex(component).replaceAll(/(.{4})/g, '$1 '));
      await desk.ask('抄录后按回车 written down: press enter');
      desk.clear();
    }
  } finally {
    for (const component of components) component.fill(0);
  }
  office.note(`components shown to ${seen.join(', ') || by}`, subject, by);
}

async function activate({ office, subject, by }: CommandParts): Promise<void> {
  office.activate(subject, by);
}

async function rotate({ office, subject, by, say }: CommandParts): Promise<void> {
  say(`${subject}: 旧密钥改名 the old key is now ${office.rotate(subject, by)}`);
}

async function retire({ office, subject, by }: CommandParts): Promise<void> {
  office.retire(subject, by);
}

async function destroy({ office, subject, by }: CommandParts): Promise<void> {
  office.vault.destroy(subject, by);
}

async function enrol({ office, desk, random, by }: CommandParts): Promise<void> {
  office.enrol(await enrolAtDesk(desk(), random, office.custodians), by);
}

async function dismiss({ office, subject, by }: CommandParts): Promise<void> {
  office.dismiss(subject, by);
}

async function master(parts: CommandParts): Promise<void> {
  const { office, options, by, say } = parts;
  if (options.finish === true) {
    office.finishMasterChange(by);
    say('先前的主密钥已销毁 the earlier master key is destroyed');
    return;
  }
  if (options.resume !== true) {
    const made = await holdCeremony(parts.desk(), {
      ...ceremonyOf(parts, 'master key'),
      algorithm: 'aes-256',
    });
    try {
      office.changeMaster(made.key, made.custodians, by);
    } finally {
      made.key.fill(0);
    }
  }
  // Each is on the disk before the next: a cut at any point leaves a file that opens, and this goes on.
  await office.saved();
  let wrapped = 0;
  for (let name = office.rewrapNext(by); name !== null; name = office.rewrapNext(by)) {
    await office.saved();
    wrapped += 1;
  }
  say(
    `${wrapped} 个密钥已重新加密 keys wrapped anew; 主机下次启动后执行 after the host's next start: npm run keys -- master --finish`,
  );
}

function ceremonyOf({ office, options, log, now, testMode }: CommandParts, subject: string) {
  if (office.custodians.length < countOf(options))
    throw new PosError(
      'NOT_ALLOWED_NOW',
      `${countOf(options)} custodians are needed, ${office.custodians.length} are enrolled: npm run keys -- enrol`,
    );
  return { subject, count: countOf(options), custodians: office.custodians, log, now, testMode };
}

/** @throws INPUT_BAD */
export function countOf({ components = '2' }: CommandOptions): 2 | 3 {
  if (components === '2') return 2;
  if (components === '3') return 3;
  throw new PosError('INPUT_BAD', '--components: 2 or 3');
}

/** @throws INPUT_BAD naming the option */
function newKey({ options, subject, by }: CommandParts): NewKey {
  const use = KEY_USES.find((one) => one === options.use);
  if (use === undefined) throw new PosError('INPUT_BAD', `--use: one of ${KEY_USES.join(', ')}`);
  if (options.algorithm === undefined) throw new PosError('INPUT_BAD', '--algorithm: it is missing');
  const { owner, cryptoperiod, exportable = false, inactive = false } = options;
  return {
    name: subject,
    use,
    // Which algorithms the use has is judged, and told, with the key.
    algorithm: options.algorithm as KeyAlgorithm,
    exportable,
    inactive,
    by,
    ...(owner === undefined ? {} : { owner }),
    ...(cryptoperiod === undefined ? {} : { cryptoperiodDays: Number(cryptoperiod) }),
  };
}

/** For the page and `--help`. */
export function commandsTable(): string {
  const rows = Object.entries(COMMANDS).map(
    ([name, { arguments: after, hands, does }]) =>
      `| \`${`${name} ${after.replaceAll('|', '\\|')}`.trim()}\` | ${hands} | ${does} |`,
  );
  return ['| command | custodians | does |', '|---|---|---|', ...rows].join('\n');
}
