/** The tables of terminal/ecr/README.md, from the code that they describe. */
import { TILL_CODES } from './codes.ts';
import { opRow, TILL_OPS, type TillOp, UNSUPPORTED_OPS } from './ops.ts';
import { TILL_PROMPTS } from './prompts.ts';
import { membersOf } from './request.ts';
import { TILL_STATES } from './till-states.ts';

/** Markdown by the name that the README's marks use. */
export function tillTables(): Readonly<Record<string, string>> {
  return { ops: opTable(), states: stateTable(), codes: codeTable(), prompts: promptTable() };
}

const NAMES: readonly string[] = ['v', 'op', 'requestId', 'tillId', 'cashier'];

function opTable(): string {
  const rows = (Object.keys(TILL_OPS) as TillOp[]).map((op) => {
    const { zh, en, keeps, orig } = opRow(op);
    const { must, may } = membersOf(op);
    const needs = keeps ? must.filter((member) => !NAMES.includes(member)) : must.slice(2);
    const optional = keeps ? may.join(', ') : '';
    const forms = orig.filter((form) => form !== '').join(' or ');
    return `| \`${op}\` | ${zh} | ${en} | ${keeps ? 'yes' : 'no'} | ${needs.join(', ')} | ${optional} | ${forms} |`;
  });
  return [
    '| op | 中文 | what it does | kept | needs | may have | orig by |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    `| ${UNSUPPORTED_OPS.map((op) => `\`${op}\``).join(' ')} | – | refused: NOT_SUPPORTED | no | | | |`,
  ].join('\n');
}

function stateTable(): string {
  const rows = Object.entries(TILL_STATES).map(
    ([state, { zh, en, final, till }]) =>
      `| \`${state}\` | ${zh} | ${en} | ${final ? 'yes' : 'no'} | ${till} |`,
  );
  return [
    '| state | 中文 | meaning | may be final | what the till does |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

function codeTable(): string {
  const rows = Object.entries(TILL_CODES).map(
    ([code, { http, retry, zh, en }]) =>
      `| \`${code}\` | ${http} | ${retry ? 'yes' : 'no'} | ${zh} | ${en} |`,
  );
  return ['| code | HTTP | retryable | 中文 | English |', '|---|---|---|---|---|', ...rows].join('\n');
}

function promptTable(): string {
  const does = {
    ask: 'asked at the terminal',
    refuse: 'ends the request',
    '0': 'answered 0',
    '1': 'answered 1',
  };
  const rows = Object.entries(TILL_PROMPTS).map(
    ([prompt, row]) => `| \`${prompt}\` | ${does[row.does]} | ${row.why} |`,
  );
  return ['| question | while a till drives | why |', '|---|---|---|', ...rows].join('\n');
}
