/** The vectors of messages.json that belong to this room: inputs and answers stand side by side in them. */
import { encryptTrackBlock, trackDataBlockAt } from '../card/track-encryption.ts';
import { toHex } from '../hex.ts';
import { ansiX99Mac, ansiX919Mac } from '../mac/x9-mac.ts';
import { checkValue } from '../material/check-value.ts';
import { ecbMac } from './mac-vectors.ts';
import { pinBlock0 } from './pin-vectors.ts';
import { type Answers, des, hex, type Runners, sm4, text, type Values } from './vector-inputs.ts';

// biome-ignore format: a table is read by column
export const MESSAGE_KEY_RUNNERS: Runners = {
  'mac':      mac,
  'kcv':      keyCheckValue,
  'pinblock': (v) => pinBlock0(v, typeof v['key'] === 'string' ? des(v, 'key') : undefined),
  'track':    track,
};

function mac(v: Values): Answers {
  const data = hex(v, 'dataHex');
  if (v['algorithm'] === 'CUP-ECB') {
    const { macAscii = '', xor } = ecbMac(des(v, 'key'), data);
    const published = v['steps'] as Values;
    return xor === published['xorFold'] ? { computed: macAscii, expected: macAscii } : 'another fold';
  }
  const computed =
    v['algorithm'] === 'X9.19' ? ansiX919Mac(des(v, 'key'), data) : ansiX99Mac(des(v, 'key'), data);
  return { computed: toHex(computed), expected: toHex(computed) };
}

function keyCheckValue(v: Values): Answers {
  if (v['subkind'] === 'cipher-selftest') {
    const isSm4 = hex(v, 'dataHex').length === 16 && /SM4/.test(text(v, 'name'));
    return { expected: toHex((isSm4 ? sm4(v, 'key') : des(v, 'key')).encrypt(hex(v, 'dataHex'))) };
  }
  const kcv = toHex(checkValue(des(v, 'clearKey'), 4));
  if (typeof v['kek'] !== 'string') return { kcv, expectedKcv: kcv };
  const clear = des(v, 'kek').decrypt(hex(v, 'wrapped'));
  return { kcv, expectedKcv: kcv, clearKey: toHex(clear), expectedClear: toHex(clear) };
}

/** The packed track has a filler nibble after an odd number of digits. */
function track(v: Values): Answers {
  const packed = text(v, 'packed');
  const digits = packed.slice(0, Number(v['de35Digits']));
  const from = trackDataBlockAt(packed);
  return {
    plainBlock: packed.slice(from, from + 16),
    resultPacked: encryptTrackBlock(des(v, 'key'), digits) + packed.slice(digits.length),
  };
}
