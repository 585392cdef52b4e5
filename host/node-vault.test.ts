import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import { PosError } from '../protocol/index.ts';
import { HOST_DEFAULTS } from './config.ts';
import { openVault } from './node-vault.ts';

const tokens = suite('vault = pkcs11');

// biome-ignore format: a table is read by column
for (const [sentence, settings, said] of [
  ['without the library of the token is refused, naming the setting',  { pkcs11Token: 'zunka' },                              'pkcs11Library'],
  ['without the label of the token is refused, naming the setting',    { pkcs11Library: '/nonexistent.so' },                  'pkcs11Token'],
  ['with a PIN file that cannot be read is refused, naming the file',  { pkcs11Library: '/nonexistent.so', pkcs11Token: 'zunka', pkcs11PinFile: '/nonexistent/pin' }, '/nonexistent/pin'],
  ['without a PIN is refused, naming the setting',                     { pkcs11Library: '/nonexistent.so', pkcs11Token: 'zunka' }, 'pkcs11PinFile'],
] as const) {
  tokens(sentence, async () => {
    const config = { ...HOST_DEFAULTS, vault: 'pkcs11', ...settings };
    await rejects(
      openVault(config, (name) => name, { made: () => undefined, mustExist: false, warns: () => undefined }),
      (error) => error instanceof PosError && error.code === 'CONFIG_BAD' && error.detail.includes(said),
    );
  });
}

tokens('with a library that is not there says so, and never the PIN', async () => {
  const pkcs11 = { pkcs11Library: '/nonexistent.so', pkcs11Token: 'zunka', pkcs11Pin: '31415926' };
  await rejects(
    openVault({ ...HOST_DEFAULTS, vault: 'pkcs11', ...pkcs11 }, (name) => name, {
      made: () => undefined,
      mustExist: false,
      warns: () => undefined,
    }),
    (error) =>
      error instanceof PosError && error.code === 'TOKEN_ABSENT' && !error.detail.includes('31415926'),
  );
});

tokens.run();
