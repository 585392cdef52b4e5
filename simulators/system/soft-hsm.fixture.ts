/** A token of SoftHSM2, for a host in a process of its own. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as assert from 'uvu/assert';

const LIBRARY = process.env['SOFTHSM2_LIBRARY'] ?? '/usr/lib/softhsm/libsofthsm2.so';
export const TOKEN_PIN = '31415926';

/**
 * A new token in the folder.
 *
 * @returns settings of a host that uses it; null, and said so: this machine has no SoftHSM2
 */
export async function softHsmHost(folder: string): Promise<Readonly<Record<string, string>> | null> {
  if (!existsSync(LIBRARY) || spawnSync('softhsm2-util', ['--version']).status !== 0) {
    console.log('left out: SoftHSM2 is not installed (Debian: softhsm2); no host ran on a token');
    return null;
  }
  const config = join(folder, 'softhsm2.conf');
  await mkdir(join(folder, 'tokens'));
  await writeFile(config, `directories.tokendir = ${join(folder, 'tokens')}\nlog.level = ERROR\n`);
  const pinFile = join(folder, 'pin');
  await writeFile(pinFile, `${TOKEN_PIN}\n`);
  const label = 'zunka system test';
  const { status, stderr } = spawnSync(
    'softhsm2-util',
    ['--init-token', '--free', '--label', label, '--so-pin', '87654321', '--pin', TOKEN_PIN],
    { env: { ...process.env, SOFTHSM2_CONF: config }, encoding: 'utf8' },
  );
  assert.is(status, 0, stderr);
  return {
    SOFTHSM2_CONF: config,
    ZUNKA_VAULT: 'pkcs11',
    ZUNKA_PKCS11_LIBRARY: LIBRARY,
    ZUNKA_PKCS11_TOKEN: label,
    ZUNKA_PKCS11_PIN_FILE: pinFile,
  };
}
