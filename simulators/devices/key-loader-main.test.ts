/** The key-loading device as a program: an integrator's way from `npm run keys` to a PIN pad, at real terminals. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Typed, typeAt } from '../../keys/ceremony/typist.fixture.ts';
import { nodeKeyFile, openSoftVault, toHex } from '../../keys/index.ts';
import { withDevices } from './bench.fixture.ts';
import type { SimulatedPinPad } from './simulated-pin-pad.ts';

const LOADER = new URL('./key-loader-main.ts', import.meta.url);
const KEYS = new URL('../../keys/main.ts', import.meta.url);

const keyloader = suite('npm run keyloader');

async function withPad(work: (line: string, pad: SimulatedPinPad) => Promise<void>): Promise<void> {
  await withDevices(async ({ simulated }) => work(simulated.paths.keyRoom ?? '', simulated.pinPad), {
    keyRoom: true,
  });
}

const component = (digits: string): readonly Typed[] => [
  { at: 'not shown: ', type: `${digits}\r` },
  { at: '(yes/no): ', type: 'yes\r' },
];
const onTheRecord = (checkValue: string): Typed => ({ at: 'on the record: ', type: `${checkValue}\r` });

keyloader('a master key that `npm run keys` made and exported as a block reaches the pad', () =>
  withPad(async (line, pad) => {
    const folder = await mkdtemp(join(tmpdir(), 'zunka-keyloader-'));
    try {
      // 1. The host's side: a key-loading key, whose components two custodians write down; a master key under it.
      const data = join(folder, 'data');
      await mkdir(data);
      const passphrase = randomBytes(16).toString('hex');
      await writeFile(join(data, 'vault-passphrase'), passphrase);
      const file = () => nodeKeyFile(join(data, 'keys.sealed'));
      const open = () =>
        openSoftVault({
          random: randomBytes,
          now: () => Date.now(),
          file: file(),
          passphrase: Buffer.from(passphrase),
        });
      const vault = await open();
      const zmk = vault.generate({ name: 'key-loading', use: 'zmk', algorithm: 'aes-256', exportable: true });
      const tmk = vault.generate({ name: 'tmk:41010001', use: 'tmk', algorithm: '3des', exportable: true });
      await vault.saved();
      vault.close();
      const written: Typed = { at: 'press enter: ', type: '\r' };
      const keys = (args: readonly string[], script: readonly Typed[] = []) =>
        typeAt(KEYS, [...args, '--data', data], script);
      const sheets = (await keys(['export', 'key-loading', '--components', '2'], [written, written])).screen;
      const [one = '', two = ''] = sheets.match(/^(?:[0-9A-F]{4} ){16}/gm) ?? [];
      const exported = (await keys(['export', 'tmk:41010001', '--under', 'key-loading'])).screen;
      const block = join(folder, 'block');
      await writeFile(block, exported);

      // 2. The key room: the device at the pad's second line.
      const { screen, exitCode } = await typeAt(
        LOADER,
        ['--port', line, '--block', block],
        [...component(one), ...component(two), onTheRecord(zmk.checkValue), onTheRecord(tmk.checkValue)],
      );
      assert.is(exitCode, 0, screen);
      assert.match(screen, `device and pad agree: ${tmk.checkValue}`);
      assert.is(pad.padKeys.tmk?.checkValue, tmk.checkValue);
      assert.not(screen.includes(one.trim()), 'a component is not shown');

      // 3. They hold the same key: what the host wraps for a sign-in, the pad opens.
      const host = await open();
      const handle = host.find('tmk:41010001');
      assert.ok(handle);
      const { de62, pik } = host.makeWorkingKeys(handle, '003');
      assert.is(pad.padKeys.load('003', de62).pik.checkValue, pik.checkValue);
      host.close();
    } finally {
      await rm(folder, { recursive: true });
    }
  }),
);

keyloader('a master key in three components, as their custodians type them', () =>
  withPad(async (line, pad) => {
    const parts = [1, 2, 3].map(() => randomBytes(16));
    const vault = await openSoftVault({ random: randomBytes });
    const spec = { name: 'tmk:1', use: 'tmk', algorithm: '3des' } as const;
    const { checkValue } = vault.createFromComponents({ ...spec, components: parts });
    const { screen, exitCode } = await typeAt(
      LOADER,
      ['--port', line, '--components', '3'],
      [...parts.flatMap((part) => component(toHex(part))), onTheRecord(checkValue)],
    );
    assert.is(exitCode, 0, screen);
    assert.is(pad.padKeys.tmk?.checkValue, checkValue);
    for (const part of parts) assert.not(screen.includes(toHex(part).slice(0, 8)), 'a component shows');
  }),
);

const [one, two] = [randomBytes(16), randomBytes(16)].map(toHex) as [string, string];

/** Together 0123456789ABCDEF FEDCBA9876543210, check value 08D7B4: known to everybody. */
const MASK = '5A17C3E09B4D2F8861F0A3957C1EB24D';
const PUBLISHED_BEHIND_MASK = '5B34868712E6E2679F2C190D0A4A805D';

// biome-ignore format: a table is read by column
const REFUSED: Readonly<Record<string, readonly [string, readonly Typed[]]>> = {
  'a component that is not hexadecimal':               ['KEY_BAD',         [{ at: 'not shown: ', type: `${one.slice(0, -1)}G\r` }]],
  'a component that is too short':                     ['KEY_BAD',         [{ at: 'not shown: ', type: `${one.slice(2)}\r` }]],
  'a component whose custodian sees another value':    ['CANCELLED',       [{ at: 'not shown: ', type: `${one}\r` }, { at: '(yes/no): ', type: 'no\r' }]],
  'two components that are equal':                     ['KEY_BAD',         [...component(one), ...component(one), onTheRecord('ABCDEF')]],
  'a check value that is none':                        ['INPUT_BAD',       [...component(one), ...component(two), onTheRecord('ABC')]],
  'another check value than on the record':            ['KEY_CHECK_VALUE', [...component(one), ...component(two), onTheRecord('000000')]],
  'a published test key, without --test-mode':         ['KEY_BAD',         [...component(MASK), ...component(PUBLISHED_BEHIND_MASK), onTheRecord('08D7B4')]],
};

for (const [what, [code, script]] of Object.entries(REFUSED)) {
  keyloader(`${what}: ${code}, and the pad keeps the key that it has`, () =>
    withPad(async (line, pad) => {
      const before = pad.padKeys.tmk?.checkValue;
      const { screen, exitCode } = await typeAt(LOADER, ['--port', line], script);
      assert.is(exitCode, 1, screen);
      assert.match(screen, `✗ ${code}`);
      assert.is(pad.padKeys.tmk?.checkValue, before);
    }),
  );
}

keyloader('a line that is not there is told', async () => {
  const { screen, exitCode } = await typeAt(LOADER, ['--port', join(tmpdir(), 'no-such-line')], []);
  assert.is(exitCode, 1);
  assert.match(screen, '✗ DEVICE_ABSENT');
});

keyloader.run();
