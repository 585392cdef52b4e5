/** The terminal's end of TLS on this machine: three files in one folder. The key is made here and never leaves it. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buildCertificateRequest, pemOf } from '../keys/index.ts';
import { PosError } from '../protocol/index.ts';
import type { TlsIdentity } from './exchange/tcp-wire.ts';

const KEY = 'key.pem';
const CERTIFICATE = 'certificate.pem';
const AUTHORITY = 'authority.pem';

/**
 * Key, certificate and authority, as the files hold them. What they say is judged by OpenSSL and the host.
 *
 * @throws CONFIG_BAD naming the file that cannot be read, and what to do
 */
export async function readTlsIdentity(folder: string): Promise<TlsIdentity> {
  const read = async (name: string) => {
    try {
      return await readFile(join(folder, name), 'utf8');
    } catch (error) {
      const what = `hostTls: ${join(folder, name)} cannot be read: run with --request-certificate, have the host certify it`;
      throw new PosError('CONFIG_BAD', what, { cause: error });
    }
  };
  return { key: await read(KEY), certificate: await read(CERTIFICATE), authority: await read(AUTHORITY) };
}

/** The request for a certificate (PKCS#10, PEM). The key is made when there is none, readable by its owner only. */
export async function requestTlsCertificate(folder: string, terminalId: string): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const key = await keyIn(join(folder, KEY));
  const request = buildCertificateRequest({ subject: terminalId, publicKey: createPublicKey(key) }, (bytes) =>
    sign('sha256', bytes, key),
  );
  return pemOf(request, 'CERTIFICATE REQUEST');
}

async function keyIn(path: string): Promise<KeyObject> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  try {
    await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { flag: 'wx', mode: 0o600 });
    return privateKey;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return createPrivateKey(await readFile(path, 'utf8'));
  }
}
