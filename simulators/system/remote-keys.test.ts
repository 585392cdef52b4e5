/**
 * A master key loaded into a PIN pad that nobody visits: a real host over TCP, a real terminal, a pad with keys of its
 * own. Whatever is lost on the way, the shop goes on selling.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LinkProxy, startLinkProxy } from '../link/index.ts';
import { Office, REASON } from '../office/index.ts';
import { terminalId } from '../programme/index.ts';
import { assertAgreement } from './agreement.fixture.ts';
import { Counter, type Customer } from './counter.fixture.ts';

interface Certified {
  readonly serial: string;
  readonly certificate: string;
  readonly authority: string;
  readonly host: string;
}

const TERMINAL = terminalId(0);
let office: Office;
let link: LinkProxy;
let counter: Counter;
let holder: Customer;
let serial = '';

const changes = suite('a master key that changes in service');

const tmkOf = async () => {
  const { keys } = await office.call<{ keys: { name: string; use: string; checkValue: string }[] }>(
    'GET',
    '/v1/keys',
  );
  return keys.filter(({ use }) => use === 'tmk').map(({ name, checkValue }) => `${name} ${checkValue}`);
};
const change = () =>
  office.call<{ checkValue: string }>('POST', `/v1/terminals/${TERMINAL}/tmk/change`, { reason: REASON });

async function enrol(): Promise<void> {
  const path = `/v1/terminals/${TERMINAL}/certificates`;
  const request = await counter.pinPad.padKeys.certificateRequest(TERMINAL);
  const asked = { request, purpose: 'key-transport', reason: REASON };
  // Two persons, each with what the pad showed.
  await office.call('POST', path, asked);
  const certified = await office.call<Certified>('POST', path, asked, 'second');
  await counter.pinPad.padKeys.bind({ terminalId: TERMINAL, ...certified });
  serial = certified.serial;
}

const padCheckValue = () => counter.pinPad.padKeys.tmk?.checkValue;

changes.before(async () => {
  office = await Office.open({ terminals: 1, cards: 1 });
  const [card] = office.cards;
  assert.ok(card);
  holder = { card };
  link = await startLinkProxy({ listenPort: 0, targetHost: '127.0.0.1', targetPort: office.acquirerPort });
  // Long enough that a busy machine loses nothing by itself, short enough for what is lost on purpose.
  const settings = { remoteKeys: true, answerTimeoutSeconds: 3 };
  counter = await Counter.open({ office, index: 0, hostPort: link.port, settings });
  await office.call('POST', '/v1/authority', { reason: REASON });
});

changes('is refused while the PIN pad has no certificate, and nothing is made', async () => {
  const before = await tmkOf();
  const { status, text } = await office.ask('POST', `/v1/terminals/${TERMINAL}/tmk/change`, {
    reason: REASON,
  });
  assert.is(status, 404);
  assert.match(text, /key-transport certificate/);
  assert.equal(await tmkOf(), before);
});

changes('comes with the next sign-in; the first sale under it ends the old one', async () => {
  await enrol();
  const old = padCheckValue();
  const { checkValue } = await change();
  assert.is.not(checkValue, old);
  await counter.must('sale 3', holder);
  assert.is(padCheckValue(), old, 'the old one serves until a sign-in');
  await counter.must('signin');
  assert.is(padCheckValue(), checkValue);
  assert.equal((await tmkOf()).length, 2, 'the host keeps the old one until it has seen the new one used');
  await counter.must('sale 4', holder);
  assert.equal(await tmkOf(), [`tmk:${TERMINAL} ${checkValue}`]);
  await counter.must('signin');
  await counter.must('sale 5', holder);
});

/** What may be lost between the asking and the first sale, and what is done then. */
// biome-ignore format: a table is read by column
const LOST: Readonly<Record<string, () => void>> = {
  'the sign-in that asks for it':                      () => link.dropNextRequest(),
  'the answer that carries it':                        () => link.dropNextAnswer(),
  'one bit of the answer that carries it':             () => link.corruptNext(400, 'answer'),
  'one bit of the nonce in the sign-in':                () => link.corruptNext(90, 'request'),
};

