import { spawnSync } from 'node:child_process';
import {
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import {
  AUTHORITY_NAME,
  buildCertificate,
  type CertificateContent,
  fromPem,
  type Purpose,
  pemOf,
} from './certificate.ts';
import { buildCertificateRequest, readCertificateRequest } from './certificate-request.ts';
import { checkAuthority, checkCertificate, parseCertificate } from './check-certificate.ts';
import { derInteger, derOid, derTime } from './der.ts';

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 10, 22, 8);
const TERMINAL = '41010001';

const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const authorityKeys = ec();
const terminalKeys = ec();

function issued(
  changes: Partial<CertificateContent> = {},
  by: { readonly publicKey: KeyObject; readonly privateKey: KeyObject } = authorityKeys,
): Buffer {
  const content: CertificateContent = {
    subject: TERMINAL,
    purpose: 'link',
    serial: randomBytes(16),
    notBefore: NOW - DAY_MS,
    notAfter: NOW + 365 * DAY_MS,
    publicKey: terminalKeys.publicKey,
    ...changes,
  };
  return buildCertificate(content, by.publicKey, (bytes) => sign('sha256', bytes, by.privateKey));
}

const rootOf = (keys: typeof authorityKeys, changes: Partial<CertificateContent> = {}) =>
  parseCertificate(
    issued({ subject: AUTHORITY_NAME, purpose: 'authority', publicKey: keys.publicKey, ...changes }, keys),
  );
const root = rootOf(authorityKeys);

const check = (
  der: Buffer,
  changes: { purpose?: Purpose; subject?: string; now?: number; revoked?: string } = {},
) =>
  checkCertificate(parseCertificate(der), {
    authority: root,
    now: changes.now ?? NOW,
    isRevoked: (serial) => serial === changes.revoked,
    purpose: changes.purpose ?? 'link',
    subject: changes.subject ?? TERMINAL,
  });

const refused = (code: string) => (error: unknown) => error instanceof PosError && error.code === code;

const der = suite('X.690, what is written');

der('an object identifier, a number whose first bit is set, and both kinds of time', () => {
  // RFC 5758, 3.2: ecdsa-with-SHA256.
  assert.is(derOid('1.2.840.10045.4.3.2').toString('hex'), '06082a8648ce3d040302');
  assert.is(derInteger(Buffer.from('0080', 'hex')).toString('hex'), '02020080');
  assert.is(derInteger(Buffer.from('00', 'hex')).toString('hex'), '020100');
  // RFC 5280, 4.1.2.5: UTCTime through 2049.
  assert.is(
    derTime(Date.UTC(2049, 11, 31, 23, 59, 59))
      .subarray(2)
      .toString('latin1'),
    '491231235959Z',
  );
  assert.is(
    derTime(Date.UTC(2050, 0, 1))
      .subarray(2)
      .toString('latin1'),
    '20500101000000Z',
  );
});

der.run();

const certificates = suite('certificates of our own authority');

