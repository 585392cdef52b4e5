/** A host for tests and a real one: published keys, header digit 5, slips, and terminals of the other kind. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FrameSplitter, openFrame } from '../../protocol/index.ts';
import { startLinkProxy } from '../link/index.ts';
import { Office, REASON } from '../office/index.ts';
import { type Card, componentBodies } from '../programme/index.ts';
import { Counter } from './counter.fixture.ts';

/** The TMK of many a manual (and of `shared/vectors/crypto.json`): nobody's secret. */
const PUBLISHED = Buffer.from('0123456789ABCDEFFEDCBA9876543210', 'hex');
const COMPONENT = Buffer.from('9DF1A24C7B3E5860E2C7914FA6D8350B', 'hex');
const components = [COMPONENT, Buffer.from(PUBLISHED.map((byte, at) => byte ^ (COMPONENT[at] ?? 0)))];

const modes = suite('test mode, and the real one');

/** By two persons, a component each. @returns what the second is answered */
async function enterPublishedKey(office: Office) {
  const [first, second] = componentBodies(components, { reason: REASON });
  await office.call('PUT', '/v1/keys/cvk', first);
  return office.ask('PUT', '/v1/keys/cvk', second, 'second');
}

modes('a host for tests takes a published key, and says so in every answer and on every slip', async () => {
  const office = await Office.open({ terminals: 1, cards: 1, settings: { testMode: 'on' } });
  const target = { listenPort: 0, targetHost: '127.0.0.1', targetPort: office.acquirerPort };
  const link = await startLinkProxy({ ...target, capture: true });
  try {
    const counter = await Counter.open({
      ...{ office, index: 0, hostPort: link.port },
      settings: { testMode: true },
    });
    await counter.must('sale 1.00', { card: office.cards[0] as Card });
    await counter.stop();
    const splitter = new FrameSplitter(8_192);
    const headers = link
      .capture()
      .flatMap((one) => (one.kind === 'bytes' && one.from === 'host' ? splitter.push(one.bytes) : []))
      .map((frame) => openFrame(frame).header);
    assert.ok(headers.length >= 2, `${headers.length} answers`);
    for (const header of headers) assert.is(header[4], '1');
    const slips = counter.printer.takeSlips();
    assert.ok(slips.length > 0);
    for (const { text } of slips) assert.match(text, /测试|TESTING/);
    await counter.close();
  } finally {
    await link.stop();
    await office.close();
  }
});

modes(
  'a terminal is refused at its sign-in by its own check when the host is of the other kind',
  async () => {
    for (const [host, own] of [
      ['on', false],
      ['off', true],
    ] as const) {
      const office = await Office.open({ terminals: 1, cards: 1, settings: { testMode: host } });
      try {
        const opened = Counter.open({ office, index: 0, settings: { testMode: own } });
        const message = await opened.then(
          () => '',
          (error: Error) => error.message,
        );
        assert.match(message, /^signin: NOT_ALLOWED_NOW/);
      } finally {
        await office.close();
      }
    }
  },
);

modes('a real host refuses a published key, a host for tests takes it', async () => {
  for (const [testMode, status] of [
    ['off', 400],
    ['on', 200],
  ] as const) {
    const office = await Office.open({ terminals: 1, cards: 0, settings: { testMode } });
    try {
      const answer = await enterPublishedKey(office);
      assert.is(answer.status, status, answer.text);
    } finally {
      await office.close();
    }
  }
});

modes.run();