for (const [what, lose] of Object.entries(LOST)) {
  changes(
    `is not stopped by the loss of ${what}: the shop sells, and the next sign-in brings it`,
    async () => {
      const { checkValue } = await change();
      lose();
      const { code } = await counter.type('signin');
      if (what.startsWith('the ')) assert.is(code, 'HOST_SILENT');
      assert.is.not(padCheckValue(), checkValue);
      await counter.must('sale 3', holder);
      await counter.must('signin');
      await counter.must('sale 4', holder);
      assert.is(padCheckValue(), checkValue);
      assert.equal(await tmkOf(), [`tmk:${TERMINAL} ${checkValue}`]);
    },
  );
}

for (const direction of ['request', 'answer'] as const) {
  changes(
    `is not stopped by the loss of the second sign-in's ${direction}: both keys serve until one is proven`,
    async () => {
      const old = padCheckValue();
      const { checkValue } = await change();
      const show = counter.clerk.onShow;
      counter.clerk.onShow = (zh) => {
        show(zh);
        if (zh !== '密码键盘已装入新主密钥') return;
        if (direction === 'request') link.dropNextRequest();
        else link.dropNextAnswer();
      };
      assert.is((await counter.type('signin')).code, 'HOST_SILENT');
      counter.clerk.onShow = show;
      assert.is(padCheckValue(), old);
      await counter.must('sale 3', holder);
      await counter.must('signin');
      await counter.must('sale 4', holder);
      assert.is(padCheckValue(), checkValue);
      assert.equal(await tmkOf(), [`tmk:${TERMINAL} ${checkValue}`]);
    },
  );
}

changes('goes on over restarts of host and terminal between its steps', async () => {
  const { checkValue } = await change();
  await office.stop();
  await office.start();
  await counter.must('signin');
  assert.is(padCheckValue(), checkValue);
  await counter.stop();
  await office.stop();
  await office.start();
  await counter.start();
  await counter.must('sale 3', holder);
  assert.equal(await tmkOf(), [`tmk:${TERMINAL} ${checkValue}`]);
});

changes('is one change, however often it is asked for', async () => {
  const first = await change();
  assert.equal(await change(), first);
  await counter.must('signin');
  await counter.must('sale 3', holder);
  assert.equal(await tmkOf(), [`tmk:${TERMINAL} ${first.checkValue}`]);
});

changes('does not go to a PIN pad whose certificate was revoked: the old key serves', async () => {
  const old = padCheckValue();
  const { checkValue } = await change();
  await office.call('POST', `/v1/certificates/${serial}/revoke`, { reason: REASON });
  await counter.must('signin');
  await counter.must('sale 3', holder);
  assert.is(padCheckValue(), old);
  const { status } = await office.ask('POST', `/v1/terminals/${TERMINAL}/tmk/change`, { reason: REASON });
  assert.is(status, 404);

  // Enrolled again, it gets what waits.
  await enrol();
  await counter.must('signin');
  await counter.must('sale 4', holder);
  assert.is(padCheckValue(), checkValue);
});

changes('comes to a PIN pad whose master key the host does not know, as its first one', async () => {
  const documents = await office.list<{ id: string }>('/v1/documents/terminal', 'documents', ({ id }) => id);
  const profile = documents.find(({ id }) => id === TERMINAL);
  const document = { ...profile, tmk: `tmk-second:${TERMINAL}` };
  await office.call('PUT', `/v1/documents/terminal/${TERMINAL}`, {
    document,
    newVersion: true,
    reason: REASON,
  });
  assert.is((await counter.type('signin')).code, '40', 'the host has no key for it');
  const { checkValue } = await change();
  await counter.must('signin');
  await counter.must('sale 3', holder);
  assert.is(padCheckValue(), checkValue);
  assert.ok((await tmkOf()).includes(`tmk-second:${TERMINAL} ${checkValue}`));
});

changes('leaves both sides with the same books', async () => {
  await assertAgreement(office, [counter]);
});

changes.after(async () => {
  await counter.close();
  await link.stop();
  await office.close();
});

changes.run();
