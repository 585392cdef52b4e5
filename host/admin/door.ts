/** What every route is given, and how a write is done: who, why, decide, commit, again on a conflict. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, FastifyRequest, RawServerDefault } from 'fastify';
import { Type } from 'typebox';
import { isLuhnValid, PosError } from '../../protocol/index.ts';
import type { By } from '../cards/issue.ts';
import type { FilePort } from '../clearing/file-port.ts';
import type { HostDeps } from '../deps.ts';
import type { Standing } from '../operations/standing.ts';
import type { Where } from '../store/answers.ts';
import type { CommitItem, KeyValues } from '../store/port.ts';
import type { TableName, Tables } from '../store/rows.ts';
import { specOf } from '../store/schema.ts';
import type { LongWorks } from './long-work.ts';
import { type ActName, demandRole } from './roles.ts';
import type { Caller, Tokens } from './tokens.ts';

/** All that the administration needs of the host. */
export type AdminDeps = Pick<
  HostDeps,
  'clock' | 'random' | 'vault' | 'keys' | 'store' | 'directory' | 'log' | 'metrics' | 'testMode'
> & {
  readonly files: FilePort;
  readonly standing: Standing;
};

export type AdminServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

export interface Door {
  readonly deps: AdminDeps;
  readonly tokens: Tokens;
  readonly server: AdminServer;
  /** Cards that are being issued here, under keys that must not be replaced meanwhile. Of other hosts on a server it knows nothing. */
  readonly issuing: UnderWay;
  /** For whatever may take long where there is much. */
  readonly longWorks: LongWorks;
}

/** Work of one kind that is under way in this process: what looks at the database does not see what it will have done. */
export class UnderWay {
  #begun = 0;
  #ended = 0;

  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#begun += 1;
    try {
      return await work();
    } finally {
      this.#ended += 1;
    }
  }

  /** What a look finds; null where any was under way meanwhile, which it may have missed. */
  async without<T>(look: () => Promise<T>): Promise<T | null> {
    const begun = this.#begun;
    if (this.#ended !== begun) return null;
    const found = await look();
    return this.#begun === begun ? found : null;
  }
}

/** Every write says why: in its body, or URL-encoded in the header `x-reason`. */
export const REASON = Type.Optional(
  Type.String({ minLength: 1, maxLength: 200, description: '原因 why; or header x-reason' }),
);
export const FEN = Type.Integer({ minimum: 0, maximum: 999_999_999_999, description: '分 fen' });
export const BUSINESS_DATE = Type.String({ pattern: '^\\d{8}$', description: '营业日 YYYYMMDD' });
export const TERMINAL_ID = Type.String({ pattern: '^[A-Za-z0-9]{8}$' });
export const ID = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,39}$' });

/** Reading: the caller, when the role allows it. */
export function reader({ tokens }: Door, request: FastifyRequest, act: ActName): Caller {
  const caller = tokens.callerOf(request.headers.authorization);
  demandRole(caller.role, act);
  return caller;
}

/** Writing: who, why and when. @throws NOT_AUTHORISED; REQUEST_BAD without a reason */
export async function writer(
  door: Door,
  request: FastifyRequest,
  act: ActName,
  reason: string | undefined,
): Promise<By> {
  const caller = reader(door, request, act);
  const why = (reason ?? headerReason(request)).trim();
  if (why === '') throw new PosError('REQUEST_BAD', 'reason: 必须说明原因 every write says why');
  refuseCardNumber(why, 'reason');
  const { day } = await door.deps.store.read({});
  return { person: caller.person, role: caller.role, reason: why, at: door.deps.clock.now(), day };
}

function headerReason(request: FastifyRequest): string {
  const header = request.headers['x-reason'];
  try {
    return typeof header === 'string' ? decodeURIComponent(header) : '';
  } catch {
    return '';
  }
}

/** An identifier or a reason is logged, shown and exported: a card number has no business in it. */
export function refuseCardNumber(text: string, where: string): void {
  for (const [digits] of text.matchAll(/\d[\d -]{11,22}\d/g)) {
    const bare = digits.replaceAll(/[ -]/g, '');
    if (/^\d{13,19}$/.test(bare) && isLuhnValid(bare))
      throw new PosError('REQUEST_BAD', `${where}: 不得含卡号 may not hold a card number`);
  }
}

const ATTEMPTS_MAX = 5;

/**
 * Commits what `decide` makes of the state it reads; when another change came first, it decides again.
 *
 * @param decide gives null when nothing is to be done, else the item and the answer that its commit means
 */
export async function decided<T>(
  door: Door,
  decide: () => Promise<{ readonly item: CommitItem | null; readonly answer: T }>,
): Promise<T> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
    const { item, answer } = await decide();
    if (item === null) return answer;
    const [outcome] = await door.deps.store.commit([item]);
    if (outcome?.committed === true) return answer;
    if (outcome?.failure) throw outcome.failure;
  }
  throw new PosError('STORE_CONFLICT', '数据一直在变化 it kept changing');
}

/** What an answer lists of one kind at the most: spelled in some milliseconds, for which the sales wait. */
export const LISTED_MAX = 1_000;

/** The first rows of a scan, and whether there are more than are listed: nobody takes a part for all. */
export async function listed<Row>(
  pages: AsyncIterable<readonly Row[]>,
  max = LISTED_MAX,
): Promise<{ readonly rows: readonly Row[]; readonly more: boolean }> {
  const rows: Row[] = [];
  for await (const page of pages) {
    for (const row of page) rows.push(row);
    if (rows.length > max) return { rows: rows.slice(0, max), more: true };
  }
  return { rows, more: false };
}

/**
 * Where a list goes on: the key of the last row that the caller got.
 *
 * @param last what that row has in its key columns; undefined: the list begins
 * @param isListed whether the row belongs to the list
 * @throws REQUEST_BAD where there is no such row: behind a mistyped key others would be left out, and nobody would see it
 */
export async function keyBehind<T extends TableName>(
  { deps: { store } }: Door,
  table: T,
  last: Where<T> | undefined,
  isListed: (row: Tables[T]) => boolean = () => true,
): Promise<KeyValues> {
  if (last === undefined) return [];
  const [row] = await collected(store.scan(table, last), 1);
  if (row === undefined || !isListed(row)) throw noSuchRow();
  return specOf(table).key.map((name) => row[name as keyof Tables[T]] as string | number);
}

export function noSuchRow(): PosError {
  return new PosError('REQUEST_BAD', 'after: 此列表中无此行 this list has no such row');
}

/** What a scan finds by a key is few. */
const COLLECTED_MAX = 10_000;

/** All rows of a scan that finds few, as by a key. @param max how many are wanted */
export async function collected<Row>(
  pages: AsyncIterable<readonly Row[]>,
  max = COLLECTED_MAX,
): Promise<readonly Row[]> {
  return (await listed(pages, max)).rows;
}
