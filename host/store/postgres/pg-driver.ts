/**
 * One connection to PostgreSQL through npm `pg`, made when it is first needed and again after it was lost.
 *
 * Failures are the narrow driver's, and one more: STORE_UNKNOWN when a statement was sent and its answer never
 * came. Whether it ran is not known; the connection is given up, so that nothing more can come through it.
 */
import { hash } from 'node:crypto';
import pg from 'pg';
import { PosError } from '../../../protocol/index.ts';
import type { SqlDriver } from '../driver.ts';
import { postgresFailure } from './failures.ts';
import { type ServerUrl, serverUrls } from './server-urls.ts';

/** The server gives up a statement, or the wait for a lock, after this; the answer says so, so the outcome is known. */
const STATEMENT_TIMEOUT_MS = 15_000;
const LOCK_TIMEOUT_MS = 10_000;
/** The server ends a transaction whose host fell silent in it. */
const IDLE_IN_TRANSACTION_MS = 20_000;
/** Nothing came back, not even the server's own timeout: the line is dead. */
const ANSWER_TIMEOUT_MS = 20_000;
const CONNECT_TIMEOUT_MS = 3_000;
const INT8_OID = 20;

export interface PgOptions {
  /** `postgres://user:password@host:port[,host:port…]/database?sslmode=…`; the first that takes writes is used. */
  readonly url: string;
  /** Settings of the session, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Scans of whole tables take as long as they take. */
  readonly unhurried?: boolean;
}

/** Every call rejects with STORE_FAILED when no server takes writes. */
export class PgDriver implements SqlDriver {
  readonly #servers: readonly ServerUrl[];
  readonly #options: PgOptions;
  #client: pg.Client | null = null;
  #connecting: Promise<pg.Client> | null = null;
  #isClosed = false;
  readonly #names = new Map<string, string>();

  /** @throws CONFIG_BAD for an address that cannot be read */
  constructor(options: PgOptions) {
    const servers = serverUrls(options.url);
    if (servers === null)
      throw new PosError('CONFIG_BAD', 'storeUrl: postgres://user@host:port[,host:port]/database');
    this.#servers = servers;
    this.#options = options;
  }

  async exec(sql: string): Promise<void> {
    await this.#query({ text: sql });
  }

  async run(sql: string, params: readonly unknown[]): Promise<{ readonly changes: number }> {
    const { rowCount, command } = await this.#query(this.#prepared(sql, params));
    // A COMMIT in a transaction that had failed goes back without an error.
    if (sql === 'COMMIT' && command !== 'COMMIT')
      throw new PosError('STORE_FAILED', 'the server rolled the transaction back');
    return { changes: rowCount ?? 0 };
  }

  async all(sql: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    return (await this.#query(this.#prepared(sql, params))).rows as Record<string, unknown>[];
  }

  /** A reading statement. A lost connection leaves no doubt here, nothing was to be written: STORE_FAILED. */
  async ask(sql: string, params: readonly unknown[]): Promise<readonly Record<string, unknown>[]> {
    try {
      return await this.all(sql, params);
    } catch (error) {
      if (!(error instanceof PosError) || error.code !== 'STORE_UNKNOWN') throw error;
      throw new PosError('STORE_FAILED', error.detail, { cause: error });
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const client = this.#client ?? (await this.#connecting?.catch(() => null)) ?? null;
    this.#client = null;
    await client?.end().catch(() => undefined);
  }

  #prepared(text: string, values: readonly unknown[]): pg.QueryConfig {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `zunka_${hash('sha256', text, 'hex').slice(0, 32)}`;
      this.#names.set(text, name);
    }
    return { name, text, values: [...values] };
  }

