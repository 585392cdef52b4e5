/** The vault over the key store of this process: what every vault promises, and its own traps. */
import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import { openSoftVault } from './open-vault.ts';
import { vaultSuite } from './shared-suite.ts';
import { code, fileVault, memoryFile, memoryVault } from './vault.fixture.ts';

vaultSuite('software', {
  open: memoryVault,
  home: async () => {
    const file = memoryFile();
    return () => fileVault(file);
  },
  terminals: ['3des', 'sm4'],
  privateKeys: true,
});

const broken = suite('a broken source of randomness');

broken('a random source that only gives weak keys is refused', async () => {
  const vault = await openSoftVault({ random: (bytes) => Buffer.alloc(bytes, 0x5a) });
  throws(() => vault.generate({ name: 'pvk', use: 'pin-verification', algorithm: '3des' }), code('KEY_BAD'));
});

broken.run();
