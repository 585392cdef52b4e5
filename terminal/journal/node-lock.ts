import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { PosError } from '../../protocol/index.ts';

/**
 * Sees to it that one process writes a journal directory. The lock is a name in the kernel (a Linux
 * abstract socket), so that it goes with its process: a power cut leaves none behind. Other systems
 * have no such names, and no lock.
 *
 * @returns gives the directory free
 * @throws NOT_ALLOWED_NOW when another terminal has it
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  if (process.platform !== 'linux') return () => Promise.resolve();
  const name = createHash('sha256').update(realpathSync(directory)).digest('hex').slice(0, 40);
  const server = createServer();
  await listen(server, `\0zunka-terminal-journal-${name}`, directory);
  server.unref();
  return () => new Promise((done) => server.close(() => done()));
}

function listen(server: Server, path: string, directory: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new PosError('NOT_ALLOWED_NOW', `another terminal uses the journal ${directory}: stop it first`, {
          cause: error,
        }),
      );
    });
    server.listen({ path }, resolve);
  });
}
