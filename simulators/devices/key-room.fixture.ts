/** For the tests of remote loading: a host's keys and its authority, without a database. */
import { randomBytes } from 'node:crypto';
import * as assert from 'uvu/assert';
import {
  AUTHORITY_NAME,
  fromPem,
  HOST_NAME,
  type KeyHandle,
  openSoftVault,
  type Purpose,
  pemOf,
  type RemoteLoading,
  readCertificateRequest,
  type Vault,
} from '../../keys/index.ts';
import type { PadBinding, PadKeys } from './pad-keys.ts';

export const TERMINAL = '41010001';
export const START = Date.UTC(2026, 10, 22, 8);
const DAY_MS = 86_400_000;

/** A host and its authority, without a database. */
export class KeyRoom {
  readonly vault: Vault;
  readonly remote: RemoteLoading;
  readonly authority: KeyHandle;
  readonly signer: KeyHandle;

  private constructor(vault: Vault, remote: RemoteLoading) {
    this.vault = vault;
    this.remote = remote;
    this.authority = vault.generate({ name: 'authority', use: 'authority', algorithm: 'ec-p256' });
    this.signer = vault.generate({ name: 'signer', use: 'signature', algorithm: 'ec-p256' });
  }

  static async open(): Promise<KeyRoom> {
    const vault = await openSoftVault({ random: randomBytes });
    assert.ok(vault.remote);
    return new KeyRoom(vault, vault.remote);
  }

  certificate(
    subject: string,
    purpose: Purpose,
    publicKey: ReturnType<RemoteLoading['publicKey']>,
    days: readonly [number, number] = [-1, 365],
  ): string {
    const [from, to] = days.map((day) => START + day * DAY_MS) as [number, number];
    const content = { subject, purpose, serial: randomBytes(16), notBefore: from, notAfter: to, publicKey };
    return pemOf(this.remote.issueCertificate(this.authority, content), 'CERTIFICATE');
  }

  /** What the administration answers. @param own, others days from START on which the certificates serve */
  async bindingFor(
    pad: Pick<PadKeys, 'certificateRequest'>,
    terminalId = TERMINAL,
    own?: readonly [number, number],
    others?: readonly [number, number],
  ): Promise<PadBinding> {
    return this.answerTo(await pad.certificateRequest(terminalId), terminalId, own, others);
  }

  answerTo(
    request: string,
    terminalId: string,
    own?: readonly [number, number],
    others?: readonly [number, number],
  ): PadBinding {
    const { publicKey } = readCertificateRequest(fromPem(request, 'CERTIFICATE REQUEST'));
    const { authority, signer } = this;
    return {
      terminalId,
      certificate: this.certificate(terminalId, 'key-transport', publicKey, own),
      authority: this.certificate(AUTHORITY_NAME, 'authority', this.remote.publicKey(authority), others),
      host: this.certificate(HOST_NAME, 'host', this.remote.publicKey(signer), others),
    };
  }

  /** A new master key in answer to what the pad asked. */
  async send(pad: PadKeys, asked: Buffer, at = START): Promise<{ key: KeyHandle; packed: Buffer }> {
    const key = this.vault.generate({
      name: `tmk${randomBytes(4).toString('hex')}`,
      use: 'tmk',
      algorithm: '3des',
    });
    const request = await pad.certificateRequest(TERMINAL);
    const { publicKey } = readCertificateRequest(fromPem(request, 'CERTIFICATE REQUEST'));
    const packed = this.remote.sendKey({
      key,
      signer: this.signer,
      recipient: publicKey,
      terminalId: TERMINAL,
      nonce: asked.subarray(3),
      at,
    });
    return { key, packed };
  }
}
