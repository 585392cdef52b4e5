/**
 * Key blocks: TR-31:2018, ANSI X9.143, ISO 20038 (version E). A key travels or rests encrypted under a
 * key block protection key, bound to a header that says what it is for.
 *
 * Versions A and C are read only: X9.143 withdrew them (their MAC has 32 bits, and their keys are
 * simple variants).
 */
import { PosError } from '../../protocol/index.ts';
import type { BlockCipher } from '../cipher/block-cipher.ts';
import { toHex } from '../hex.ts';
import { cmac } from '../mac/cmac.ts';
import { lastBlock } from '../mac/iso-9797-1.ts';
import { sameBytes } from '../same-bytes.ts';
import {
  formatKeyBlockHeader,
  KEY_BLOCK_VERSIONS,
  type KeyBlockHeader,
  parseKeyBlockHeader,
} from './header.ts';
import type { KeyBlockProtectionKey } from './protection-key.ts';
import { KEY_USAGES } from './usages.ts';

/** Bytes in front of the key that say its length in bits. */
const LENGTH_BYTES = 2;

/** Key lengths in bytes by algorithm letter, and the length up to which padding hides them. */
const KEY_LENGTHS: Readonly<Record<string, { readonly bytes: readonly number[]; readonly hidden: number }>> =
  {
    A: { bytes: [16, 24, 32], hidden: 32 },
    D: { bytes: [8], hidden: 24 },
    T: { bytes: [16, 24], hidden: 24 },
  };

/**
 * Opens a key block.
 *
 * Nothing that the block says is acted on before its MAC was compared in constant time. What the key may
 * be used for stands in the header: give it to `refuseForeignUsage`.
 *
 * @param block upper-case ASCII, as long as its own length field says
 * @returns the header, and the key's bytes, which the caller wipes
 * @example version D, KBPK 88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6,
 *   D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34
 *   holds 3F419E1CB7079442AA37474C2EFBF8B8 (TR-31:2018 A.7.4, via openemv/tr31's test suite)
 * @throws KEY_BLOCK_BAD
 */
export function unwrapKeyBlock(
  kbpk: KeyBlockProtectionKey,
  block: string,
): { readonly header: KeyBlockHeader; readonly key: Buffer } {
  const { header, characters } = parseKeyBlockHeader(block);
  const { blockBytes, macBytes, binding } = KEY_BLOCK_VERSIONS[header.version];
  if (Number(block.slice(1, 5)) !== block.length)
    throw bad(`it has ${block.length} characters, and its header says another number`);
  if (characters % blockBytes !== 0) throw bad('its header does not fill whole cipher blocks');
  const macAt = block.length - macBytes * 2;
  const bodyCharacters = macAt - characters;
  if (bodyCharacters < LENGTH_BYTES * 2 || bodyCharacters % (blockBytes * 2) !== 0)
    throw bad('the encrypted key does not fill whole cipher blocks');
  const cipherText = bytesAt(block, characters, macAt);
  const mac = bytesAt(block, macAt, block.length);
  const { kbek, kbak } = kbpk.keysFor(header.version);
  const head = Buffer.from(block.slice(0, characters), 'ascii');
  if (binding === 'variant') {
    if (!sameBytes(variantMac(kbak, head, cipherText), mac)) throw differs();
    return { header, key: keyOf(kbek.decryptCbc(cipherText, head.subarray(0, blockBytes))) };
  }
  const clear = header.version === 'E' ? kbek.ctr(cipherText, mac) : kbek.decryptCbc(cipherText, mac);
  if (sameBytes(derivationMac(kbak, head, clear), mac)) return { header, key: keyOf(clear) };
  clear.fill(0);
  throw differs();
}

/**
 * Wraps a key in a key block of version B, D or E.
 *
 * The key's length is hidden: padding fills up to the longest key of its algorithm.
 *
 * @param key in the clear; the caller wipes it
 * @param random makes the padding
 * @throws KEY_BLOCK_BAD version A or C, a mode that the usage does not allow, a key that does not fit its
 *   algorithm or is stronger than the protection key, a block longer than 9999 characters
 */
