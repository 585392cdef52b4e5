/**
 * The tables as data: what every database that serves the store has. The statements in
 * `ddl.ts` (what rests) and `statements.ts` (what runs) are made from this.
 *
 * Column kinds, `?` when null is allowed:
 *   text   characters                     int    a safe integer           fen   0 to 999999999999
 *   flag   true or false                  json   nested value as JSON     postings  an entry's lines
 *
 * Only what the database itself must see rests as a column of its own (`keptOf`): keys, versions, what an index,
 * a read or a trigger names. All else of a row is one text, `body`: a JSON list in the order of `bodyOf`. A view
 * `read_<table>` shows every field by its name to whoever looks into the file.
 *
 * Guards:
 *   grows      rows are only added: UPDATE and DELETE are refused by the database
 *   versioned  UPDATE must raise `version` by one, a new row starts at 1, DELETE is refused
 *   follows    UPDATE may touch only what `may` lists; DELETE is refused; the account's version guards it
 */
import { type Fen, PosError } from '../../protocol/index.ts';
import type { Posting } from '../ledger/model.ts';
import { WITHOUT_UT } from './places.ts';
import type { TableName, Tables } from './rows.ts';

type Base<V> = [V] extends [boolean]
  ? 'flag'
  : [V] extends [Fen]
    ? 'fen'
    : [V] extends [number]
      ? 'int'
      : [V] extends [string]
        ? 'text'
        : [V] extends [readonly Posting[]]
          ? 'postings'
          : 'json';

/** The one kind of column that fits a field's type: the compiler refuses any other. */
type KindOf<V> = unknown extends V ? 'json' : null extends V ? `${Base<NonNullable<V>>}?` : Base<V>;

export type ColumnKind =
  | Base<string>
  | Base<number>
  | Base<Fen>
  | Base<boolean>
  | Base<readonly Posting[]>
  | 'json'
  | 'text?'
  | 'int?'
  | 'fen?'
  | 'flag?'
  | 'json?'
  | 'postings?';

export interface IndexSpec {
  readonly columns: readonly string[];
  readonly unique?: true;
  /** A partial index: rows that fulfil this SQL condition. */
  readonly where?: string;
  /** Made over all rows at first; a later migration (`narrowSql`) made it a partial one. */
  readonly narrowedTo?: string;
}

export interface TableSpec<Row = Record<string, unknown>> {
  readonly guard: 'grows' | 'versioned' | 'follows';
  /** Primary key. A guard's key is these joined by `|`. */
  readonly key: readonly (keyof Row & string)[];
  /** With `follows`: the only columns that may change. */
  readonly may?: readonly (keyof Row & string)[];
  /** Rows of one commit are written in this column's order, where a unique index asks for it. */
  readonly writeOrder?: keyof Row & string;
  readonly parent?: { readonly column: keyof Row & string; readonly table: string };
  /** Columns of their own beyond the key, the version, the parent, `may` and the indexes: what a read joins by. */
  readonly kept?: readonly (keyof Row & string)[];
  readonly columns: { readonly [F in keyof Row]-?: KindOf<Row[F]> };
  readonly indexes: readonly IndexSpec[];
}

