import { rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { toHex } from '../hex.ts';
import type { KeyEvent, KeyLogPort } from '../vault/key-log.ts';
import { Ceremony, type CeremonyOptions } from './ceremony.ts';
import { newCustodian } from './custodians.ts';

const PASSWORD = 'three cups of tea';
const custodians = await Promise.all(
  ['alice', 'bob', 'carol'].map((name) => newCustodian(name, Buffer.from(PASSWORD), randomBytes)),
);
/** cardutil's test suite: together 0A227E33F5C0BEACD7B7DB09723ABB48, check value 05EE1D. */
const ONE = '6D6BE51F04F76167491554FE25F7ABEF';
const TWO = '67499B2CF137DFCB9EA28FF757CD10A7';

const steps = suite('the ceremony as a state machine');

steps('two components of two custodians make the published key, and its check value', async () => {
  const { ceremony } = newCeremony();
  await component(ceremony, 'alice', ONE);
  await component(ceremony, 'bob', TWO);
  assert.is(await ceremony.combine(), '05EE1D');
  assert.is(toHex(await ceremony.accept()), '0A227E33F5C0BEACD7B7DB09723ABB48');
  assert.equal([ceremony.state, ceremony.custodians], ['accepted', ['alice', 'bob']]);
});

steps('three custodians, where three are wanted; two are not enough then', async () => {
  const { ceremony } = newCeremony({ count: 3 });
  await component(ceremony, 'alice', ONE);
  await component(ceremony, 'bob', TWO);
  await rejects(ceremony.combine(), code('NOT_ALLOWED_NOW'));
  await component(ceremony, 'carol', '11223344556677889900AABBCCDDEEFF');
  assert.match(await ceremony.combine(), /^[0-9A-F]{6}$/);
});

steps('a step that is not the next one is refused and changes nothing', async () => {
  const { ceremony, events } = newCeremony();
  const act = {
    admit: () => ceremony.admit('alice', Buffer.from(PASSWORD)),
    enter: () => ceremony.enter(Buffer.from(ONE)),
    reject: () => ceremony.reject(),
    confirm: () => ceremony.confirm(),
    combine: () => ceremony.combine(),
    accept: () => ceremony.accept(),
  };
  const onlyThese = async (...allowed: (keyof typeof act)[]) => {
    const before = [ceremony.state, events.length];
    for (const [name, step] of Object.entries(act))
      if (!allowed.includes(name as keyof typeof act)) await rejects(step(), code('NOT_ALLOWED_NOW'), name);
    assert.equal([ceremony.state, events.length], before);
  };
  await onlyThese('admit');
  await act.admit();
  await onlyThese('enter');
  await act.enter();
  await onlyThese('reject', 'confirm');
  await act.confirm();
  await ceremony.abort('over');
  await onlyThese();
  await ceremony.abort('again');
  assert.is(events.filter(({ act: what }) => what === 'ceremony aborted').length, 1);
});

// biome-ignore format: a table is read by column
for (const [why, typed, detail] of [
  ['a letter that is no digit',                `${ONE.slice(0, 8)}G${ONE.slice(9)}`, 'character 9 is no hexadecimal digit'],
  ['a digit too few',                          ONE.slice(1),                         '32 hexadecimal digits are wanted, not 31'],
  ['a digit too many',                         `${ONE}0`,                            '32 hexadecimal digits are wanted, not 33'],
  ['nothing',                                  '',                                   '32 hexadecimal digits are wanted, not 0'],
  ['all zeros',                                '0'.repeat(32),                       'all bytes are zero'],
  ['one that equals another',                  ONE,                                  'it equals one that was entered before'],
  ['a published key',                          '0123456789ABCDEFFEDCBA9876543210',   'it is a published test key'],
  ['a pattern',                                'AB'.repeat(16),                      'it is a pattern'],
] as const) {
  steps(`a component is refused and typed again: ${why}`, async () => {
    const { ceremony, events } = newCeremony();
    await component(ceremony, 'alice', ONE);
    await ceremony.admit('bob', Buffer.from(PASSWORD));
    const bytes = Buffer.from(typed);
    await rejects(ceremony.enter(bytes), (error) => code('KEY_BAD')(error) && String(error).includes(detail));
    assert.ok(bytes.every((byte) => byte === 0));
    assert.is(events.at(-1)?.act, 'component refused');
    assert.not(JSON.stringify(events).includes(ONE.slice(0, 6)));
    await ceremony.enter(Buffer.from(TWO));
    assert.is(ceremony.state, 'component shown');
  });
}

steps('components that cancel to a weak key are refused together', async () => {
  const { ceremony } = newCeremony();
  await component(ceremony, 'alice', ONE);
  // The same but for parity bits: together all halves are 0101…, a weak DES key.
  await component(ceremony, 'bob', toHex(Buffer.from(Buffer.from(ONE, 'hex').map((byte) => byte ^ 1))));
  await rejects(ceremony.combine(), code('KEY_BAD'));
  await ceremony.abort('weak');
  assert.is(ceremony.state, 'aborted');
});

steps('in test mode published components are taken', async () => {
  const { ceremony } = newCeremony({ testMode: true });
  await component(ceremony, 'alice', '0123456789ABCDEFFEDCBA9876543210');
  assert.is(ceremony.confirmed, 1);
});

steps('a custodian enters one component only, and nobody without the right password', async () => {
  const { ceremony, events } = newCeremony();
  await rejects(ceremony.admit('alice', Buffer.from('three cups of coffee')), code('NOT_AUTHORISED'));
  await rejects(ceremony.admit('eve', Buffer.from(PASSWORD)), code('NOT_AUTHORISED'));
  assert.equal(
    events.map(({ act, by }) => [act, by]),
    [
      ['custodian refused', 'somebody'],
      ['custodian refused', 'somebody'],
    ],
  );
  await component(ceremony, 'alice', ONE);
  await rejects(ceremony.admit('alice', Buffer.from(PASSWORD)), code('FOUR_EYES'));
  assert.is(ceremony.state, 'custodian due');
});

steps('a step whose line does not reach the log does not happen', async () => {
  const full = () => Promise.reject(new PosError('KEY_FILE', 'the disk is full'));
  const { ceremony } = newCeremony({ log: { append: full, behind: () => Promise.resolve([]) } });
  await rejects(ceremony.admit('alice', Buffer.from(PASSWORD)), code('KEY_FILE'));
  assert.equal([ceremony.state, ceremony.custodians], ['custodian due', []]);
});

steps(
  'a password of fewer than twelve characters, or a name with other characters, is no custodian',
  async () => {
    await rejects(newCustodian('dave', Buffer.from('eleven char'), randomBytes), code('INPUT_BAD'));
    for (const name of ['', 'two words', 'x'.repeat(33)])
      await rejects(newCustodian(name, Buffer.from(PASSWORD), randomBytes), code('INPUT_BAD'));
  },
);

steps.run();

function newCeremony(more: Partial<CeremonyOptions> = {}) {
  const events: KeyEvent[] = [];
  const log: KeyLogPort = {
    append: async (added) => ({ records: events.push(...added), head: '' }),
    behind: () => Promise.resolve([]),
  };
  const options = {
    subject: 'zmk:bank',
    algorithm: '3des',
    count: 2,
    custodians,
    log,
    now: () => 0,
  } as const;
  return { events, ceremony: new Ceremony({ ...options, ...more }) };
}

async function component(ceremony: Ceremony, name: string, typed: string): Promise<void> {
  await ceremony.admit(name, Buffer.from(PASSWORD));
  await ceremony.enter(Buffer.from(typed));
  await ceremony.confirm();
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