export function wrapKeyBlock(
  kbpk: KeyBlockProtectionKey,
  header: KeyBlockHeader,
  key: Buffer,
  random: (bytes: number) => Buffer,
): string {
  const { readOnly, blockBytes } = KEY_BLOCK_VERSIONS[header.version];
  if (readOnly) throw bad(`version ${header.version} is read only: wrap in version B, D or E`);
  refuseUnfit(kbpk, header, key);
  const bytes = LENGTH_BYTES + Math.max(key.length, KEY_LENGTHS[header.algorithm]?.hidden ?? 0);
  const filled = Math.ceil(bytes / blockBytes) * blockBytes;
  return encodeKeyBlock(kbpk, header, key, random(filled - LENGTH_BYTES - key.length));
}

/**
 * The block as the standard computes it, in any version and with the padding given. For wrapKeyBlock,
 * and for published examples; it decides nothing.
 */
export function encodeKeyBlock(
  kbpk: KeyBlockProtectionKey,
  header: KeyBlockHeader,
  key: Buffer,
  pad: Buffer,
): string {
  const { blockBytes, macBytes, binding } = KEY_BLOCK_VERSIONS[header.version];
  const { kbek, kbak } = kbpk.keysFor(header.version);
  const clear = Buffer.concat([Buffer.alloc(LENGTH_BYTES), key, pad]);
  clear.writeUInt16BE(key.length * 8);
  const text = formatKeyBlockHeader(header, (characters) => characters + (clear.length + macBytes) * 2);
  const head = Buffer.from(text, 'ascii');
  const bound = (): [Buffer, Buffer] => {
    if (binding === 'variant') {
      const cipherText = kbek.encryptCbc(clear, head.subarray(0, blockBytes));
      return [cipherText, variantMac(kbak, head, cipherText)];
    }
    const mac = derivationMac(kbak, head, clear);
    return [header.version === 'E' ? kbek.ctr(clear, mac) : kbek.encryptCbc(clear, mac), mac];
  };
  const [cipherText, mac] = bound();
  clear.fill(0);
  return text + toHex(cipherText) + toHex(mac);
}

/** Version A and C: CBC-MAC over header and cipher text, four bytes of it. */
function variantMac(kbak: BlockCipher, head: Buffer, cipherText: Buffer): Buffer {
  return lastBlock(kbak, Buffer.concat([head, cipherText])).subarray(0, 4);
}

/** Version B, D and E: CMAC over header and clear key. */
function derivationMac(kbak: BlockCipher, head: Buffer, clear: Buffer): Buffer {
  const bound = Buffer.concat([head, clear]);
  const mac = cmac(kbak, bound);
  bound.fill(0);
  return mac;
}

/** The key after its length in bits; the rest is padding. Wipes what it was given. */
function keyOf(clear: Buffer): Buffer {
  const bits = clear.readUInt16BE();
  const isWhole = bits > 0 && bits % 8 === 0 && bits / 8 <= clear.length - LENGTH_BYTES;
  const key = isWhole ? Buffer.from(clear.subarray(LENGTH_BYTES, LENGTH_BYTES + bits / 8)) : undefined;
  clear.fill(0);
  if (key === undefined) throw bad('the length of the key in it cannot be');
  return key;
}

function refuseUnfit(kbpk: KeyBlockProtectionKey, header: KeyBlockHeader, key: Buffer): void {
  const { usage, algorithm, mode } = header;
  const modes = KEY_USAGES[usage]?.modes;
  if (modes !== undefined && !modes.includes(mode))
    throw bad(`usage ${usage} goes with mode ${[...modes].join(', ')}`);
  const lengths = KEY_LENGTHS[algorithm];
  if (lengths === undefined ? key.length === 0 : !lengths.bytes.includes(key.length))
    throw bad(`no key of algorithm ${algorithm} has ${key.length} bytes`);
  if (algorithm === 'A' && (kbpk.protection !== 'aes' || key.length * 8 > kbpk.bits))
    throw bad('an AES key goes under an AES key that is as long or longer');
  if (kbpk.protection === 'tdes' && key.length * 8 > kbpk.bits)
    throw bad('the key is stronger than the one that is to protect it');
}

function bytesAt(block: string, from: number, to: number): Buffer {
  const text = block.slice(from, to);
  const wrong = text.search(/[^0-9A-F]/);
  if (wrong >= 0) throw bad(`character ${from + wrong + 1} is no upper-case hexadecimal digit`);
  return Buffer.from(text, 'hex');
}

function differs(): PosError {
  return bad('its MAC differs: it was changed, or made under another protection key');
}

function bad(why: string): PosError {
  return new PosError('KEY_BLOCK_BAD', `key block: ${why}`);
}
