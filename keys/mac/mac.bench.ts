/**
 * What a MAC costs: the cipher object cached per key against one made for each message. Asserts the
 * answers before it times anything; the ratio is taken in one sitting, the sides in turn.
 */
import { createCipheriv } from 'node:crypto';
import { ensure } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { foldBlocks, unionPayEcbMac } from './unionpay-ecb-mac.ts';

export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const MESSAGE_BYTES = 150;
const ROUNDS = 7;
const ROUND_MS = 120;

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

  const rates: { cached: number[]; perMessage: number[] } = { cached: [], perMessage: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    rates.cached.push(rate(sides.cached));
    rates.perMessage.push(rate(sides.perMessage));
  }
  const cachedRate = median(rates.cached);
  return [
    {
      name: 'mac.vs_cipher_per_message',
      value: round2(cachedRate / median(rates.perMessage)),
      unit: 'ratio',
    },
    { name: 'mac.unionpay_ecb_150_bytes', value: Math.round(cachedRate), unit: 'messages/s' },
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

/** Calls a second, over at least ROUND_MS. */
function rate(act: () => unknown): number {
  const started = process.hrtime.bigint();
  const end = started + BigInt(ROUND_MS) * 1_000_000n;
  let calls = 0;
  let now = started;
  while (now < end) {
    for (let batch = 0; batch < 200; batch += 1) act();
    calls += 200;
    now = process.hrtime.bigint();
  }
  return (calls * 1e9) / Number(now - started);
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] as number;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
