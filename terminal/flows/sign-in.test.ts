import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDe57 } from '../../protocol/index.ts';
import { TestPad } from '../devices.fixture.ts';
import { TestHost } from '../host.fixture.ts';
import { openShopForBusiness } from '../shop.fixture.ts';

const signIns = suite('sign-in: 0800 without a MAC, and whether the host speaks DE57');

signIns('a sign-in sends V1 when the profile says so, and only then', async () => {
  for (const speaksDe57 of [true, false]) {
    const host = new TestHost();
    const { terminal } = await openShopForBusiness({ host, settings: { speaksDe57 } });
    const items = parseDe57(host.received[0]?.get(57) ?? '');
    assert.equal(
      items.map(([tag]) => tag),
      speaksDe57 ? ['V1'] : [],
    );
    assert.is(terminal.state.peerSpeaksDe57, speaksDe57);
  }
});

/** One bit of `V1009TEST HOST`, and what is read then. */
// biome-ignore format: a table is read by column
const CHANGED_V1 = {
  'the first character of the tag': 'W1009TEST HOST',
  'the second':                     'V0009TEST HOST',
  'a digit of the length':          'V10p9TEST HOST',
} as const;

for (const [what, de57] of Object.entries(CHANGED_V1)) {
  for (const isFirst of [true, false]) {
    signIns(
      `one bit of ${what} of V1 in ${isFirst ? 'the first' : 'a later'} 0810 makes the terminal sign in once more, before it loads keys`,
      async () => {
        const host = new TestHost();
        if (isFirst) host.mischief = [{ mti: '0800', fields: { 57: de57 } }];
        const { terminal, pad, logged } = await openShopForBusiness({ host });
        if (!isFirst) {
          host.mischief = [{ mti: '0800', fields: { 57: de57 } }];
          assert.is((await terminal.command('signin')).code, '00');
        }
        assert.is(host.received.length, isFirst ? 2 : 3);
        assert.equal([terminal.state.peerSpeaksDe57, terminal.state.signedIn], [true, true]);
        assert.is(logged.filter((line) => line.includes('signing in once more')).length, 1);
        // The keys of the changed answer were never in the pad: with them the key before would be those.
        assert.is(pad.previous, isFirst ? null : '01'.repeat(40));
        assert.is((await terminal.command('sale 1')).code, '00');
        const sale = parseDe57(host.received.at(-1)?.get(57) ?? '');
        assert.ok(sale.some(([tag]) => tag === 'UT'));
      },
    );
  }
}

signIns('a host that was replaced by one without DE57 is believed at the second 0810', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  host.speaksDe57 = false;
  const before = host.received.length;
  assert.is((await terminal.command('signin')).code, '00');
  assert.is(host.received.length - before, 2);
  assert.not(terminal.state.peerSpeaksDe57);
  // From now on one sign-in is one 0800: nothing is taken back any more.
  assert.is((await terminal.command('signin')).code, '00');
  assert.is(host.received.length - before, 3);
});

signIns(
  'an 0800 that is sent once more and not answered leaves keys and knowledge as they were',
  async () => {
    const host = new TestHost();
    const { terminal, pad } = await openShopForBusiness({ host });
    const key = pad.key;
    host.mischief = [
      { mti: '0800', fields: { 57: CHANGED_V1['the second'] } },
      { mti: '0800', lose: true },
    ];
    assert.is((await terminal.command('signin')).code, 'HOST_SILENT');
    assert.is(pad.key, key);
    assert.ok(terminal.state.peerSpeaksDe57);
  },
);

const PACKAGE = `KP008${Buffer.from('packed').toString('base64')}`;
const WISH = `A1B2C3${'11'.repeat(16)}`;

signIns('the PIN pad is asked for its wish by a setting only, and a pad without one sends none', async () => {
  for (const [remoteKeys, asks, expected] of [
    [false, WISH, ['V1']],
    [true, null, ['V1']],
    [true, WISH, ['V1', 'KN']],
  ] as const) {
    const host = new TestHost();
    const pad = new TestPad();
    pad.asks = asks;
    await openShopForBusiness({ host, pad, settings: { remoteKeys } });
    assert.equal(
      parseDe57(host.received[0]?.get(57) ?? '').map(([tag]) => tag),
      expected,
    );
  }
});

signIns(
  'a new master key goes to the PIN pad, and the sign-in after it brings the working keys',
  async () => {
    const host = new TestHost();
    const pad = new TestPad();
    pad.asks = WISH;
    host.mischief = [{ mti: '0800', fields: { 57: `V1009TEST HOST${PACKAGE}` } }];
    const { terminal, said } = await openShopForBusiness({ host, pad, settings: { remoteKeys: true } });
    assert.equal(pad.packages.map(String), ['packed']);
    assert.is(host.received.length, 2);
    assert.is(pad.previous, null, 'the working keys of the first answer were never loaded');
    assert.ok(terminal.state.signedIn);
    assert.ok(said.some((line) => line.includes('the PIN pad has a new master key')));
  },
);

signIns('a master key that comes with every sign-in is taken once', async () => {
  const host = new TestHost();
  const pad = new TestPad();
  pad.asks = WISH;
  const again = { mti: '0800', fields: { 57: `V1009TEST HOST${PACKAGE}` } };
  host.mischief = [again, again, again];
  await openShopForBusiness({ host, pad, settings: { remoteKeys: true } });
  assert.is(pad.packages.length, 1);
  assert.is(host.received.length, 2);
});

signIns('a master key that the PIN pad refuses stops no sign-in', async () => {
  const host = new TestHost();
  const pad = new TestPad();
  pad.asks = WISH;
  pad.refusesPackage = true;
  host.mischief = [{ mti: '0800', fields: { 57: `V1009TEST HOST${PACKAGE}` } }];
  const { terminal, said } = await openShopForBusiness({ host, pad, settings: { remoteKeys: true } });
  assert.is(host.received.length, 1);
  assert.ok(terminal.state.signedIn);
  assert.ok(said.some((line) => line.includes('KEY_PACKAGE_BAD')));
});

signIns('a package that was not asked for is not looked at', async () => {
  const host = new TestHost();
  const pad = new TestPad();
  host.mischief = [{ mti: '0800', fields: { 57: `V1009TEST HOST${PACKAGE}` } }];
  await openShopForBusiness({ host, pad });
  assert.is(pad.packages.length, 0);
});

signIns.run();
