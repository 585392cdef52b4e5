/**
 * The acquirer's lines over TLS 1.2 and 1.3, both ends with certificates of our authority. An adapter: whether a
 * certificate holds is decided by who opens it, what comes over the line in acquirer.ts.
 */
import type { X509Certificate } from 'node:crypto';
import { createServer, type TLSSocket } from 'node:tls';
import { PosError } from '../../protocol/index.ts';
import type { Line, Listener, ProvenTerminal } from './line.ts';
import { lineOf } from './tcp-listener.ts';

const HANDSHAKE_MS_MAX = 10_000;

export interface TlsIdentity {
  /** Private key and certificate of the host's end, PEM. */
  readonly key: string;
  readonly certificate: string;
  /** The authority's certificate, PEM: nobody else's are taken. */
  readonly authority: string;
}

/**
 * @param admit says which terminal a certificate proves; throws when it proves none
 * @param refused is told who was not let in, and why: a code, or OpenSSL's own word
 */
export function tlsListener(options: {
  readonly host: string;
  readonly port: number;
  readonly identity: TlsIdentity;
  readonly connectionsMax: number;
  readonly admit: (certificate: X509Certificate) => ProvenTerminal;
  readonly refused: (remote: string, reason: string) => void;
}): Listener {
  const { host, port, identity, admit, refused } = options;
  return {
    open: (accept) =>
      new Promise((resolve, reject) => {
        const server = createServer({
          key: identity.key,
          cert: identity.certificate,
          ca: [identity.authority],
          requestCert: true,
          // Decided in `provenLine`, where the reason is known: Node's own refusal tells none.
          rejectUnauthorized: false,
          minVersion: 'TLSv1.2',
          handshakeTimeout: HANDSHAKE_MS_MAX,
        });
        server.maxConnections = options.connectionsMax;
        server.on('secureConnection', (socket) => {
          const line = provenLine(socket, admit, refused);
          if (line !== undefined) accept(line);
        });
        server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
          refused(remoteOf(socket), error.code ?? error.message);
          socket.destroy();
        });
        server.once('error', reject);
        server.listen(port, host, () => {
          server.removeListener('error', reject);
          const bound = server.address();
          resolve({
            port: typeof bound === 'object' && bound !== null ? bound.port : port,
            close: () => new Promise((closed) => server.close(() => closed())),
          });
        });
      }),
  };
}

/** The line of a terminal that proved who it is; undefined: it was closed. */
function provenLine(
  socket: TLSSocket,
  admit: (certificate: X509Certificate) => ProvenTerminal,
  refused: (remote: string, reason: string) => void,
): Line | undefined {
  const line = lineOf(socket);
  try {
    const certificate = socket.getPeerX509Certificate();
    if (certificate === undefined) throw new PosError('CERTIFICATE_BAD', 'certificate: none was shown');
    // First OpenSSL's judgement of chain, time and purpose, then ours.
    if (!socket.authorized) return refuse(line, refused, String(socket.authorizationError));
    const terminal = admit(certificate);
    // Its getters look at the socket: they must not be copied as they are now.
    return Object.assign(line, { terminal });
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
    return refuse(line, refused, error.code);
  }
}

function refuse(line: Line, refused: (remote: string, reason: string) => void, reason: string): undefined {
  refused(line.remote, reason);
  line.abort();
}

function remoteOf({ remoteAddress, remotePort }: TLSSocket): string {
  return `${remoteAddress ?? '?'}:${remotePort ?? 0}`;
}
