import { constants, generateKeyPairSync, privateDecrypt, randomBytes, verify } from 'node:crypto';
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { openSoftVault } from '../vault/open-vault.ts';
import type { KeyHandle, Vault } from '../vault/vault.ts';
import type { RemoteLoading } from './remote-loading.ts';

const NOW = Date.UTC(2026, 10, 22, 8);
const MINUTE_MS = 60_000;
const TERMINAL = '41010001';

interface Side {
  readonly vault: Vault;
  readonly remote: RemoteLoading;
  readonly key: KeyHandle;
}

async function side(use: 'signature' | 'key-transport'): Promise<Side> {
  const vault = await openSoftVault({ random: randomBytes });
  const { remote } = vault;
  if (remote === undefined) throw new Error('the vault in software loads keys remotely');
  const algorithm = use === 'signature' ? 'ec-p256' : 'rsa-2048';
  return { vault, remote, key: vault.generate({ name: use, use, algorithm }) };
}

let host: Side;
let pad: Side;
let tmk: KeyHandle;
const nonce = Buffer.alloc(16, 0x11);

const loading = suite('a master key on its way into a PIN pad');

loading.before(async () => {
  host = await side('signature');
  pad = await side('key-transport');
  tmk = host.vault.generate({ name: 'tmk:41010001', use: 'tmk', algorithm: '3des' });
});

const send = (changes: Partial<Parameters<RemoteLoading['sendKey']>[0]> = {}) =>
  host.remote.sendKey({
    key: tmk,
    signer: host.key,
    recipient: pad.remote.publicKey(pad.key),
    terminalId: TERMINAL,
    nonce,
    at: NOW,
    ...changes,
  });
const receive = (packed: Buffer, changes: Partial<Parameters<RemoteLoading['receiveKey']>[0]> = {}) =>
  pad.remote.receiveKey({
    packed,
    transport: pad.key,
    sender: host.remote.publicKey(host.key),
    terminalId: TERMINAL,
    nonce,
    name: 'tmk',
    notBefore: NOW - MINUTE_MS,
    notAfter: NOW + MINUTE_MS,
    ...changes,
  });
const refused = (code: string) => (error: unknown) => error instanceof PosError && error.code === code;

loading('arrives as the same key, and working keys under it are understood', () => {
  const { key, at } = receive(send());
  assert.is(key.checkValue, tmk.checkValue);
  assert.is(at, NOW);
  const { de62, mak } = host.vault.makeWorkingKeys(tmk, '003');
  const loaded = pad.vault.loadWorkingKeys(key, '003', de62);
  const data = Buffer.from('a message');
  const mac = pad.vault.mac(loaded.mak, data, 'unionpay-ecb');
  assert.ok(host.vault.verifyMac(mak, data, mac, 'unionpay-ecb'));
});

loading('an SM4 master key arrives as one', async () => {
  const sm4 = host.vault.generate({ name: 'tmk:sm4', use: 'tmk', algorithm: 'sm4' });
  const { key } = receive(send({ key: sm4 }), { name: 'tmk-sm4' });
  assert.equal([key.algorithm, key.checkValue], ['sm4', sm4.checkValue]);
});

loading('the same package told again after a lost receipt leaves the key as it is', () => {
  const packed = send();
  receive(packed);
  assert.is(receive(packed).key, pad.vault.find('tmk'));
});

/**
 * The package by the page alone: lengths, OAEP with both hashes named, and the key block by its own derivation.
 * Written from RFC 8017 and ANSI X9.143; no line of ours takes part.
 */
loading('is what the page says, opened by Node’s own primitives', () => {
  const device = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const packed = send({ recipient: device.publicKey });
  assert.equal(packed.subarray(0, 16), nonce);
  assert.is(Number(packed.readBigUInt64BE(16)), NOW);
  const [signature, rest] = [packed.subarray(24, 88), packed.subarray(88)];
  const signed = Buffer.concat([
    Buffer.from('zunka key package 1\0'),
    Buffer.from(TERMINAL),
    packed.subarray(0, 24),
    rest,
  ]);
  const sender = host.remote.publicKey(host.key);
  assert.ok(verify('sha256', signed, { key: sender, dsaEncoding: 'ieee-p1363' }, signature));
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const encrypted = rest.subarray(0, 256);
  const kbpk = privateDecrypt({ key: device.privateKey, padding, oaepHash: 'sha256' }, encrypted);
  assert.is(kbpk.length, 32);
  assert.throws(() => privateDecrypt({ key: device.privateKey, padding, oaepHash: 'sha1' }, encrypted));
  const block = rest.subarray(256).toString('ascii');
  assert.match(block, /^D\d{4}K0TB00N0\d20KC0C00[0-9A-F]{6}/);
  assert.is(Number(block.slice(1, 5)), block.length);
});

