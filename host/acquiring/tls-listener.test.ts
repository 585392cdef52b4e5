/** The acquirer's second door, with real sockets: who gets in over TLS, and who is named in the log. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import { createConnection } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AUTHORITY_NAME,
  type CertificateContent,
  checkCertificate,
  HOST_NAME,
  openSoftVault,
  type Purpose,
  parseCertificate,
  pemOf,
} from '../../keys/index.ts';
import type { Line, OpenListener } from './line.ts';
import { type TlsIdentity, tlsListener } from './tls-listener.ts';

const DAY_MS = 86_400_000;
const TERMINAL = '41010001';

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}
const ec = (): Keys => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** An authority with its key in a vault, as the host has it. */
async function newAuthority() {
  const vault = await openSoftVault({ random: randomBytes });
  const { remote } = vault;
  assert.ok(remote);
  const key = vault.generate({ name: 'authority', use: 'authority', algorithm: 'ec-p256' });
  const now = Date.now();
  const issue = (changes: Partial<CertificateContent> & { publicKey: KeyObject }) =>
    pemOf(
      remote.issueCertificate(key, {
        subject: TERMINAL,
        purpose: 'link',
        serial: randomBytes(16),
        notBefore: now - DAY_MS,
        notAfter: now + DAY_MS,
        ...changes,
      }),
      'CERTIFICATE',
    );
  const root = issue({ subject: AUTHORITY_NAME, purpose: 'authority', publicKey: remote.publicKey(key) });
  const identity = (purpose: Purpose, changes: Partial<CertificateContent> = {}): TlsIdentity => {
    const keys = ec();
    const certificate = issue({ purpose, publicKey: keys.publicKey, ...changes });
    return { key: pem(keys.privateKey), certificate, authority: root };
  };
  return { root, identity };
}

let ours: Awaited<ReturnType<typeof newAuthority>>;
let foreign: Awaited<ReturnType<typeof newAuthority>>;
let listening: OpenListener;
const lines: Line[] = [];
const refused: string[] = [];

const door = suite('the door over TLS');

door.before(async () => {
  ours = await newAuthority();
  foreign = await newAuthority();
  const listener = tlsListener({
    host: '127.0.0.1',
    port: 0,
    identity: ours.identity('host-link', { subject: HOST_NAME }),
    connectionsMax: 20,
    admit: (certificate) => {
      const { subject } = checkCertificate(certificate, {
        authority: parseCertificate(ours.root),
        now: Date.now(),
        isRevoked: (serial) => serial === 'AA'.repeat(16),
        purpose: 'link',
      });
      return { id: subject, holds: () => true };
    },
    refused: (_remote, reason) => void refused.push(reason),
  });
  listening = await listener.open((line) => {
    lines.push(line);
    line.onData((chunk) => line.write(Buffer.concat([Buffer.from('heard '), chunk])));
    line.onClose(() => undefined);
  });
});

/** What comes back for a few bytes; '' when the door closes without a word. */
async function ask(identity: TlsIdentity | null, options: ConnectionOptions = {}): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port: listening.port,
    ca: [ours.root],
    checkServerIdentity: () => undefined,
    ...(identity && { key: identity.key, cert: identity.certificate }),
    ...options,
  });
  let heard = '';
  socket.on('error', () => undefined);
  socket.once('secureConnect', () => socket.write('me'));
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('utf8');
    socket.end();
  });
  await new Promise((closed) => socket.once('close', closed));
  return heard;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  door(`lets a terminal in over ${version}, and the line says which one it is`, async () => {
    assert.is(await ask(ours.identity('link'), { minVersion: version, maxVersion: version }), 'heard me');
    assert.is(lines.at(-1)?.terminal?.id, TERMINAL);
    assert.equal(refused, []);
  });
}

// biome-ignore format: a table is read by column
const REFUSED: Readonly<Record<string, readonly [RegExp, () => Promise<string>]>> = {
  'without a certificate':                     [/CERTIFICATE_BAD/, () => ask(null)],
  'with an expired certificate':               [/CERT_HAS_EXPIRED/, () => ask(ours.identity('link', { notAfter: Date.now() - 1000 }))],
  'with a certificate that begins tomorrow':   [/CERT_NOT_YET_VALID/, () => ask(ours.identity('link', { notBefore: Date.now() + DAY_MS / 2 }))],
  'with a certificate of another authority':   [/UNABLE_TO|SELF_SIGNED|SIGNATURE/, () => ask(foreign.identity('link'))],
  "with the host's own kind of certificate":   [/INVALID_PURPOSE|CERTIFICATE_BAD/, () => ask(ours.identity('host-link'))],
  'with a revoked certificate':                [/CERTIFICATE_REVOKED/, () => ask(ours.identity('link', { serial: Buffer.alloc(16, 0xaa) }))],
  'over TLS 1.1':                              [/UNSUPPORTED_PROTOCOL|NO_PROTOCOLS/, () => ask(ours.identity('link'), { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })],
  'with bytes that are no TLS':                [/./, plainBytes],
};

async function plainBytes(): Promise<string> {
  const socket = createConnection({ host: '127.0.0.1', port: listening.port });
  let heard = '';
  socket.on('error', () => undefined);
  socket.once('connect', () => socket.write(Buffer.from('001560000300006031003110000800', 'hex')));
  socket.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
  });
  await new Promise((closed) => socket.once('close', closed));
  return heard.includes('heard') ? heard : '';
}

for (const [what, [reason, act]] of Object.entries(REFUSED)) {
  door(`lets nobody in ${what}, and says why`, async () => {
    const [before, told] = [lines.length, refused.length];
    assert.is(await act(), '');
    assert.is(lines.length, before);
    assert.is(refused.length, told + 1);
    assert.match(refused.at(-1) ?? '', reason);
  });
}

door('a certificate without its key is worth nothing', async () => {
  const stolen = { ...ours.identity('link'), key: pem(ec().privateKey) };
  const before = lines.length;
  await ask(stolen).then(
    (heard) => assert.is(heard, ''),
    (error: unknown) => assert.match(String(error), /KEY_VALUES_MISMATCH|key values mismatch/),
  );
  assert.is(lines.length, before);
});

door.after(async () => {
  for (const line of lines) line.abort();
  await listening.close();
});

door.run();
