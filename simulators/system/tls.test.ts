/** Terminals over TLS beside terminals over plain TCP, at one real host. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer as createPlainServer } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readTlsIdentity, requestTlsCertificate, type TlsIdentity } from '../../terminal/index.ts';
import { Office, REASON } from '../office/index.ts';
import { terminalId } from '../programme/index.ts';
import { assertAgreement } from './agreement.fixture.ts';
import { Counter, type Customer } from './counter.fixture.ts';

/** Nothing is lost here on purpose: a busy machine may take its time. */
const PATIENT = { answerTimeoutSeconds: 20 };

let office: Office;
let tlsPort = 0;
let identity: TlsIdentity;
let serial = '';
let secure: Counter;
let plain: Counter;
let holder: Customer;

/** What a terminal's installer does: the request to the administration, its answer into the folder. */
async function certify(index: number): Promise<{ identity: TlsIdentity; serial: string }> {
  const folder = join(office.folder, `tls-${index}`);
  const request = await requestTlsCertificate(folder, terminalId(index));
  assert.is(await requestTlsCertificate(folder, terminalId(index)).then(keyIn), keyIn(request));
  const made = await office.call<{ serial: string; certificate: string; authority: string }>(
    'POST',
    `/v1/terminals/${terminalId(index)}/certificates`,
    { request, purpose: 'link', reason: REASON },
  );
  await writeFile(join(folder, 'certificate.pem'), made.certificate);
  await writeFile(join(folder, 'authority.pem'), made.authority);
  return { identity: await readTlsIdentity(folder), serial: made.serial };
}

/** What a request says before its signature, whose length changes: asked twice, the terminal has one key. */
function keyIn(request: string): string {
  return Buffer.from(request.split('\n').slice(1, -2).join(''), 'base64').subarray(3, 120).toString('hex');
}

const terminals = suite('a terminal over TLS');

terminals.before(async () => {
  tlsPort = await freePort();
  office = await Office.open({ terminals: 5, cards: 1, settings: { tlsPort } });
  const [card] = office.cards;
  assert.ok(card);
  holder = { card };
  ({ identity, serial } = await certify(0));
  secure = await Counter.open({ office, index: 0, hostPort: tlsPort, tls: identity, settings: PATIENT });
  plain = await Counter.open({ office, index: 1, settings: PATIENT });
});

terminals('sells, while another sells over plain TCP', async () => {
  await secure.must('sale 3', holder);
  await plain.must('sale 4', holder);
  await secure.must('settle');
});

terminals('sells over the same certificates after a restart of the host', async () => {
  await office.stop();
  await office.start();
  await secure.must('sale 5', holder);
  const documents = await office.list<{ id: string; purpose: string }>(
    '/v1/documents/certificate',
    'documents',
    ({ id }) => id,
  );
  assert.is(documents.filter(({ purpose }) => purpose === 'host-link').length, 1);
});

terminals('that sends another terminal’s number is answered 97, and nothing is judged', async () => {
  await assertNotServed('97', { office, index: 2, hostPort: tlsPort, tls: identity });
  assert.match(await hostLog(), /DE41 is not the terminal that the certificate names/);
});

terminals('does not speak to a host of another authority', async () => {
  const other = await Office.open({ terminals: 1, cards: 0 });
  try {
    const { authority } = await other.call<{ authority: string }>('POST', '/v1/authority', {
      reason: REASON,
    });
    const tls = { ...identity, authority };
    await assertNotServed('HOST_UNREACHABLE', { office, index: 3, hostPort: tlsPort, tls });
  } finally {
    await other.close();
  }
});

terminals('does not take another terminal for the host', async () => {
  const { identity: own } = await certify(4);
  const server = createServer({ key: identity.key, cert: identity.certificate }, (socket) =>
    socket.destroy(),
  );
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    await assertNotServed('HOST_UNREACHABLE', { office, index: 4, hostPort: port, tls: own });
  } finally {
    server.close();
  }
});

terminals(
  'whose certificate is revoked is cut off where it is, and let in no more; the books agree',
  async () => {
    await secure.must('sale 6', holder);
    await office.call('POST', `/v1/certificates/${serial}/revoke`, { reason: REASON });
    assert.is((await secure.type('echo')).ok, false);
    assert.is((await secure.type('signin')).ok, false);
    assert.match(await hostLog(), /certificate holds no more/);
    assert.match(await hostLog(), /CERTIFICATE_REVOKED/);
    await plain.must('sale 7', holder);

    // Certified again with the same key, it goes on.
    await secure.stop();
    const again = await certify(0);
    const counter = await Counter.open({
      office,
      index: 0,
      hostPort: tlsPort,
      tls: again.identity,
      settings: PATIENT,
    });
    await counter.must('sale 8', holder);
    await assertAgreement(office, [counter, plain]);
    await counter.close();
  },
);

async function assertNotServed(code: string, options: Parameters<typeof Counter.open>[0]): Promise<void> {
  await Counter.open({ ...options, settings: PATIENT }).then(
    async (counter) => {
      await counter.close();
      assert.unreachable('it signed in');
    },
    (error: unknown) => assert.match(String(error), new RegExp(`signin: ${code}`)),
  );
}

const hostLog = () => readFile(join(office.folder, 'host.log'), 'utf8');

async function freePort(): Promise<number> {
  const server = createPlainServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

terminals.after(async () => {
  await secure.close();
  await plain.close();
  await office.close();
});

terminals.run();