// biome-ignore format: a table is read by column
const REFUSED: readonly (readonly [string, string, () => unknown])[] = [
  ['KEY_PACKAGE_REPLAYED', 'made for another nonce',          () => receive(send({ nonce: Buffer.alloc(16, 0x22) }))],
  ['KEY_PACKAGE_BAD',      'made for another terminal',       () => receive(send({ terminalId: '41010002' }))],
  ['KEY_PACKAGE_BAD',      'made a millisecond too early',    () => receive(send({ at: NOW - MINUTE_MS - 1 }))],
  ['KEY_PACKAGE_BAD',      'made a millisecond too late',     () => receive(send({ at: NOW + MINUTE_MS + 1 }))],
  ['KEY_PACKAGE_BAD',      'made for another PIN pad',        () => receive(send({ recipient: generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey }))],
  ['KEY_PACKAGE_BAD',      'signed by another host',          () => receive(send({ signer: host.vault.generate({ name: `s${randomBytes(4).toString('hex')}`, use: 'signature', algorithm: 'ec-p256' }) }))],
  ['KEY_PACKAGE_BAD',      'that is cut',                     () => receive(send().subarray(0, 400))],
  ['KEY_PACKAGE_BAD',      'that is empty',                   () => receive(Buffer.alloc(0))],
  ['KEY_PACKAGE_BAD',      'that is too long',                () => receive(Buffer.concat([send(), Buffer.alloc(300)]))],
  ['KEY_USE',              'of a working key',                () => send({ key: host.vault.generate({ name: `m${randomBytes(4).toString('hex')}`, use: 'mac', algorithm: '3des' }) })],
  ['KEY_USE',              'signed with a master key',        () => send({ signer: tmk })],
  ['KEY_USE',              'opened with another kind of key', () => receive(send(), { transport: pad.vault.find('tmk') ?? pad.key })],
  ['CERTIFICATE_BAD',      'for a key that is no RSA key',    () => send({ recipient: host.remote.publicKey(host.key) })],
  ['KEY_USE',              'signed by a key that issues certificates', () => send({ signer: host.vault.generate({ name: `a${randomBytes(4).toString('hex')}`, use: 'authority', algorithm: 'ec-p256' }) })],
];

for (const [code, what, act] of REFUSED) {
  loading(`one ${what} is refused with ${code}, and the pad keeps what it has`, () => {
    const before = pad.vault.names().map(({ name, checkValue }) => `${name} ${checkValue}`);
    assert.throws(act, refused(code));
    assert.equal(
      pad.vault.names().map(({ name, checkValue }) => `${name} ${checkValue}`),
      before,
    );
  });
}

loading('one flipped bit anywhere is refused, and the pad keeps what it has', () => {
  const packed = send();
  const before = pad.vault.names().length;
  fc.assert(
    fc.property(fc.nat(packed.length * 8 - 1), (bit) => {
      const changed = Buffer.from(packed);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (0x80 >> (bit & 7));
      assert.throws(
        () => receive(changed, { name: 'other' }),
        (error: unknown) => refused('KEY_PACKAGE_BAD')(error) || refused('KEY_PACKAGE_REPLAYED')(error),
      );
      assert.is(pad.vault.names().length, before);
    }),
    { numRuns: 200 },
  );
});

loading('two packages of one key have nothing in common but what is in clear', () => {
  const [one, other] = [send(), send()];
  assert.equal(one.subarray(0, 24), other.subarray(0, 24));
  assert.not.equal(one.subarray(24, 88), other.subarray(24, 88));
  assert.not.equal(one.subarray(88, 344), other.subarray(88, 344));
  assert.not.equal(one.subarray(-96), other.subarray(-96));
});

loading.run();

const rotation = suite('a key in the place of another');

rotation('has its name, and what the other wrapped stays good', async () => {
  const { vault, remote } = await side('signature');
  const first = vault.generate({ name: 't', use: 'tmk', algorithm: '3des' });
  const { sealed } = vault.makeWorkingKeys(first, '003');
  const next = vault.generate({ name: 't>2', use: 'tmk', algorithm: '3des' });
  const successor = remote.succeed('t', 't>2', 'a test');
  assert.equal([successor.name, successor.checkValue], ['t', next.checkValue]);
  assert.is(vault.find('t>2'), undefined);
  assert.is(vault.openSealed(sealed.mak).use, 'mac');
  assert.throws(() => vault.makeWorkingKeys(first, '003'), refused('KEY_UNKNOWN'));
  assert.throws(() => remote.succeed('t', 't>2', 'a test'), refused('KEY_UNKNOWN'));
  vault.generate({ name: 'm', use: 'mac', algorithm: '3des' });
  assert.throws(() => remote.succeed('t', 'm', 'a test'), refused('KEY_USE'));
  assert.is(vault.find('t'), successor);
});

rotation.run();
