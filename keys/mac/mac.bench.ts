/**
 * What a MAC costs: the cipher object cached per key against one made for each message, and the padded keys of an
 * HMAC kept against `createHmac` for each card number. Asserts the answers before it times anything; the ratio is
 * taken in one sitting, the sides in turn.
 */
import { createCipheriv, createHmac } from 'node:crypto';
import { ensure } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { type Metric, sideBySide } from '../side-by-side.fixture.ts';
import { HmacSha256 } from './hmac-sha-256.ts';
import { foldBlocks, unionPayEcbMac } from './unionpay-ecb-mac.ts';

const MESSAGE_BYTES = 150;

export async function bench(): Promise<Metric[]> {
  const key = Buffer.from('0123456789ABCDEFFEDCBA9876543210', 'hex');
  const data = Buffer.from(Array.from({ length: MESSAGE_BYTES }, (_, index) => (index * 7) & 0xff));
  const cached = new BlockCipher('3des', key);
  const sides = { cached: () => unionPayEcbMac(cached, data), perMessage: () => macWithNewCipher(key, data) };

  // Published answer first (pgate), then both sides against each other.
  const single = new BlockCipher('des', Buffer.alloc(8, 0x22));
  const pgate = unionPayEcbMac(single, Buffer.from('1234567890ABCDEFABCDEF1234567890', 'hex'));
  ensure(pgate.toString('ascii') === 'E267B6E2', 'the MAC agrees with its published answer');
  ensure(sides.cached().equals(sides.perMessage()), 'both sides make the same MAC');

  const { rate, ratio } = sideBySide(sides.cached, sides.perMessage);
  return [
    { name: 'mac.vs_cipher_per_message', value: ratio, unit: 'ratio' },
    { name: 'mac.unionpay_ecb_150_bytes', value: rate, unit: 'messages/s' },
    ...hmac(),
  ];
}

/** A card number as the vault hashes it. */
function hmac(): Metric[] {
  const key = Buffer.alloc(32, 0xa5);
  const pan = Buffer.from('6277880000000008', 'ascii');
  const kept = new HmacSha256(key);
  const made = () => createHmac('sha256', key).update(pan).digest('hex');
  ensure(kept.hexOf(pan) === made(), 'both sides make the same HMAC');
  const { rate, ratio } = sideBySide(() => kept.hexOf(pan), made);
  return [
    { name: 'hmac.vs_create_hmac', value: ratio, unit: 'ratio' },
    { name: 'hmac.sha_256_pan', value: rate, unit: 'calls/s' },
  ];
}

/** The same MAC as one would write it without a cache. */
function macWithNewCipher(key: Buffer, data: Buffer): Buffer {
  const cipher = createCipheriv('des-ede', key, null).setAutoPadding(false);
  const expanded = Buffer.from(foldBlocks(data, 8).toString('hex').toUpperCase(), 'ascii');
  const block = cipher.update(expanded.subarray(0, 8));
  for (let at = 0; at < 8; at += 1) block[at] = (block[at] as number) ^ (expanded[8 + at] as number);
  return Buffer.from(cipher.update(block).toString('hex').toUpperCase().slice(0, 8), 'ascii');
}
