/** Tokens of SoftHSM2, each new, in a folder of this process that goes with it. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TokenOptions } from './token.ts';

/** Where Debian and others put it; SOFTHSM2_LIBRARY names another place. */
const PLACES = [
  process.env['SOFTHSM2_LIBRARY'] ?? '',
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib64/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
];

/** Null: this machine has none. */
export const SOFT_HSM_LIBRARY = PLACES.find((path) => path !== '' && existsSync(path)) ?? null;
export const LEFT_OUT = 'left out: SoftHSM2 is not installed (Debian: softhsm2); nothing ran in a token';

const SO_PIN = '87654321';
export const USER_PIN = '31415926';

/** A folder for tokens. SoftHSM reads the environment when the library is initialised: call it before the first token. */
export function softHsmFolder(): { readonly config: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-softhsm-'));
  const config = join(folder, 'softhsm2.conf');
  mkdirSync(join(folder, 'tokens'));
  writeFileSync(
    config,
    `directories.tokendir = ${join(folder, 'tokens')}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  process.env['SOFTHSM2_CONF'] = config;
  return { config, remove: () => rmSync(folder, { recursive: true }) };
}

let made = 0;

/** A new token: initialised, with a user PIN, empty. */
export async function newToken(library: string): Promise<TokenOptions> {
  const { default: ck } = await import('pkcs11js');
  const module = new ck.PKCS11();
  module.load(library);
  try {
    module.C_Initialize({ flags: ck.CKF_OS_LOCKING_OK });
  } catch (error) {
    if ((error as { code?: number }).code !== ck.CKR_CRYPTOKI_ALREADY_INITIALIZED) throw error;
  }
  made += 1;
  const label = `zunka test ${made}`;
  const free = module
    .C_GetSlotList(true)
    .find((slot) => (module.C_GetTokenInfo(slot).flags & ck.CKF_TOKEN_INITIALIZED) === 0);
  if (free === undefined) throw new Error('SoftHSM always has one free slot');
  // The library reads 32 characters, however long the text is.
  module.C_InitToken(free, SO_PIN, label.padEnd(32));
  const slot = module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === label);
  if (slot === undefined) throw new Error('the token is there');
  const session = module.C_OpenSession(slot, ck.CKF_SERIAL_SESSION | ck.CKF_RW_SESSION);
  module.C_Login(session, ck.CKU_SO, SO_PIN);
  module.C_InitPIN(session, USER_PIN);
  module.C_Logout(session);
  module.C_CloseSession(session);
  return { library, label, pin: USER_PIN };
}