certificates('say what they were made of when OpenSSL reads them', () => {
  const serial = Buffer.from('00ff0102030405060708090a0b0c0d0e', 'hex');
  const read = new X509Certificate(issued({ serial }));
  assert.is(read.subject, `CN=${TERMINAL}\nOU=link`);
  assert.is(read.issuer, 'CN=ZUNKA AUTHORITY\nOU=authority');
  assert.is(Date.parse(read.validFrom), NOW - DAY_MS);
  assert.is(Date.parse(read.validTo), NOW + 365 * DAY_MS);
  assert.not(read.ca);
  assert.equal(read.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.is(check(issued({ serial })).serial, '00FF0102030405060708090A0B0C0D0E');
  assert.ok(checkAuthority(root, NOW).ca);
});

// biome-ignore format: a table is read by column
const REFUSED: readonly (readonly [string, string, () => unknown])[] = [
  ['CERTIFICATE_EXPIRED', 'one second after its last',           () => check(issued(), { now: NOW + 365 * DAY_MS + 1000 })],
  ['CERTIFICATE_EXPIRED', 'before its first day',                () => check(issued(), { now: NOW - DAY_MS - 1000 })],
  ['CERTIFICATE_EXPIRED', 'at a time that is no number',         () => check(issued(), { now: Number.NaN })],
  ['CERTIFICATE_REVOKED', 'that was revoked',                    () => check(issued({ serial: Buffer.alloc(16, 0x5a) }), { revoked: '5A'.repeat(16) })],
  ['CERTIFICATE_BAD',     'of another authority of the same name', () => check(issued({}, ec()))],
  ['CERTIFICATE_BAD',     'that a terminal issued',              () => check(issued({}, terminalKeys))],
  ['CERTIFICATE_BAD',     'of another terminal',                 () => check(issued({ subject: '41010002' }))],
  ['CERTIFICATE_BAD',     'for another purpose',                 () => check(issued(), { purpose: 'host-link', subject: TERMINAL })],
  ['CERTIFICATE_BAD',     'of the authority, for a terminal',    () => check(issued({ purpose: 'authority' }))],
  ['CERTIFICATE_BAD',     'that is cut',                         () => check(issued().subarray(0, 200))],
  ['CERTIFICATE_BAD',     'that is no certificate',              () => check(Buffer.from('30030201aa', 'hex'))],
  ['CERTIFICATE_BAD',     'to be made for a key of another kind', () => issued({ publicKey: rsa.publicKey })],
  ['CERTIFICATE_BAD',     'to be made for an EC key in the place of RSA', () => issued({ purpose: 'key-transport' })],
  ['CERTIFICATE_BAD',     'to be made for another curve',        () => issued({ publicKey: generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey })],
  ['CERTIFICATE_BAD',     'to be made for a short RSA key',      () => issued({ purpose: 'key-transport', publicKey: generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey })],
  ['CERTIFICATE_BAD',     'to be made with a line break in its subject', () => issued({ subject: `${TERMINAL}\nOU=host` })],
  ['CERTIFICATE_BAD',     'to be made with a serial number of zeros', () => issued({ serial: Buffer.alloc(16) })],
  ['CERTIFICATE_BAD',     'to be made with its end before its begin', () => issued({ notAfter: NOW - 2 * DAY_MS })],
];

for (const [code, what, act] of REFUSED) {
  certificates(`refuse one ${what} with ${code}`, () => {
    assert.throws(act, refused(code));
  });
}

certificates('an authority whose own certificate has expired vouches for nobody', () => {
  const old = rootOf(authorityKeys, { notBefore: NOW - 2 * DAY_MS, notAfter: NOW - DAY_MS });
  const given = parseCertificate(issued());
  assert.throws(
    () => checkCertificate(given, { authority: old, now: NOW, isRevoked: () => false, purpose: 'link' }),
    refused('CERTIFICATE_EXPIRED'),
  );
  assert.throws(() => checkAuthority(old, NOW), refused('CERTIFICATE_EXPIRED'));
});

certificates('a terminal’s certificate is no authority', () => {
  assert.throws(() => checkAuthority(parseCertificate(issued()), NOW), refused('CERTIFICATE_BAD'));
});

certificates('one flipped bit anywhere is refused', () => {
  const whole = issued();
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    const changed = Buffer.from(whole);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
    assert.throws(
      () => check(changed),
      (error: unknown) => error instanceof PosError,
      `bit ${bit} of ${changed.length} bytes`,
    );
  }
});

certificates('the text form holds one certificate, and nothing beside it', () => {
  const bytes = issued();
  const text = pemOf(bytes, 'CERTIFICATE');
  assert.equal(fromPem(text, 'CERTIFICATE'), bytes);
  for (const wrong of [
    `${text}${text}`,
    text.replace('CERT', 'CART'),
    text.replace(/=*\n-----END/, '*\n-----END'),
    '',
  ])
    assert.throws(() => fromPem(wrong, 'CERTIFICATE'), refused('CERTIFICATE_BAD'));
});

