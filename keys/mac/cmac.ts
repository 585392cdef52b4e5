/** CMAC: ISO/IEC 9797-1:2011 algorithm 5, NIST SP 800-38B, RFC 4493. */
import { xorInto } from '../cipher/block-cipher.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { lastBlock } from './iso-9797-1.ts';
import { padMethod1, padMethod2 } from './padding.ts';

/**
 * CBC-MAC whose last block takes a subkey first, so that no message is the beginning of another. What
 * to choose where the interface leaves the choice. AES, SM4, triple DES of two or three keys.
 *
 * @returns one block: 16 bytes (AES, SM4) or 8 (triple DES)
 * @example AES 2B7E151628AED2A6ABF7158809CF4F3C over no data: BB1D6929E95937287FA37D129B756746 (RFC 4493)
 * @example triple DES 8AA83BF8CBDA10620BC1BF19FBB6CD58BC313D4A371CA8B5 over no data: B7A688E122FFAF95
 *   (NIST SP 800-38B, appendix D.3)
 * @example SM4 0123456789ABCDEFFEDCBA9876543210 over no data: 29E154322E5C7BD8EE6A25BA549B24BC
 *   (GB/T 15852.1-2020, appendix B)
 */
export function cmac(key: KeyedCipher, data: Buffer): Buffer {
  const { blockBytes } = key;
  const isWhole = data.length > 0 && data.length % blockBytes === 0;
  const [whole, part] = key.cmacSubkeys();
  const blocks = isWhole ? padMethod1(data, blockBytes) : padMethod2(data, blockBytes);
  xorInto(blocks.subarray(blocks.length - blockBytes), isWhole ? whole : part);
  const mac = lastBlock(key, blocks);
  // It may have been a key: key blocks bind theirs in the clear.
  blocks.fill(0);
  return mac;
}
