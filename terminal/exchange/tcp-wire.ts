import { createConnection } from 'node:net';
import { PosError } from '../../protocol/index.ts';
import type { HostConnection, HostWire } from './host-wire.ts';

/** The line to the host over TCP. Nothing is opened before `connect`. */
export function tcpWire(options: {
  readonly address: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
}): HostWire {
  return { connect: () => connect(options) };
}

function connect(options: {
  address: string;
  port: number;
  connectTimeoutMs: number;
}): Promise<HostConnection> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: options.address, port: options.port, noDelay: true });
    const refuse = (reason: string) => {
      socket.destroy();
      reject(new PosError('HOST_UNREACHABLE', `${options.address}:${options.port}: ${reason}`));
    };
    const timer = setTimeout(
      () => refuse(`no connection within ${options.connectTimeoutMs} ms`),
      options.connectTimeoutMs,
    );
    const onError = (error: Error) => {
      clearTimeout(timer);
      refuse(error.message);
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      let reason = 'closed by the host';
      socket.on('error', (error) => {
        reason = error.message;
      });
      resolve({
        write: (bytes) =>
          new Promise((written, failed) => {
            socket.write(bytes, (error) => {
              if (error)
                failed(new PosError('HOST_SILENT', `the line broke while sending: ${error.message}`));
              else written();
            });
          }),
        onData: (listener) => {
          socket.on('data', listener);
        },
        onClose: (listener) => {
          socket.once('close', () => listener(reason));
        },
        close: () => socket.destroy(),
      });
    });
  });
}
