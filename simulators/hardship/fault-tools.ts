/** Debian's tools that make a program's writes fail: strace, exact (the n-th call), and libfiu, by chance. */
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import type { HostProgram } from '../office/index.ts';

const FIU_LIBRARIES = ['/usr/lib/fiu/fiu_run_preload.so', '/usr/lib/fiu/fiu_posix_preload.so'];

/** As the kernel numbers them. */
export const EIO = 5;
export const ENOSPC = 28;
const FAILED_AS_WANTED = 7;

/** One system call that fails. */
export interface CallFault {
  readonly call: 'fsync' | 'pwrite64' | 'write';
  readonly error: 'EIO' | 'ENOSPC';
  /** The n-th call, counted from the start of the program. */
  readonly nth: number;
  /** That one alone, or it and all after it. */
  readonly lasting: boolean;
  /** Only calls on this file; needed for `write`, which also goes to pipes and sockets. */
  readonly path?: string;
}

/** Undefined: the tool is there and may be used. Otherwise why not. */
export function whyNoStrace(): string | undefined {
  const { error, status } = spawnSync('strace', ['-f', '-qq', '-o', '/dev/null', 'true']);
  if (error !== undefined) return 'strace is not installed';
  return status === 0 ? undefined : 'strace may not trace here';
}

export function whyNoFiu(): string | undefined {
  const env = {
    ...process.env,
    LD_PRELOAD: FIU_LIBRARIES.join(' '),
    FIU_ENABLE: `enable name=posix/io/sync/fsync,failinfo=${EIO}`,
  };
  const script =
    'try { require("fs").fsyncSync(2); } catch (e) { process.exitCode = e.code === "EIO" ? 7 : 0; }';
  const { stderr, status } = spawnSync(process.execPath, ['-e', script], { env, encoding: 'utf8' });
  if (stderr.includes('cannot be preloaded')) return 'libfiu is not installed';
  return status === FAILED_AS_WANTED ? undefined : 'libfiu does not reach this node';
}

/**
 * The same program, traced. The tracer runs beside it (`-D`), so that the process is the program itself
 * and can be killed as such.
 *
 * @param log where the tracer writes what it injected
 */
export function underStrace({ command, args, env }: HostProgram, fault: CallFault, log: string): HostProgram {
  const { call, error, nth, lasting, path } = fault;
  return {
    command: 'strace',
    args: [
      ...['-D', '-f', '-qq', '--seccomp-bpf', '-o', log],
      ...['-e', `trace=${call}`, '-e', `inject=${call}:error=${error}:when=${nth}${lasting ? '+' : ''}`],
      ...(path === undefined ? [] : ['-P', path]),
      ...[command, ...args],
    ],
    // Calls are counted by thread: one thread for files makes the n-th the n-th.
    env: { ...env, UV_THREADPOOL_SIZE: '1' },
  };
}

/** How many calls the tracer failed. */
export async function injectedBy(log: string): Promise<number> {
  const text = await readFile(log, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  return text.split('(INJECTED)').length - 1;
}

/** @param point a name of libfiu's own, such as `posix/io/sync/fsync`; @param errno as the kernel numbers it */
export function underFiu(
  { command, args, env }: HostProgram,
  point: string,
  probability: number,
  errno: number,
): HostProgram {
  return {
    command,
    args,
    env: {
      ...env,
      LD_PRELOAD: FIU_LIBRARIES.join(' '),
      FIU_ENABLE: `enable_random name=${point},probability=${probability},failinfo=${errno}`,
    },
  };
}
