/** The acquirer's tables as Markdown, for the README. */
import { TRANSACTIONS, type TransactionKind } from '../../protocol/index.ts';
import { ACQUIRER_DEFAULTS } from './acquirer.ts';
import { CHECKS, type Check } from './checks.ts';
import { DISPATCH } from './dispatch.ts';

export function acquiringTables(): Readonly<Record<string, string>> {
  return { dispatch: dispatchTable(), checks: checksTable(), limits: limitsTable() };
}

function dispatchTable(): string {
  const rows = Object.values(TRANSACTIONS).map(
    ({ kind, nameZh, nameEn, mti, de3, de25, type601, code603 }) => {
      const { file } = DISPATCH[kind];
      const told = de3 === null ? `60.3 ${code603.join(' ')}` : `${de3} / ${de25} / ${type601}`;
      const tells = kind === 'reversal' ? "its original's" : told;
      return `| ${nameZh} ${nameEn} | ${mti} | ${tells} | ${file === null ? 'answered 40' : `\`${file}\``} |`;
    },
  );
  return ['| transaction | MTI | DE3 / DE25 / 60.1 | flow |', '|---|---|---|---|', ...rows].join('\n');
}

function checksTable(): string {
  const rows = CHECKS.map((check, index) => {
    const marks = [check.remembered ? 'remembered' : '', check.audited ? 'audited' : ''].filter(
      (mark) => mark !== '',
    );
    const { stage, name, asksZh, asksEn, code } = check;
    return `| ${index + 1} | ${stage} | ${name} | ${asksZh} ${asksEn} | ${concerned(check.kinds)} | ${code} | ${marks.join(', ') || '–'} |`;
  });
  return ['| | stage | check | asks | of | DE39 | |', '|---:|---|---|---|---|---|---|', ...rows].join('\n');
}

function concerned(kinds: Check['kinds']): string {
  if (kinds === 'every') return 'all';
  if (kinds === 'with MAC') return '01xx 02xx 04xx';
  return kinds.map((kind: TransactionKind) => TRANSACTIONS[kind].nameZh).join(' ');
}

function limitsTable(): string {
  const { frameBytesMax, halfFrameMs, idleMs, connectionsMax, inFlightMax, drainMs } = ACQUIRER_DEFAULTS;
  // biome-ignore format: a table is read by column
  const rows = [
    ['`frameBytesMax`',  `${frameBytesMax} bytes`,  'a larger LEN, or one below 21, closes the connection'],
    ['`halfFrameMs`',    `${halfFrameMs} ms`,       'a frame that stays half sent closes the connection'],
    ['`idleMs`',         `${idleMs} ms`,            'a silent connection is closed'],
    ['`connectionsMax`', `${connectionsMax}`,       'further ones are closed at once'],
    ['`inFlightMax`',    `${inFlightMax}`,          'requests of one connection in judgement; it is read no further until one is answered'],
    ['`drainMs`',        `${drainMs} ms`,           'how long a stop waits for answers to go out, and a closed connection for its peer to read them'],
  ];
  return [
    '| limit | default | what happens |',
    '|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ].join('\n');
}
