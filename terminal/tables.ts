/** The tables of terminal/README.md, from the code that they describe. */
import { PROMPTS } from './clerk.ts';
import { COMMANDS } from './commands.ts';
import { terminalSettingsTable } from './config.ts';
import { MOVES, STATES } from './transaction-states.ts';

/** Markdown by the name that the README's marks use. */
export function terminalTables(): Readonly<Record<string, string>> {
  return {
    states: stateTable(),
    commands: commandTable(),
    prompts: promptTable(),
    settings: terminalSettingsTable(),
  };
}

function stateTable(): string {
  const rows = Object.entries(STATES).map(([state, { zh, en, counted, open }]) => {
    const moves = Object.entries(MOVES[state as keyof typeof STATES]);
    const next = moves.map(([move, to]) => `${move} → ${to}`).join(', ');
    return `| \`${state}\` | ${zh} | ${en} | ${counted ? 'yes' : 'no'} | ${open} | ${next === '' ? 'none' : next} |`;
  });
  return ['| state | 中文 | meaning | counts | open | moves |', '|---|---|---|---|---|---|', ...rows].join(
    '\n',
  );
}

function commandTable(): string {
  const rows = Object.values(COMMANDS).map(({ alias, usage, en, who }) => {
    const whoText = typeof who === 'string' ? who : who.join(', ');
    return `| ${alias} | \`${usage.replaceAll('|', '\\|')}\` | ${en} | ${whoText} |`;
  });
  return ['| 命令 | command | what it does | who |', '|---|---|---|---|', ...rows].join('\n');
}

function promptTable(): string {
  const rows = Object.entries(PROMPTS).map(
    ([name, { zh, en, secret }]) => `| \`? ${name}\` | ${zh} | ${en} | ${secret ? 'yes' : 'no'} |`,
  );
  return ['| line begins | 中文 | English | secret |', '|---|---|---|---|', ...rows].join('\n');
}
