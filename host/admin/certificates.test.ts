import { createHash, generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildCertificateRequest, pemOf } from '../../keys/index.ts';
import { Authority } from '../remote/authority.ts';
import { type Office, office, reason } from './office.fixture.ts';

const TERMINAL = '41010001';
const OTHER = '41010002';
const DAY_MS = 86_400_000;

interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}
const rsa: Keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec: Keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const requestOf = (keys: Keys, subject = TERMINAL) =>
  pemOf(
    buildCertificateRequest({ subject, publicKey: keys.publicKey }, (bytes) =>
      sign('sha256', bytes, keys.privateKey),
    ),
    'CERTIFICATE REQUEST',
  );
const ask = (it: Office, body: object, terminal = TERMINAL) =>
  it.call('admin', 'POST', `/v1/terminals/${terminal}/certificates`, { reason, ...body });

/** A PIN pad's takes two persons. */
async function askByTwo(it: Office, body: object) {
  assert.is((await ask(it, body)).status, 202);
  return it.call('second', 'POST', `/v1/terminals/${TERMINAL}/certificates`, { reason, ...body });
}

async function certified(): Promise<Office> {
  const it = await office();
  assert.is((await it.call('admin', 'POST', '/v1/authority', { reason })).status, 200);
  return it;
}

const certificates = suite('the administration: certificates');

certificates('the authority is made once, by a person, with a reason', async () => {
  const it = await office();
  assert.is((await it.call('admin', 'GET', '/v1/authority')).status, 404);
  assert.is((await ask(it, { request: requestOf(ec), purpose: 'link' })).status, 404);
  const first = await it.call('admin', 'POST', '/v1/authority', { reason });
  const again = await it.call('admin', 'POST', '/v1/authority', { reason });
  assert.equal(first.body, again.body);
  assert.equal((await it.call('auditor', 'GET', '/v1/authority')).body, first.body);
  const acts = (await it.acts()).filter(({ act }) => act === 'certificate.issue');
  assert.equal(
    acts.map(({ person }) => person),
    ['admin-员', 'admin-员'],
  );
});

certificates('a terminal gets one for a key that it has shown to have', async () => {
  const it = await certified();
  for (const [purpose, keys] of [
    ['key-transport', rsa],
    ['link', ec],
  ] as const) {
    const asked = { request: requestOf(keys), purpose };
    const { status, body } = await (purpose === 'link' ? ask(it, asked) : askByTwo(it, asked));
    assert.is(status, 201);
    const made = new X509Certificate(String(body['certificate']));
    assert.is(made.subject, `CN=${TERMINAL}\nOU=${purpose}`);
    assert.ok(made.publicKey.equals(keys.publicKey));
    assert.ok(made.verify(new X509Certificate(String(body['authority'])).publicKey));
  }
  assert.not.match(it.output(), /PRIVATE/);
});

// biome-ignore format: a table is read by column
const REFUSED: Readonly<Record<string, readonly [number, string, (it: Office) => ReturnType<Office['call']>]>> = {
  'of another terminal':               [400, 'CERTIFICATE_BAD', (it) => ask(it, { request: requestOf(ec, OTHER), purpose: 'link' })],
  'for a terminal that is not there':  [404, 'NOT_FOUND',       (it) => ask(it, { request: requestOf(ec, '99999999'), purpose: 'link' }, '99999999')],
  'with a key of another kind':        [400, 'CERTIFICATE_BAD', (it) => ask(it, { request: requestOf(rsa), purpose: 'link' })],
  'that is cut':                       [400, 'CERTIFICATE_BAD', (it) => ask(it, { request: requestOf(ec).slice(0, 200), purpose: 'link' })],
  'for the host’s own purpose':        [400, 'REQUEST_BAD',     (it) => ask(it, { request: requestOf(ec), purpose: 'host' })],
  'for eleven years':                  [400, 'REQUEST_BAD',     (it) => ask(it, { request: requestOf(ec), purpose: 'link', days: 4_015 })],
};

