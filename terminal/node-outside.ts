import pino from 'pino';
import type { Clerk } from './clerk.ts';
import type { TerminalConfig } from './config.ts';
import { openDevices, serialBytePort } from './devices/index.ts';
import { tcpWire } from './exchange/tcp-wire.ts';
import { openNodeDisk } from './journal/node-file-system.ts';
import { nodeClock, nodeRandom } from './node-clock.ts';
import { nodePasswordHash } from './node-password.ts';
import { readTlsIdentity } from './node-tls-identity.ts';
import type { TerminalOutside } from './terminal.ts';

/** A reader's answer may have no end mark: silence ends it. */
const READER_QUIET_MS = 50;

/** What this machine offers: serial lines, a directory, a TCP line, a clock. Opens the serial lines. */
export async function nodeOutside(config: TerminalConfig, clerk: Clerk): Promise<TerminalOutside> {
  const line = (path: string, quietMs?: number) =>
    serialBytePort({ path, baudRate: config.deviceBaud, ...(quietMs !== undefined && { quietMs }) });
  return {
    clock: nodeClock,
    random: nodeRandom,
    disk: await openNodeDisk(config.journalDirectory),
    wire: tcpWire({
      address: config.hostAddress,
      port: config.hostPort,
      connectTimeoutMs: config.connectTimeoutSeconds * 1000,
      ...(config.hostTls && { tls: await readTlsIdentity(config.tlsFolder) }),
    }),
    devices: openDevices({
      reader: line(config.readerPort, READER_QUIET_MS),
      pinPad: line(config.pinPadPort),
      printer: line(config.printerPort),
      clock: nodeClock,
    }),
    clerk,
    log: pino({ name: 'terminal', level: process.env['ZUNKA_LOG'] ?? 'silent' }, pino.destination(2)),
    passwordHash: nodePasswordHash,
    config,
  };
}
