/**
 * A virtual serial line: the simulated device is at one end, the terminal opens the other end by a
 * stable name (a symbolic link), and it can be unplugged and plugged again.
 *
 * Recipe of the hardware fact sheet, section 2.2. `open()` and `destroy()` of node-pty are never
 * called: their kill goes to process -1, which is every process of the machine.
 */
import { constants } from 'node:fs';
import { type FileHandle, open, rename, rm, symlink } from 'node:fs/promises';
import { type IPty, spawn } from '@lydell/node-pty';
import { ensure, PosError } from '../../protocol/index.ts';
import type { DeviceLine } from './device-line.ts';

/**
 * The holder keeps the line alive, reads nothing from it, and ends by itself when this process is gone,
 * however it went: `cat` waits on a pipe whose only writer is this process.
 *
 * First it closes what it inherited: node-pty leaves the device ends of earlier lines open for every
 * later child, and a line whose device end is open anywhere does not hang up when it is unplugged.
 * bash, because sh closes no descriptor above 9.
 */
const HOLDER = `
for descriptor in /dev/fd/*; do
  [ "\${descriptor##*/}" -gt 2 ] && eval "exec \${descriptor##*/}>&-"
done
stty raw -echo && mkfifo -m 600 "$1" && tty && exec cat "$1" >/dev/null`;
const NAME_BYTES_MAX = 256;

export class PseudoLine implements DeviceLine {
  readonly path: string;
  readonly #dataListeners: ((chunk: Buffer) => void)[] = [];
  #pty: IPty | undefined;
  #gone: Promise<void> = Promise.resolve();
  #plugs = 0;

  /** @param path where the stable name is made; nothing is opened before `plug` */
  constructor(path: string) {
    this.path = path;
  }

  get isPlugged(): boolean {
    return this.#pty !== undefined;
  }

  onData(listener: (chunk: Buffer) => void): void {
    this.#dataListeners.push(listener);
  }

  /** What is written while unplugged goes nowhere, as on a real cable. */
  write(bytes: Buffer): void {
    this.#pty?.write(bytes as unknown as string);
  }

  async plug(): Promise<void> {
    if (this.#pty !== undefined) return;
    guardKill();
    this.#plugs += 1;
    const pipe = `${this.path}.${process.pid}.${this.#plugs}.alive`;
    const pty = spawn('bash', ['-c', HOLDER, 'line-holder', pipe], { encoding: null });
    ensure(pty.pid > 1, 'a line holder with a process number of its own');
    this.#pty = pty;
    const { name, ended } = this.#listen(pty);
    const line = await name;
    // Read and write: opening for writing alone would wait for the reader. Kept open as a sign of life.
    const alive = await open(pipe, constants.O_RDWR | constants.O_NONBLOCK);
    this.#gone = ended.then(() => cleanUp(alive, pipe));
    await pointTo(this.path, line);
  }

  /** The terminal's end closes at once. */
  async unplug(): Promise<void> {
    const pty = this.#pty;
    if (pty === undefined) return;
    this.#pty = undefined;
    await rm(this.path, { force: true });
    // Its own child by its own number. SIGKILL: under nohup it would ignore the default, SIGHUP.
    pty.kill('SIGKILL');
    await this.#gone;
  }

  /** The first line that comes is the name of the other end; what follows is from the terminal. */
  #listen(pty: IPty): { name: Promise<string>; ended: Promise<void> } {
    let resolveName = (_name: string) => {};
    let rejectName = (_error: PosError) => {};
    const name = new Promise<string>((resolve, reject) => {
      resolveName = resolve;
      rejectName = reject;
    });
    let head: Buffer | undefined = Buffer.alloc(0);
    pty.onData((data) => {
      // With encoding null node-pty gives Buffers, though its types say string.
      const chunk = data as unknown as Buffer;
      if (head === undefined) {
        for (const listener of this.#dataListeners) listener(chunk);
        return;
      }
      head = Buffer.concat([head, chunk]).subarray(0, NAME_BYTES_MAX);
      const end = head.indexOf('\n');
      if (end < 0) return;
      resolveName(head.subarray(0, end).toString('latin1').trim());
      head = undefined;
    });
    const ended = new Promise<void>((resolve) => {
      pty.onExit(() => {
        rejectName(new PosError('DEVICE_ABSENT', 'the holder of a virtual line ended before it gave a name'));
        resolve();
      });
    });
    return { name, ended };
  }
}

/** Never without a target in between: the new link takes the old one's place in one step. */
async function pointTo(path: string, target: string): Promise<void> {
  const fresh = `${path}.${process.pid}.new`;
  await symlink(target, fresh);
  await rename(fresh, path);
}

async function cleanUp(alive: FileHandle, pipe: string): Promise<void> {
  await alive.close();
  await rm(pipe, { force: true });
}

const realKill = process.kill.bind(process);

/** Belt and braces: nothing in a simulator process may ever signal process 1 or a whole group. */
function guardKill(): void {
  process.kill = (pid: number, signal?: string | number): true => {
    if (!(pid > 1)) throw new PosError('INVARIANT', `a simulator wanted to signal process ${pid}`);
    return realKill(pid, signal);
  };
}
