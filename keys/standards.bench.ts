/**
 * What the standards' functions cost beside bare node:crypto: the same cipher work with objects made for
 * each message and no check at all. Asserts published answers, and that both sides agree, before it times.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { ensure } from '../protocol/index.ts';
import { aesCipher, BlockCipher, xorInto } from './cipher/block-cipher.ts';
import { fromHex, toHex } from './hex.ts';
import { unwrapKeyBlock } from './key-block/key-block.ts';
import { KeyBlockProtectionKey } from './key-block/protection-key.ts';
import { ansiX919Mac } from './mac/x9-mac.ts';
import { pan12, panField4 } from './pin/pan-field.ts';
import { decipherPinBlock4 } from './pin/pin-block-4.ts';
import { translatePinBlock } from './pin/translate-pin-block.ts';
import { type Metric, sideBySide } from './side-by-side.fixture.ts';

const hex = (text: string) => fromHex(text, 'input');
const DOUBLE = hex('0123456789ABCDEFFEDCBA9876543210');
const AES_KEY = hex('00112233445566778899AABBCCDDEEFF');
const PAN = '5555555551234567';
const MESSAGE_BYTES = 152;

export async function bench(): Promise<Metric[]> {
  return [
    ...metrics('mac.x9.19_152_bytes', retailMac()),
    ...metrics('pin.translate_0_to_4', pinTranslation()),
    ...metrics('key_block.unwrap_d', keyBlockUnwrap()),
  ];
}

function metrics(name: string, { rate, ratio }: ReturnType<typeof sideBySide>): Metric[] {
  return [
    { name: `${name}.vs_bare_crypto`, value: ratio, unit: 'ratio' },
    { name, value: rate, unit: 'calls/s' },
  ];
}

function retailMac(): ReturnType<typeof sideBySide> {
  const key = new BlockCipher('3des', DOUBLE);
  const data = Buffer.alloc(MESSAGE_BYTES, 0x41);
  const twice = Buffer.concat([DOUBLE.subarray(0, 8), DOUBLE.subarray(0, 8)]);
  const bare = () => {
    const chain = createCipheriv('des-ede-cbc', twice, Buffer.alloc(8)).setAutoPadding(false);
    const last = Buffer.from(data.subarray(MESSAGE_BYTES - 8));
    xorInto(last, chain.update(data.subarray(0, MESSAGE_BYTES - 8)).subarray(-8));
    return createCipheriv('des-ede', DOUBLE, null).setAutoPadding(false).update(last);
  };
  const published = ansiX919Mac(key, Buffer.from('Now is the time for all '));
  ensure(toHex(published) === 'A1C72E74EA3FA9B6', 'X9.19 agrees with its published answer');
  ensure(ansiX919Mac(key, data).equals(bare()), 'both sides make the same MAC');
  return sideBySide(() => ansiX919Mac(key, data), bare);
}

function pinTranslation(): ReturnType<typeof sideBySide> {
  const [from, to] = [new BlockCipher('3des', DOUBLE), aesCipher(AES_KEY)];
  const block = from.encrypt(hex('041261AAAAEDCBA9'));
  const random = () => Buffer.alloc(8, 0xff);
  const ours = () =>
    translatePinBlock({ format: '0', key: from }, { format: '4', key: to }, block, PAN, random);
  const bare = () => {
    const clear = createDecipheriv('des-ede', DOUBLE, null).setAutoPadding(false).update(block);
    xorInto(clear.subarray(2), pan12(PAN));
    const field = Buffer.concat([Buffer.alloc(8, 0xaa), random()]);
    clear.copy(field, 0, 0, 3);
    field[0] = 0x44;
    const first = createCipheriv('aes-128-ecb', AES_KEY, null).setAutoPadding(false).update(field);
    xorInto(first, panField4(PAN));
    return createCipheriv('aes-128-ecb', AES_KEY, null).setAutoPadding(false).update(first);
  };
  ensure(decipherPinBlock4(to, ours(), PAN).toString() === '1234', 'the PIN arrives');
  ensure(ours().equals(bare()), 'both sides make the same block');
  return sideBySide(ours, bare);
}

function keyBlockUnwrap(): ReturnType<typeof sideBySide> {
  const kbpk = new KeyBlockProtectionKey(
    'aes',
    hex('88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6'),
  );
  const block =
    'D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34';
  const { kbek, kbak } = kbpk.keysFor('D');
  const [encryption, authentication] = [kbek.copyKey(), kbak.copyKey()];
  // The cipher work alone, under keys that were derived before: one CBC each for the key and for its MAC.
  const bare = () => {
    const bytes = Buffer.from(block.slice(16), 'hex');
    const [sealed, mac] = [bytes.subarray(0, 32), bytes.subarray(32)];
    const clear = createDecipheriv('aes-256-cbc', encryption, mac).setAutoPadding(false).update(sealed);
    const bound = Buffer.concat([Buffer.from(block.slice(0, 16)), clear]);
    createCipheriv('aes-256-cbc', authentication, Buffer.alloc(16)).setAutoPadding(false).update(bound);
    return clear.subarray(2, 18);
  };
  const ours = () => unwrapKeyBlock(kbpk, block).key;
  ensure(toHex(ours()) === '3F419E1CB7079442AA37474C2EFBF8B8', 'the key agrees with TR-31:2018 A.7.4');
  ensure(ours().equals(bare()), 'both sides find the same key');
  return sideBySide(ours, bare);
}
