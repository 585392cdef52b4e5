/**
 * The header of a key block, in clear ASCII and bound by its MAC. Source: ANSI X9.143 (TR-31:2018), key
 * block header.
 *
 * ```
 * D0112P0AE00E0000   D version · 0112 length of the whole block · P0 usage · A algorithm · E mode
 *                    00 key version · E exportability · 00 optional blocks · 0 key context · 0 reserved
 * ```
 */
import { PosError } from '../../protocol/index.ts';
import { formatOptionalBlocks, type OptionalBlock, parseOptionalBlocks } from './optional-blocks.ts';
import { isKeyUsage } from './usages.ts';

export const HEADER_CHARACTERS = 16;

/** How a version binds header and key. Lengths in bytes. */
// biome-ignore format: a table is read by column
export const KEY_BLOCK_VERSIONS = {
  A: { protection: 'tdes', binding: 'variant',    blockBytes:  8, macBytes:  4, readOnly: true },
  B: { protection: 'tdes', binding: 'derivation', blockBytes:  8, macBytes:  8, readOnly: false },
  C: { protection: 'tdes', binding: 'variant',    blockBytes:  8, macBytes:  4, readOnly: true },
  D: { protection: 'aes',  binding: 'derivation', blockBytes: 16, macBytes: 16, readOnly: false },
  E: { protection: 'aes',  binding: 'derivation', blockBytes:  1, macBytes: 16, readOnly: false },
} as const;

export type KeyBlockVersion = keyof typeof KEY_BLOCK_VERSIONS;

export interface KeyBlockHeader {
  readonly version: KeyBlockVersion;
  /** Two characters: a row of KEY_USAGES, or a proprietary one that begins with a digit. */
  readonly usage: string;
  /** A AES, D DES, E elliptic curve, H I J HMAC, R RSA, S DSA, T triple DES; a digit: proprietary. */
  readonly algorithm: string;
  /** B both ways, C both of generate and verify, D decrypt, E encrypt, G generate, N any, S sign, T both of sign and decrypt, V verify, X derive, Y variants. */
  readonly mode: string;
  /** `00`: none; `c` and a character: a component; else the version. */
  readonly keyVersion: string;
  /** E under a trusted key, N never, S sensitive: under any other key. */
  readonly exportability: string;
  /** 0 none, 1 storage, 2 exchange. */
  readonly keyContext: string;
  readonly optional: readonly OptionalBlock[];
}

/**
 * Reads the header at the start of a block, with its optional blocks.
 *
 * @returns the header, and how many characters it takes
 * @throws KEY_BLOCK_BAD with the place of what is wrong
 */
export function parseKeyBlockHeader(block: string): {
  readonly header: KeyBlockHeader;
  readonly characters: number;
} {
  if (block.length < HEADER_CHARACTERS)
    throw bad(`${block.length} characters are too few for the header's ${HEADER_CHARACTERS}`);
  // One pattern per place: the message names the place, and never repeats what stood there.
  const [version] = block;
  if (version === undefined || !Object.hasOwn(KEY_BLOCK_VERSIONS, version))
    throw bad('character 1 is no version that is known (A to E)');
  for (const { name, from, to, pattern } of PLACES) {
    if (!pattern.test(block.slice(from, to)))
      throw bad(
        `${name} (character ${from + 1}${to > from + 1 ? ` to ${to}` : ''}) is not as the standard has it`,
      );
  }
  const usage = block.slice(5, 7);
  if (!isKeyUsage(usage)) throw bad('key usage (character 6 to 7) is none of the standard');
  const { optional, characters } = parseOptionalBlocks(block, HEADER_CHARACTERS, Number(block.slice(12, 14)));
  const header = {
    version: version as KeyBlockVersion,
    usage,
    algorithm: block.slice(7, 8),
    mode: block.slice(8, 9),
    keyVersion: block.slice(9, 11),
    exportability: block.slice(11, 12),
    keyContext: block.slice(14, 15),
    optional,
  };
  return { header, characters };
}

/**
 * The header as text. Optional blocks that do not fill whole cipher blocks are followed by a `PB` block.
 *
 * @param blockCharacters of the whole key block, given the characters of this header
 * @throws KEY_BLOCK_BAD a place is not as the standard has it, or the whole is longer than 9999 characters
 */
export function formatKeyBlockHeader(
  header: KeyBlockHeader,
  blockCharacters: (headerCharacters: number) => number,
): string {
  const { blockBytes } = KEY_BLOCK_VERSIONS[header.version];
  const { count, text } = formatOptionalBlocks(header.optional, blockBytes);
  const characters = blockCharacters(HEADER_CHARACTERS + text.length);
  if (characters > 9999) throw bad(`${characters} characters are more than a key block can have (9999)`);
  const fixed = [
    header.version,
    String(characters).padStart(4, '0'),
    header.usage,
    header.algorithm,
    header.mode,
    header.keyVersion,
    header.exportability,
    String(count).padStart(2, '0'),
    header.keyContext,
    '0',
  ].join('');
  // Reading it back refuses what no reader would take.
  parseKeyBlockHeader(fixed + text);
  return fixed + text;
}

/** Places of the fixed part, counted from zero; usage and version have tables of their own. */
// biome-ignore format: a table is read by column
const PLACES = [
  { name: 'length',             from:  1, to:  5, pattern: /^[0-9]{4}$/ },
  { name: 'algorithm',          from:  7, to:  8, pattern: /^[ADEHIJRST0-9]$/ },
  { name: 'mode of use',        from:  8, to:  9, pattern: /^[BCDEGNSTVXY0-9]$/ },
  { name: 'key version',        from:  9, to: 11, pattern: /^[0-9A-Za-z]{2}$/ },
  { name: 'exportability',      from: 11, to: 12, pattern: /^[ENS]$/ },
  { name: 'number of optional', from: 12, to: 14, pattern: /^[0-9]{2}$/ },
  { name: 'key context',        from: 14, to: 15, pattern: /^[012]$/ },
  { name: 'reserved place',     from: 15, to: 16, pattern: /^0$/ },
] as const;

function bad(why: string): PosError {
  return new PosError('KEY_BLOCK_BAD', `key block header: ${why}`);
}