  async #query(query: pg.QueryConfig): Promise<pg.QueryResult> {
    const client = await this.#connected();
    try {
      return await client.query(query);
    } catch (error) {
      // An ERROR ends the statement and leaves the connection. FATAL, or no word of the server at all, may come
      // after the commit: the connection is gone and the outcome with it.
      if (error instanceof pg.DatabaseError && error.severity === 'ERROR') throw postgresFailure(error);
      this.#giveUp(client);
      throw new PosError('STORE_UNKNOWN', `the connection was lost: ${lineFailure(error)}`);
    }
  }

  #connected(): Promise<pg.Client> {
    if (this.#isClosed) return Promise.reject(new PosError('STORE_FAILED', 'the connection is closed'));
    if (this.#client !== null) return Promise.resolve(this.#client);
    this.#connecting ??= this.#connectAny().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connectAny(): Promise<pg.Client> {
    const refusals: string[] = [];
    for (const { url, server } of this.#servers) {
      try {
        return await this.#connectTo(url);
      } catch (error) {
        refusals.push(`${server}: ${refusalOf(error)}`);
      }
    }
    throw new PosError(
      'STORE_FAILED',
      `没有可写的数据库服务器 no server takes writes: ${refusals.join('; ')}`,
    );
  }

  async #connectTo(url: string): Promise<pg.Client> {
    const { settings = {}, unhurried = false } = this.#options;
    const client = new pg.Client({
      connectionString: url,
      application_name: 'zunka',
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      lock_timeout: LOCK_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      ...(unhurried ? {} : { statement_timeout: STATEMENT_TIMEOUT_MS, query_timeout: ANSWER_TIMEOUT_MS }),
      options: Object.entries(settings)
        .map(([name, value]) => `-c ${name}=${value}`)
        .join(' '),
      types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
    });
    client.on('error', () => this.#giveUp(client));
    try {
      await client.connect();
      const { rows } = await client.query<{ transaction_read_only: string }>('SHOW transaction_read_only');
      if (rows[0]?.transaction_read_only !== 'off')
        throw new PosError('STORE_FAILED', '备库,只读 it is a standby, it only reads');
    } catch (error) {
      client.end().catch(() => undefined);
      throw error;
    }
    if (this.#isClosed) {
      await client.end();
      throw new PosError('STORE_FAILED', 'the connection is closed');
    }
    this.#client = client;
    return client;
  }

  #giveUp(client: pg.Client): void {
    if (this.#client === client) this.#client = null;
    // Not a polite goodbye: a statement may still be under way, and its answer is of no use any more.
    client.end().catch(() => undefined);
    (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  }
}

function parserOf(oid: number, format: 'text' | 'binary' = 'text'): unknown {
  return oid === INT8_OID ? Number : pg.types.getTypeParser(oid, format as 'text');
}

/** Why a line failed, without what it carried: a class of error, never an address with its password. */
function lineFailure(error: unknown): string {
  if (error instanceof pg.DatabaseError) return `${error.severity ?? ''} ${error.code ?? ''}`.trim();
  if (error instanceof PosError) return error.detail;
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  return code ?? message ?? 'an unexpected error';
}

/** Why a server does not take us, by SQLSTATE or by the system's code: https://www.postgresql.org/docs/current/errcodes-appendix.html */
// biome-ignore format: a table is read by column
const REFUSALS: Readonly<Record<string, string>> = {
  '28000':      '不允许该用户登录 it does not let this user in',
  '28P01':      '用户或口令不对 user or password is wrong',
  '3D000':      '无此数据库 it has no such database',
  '53300':      '连接数已满 it has too many connections',
  '57P03':      '正在启动或停止 it is starting up or shutting down',
  ECONNREFUSED: '无服务在监听 nothing listens there',
  ECONNRESET:   '连接被切断 it cut the line',
  EHOSTUNREACH: '网络不可达 it cannot be reached',
  ENOTFOUND:    '主机名不存在 no such host name',
  ETIMEDOUT:    '无应答 it does not answer',
};

function refusalOf(error: unknown): string {
  const what = lineFailure(error);
  const why = REFUSALS[(error as { readonly code?: string }).code ?? ''];
  return why === undefined ? what : `${why} (${what})`;
}
