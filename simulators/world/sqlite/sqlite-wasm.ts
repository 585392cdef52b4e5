/**
 * SQLite itself, compiled to WebAssembly (npm wa-sqlite, synchronous build), one for this process. Worlds share
 * its code and its memory, never what decides: the clock, the random numbers and the files are those of the
 * connection that is inside.
 */
/// <reference types="wa-sqlite" />
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import load from 'wa-sqlite/dist/wa-sqlite.mjs';
import { SQLITE_OK, SQLITE_OPEN_CREATE, SQLITE_OPEN_READWRITE } from 'wa-sqlite/src/sqlite-constants.js';
import { ensure } from '../../../protocol/index.ts';

/** What we call of the module. Pointers and result codes are numbers; 64 bit integers go as doubles. */
export interface SqliteModule {
  /** The memory. It is another object after it has grown: never kept. */
  readonly HEAPU8: Uint8Array;
  readonly HEAP32: Int32Array;
  registerVFS(vfs: object, isDefault: boolean): number;
  UTF8ToString(pointer: number): string;
  _getSqliteFree(): number;
  _sqlite3_malloc(bytes: number): number;
  _sqlite3_free(pointer: number): void;
  _sqlite3_open_v2(name: number, database: number, flags: number, vfs: number): number;
  _sqlite3_close(database: number): number;
  _sqlite3_errmsg(database: number): number;
  _sqlite3_exec(database: number, sql: number, callback: 0, argument: 0, message: 0): number;
  _sqlite3_changes(database: number): number;
  /** Not zero when no transaction is open: a statement then commits by itself. */
  _sqlite3_get_autocommit(database: number): number;
  _sqlite3_prepare_v2(database: number, sql: number, bytes: number, statement: number, rest: number): number;
  _sqlite3_step(statement: number): number;
  _sqlite3_reset(statement: number): number;
  _sqlite3_clear_bindings(statement: number): number;
  _sqlite3_finalize(statement: number): number;
  _sqlite3_bind_parameter_count(statement: number): number;
  _sqlite3_bind_int(statement: number, index: number, value: number): number;
  _sqlite3_bind_double(statement: number, index: number, value: number): number;
  _sqlite3_bind_text(statement: number, index: number, text: number, bytes: number, free: number): number;
  _sqlite3_bind_blob(statement: number, index: number, blob: number, bytes: number, free: number): number;
  _sqlite3_bind_null(statement: number, index: number): number;
  _sqlite3_column_count(statement: number): number;
  _sqlite3_column_name(statement: number, column: number): number;
  _sqlite3_column_type(statement: number, column: number): number;
  _sqlite3_column_double(statement: number, column: number): number;
  _sqlite3_column_text(statement: number, column: number): number;
  _sqlite3_column_blob(statement: number, column: number): number;
  _sqlite3_column_bytes(statement: number, column: number): number;
}

/** What is one connection's own while it is inside the module. */
export interface Inside {
  /** UTC milliseconds since 1970: what SQL's 'now' says. */
  readonly now: () => number;
  /** SQLite's generator of random numbers, `RANDOM_BYTES` long: its WAL salts come from there. */
  readonly random: Uint8Array;
}

/** The state of SQLite's generator (ChaCha20): 16 words of state, 64 bytes drawn, a count of what is left. */
export const RANDOM_BYTES = 129;
/** Where the words of chance begin, and where the block counter lies, which begins at zero. */
const RANDOM_WORDS_AT = 16;
const RANDOM_COUNTER_AT = 48;
const RANDOM_MARK = Buffer.from('expand 32-byte k');

/** What a WebAssembly module takes from its surroundings. */
type Imports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The part of the WebAssembly interface that is used here; the types for Node do not have it. */
const { WebAssembly: wasm } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Module: new (code: Uint8Array) => object;
    readonly Instance: new (module: object, imports: Imports) => { readonly exports: object };
  };
};

let inside: Inside | null = null;

// Loaded with this file, as a native module would be: a world's first connection then takes no other turns than
// its later ones.
export const sqlite: SqliteModule = await loaded();
/** Where SQLite puts a pointer that it gives back. */
export const SLOT: number = sqlite._sqlite3_malloc(8);
const randomAt = foundRandom();

/** Lets `act` use the module as this connection. No connection enters while another is inside. */
export function within<T>(connection: Inside, act: () => T): T {
  ensure(inside === null, 'one connection at a time is inside SQLite');
  inside = connection;
  sqlite.HEAPU8.set(connection.random, randomAt);
  try {
    return act();
  } finally {
    connection.random.set(sqlite.HEAPU8.subarray(randomAt, randomAt + RANDOM_BYTES));
    inside = null;
  }
}