certificates.run();

const requests = suite('requests for a certificate, PKCS#10');

const requestOf = (keys: { publicKey: KeyObject; privateKey: KeyObject }, subject = TERMINAL) =>
  buildCertificateRequest({ subject, publicKey: keys.publicKey }, (bytes) =>
    sign('sha256', bytes, keys.privateKey),
  );

for (const [kind, keys] of [
  ['EC', terminalKeys],
  ['RSA', rsa],
] as const) {
  requests(`name the terminal and its ${kind} key`, () => {
    const { subject, publicKey } = readCertificateRequest(requestOf(keys));
    assert.is(subject, TERMINAL);
    assert.ok(publicKey.equals(keys.publicKey));
  });

  requests(`with an ${kind} key are refused with one flipped bit anywhere`, () => {
    const whole = requestOf(keys);
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const changed = Buffer.from(whole);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      assert.throws(
        () => readCertificateRequest(changed),
        refused('CERTIFICATE_BAD'),
        `bit ${bit} of ${changed.length} bytes`,
      );
    }
  });
}

requests('whose sender has not the private key are refused', () => {
  const foreign = buildCertificateRequest({ subject: TERMINAL, publicKey: terminalKeys.publicKey }, (bytes) =>
    sign('sha256', bytes, ec().privateKey),
  );
  assert.throws(() => readCertificateRequest(foreign), refused('CERTIFICATE_BAD'));
});

requests('of random bytes are refused, and nothing else is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      assert.throws(() => readCertificateRequest(Buffer.from(bytes)), refused('CERTIFICATE_BAD'));
    }),
  );
});

requests.run();

const hasOpenSsl = spawnSync('openssl', ['version']).status === 0;
if (!hasOpenSsl) console.log('left out: comparison with the openssl command, which is not installed');

const outside = suite('the openssl command, another program than ours');

if (hasOpenSsl) {
  const inFolder = (
    act: (path: (name: string) => string, openssl: (...words: string[]) => string) => void,
  ) => {
    const folder = mkdtempSync(join(tmpdir(), 'zunka-certificates-'));
    const path = (name: string) => join(folder, name);
    const openssl = (...words: string[]) => {
      const run = spawnSync('openssl', words, { encoding: 'utf8' });
      if (run.status !== 0) throw new Error(`openssl ${words.join(' ')}: ${run.stderr}`);
      return run.stdout;
    };
    try {
      act(path, openssl);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  outside('verifies the chain for a TLS client, strictly', () => {
    inFolder((path, openssl) => {
      writeFileSync(path('root.pem'), root.toString());
      writeFileSync(path('leaf.pem'), pemOf(issued(), 'CERTIFICATE'));
      const said = openssl(
        ...['verify', '-x509_strict', '-purpose', 'sslclient', '-attime', String(NOW / 1000)],
        ...['-CAfile', path('root.pem'), path('leaf.pem')],
      );
      assert.match(said, /leaf\.pem: OK/);
    });
  });

  outside('makes requests that we read, and reads ours', () => {
    inFolder((path, openssl) => {
      openssl(
        ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-sha256'],
        ...['-subj', `/CN=${TERMINAL}`, '-keyout', path('key.pem'), '-out', path('request.pem')],
      );
      const theirs = fromPem(readFileSync(path('request.pem'), 'utf8'), 'CERTIFICATE REQUEST');
      const { subject, publicKey } = readCertificateRequest(theirs);
      assert.is(subject, TERMINAL);
      assert.ok(publicKey.equals(createPublicKey(readFileSync(path('key.pem')))));
      writeFileSync(path('ours.pem'), pemOf(requestOf(rsa), 'CERTIFICATE REQUEST'));
      assert.match(openssl('req', '-in', path('ours.pem'), '-noout', '-verify', '-subject'), /41010001/);
    });
  });
}

outside('is asked where it is installed', () => {
  assert.type(hasOpenSsl, 'boolean');
});

outside.run();
