/** What this machine can do at all, measured beside the host: the disk, the loop-back wire, another database. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

const APPENDS = 1_500;
const APPEND_BYTES = 300;
const ECHO_BYTES = 200;
const ECHO_LINES = 64;
const ECHO_MS = 3_000;
const PGBENCH_SECONDS = 10;
const PGBENCH_SCALE = 20;
/** Simple update, prepared statements, 32 clients. */
const PGBENCH_LOAD = ['-N', '-M', 'prepared', '-c', '32', '-j', '2', '-T', String(PGBENCH_SECONDS)];

/** 300 bytes appended and synced, one at a time: the least that an acknowledged record costs. */
export async function appendP50(): Promise<{ readonly p50: number; readonly rate: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-limit-'));
  try {
    const file = await open(join(folder, 'append'), 'a');
    const bytes = Buffer.alloc(APPEND_BYTES, 0x2e);
    const times: number[] = [];
    for (let n = 0; n < APPENDS; n += 1) {
      const start = performance.now();
      await file.appendFile(bytes);
      await file.datasync();
      times.push(performance.now() - start);
    }
    await file.close();
    const sum = times.reduce((all, time) => all + time, 0);
    return { p50: times.sort((a, b) => a - b)[APPENDS >> 1] ?? 0, rate: (APPENDS * 1_000) / sum };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const ECHO_CLIENT = `
const { workerData, parentPort } = require('node:worker_threads');
const { connect } = require('node:net');
const { port, lines, bytes, ms } = workerData;
const frame = Buffer.alloc(bytes, 1);
let count = 0;
const until = Date.now() + ms;
let open = lines;
for (let n = 0; n < lines; n += 1) {
  const socket = connect(port, '127.0.0.1', () => socket.write(frame));
  let have = 0;
  socket.setNoDelay(true);
  socket.on('data', (chunk) => {
    have += chunk.length;
    if (have < bytes) return;
    have -= bytes;
    count += 1;
    if (Date.now() < until) socket.write(frame);
    else { socket.destroy(); open -= 1; if (open === 0) parentPort.postMessage(count); }
  });
}`;

/** Frames of 200 bytes sent back as they came, 64 lines with one on its way each. */
export async function echoRate(): Promise<number> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const worker = new Worker(ECHO_CLIENT, {
    eval: true,
    workerData: { port, lines: ECHO_LINES, bytes: ECHO_BYTES, ms: ECHO_MS },
  });
  const count = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  await worker.terminate();
  server.close();
  return (count * 1_000) / ECHO_MS;
}

/**
 * The same on a server that runs, in a database of its own named `pgbench`; null where pgbench is not installed.
 * @param server reached over TCP, as a host reaches it
 */
export function pgbenchOn(server: { readonly port: number; readonly user: string }): number | null {
  const bin = postgresFolder();
  if (bin === null) return null;
  const place = ['-h', '127.0.0.1', '-p', String(server.port), '-U', server.user, 'pgbench'];
  const run = (args: readonly string[]) => {
    const { status, stdout, stderr } = spawnSync(join(bin, 'pgbench'), [...args, ...place], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`pgbench: ${stderr}`);
    return stdout;
  };
  run(['-i', '-s', String(PGBENCH_SCALE), '-q']);
  return Number(/tps = ([\d.]+)/.exec(run(PGBENCH_LOAD))?.[1]);
}

/** Where Debian puts a server's programs; null when there is none. */
function postgresFolder(): string | null {
  const root = '/usr/lib/postgresql';
  const [version] = existsSync(root) ? readdirSync(root).sort().reverse() : [];
  const bin = version === undefined ? null : join(root, version, 'bin');
  return bin !== null && existsSync(join(bin, 'pgbench')) && existsSync(join(bin, 'initdb')) ? bin : null;
}

/** pgbench's simple update (`-N -M prepared`, 32 clients) on a server of its own; null where it is not installed. */
export async function pgbenchRate(): Promise<number | null> {
  const bin = postgresFolder();
  if (bin === null) return null;
  // A server refuses to run as root, and must reach its folder as another user.
  const as = userInfo().uid === 0 ? ['runuser', '-u', 'postgres', '--'] : [];
  const run = (program: string, args: readonly string[]) => {
    const [command = '', ...rest] = [...as, join(bin, program), ...args];
    const { status, stdout, stderr } = spawnSync(command, rest, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`${program}: ${stderr}`);
    return stdout;
  };
  const folder = mkdtempSync(join(tmpdir(), 'zunka-pgbench-'));
  chmodSync(folder, 0o777);
  const data = join(folder, 'data');
  let server: ReturnType<typeof spawn> | undefined;
  try {
    run('initdb', ['-D', data, '-A', 'trust', '--no-sync']);
    const options = ['-D', data, '-k', folder, '-c', 'listen_addresses=', '-c', 'shared_buffers=1GB'];
    const [command = '', ...rest] = [...as, join(bin, 'postgres'), ...options];
    server = spawn(command, rest, { stdio: 'ignore' });
    await untilReady(() => run('pg_isready', ['-h', folder, '-q']));
    const place = ['-h', folder, 'postgres'];
    run('pgbench', ['-i', '-s', String(PGBENCH_SCALE), '-q', ...place]);
    const said = run('pgbench', [...PGBENCH_LOAD, ...place]);
    return Number(/tps = ([\d.]+)/.exec(said)?.[1]);
  } finally {
    if (server !== undefined) {
      run('pg_ctl', ['stop', '-D', data, '-m', 'fast', '-w']);
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

async function untilReady(ask: () => string): Promise<void> {
  for (let left = 100; ; left -= 1) {
    try {
      ask();
      return;
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