// Parents stand before the tables that refer to them: rows are written in the order of this table.
// biome-ignore format: a table is read by column
export const TABLES = {
  accounts: {
    guard: 'versioned', key: ['accountId'], kept: ['owed'],
    columns: {
      accountId: 'text', version: 'int', state: 'text', owed: 'fen', tier: 'text', registered: 'flag', productId: 'text',
      salePointId: 'text',
    },
    indexes: [],
  },
  cards: {
    guard: 'versioned', key: ['cardId'], parent: { column: 'accountId', table: 'accounts' },
    columns: {
      cardId: 'text', version: 'int', panHash: 'text', panSealed: 'text', panMasked: 'text', accountId: 'text',
      state: 'text', expiry: 'text', serviceCode: 'text', pin: 'json?', pinTries: 'int', activeFrom: 'text',
    },
    indexes: [{ columns: ['panHash'], unique: true }, { columns: ['accountId'] }],
  },
  terminals: {
    guard: 'versioned', key: ['terminalId'],
    columns: {
      terminalId: 'text', version: 'int', batch: 'int', keys: 'json?', previousKeys: 'json?',
      previousKeysUntil: 'int?', macFailures: 'int', speaksDe57: 'flag', wanted: 'int',
    },
    indexes: [],
  },
  // The day that closes is written before the day that opens: only one may be open.
  days: {
    guard: 'versioned', key: ['businessDate'], writeOrder: 'state',
    columns: { businessDate: 'text', version: 'int', state: 'text', openedAt: 'int', closedAt: 'int?' },
    indexes: [{ columns: ['state'], unique: true, where: `"state" = 'open'` }],
  },
  batches: {
    guard: 'versioned', key: ['terminalId', 'batch'],
    columns: {
      terminalId: 'text', batch: 'int', version: 'int', merchantId: 'text', state: 'text', openedAt: 'int',
      closedAt: 'int?', closedBy: 'text?', cause: 'text?', terminalTotals: 'text?', hostTotals: 'text?',
      closingTotals: 'text?', result: 'int?',
    },
    indexes: [{ columns: ['state', 'terminalId', 'batch'] }],
  },
  lots: {
    guard: 'follows', key: ['lotId'], may: ['remaining', 'expiresOn', 'registered'],
    parent: { column: 'accountId', table: 'accounts' },
    columns: {
      lotId: 'text', accountId: 'text', purse: 'text', salePointId: 'text', loadedOn: 'text', expiresOn: 'text?',
      registered: 'flag', loaded: 'fen', remaining: 'fen',
    },
    indexes: [{ columns: ['accountId'], where: '"remaining" > 0' }],
  },
  transactions: {
    guard: 'versioned', key: ['transactionId'], kept: ['originalId', 'accountId', 'cardId'],
    columns: {
      transactionId: 'text', version: 'int', ut: 'text?', identity: 'text', kind: 'text', state: 'text',
      responseCode: 'text', terminalId: 'text', merchantId: 'text', branchId: 'text', batch: 'int', trace: 'text',
      rrn: 'text', auth: 'text?', accountId: 'text?', cardId: 'text?', panMasked: 'text', amount: 'fen',
      businessDate: 'text', localDate: 'text', localTime: 'text', entryMode: 'text', originalId: 'text?',
      money: 'json?', rates: 'json?', taken: 'json?', entryId: 'text?', rebateRun: 'text?', afterClose: 'text?', trace57: 'json',
      operator: 'text?', at: 'int',
    },
    indexes: [
      { columns: ['rrn'], unique: true, where: `"rrn" <> ''` },
      { columns: ['ut'], unique: true, where: '"ut" IS NOT NULL' },
      { columns: ['terminalId', 'batch', 'trace'], narrowedTo: WITHOUT_UT },
      { columns: ['merchantId', 'auth'], where: '"auth" IS NOT NULL' },
      { columns: ['businessDate', 'transactionId'] },
    ],
  },
  identities: {
    guard: 'grows', key: ['key'], kept: ['transactionId'],
    columns: { key: 'text', fingerprint: 'text', ut: 'text?', transactionId: 'text?', answer: 'json?', at: 'int' },
    indexes: [],
  },
  entries: {
    guard: 'grows', key: ['entryId'],
    columns: {
      entryId: 'text', businessDate: 'text', event: 'text', cause: 'json', at: 'int', corrects: 'text?',
      branchId: 'text?', terminalId: 'text?', postings: 'postings',
    },
    indexes: [{ columns: ['businessDate', 'entryId'] }],
  },
  uploads: {
    guard: 'grows', key: ['terminalId', 'batch', 'trace'],
    columns: {
      terminalId: 'text', batch: 'int', trace: 'text', panHash: 'text', panMasked: 'text', amount: 'fen',
      cardClass: 'text', at: 'int',
    },
    indexes: [],
  },
  differences: {
    guard: 'grows', key: ['differenceId'],
    columns: {
      differenceId: 'text', businessDate: 'text', kind: 'text', terminalId: 'text?', batch: 'int?', trace: 'text?',
      transactionId: 'text?', theirs: 'fen?', ours: 'fen?', causeZh: 'text', causeEn: 'text', at: 'int',
    },
    indexes: [{ columns: ['businessDate', 'differenceId'] }],
  },
  documents: {
    guard: 'grows', key: ['kind', 'id', 'version'],
    columns: { kind: 'text', id: 'text', version: 'int', body: 'json', person: 'text', reason: 'text', at: 'int' },
    indexes: [],
  },
  steps: {
    guard: 'grows', key: ['runId', 'step'],
    columns: { runId: 'text', step: 'text', output: 'json', at: 'int' },
    indexes: [],
  },
  files: {
    guard: 'grows', key: ['name'],
    columns: { name: 'text', runId: 'text', kind: 'text', sha256: 'text', bytes: 'int', at: 'int' },
    indexes: [],
  },
  salts: {
    guard: 'versioned', key: ['subject'],
    columns: { subject: 'text', version: 'int', salt: 'text?', at: 'int' },
    indexes: [],
  },
  // Found by its place, the first three parts of the key; the open ones by their state, in key order.
  owedReversals: {
    guard: 'versioned', key: ['terminalId', 'batch', 'trace', 'ut'],
    columns: {
      terminalId: 'text', batch: 'int', trace: 'text', ut: 'text', version: 'int', merchantId: 'text', amount: 'fen',
      state: 'text', proven: 'flag', firstToldDate: 'text', firstToldAt: 'int', lastToldDate: 'text',
      lastToldAt: 'int', closedBy: 'text?', closedAt: 'int?', evidence: 'json?', proposal: 'json?',
      approval: 'json?', toldAfterClosing: 'int?',
    },
    indexes: [{ columns: ['state', 'terminalId', 'batch', 'trace', 'ut'] }],
  },
} as const satisfies { readonly [T in TableName]: TableSpec<Tables[T]> };