for (const [what, [status, code, act]] of Object.entries(REFUSED)) {
  certificates(`a request ${what} is refused with ${code}, and nothing is issued`, async () => {
    const it = await certified();
    const before = it.world.directory.all('certificate').length;
    const answer = await act(it);
    assert.equal([answer.status, answer.body['code']], [status, code]);
    assert.is(it.world.directory.all('certificate').length, before);
  });
}

certificates('of a PIN pad two persons bring the same request; one alone is refused', async () => {
  const it = await certified();
  const before = it.world.directory.all('certificate').length;
  const pad = () => ({ request: requestOf(rsa), purpose: 'key-transport' });
  const first = await ask(it, pad());
  assert.is(first.status, 202);
  const spki = rsa.publicKey.export({ type: 'spki', format: 'der' });
  const fingerprint = createHash('sha256').update(spki).digest('hex').slice(0, 16).toUpperCase();
  assert.is(first.body['fingerprint'], fingerprint);
  const alone = await ask(it, pad());
  assert.equal([alone.status, alone.body['code']], [403, 'FOUR_EYES']);
  assert.is(it.world.directory.all('certificate').length, before);
  const both = await it.call('second', 'POST', `/v1/terminals/${TERMINAL}/certificates`, {
    reason,
    ...pad(),
  });
  assert.is(both.status, 201);
  assert.equal(
    (await it.acts()).filter(({ act }) => act === 'certificate.request').map(({ person }) => person),
    ['admin-员', 'second-员'],
  );
});

certificates('another key, or another life, than the first person brought: not issued', async () => {
  const it = await certified();
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const path = `/v1/terminals/${TERMINAL}/certificates`;
  const asked = { request: requestOf(rsa), purpose: 'key-transport', reason };
  assert.is((await ask(it, asked)).status, 202);
  for (const change of [{ request: requestOf(other) }, { days: 3_650 }]) {
    const answer = await it.call('second', 'POST', path, { ...asked, ...change });
    assert.equal([answer.status, answer.body['code']], [409, 'NOT_ALLOWED_NOW']);
  }
  assert.is((await it.call('second', 'DELETE', path, { reason })).body['dropped'], true);
  assert.is((await it.call('second', 'POST', path, asked)).status, 202, 'it begins again');
  it.world.pass(25 * 60 * 60_000);
  assert.is((await ask(it, asked)).status, 202, 'a day later too');
});

certificates('nobody writes one as a document', async () => {
  const it = await certified();
  const [one] = it.world.directory.all('certificate');
  assert.ok(one);
  const { status } = await it.call('admin', 'PUT', `/v1/documents/certificate/${one.id}`, {
    document: { ...one, state: 'revoked' },
    newVersion: true,
    reason,
  });
  assert.is(status, 400);
  assert.is(it.world.directory.find('certificate', one.id)?.state, 'valid');
});

certificates('a revoked one holds no more, and revoking twice is once', async () => {
  const it = await certified();
  const { body } = await ask(it, { request: requestOf(ec), purpose: 'link' });
  const authority = authorityOf(it);
  const made = new X509Certificate(String(body['certificate']));
  assert.is(authority.check(made, 'link').subject, TERMINAL);
  const path = `/v1/certificates/${String(body['serial'])}/revoke`;
  for (const time of [1, 2]) {
    const answer = await it.call('admin', 'POST', path, { reason });
    assert.equal([answer.status, answer.body['state']], [200, 'revoked'], `time ${time}`);
  }
  assert.throws(() => authority.check(made, 'link'), /CERTIFICATE_REVOKED/);
  assert.is((await it.acts()).filter(({ act }) => act === 'certificate.revoke').length, 1);
  const unknown = await it.call('admin', 'POST', `/v1/certificates/${'A'.repeat(32)}/revoke`, { reason });
  assert.is(unknown.status, 404);
});

