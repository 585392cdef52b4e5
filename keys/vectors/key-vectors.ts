/** Vectors of ciphers, check values, components, variants, the sign-in's keys and key blocks. */
import { BlockCipher, tdesCipher } from '../cipher/block-cipher.ts';
import { fromHex, toHex } from '../hex.ts';
import { type KeyBlockVersion, parseKeyBlockHeader } from '../key-block/header.ts';
import { encodeKeyBlock, unwrapKeyBlock } from '../key-block/key-block.ts';
import { KeyBlockProtectionKey } from '../key-block/protection-key.ts';
import { aesCheckValue, checkValue } from '../material/check-value.ts';
import { combineComponents, withOddParity } from '../material/key-quality.ts';
import { keyVariant, type ThalesScheme, thalesVariantEncrypt } from '../material/key-variant.ts';
import { openKeySlots } from '../vault/working-keys.ts';
import { type Answers, aes, des, hex, type Runners, sm4, text, type Values } from './vector-inputs.ts';

// biome-ignore format: a table is read by column
export const KEY_RUNNERS: Runners = {
  'des.ecb.encrypt':         (v) => toHex(des(v, 'key').encrypt(hex(v, 'data'))),
  'des.ecb.decrypt':         (v) => toHex(des(v, 'key').decrypt(hex(v, 'data'))),
  'des.cbc.encrypt':         (v) => toHex(des(v, 'key').encryptCbc(hex(v, 'data'), hex(v, 'iv'))),
  'kcv.des':                 (v) => toHex(checkValue(des(v, 'key'), Number(v['bytes']))),
  'kcv.aes-cmac':            (v) => toHex(aesCheckValue(hex(v, 'key'), Number(v['bytes']))),
  'kcv.aes-ecb':             (v) => toHex(checkValue(aes(v, 'key'), Number(v['bytes']))),
  'key.components':          componentsOf,
  'key.parity':              (v) => toHex(withOddParity(hex(v, 'key'))),
  'key.variant8':            (v) => toHex(keyVariant(hex(v, 'key'), Number(v['variant']))),
  'hsm.thales-variant-lmk':  (v) => toHex(thalesVariantEncrypt(des(v, 'lmk'), Number(v['variant']), text(v, 'scheme') as ThalesScheme, hex(v, 'clear'))),
  'unionpay.signon62':       signOn,
  'sm4.keyunwrap-check':     (v) => ({ check8: toHex(checkValue(new BlockCipher('sm4', sm4(v, 'tmk').decrypt(hex(v, 'encKey'))), 8)) }),
  'tr31.unwrap':             (v) => toHex(unwrapKeyBlock(protectionKey(v, text(v, 'block')), text(v, 'block')).key),
  'tr31.wrap':               wrapped,
  'tr31.keys':               bindingKeys,
};

function protectionKey(v: Values, block: string): KeyBlockProtectionKey {
  return new KeyBlockProtectionKey(/^[ABC]/.test(block) ? 'tdes' : 'aes', hex(v, 'kbpk'));
}

/** The header's length is not known before the block is made: the vectors print 0000. */
function wrapped(v: Values): string {
  const { header } = parseKeyBlockHeader(text(v, 'header'));
  return encodeKeyBlock(protectionKey(v, text(v, 'header')), header, hex(v, 'key'), hex(v, 'pad'));
}

function bindingKeys(v: Values): Answers {
  const version = text(v, 'version') as KeyBlockVersion;
  const { kbek, kbak } = protectionKey(v, version).keysFor(version);
  return { kbek: toHex(kbek.copyKey()), kbak: toHex(kbak.copyKey()) };
}

function componentsOf(v: Values): Answers {
  const key = combineComponents(
    (v['components'] as readonly string[]).map((part) => fromHex(part, 'component')),
    'key',
  );
  return { key: toHex(key), kcv: toHex(checkValue(tdesCipher(key))) };
}

function signOn(v: Values): Answers {
  const [pik, mak] = openKeySlots(des(v, 'tmk'), '003', text(v, 'de62'));
  if (pik === undefined || mak === undefined) return 'no keys';
  const check = ({ algorithm, bytes }: typeof pik) => toHex(checkValue(new BlockCipher(algorithm, bytes), 4));
  return { pik: toHex(pik.bytes), pikCheck: check(pik), mak: toHex(mak.bytes), makCheck: check(mak) };
}