/** The columns of `transactions` by which a row is looked for: they stay as they were. */
export const FOUND_BY = [
  ...(['rrn', 'ut', 'terminalId', 'batch', 'trace', 'merchantId', 'auth', 'businessDate'] as const),
];

/** A pre-authorisation whose money is held: few among all transactions, asked for by every clearing and every look at a card. */
export const OPEN_HOLD = { kind: 'preAuthorisation', state: 'approved' } as const;

/** The tables in writing order. */
export const TABLE_NAMES = Object.keys(TABLES) as readonly TableName[];

/** A table's row in the list above, seen without its literal types. */
export function specOf(table: TableName): TableSpec {
  return TABLES[table] as unknown as TableSpec;
}

/** Columns with their kinds, in the order in which rows are packed. */
export function columnsOf(table: TableName): readonly (readonly [name: string, kind: ColumnKind])[] {
  return Object.entries(TABLES[table].columns) as [string, ColumnKind][];
}

type Columns = readonly (readonly [name: string, kind: ColumnKind])[];

const KEPT = new Map<TableName, Columns>();
const BODY = new Map<TableName, Columns>();
for (const table of TABLE_NAMES) {
  const { guard, key, parent, may, kept, indexes } = specOf(table);
  const names = new Set<string>([...key, ...(may ?? []), ...(kept ?? [])]);
  if (guard === 'versioned') names.add('version');
  if (parent !== undefined) names.add(parent.column);
  for (const { columns } of indexes) for (const name of columns) names.add(name);
  const columns = columnsOf(table);
  KEPT.set(
    table,
    columns.filter(([name]) => names.has(name)),
  );
  BODY.set(
    table,
    columns.filter(([name]) => !names.has(name)),
  );
}

/** The columns that rest as columns of their own, in the order of the table above. */
export function keptOf(table: TableName): Columns {
  return KEPT.get(table) as Columns;
}

/** The columns that rest in `body`, in its order. A new one is added at the end, with a migration. */
export function bodyOf(table: TableName): Columns {
  return BODY.get(table) as Columns;
}

/** Separates the parts of a key of several columns. */
const KEY_MARK = '|';

/**
 * The key that guards name: the row's key columns joined by `|`.
 * @throws STORE_REFUSED when a part holds a `|` itself, which would make two keys one
 */
export function keyOf(table: TableName, row: object): string {
  const fields = row as Record<string, string | number>;
  const names = specOf(table).key;
  const only = names[0];
  if (names.length === 1 && only !== undefined) return String(fields[only]);
  const parts = names.map((name) => String(fields[name]));
  if (parts.some((part) => part.includes(KEY_MARK))) {
    throw new PosError('STORE_REFUSED', `${table}: a part of a key of several columns holds a ${KEY_MARK}`);
  }
  return parts.join(KEY_MARK);
}

/** @throws STORE_REFUSED when the key has another number of parts than the table */
export function checkKey(table: TableName, key: string): void {
  const wanted = specOf(table).key.length;
  if (wanted === 1) return;
  let parts = 1;
  for (let at = key.indexOf(KEY_MARK); at >= 0; at = key.indexOf(KEY_MARK, at + 1)) parts += 1;
  if (parts !== wanted) {
    throw new PosError('STORE_REFUSED', `${table}: a key has ${wanted} parts, here ${parts}`);
  }
}

/**
 * The values of a key's columns, numbers where the column is one.
 * @throws STORE_REFUSED when the key has another number of parts than the table
 */
export function keyParts(table: TableName, key: string): readonly (string | number)[] {
  const { key: names, columns } = specOf(table);
  checkKey(table, key);
  const parts = names.length === 1 ? [key] : key.split(KEY_MARK);
  return parts.map((part, index) =>
    (columns as Record<string, ColumnKind>)[names[index] ?? ''] === 'int' ? Number(part) : part,
  );
}
