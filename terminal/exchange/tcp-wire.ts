import { X509Certificate } from 'node:crypto';
import { createConnection, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { checkAuthority, checkCertificate, HOST_NAME, parseCertificate } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { HostConnection, HostWire } from './host-wire.ts';

/** The terminal's end of TLS, PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly certificate: string;
  /** Who vouches for the host: nobody else does. */
  readonly authority: string;
}

interface WireOptions {
  readonly address: string;
  readonly port: number;
  readonly connectTimeoutMs: number;
  /** Absent: plain TCP. */
  readonly tls?: TlsIdentity;
}

/** The line to the host over TCP, or over TLS 1.2 or 1.3. Nothing is opened before `connect`. */
export function tcpWire(options: WireOptions): HostWire {
  return { connect: () => connect(options) };
}

function plainSocket({ address, port }: WireOptions): Socket {
  return createConnection({ host: address, port, noDelay: true });
}

/** Ready when the host's certificate held: OpenSSL checks chain and time, we check for what and for whom it is. */
function tlsSocket({ address, port }: WireOptions, identity: TlsIdentity): Socket {
  return connectTls({
    host: address,
    port,
    key: identity.key,
    cert: identity.certificate,
    ca: [identity.authority],
    minVersion: 'TLSv1.2',
    // By its purpose and not by its address: a host may move.
    checkServerIdentity: (_name, { raw }) => hostFailure(identity, new X509Certificate(raw)),
  }).setNoDelay(true);
}

function hostFailure(identity: TlsIdentity, shown: X509Certificate): Error | undefined {
  const now = Date.now();
  try {
    const authority = checkAuthority(parseCertificate(identity.authority), now);
    const isRevoked = () => false;
    checkCertificate(shown, { authority, now, isRevoked, purpose: 'host-link', subject: HOST_NAME });
    return undefined;
  } catch (error) {
    if (error instanceof PosError) return error;
    throw error;
  }
}

function connect(options: WireOptions): Promise<HostConnection> {
  return new Promise((resolve, reject) => {
    const socket = options.tls === undefined ? plainSocket(options) : tlsSocket(options, options.tls);
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
    socket.once(options.tls === undefined ? 'connect' : 'secureConnect', () => {
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