certificates('one that no document knows does not hold, whoever signed it', async () => {
  const it = await certified();
  const authority = authorityOf(it);
  const key = it.vault.find('authority');
  assert.ok(key);
  const der = authority.remote.issueCertificate(key, {
    subject: TERMINAL,
    purpose: 'link',
    serial: Buffer.alloc(16, 7),
    notBefore: it.world.clock.now() - DAY_MS,
    notAfter: it.world.clock.now() + DAY_MS,
    publicKey: ec.publicKey,
  });
  assert.throws(() => authority.check(new X509Certificate(der), 'link'), /CERTIFICATE_REVOKED/);
});

certificates(
  'the host’s own is made anew once it is revoked, and what the authority issued still holds',
  async () => {
    const it = await certified();
    const { body } = await ask(it, { request: requestOf(ec), purpose: 'link' });
    for (const purpose of ['host', 'authority']) {
      const own = it.world.directory
        .all('certificate')
        .find((one) => one.purpose === purpose && one.state === 'valid');
      await it.call('admin', 'POST', `/v1/certificates/${own?.id ?? ''}/revoke`, { reason });
      assert.is((await it.call('admin', 'GET', '/v1/authority')).status, 404);
      assert.is((await it.call('admin', 'POST', '/v1/authority', { reason })).status, 200);
    }
    const made = new X509Certificate(String(body['certificate']));
    assert.is(authorityOf(it).check(made, 'link').subject, TERMINAL);
  },
);

certificates('a new one for a PIN pad ends the one before; of a link both hold', async () => {
  const it = await certified();
  const serials: string[] = [];
  for (const [purpose, keys] of [
    ['key-transport', rsa],
    ['key-transport', rsa],
    ['link', ec],
    ['link', ec],
  ] as const)
    serials.push(
      String(
        (await (purpose === 'link' ? ask : askByTwo)(it, { request: requestOf(keys), purpose })).body[
          'serial'
        ],
      ),
    );
  assert.equal(
    serials.map((serial) => it.world.directory.find('certificate', serial)?.state),
    ['revoked', 'valid', 'valid', 'valid'],
  );
});

certificates(
  'where several hosts share the database no master key is changed: the others would not know it',
  async () => {
    const it = await certified();
    assert.is((await askByTwo(it, { request: requestOf(rsa), purpose: 'key-transport' })).status, 201);
    const [own] = await it.world.store.journalHeads();
    assert.ok(own);
    const change = () => it.call('admin', 'POST', `/v1/terminals/${TERMINAL}/tmk/change`, { reason });
    const alone = it.world.store.journalHeads;
    it.world.store.journalHeads = async () => [own, { ...own, stream: 'host-02' }];
    const keys = it.vault.names().length;
    const refused = await change();
    assert.equal([refused.status, refused.body['code']], [409, 'NOT_ALLOWED_NOW']);
    assert.match(refused.text, 'host-02');
    assert.is(it.vault.names().length, keys, 'nothing is made');
    // What it advises can be done at each of them.
    assert.match(refused.text, 'another name for tmk');
    const path = `/v1/documents/terminal/${TERMINAL}`;
    const { body } = await it.call('admin', 'GET', '/v1/documents/terminal');
    const profile = (body['documents'] as { id: string }[]).find(({ id }) => id === TERMINAL);
    const document = { ...profile, tmk: `tmk:${TERMINAL}:2` };
    const written = await it.call('admin', 'PUT', path, { document, newVersion: true, reason });
    assert.is(written.status, 201, written.text);
    for (const [person, number, component, status] of [
      ['admin', 1, '6B8F3D1E5A7C9024D3E1F5A7B9C80246', 202],
      ['second', 2, '1C2D3E4F5061728394A5B6C7D8E9FA0B', 200],
    ] as const) {
      const brought = { number, of: 2, component, reason };
      const answer = await it.call(person, 'PUT', `/v1/terminals/${TERMINAL}/tmk`, brought);
      assert.is(answer.status, status, answer.text);
    }
    assert.is(it.vault.find(document.tmk)?.use, 'tmk');
    it.world.store.journalHeads = alone;
    assert.is((await change()).status, 200);
  },
);

function authorityOf(it: Office): Authority {
  return new Authority({
    ...it.world,
    vault: it.vault,
    random: { bytes: (count) => Buffer.alloc(count, 1) },
  });
}

certificates.run();
