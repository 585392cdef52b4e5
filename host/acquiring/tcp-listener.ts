/** The acquirer's lines over TCP. An adapter: what to take, answer or close is decided in acquirer.ts. */
import { createServer, type Socket } from 'node:net';
import type { Line, Listener } from './line.ts';

/**
 * @param address.port 0 takes any free port
 */
export function tcpListener(address: { readonly host: string; readonly port: number }): Listener {
  return {
    open: (accept) =>
      new Promise((resolve, reject) => {
        const server = createServer((socket) => accept(lineOf(socket)));
        server.once('error', reject);
        server.listen(address.port, address.host, () => {
          server.removeListener('error', reject);
          const bound = server.address();
          resolve({
            port: typeof bound === 'object' && bound !== null ? bound.port : address.port,
            close: () => new Promise((closed) => server.close(() => closed())),
          });
        });
      }),
  };
}

/** A socket as the acquirer sees it. */
export function lineOf(socket: Socket): Line {
  let broken: Error | undefined;
  socket.setNoDelay(true);
  socket.on('error', (error) => {
    broken = error;
  });
  return {
    remote: `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`,
    write: (bytes) => socket.write(bytes),
    onData: (listener) => void socket.on('data', listener),
    onDrain: (listener) => void socket.on('drain', listener),
    onClose: (listener) => void socket.once('close', () => listener(broken)),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => socket.destroySoon(),
    abort: () => void socket.destroy(),
    get isWritable() {
      return socket.writable;
    },
    get needsDrain() {
      return socket.writableNeedDrain;
    },
  };
}
