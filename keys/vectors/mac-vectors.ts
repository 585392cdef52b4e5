/** Vectors of MACs and paddings. */

import type { BlockCipher } from '../cipher/block-cipher.ts';
import { toHex } from '../hex.ts';
import { cmac } from '../mac/cmac.ts';
import { iso9797Mac1, iso9797Mac2, iso9797Mac3, iso9797Mac4 } from '../mac/iso-9797-1.ts';
import { type PaddingMethod, padMethod1, padMethod2, padMethod3 } from '../mac/padding.ts';
import { foldBlocks, unionPayEcbMac } from '../mac/unionpay-ecb-mac.ts';
import { ansiX99Mac, ansiX919Mac } from '../mac/x9-mac.ts';
import { type Answers, aes, des, hex, named, type Runners, sm4, text, type Values } from './vector-inputs.ts';

// biome-ignore format: a table is read by column
export const MAC_RUNNERS: Runners = {
  'mac.pad.method1':   (v) => toHex(padMethod1(hex(v, 'data'), Number(v['block']))),
  'mac.pad.method2':   (v) => toHex(padMethod2(hex(v, 'data'), Number(v['block']))),
  'mac.pad.method3':   (v) => toHex(padMethod3(hex(v, 'data'), Number(v['block']))),
  'mac.iso9797.alg1':  (v) => cut(v, iso9797Mac1(named(v, 'key'), hex(v, 'data'), padding(v))),
  'mac.iso9797.alg2':  (v) => cut(v, iso9797Mac2(named(v, 'key'), named(v, 'key2'), hex(v, 'data'), padding(v))),
  'mac.iso9797.alg3':  (v) => cut(v, iso9797Mac3(named(v, 'key'), named(v, 'key2'), hex(v, 'data'), padding(v))),
  'mac.iso9797.alg4':  (v) => cut(v, iso9797Mac4(named(v, 'key'), named(v, 'key2'), hex(v, 'data'), padding(v))),
  'mac.cmac.tdes':     (v) => cut(v, cmac(des(v, 'key'), hex(v, 'data'))),
  'mac.cmac.aes':      (v) => cut(v, cmac(aes(v, 'key'), hex(v, 'data'))),
  'mac.cmac.sm4':      (v) => cut(v, cmac(sm4(v, 'key'), hex(v, 'data'))),
  'mac.x9.9':          (v) => cut(v, ansiX99Mac(des(v, 'key'), hex(v, 'data'))),
  'mac.x9.19':         (v) => cut(v, ansiX919Mac(des({ key: text(v, 'key') + text(v, 'key2') }, 'key'), hex(v, 'data'))),
  'mac.unionpay-ecb':  (v) => ecbMac(named(v, 'key'), hex(v, 'mab')),
};

/** The UnionPay MAC with the steps that the sources print. */
export function ecbMac(cipher: BlockCipher, data: Buffer): Exclude<Answers, string | boolean> {
  const mac = unionPayEcbMac(cipher, data);
  return {
    xor: toHex(foldBlocks(data, cipher.blockBytes)),
    macAscii: mac.toString('ascii'),
    de64: toHex(mac),
  };
}

/** Where the vector says how many bytes travel, no more of them are printed. */
function cut(values: Values, mac: Buffer): string {
  const bytes = values['macBytes'];
  return toHex(typeof bytes === 'number' ? mac.subarray(0, bytes) : mac);
}

function padding(values: Values): PaddingMethod {
  const method = values['padding'];
  if (method !== 1 && method !== 2 && method !== 3) throw new Error('the vector has no padding');
  return method;
}
