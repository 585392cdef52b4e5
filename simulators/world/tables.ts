/** The tables of this room's README. */
import { CHECKS } from './checks/checks.ts';
import { FAULTS } from './faults.ts';
import { PLANTED_BUGS } from './run/planted-bugs.ts';

export function worldTables(): Readonly<Record<string, string>> {
  const checks = Object.entries(CHECKS).map(([name, { zh, en }]) => `| \`${name}\` | ${zh} | ${en} |`);
  const faults = Object.entries(FAULTS).map(
    ([name, { zh, en, chance, when }]) => `| \`${name}\` | ${zh} | ${en} | ${chance} | ${when} |`,
  );
  const planted = Object.entries(PLANTED_BUGS).map(
    ([name, { zh, en, file }]) => `| \`${name}\` | ${zh} | ${en} | \`${file}\` |`,
  );
  return {
    checks: ['| check | 中文 | what must hold |', '|---|---|---|', ...checks].join('\n'),
    faults: ['| fault | 中文 | what goes wrong | chance | when |', '|---|---|---|---|---|', ...faults].join(
      '\n',
    ),
    planted: ['| bug | 中文 | what it does | where |', '|---|---|---|---|', ...planted].join('\n'),
  };
}