/** A generator's first state. */
export function randomState(dice: { next(limit: number): number }): Uint8Array {
  const state = Buffer.alloc(RANDOM_BYTES);
  RANDOM_MARK.copy(state);
  for (let at = RANDOM_WORDS_AT; at < 64; at += 2) state.writeUInt16LE(dice.next(0x1_0000), at);
  state.writeUInt32LE(0, RANDOM_COUNTER_AT);
  return state;
}

/** Runs `act` with the text in SQLite's memory, ended by NUL, as SQLite takes names and SQL. */
export function withText<T>(text: string, act: (pointer: number) => T): T {
  const { pointer } = putBytes(Buffer.from(`${text}\0`));
  try {
    return act(pointer);
  } finally {
    sqlite._sqlite3_free(pointer);
  }
}

/** Bytes in SQLite's memory, until `_sqlite3_free`. */
export function putBytes(from: Uint8Array): { readonly pointer: number; readonly bytes: number } {
  // One byte at least: SQLite takes a null pointer for NULL, not for an empty value.
  const pointer = sqlite._sqlite3_malloc(Math.max(1, from.length));
  ensure(pointer !== 0, 'SQLite has memory');
  sqlite.HEAPU8.set(from, pointer);
  return { pointer, bytes: from.length };
}

/** The memory as a Buffer. It is another one after it has grown: never kept. */
export function heapBuffer(): Buffer {
  return Buffer.from(sqlite.HEAPU8.buffer);
}

async function loaded(): Promise<SqliteModule> {
  const path = createRequire(import.meta.url).resolve('wa-sqlite/dist/wa-sqlite.wasm');
  const code = new wasm.Module(readFileSync(path));
  const options = {
    instantiateWasm(imports: Imports, done: (instance: { readonly exports: object }) => void): object {
      const instance = new wasm.Instance(code, withOurClock(imports));
      done(instance);
      return instance.exports;
    },
  };
  return (load as (options: object) => Promise<SqliteModule>)(options);
}

/** The module asks its surroundings for the time. The names there are shortened, so the function tells who it is. */
function withOurClock(imports: Imports): Imports {
  let replaced = 0;
  const ours = Object.entries(imports).map(([space, functions]) => {
    const entries = Object.entries(functions).map(([name, value]) => {
      if (!/^\(\) ?=> ?(Date|performance)\.now\(\)$/.test(String(value))) return [name, value] as const;
      replaced += 1;
      return [name, () => inside?.now() ?? 0] as const;
    });
    return [space, Object.fromEntries(entries)] as const;
  });
  ensure(replaced === 2, 'wa-sqlite 1.0.0 asks for the time by two functions');
  return Object.fromEntries(ours);
}

/**
 * Where SQLite keeps its generator: the only place with the mark from which random numbers come again when it is
 * put back. There is no call for this in the module.
 */
function foundRandom(): number {
  const { draw, close } = openDrawer();
  draw();
  const places: number[] = [];
  for (let at = heapBuffer().indexOf(RANDOM_MARK); at >= 0; at = heapBuffer().indexOf(RANDOM_MARK, at + 4)) {
    const before = sqlite.HEAPU8.slice(at, at + RANDOM_BYTES);
    const first = draw();
    sqlite.HEAPU8.set(before, at);
    if (draw() === first) places.push(at);
  }
  close();
  const [place] = places;
  ensure(place !== undefined && places.length === 1, 'wa-sqlite 1.0.0 has one generator of random numbers');
  return place;
}

function openDrawer(): { readonly draw: () => string; readonly close: () => void } {
  const database = pointerFrom(':memory:', (name) =>
    sqlite._sqlite3_open_v2(name, SLOT, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, 0),
  );
  const statement = pointerFrom('SELECT hex(randomblob(8))', (sql) =>
    sqlite._sqlite3_prepare_v2(database, sql, -1, SLOT, 0),
  );
  return {
    draw() {
      sqlite._sqlite3_step(statement);
      const text = sqlite.UTF8ToString(sqlite._sqlite3_column_text(statement, 0));
      sqlite._sqlite3_reset(statement);
      return text;
    },
    close() {
      sqlite._sqlite3_finalize(statement);
      sqlite._sqlite3_close(database);
    },
  };
}

function pointerFrom(text: string, act: (text: number) => number): number {
  const result = withText(text, act);
  ensure(result === SQLITE_OK, 'SQLite runs');
  return sqlite.HEAP32[SLOT >> 2] ?? 0;
}
