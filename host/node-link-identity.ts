/** The host's end of TLS on this machine: its key rests sealed in the data folder, its certificate with all others. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { HOST_NAME } from '../keys/index.ts';
import { PosError } from '../protocol/index.ts';
import type { TlsIdentity } from './acquiring/tls-listener.ts';
import type { By } from './cards/issue.ts';
import type { HostDeps } from './deps.ts';
import { Authority } from './remote/authority.ts';

const CONTEXT = 'host link key';
/** So long before its end a new one is made at a start. */
const RENEWED_MS_BEFORE = 30 * 86_400_000;

interface Resting {
  readonly key: string;
  readonly certificate: string;
}

/**
 * Key and certificate of the host's end of TLS, with the authority that signed them: made when they are not there, do
 * not hold, or end soon.
 *
 * @throws KEY_USE this vault issues no certificates; SEAL_BROKEN the file is of another installation
 */
export async function openLinkIdentity(deps: HostDeps, path: string): Promise<TlsIdentity> {
  const authority = new Authority(deps);
  const { day } = await deps.store.read({});
  const by: By = { person: 'host', role: 'host', reason: '启动 start: TLS', at: deps.clock.now(), day };
  await authority.found(by);
  const resting = await readResting(deps, path);
  const identity =
    resting !== undefined && holds(authority, resting.certificate, by.at)
      ? resting
      : await renewed(deps, authority, by, path);
  return { ...identity, authority: authority.certificate.toString() };
}

function holds(authority: Authority, certificate: string, now: number): boolean {
  try {
    const { notAfter } = authority.check(new X509Certificate(certificate), 'host-link', HOST_NAME);
    return notAfter - now > RENEWED_MS_BEFORE;
  } catch (error) {
    if (error instanceof PosError) return false;
    throw error;
  }
}

async function renewed(deps: HostDeps, authority: Authority, by: By, path: string): Promise<Resting> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certificate = await authority.issueHostLink(by, publicKey);
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const resting = { key, certificate: certificate.toString() };
  const sealed = deps.vault.seal(deps.keys.data, Buffer.from(JSON.stringify(resting), 'utf8'), CONTEXT);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(sealed);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  return resting;
}

async function readResting(deps: HostDeps, path: string): Promise<Resting | undefined> {
  let sealed: string;
  try {
    sealed = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return JSON.parse(deps.vault.unseal(deps.keys.data, sealed, CONTEXT).toString('utf8')) as Resting;
}
