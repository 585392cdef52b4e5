import { throws } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { fromHex, toHex } from '../hex.ts';
import { type KeyBlockHeader, type KeyBlockVersion, parseKeyBlockHeader } from './header.ts';
import { encodeKeyBlock, unwrapKeyBlock, wrapKeyBlock } from './key-block.ts';
import { KeyBlockProtectionKey } from './protection-key.ts';
import { refuseForeignUsage } from './usages.ts';

const KBPK_D = '88E1AB2A2E3DD38C1FA039A536500CC8A87AB9D62DC92C01058FA79F44657DE6';
const BLOCK_D =
  'D0112P0AE00E0000B82679114F470F540165EDFBF7E250FCEA43F810D215F8D207E2E417C07156A27E8E31DA05F7425509593D03A457DC34';
const KEY_D = '3F419E1CB7079442AA37474C2EFBF8B8';

const published = suite('published key blocks');

// biome-ignore format: a table is read by column
for (const [source, kbpk, pad, key, block] of [
  ['version A, payShield (openemv/tr31)',                        'EFE0853B256B583D868F251CE99EA1D9', '89BC81604BDF', '5DB50B454F8389ADCE573BE50861F2BF', 'A0072K0TN00N0000F40D5672C6D0EC86F860BA88D44D00F0CA9A8CE8CD2F640287A9A9EB'],
  ['version B, TR-31:2018 A.7.2 (openemv/tr31)',                 'DD7515F2BFC17F85CE48F3CA25CB21F6', '1C2965473CE2', '3F419E1CB7079442AA37474C2EFBF8B8', 'B0080P0TE00E000094B420079CC80BA3461F86FE26EFC4A3B8E4FA4C5F5341176EED7B727B8A248E'],
  ['version C with a key serial number (openemv/tr31)',          'B8ED59E0A279A295E9F5ED7944FD06B9', '8546A8ED98D1', 'EDB380DD340BC2620247D445F5B8D678', 'C0096B0TX12S0100KS1800604B120F9292800000BFB9B689CB567E66FC3FEE5AD5F52161FC6545B9D60989015D02155C'],
  ['version D, TR-31:2018 A.7.4 (openemv/tr31)',                 KBPK_D, '1C2965473CE206BB855B01533782', KEY_D, BLOCK_D],
  ['version E, ISO 20038 B.2 (openemv/tr31)',                    '3235362D62697420414553207772617070696E67202849534F20323030333829', '', '777261707065642033444553206B6579', 'E0084B0TV16N0000B2AE5E26BBA7F246E84D5EA24167E208A6B66EF2E27E55A52DB52F0AEACB94C57547'],
  ['version D with three optional blocks, X9.143:2021 8.2 (openemv/tr31)', 'E38331FBACE33F0B8694ABA5DC611CA20831949FEB8988102147291578F704E1', '1A87BBFA2CFE78D383E5F4C6AA83', '8C326037F8910BBFDBC267E5101DFBF9480433028D5E67B34673440F8ACEC972', 'D0192C0AVA1N0300KS08VM9ATS1A2018-06-18T20:42:39.22PB0E00000000005FDAFA00A1E84F599C2EB51A1F7A767D5E42314F0E84A3FC1A7B84C1DE81114659E6306AD544208F68F15602BD3E12DA0C7F9FC551F1C8E6385FAFC1F7B499F5'],
] as const) {
  published(`${source}: the key comes out, and wrapping it gives the block again`, () => {
    const protection = protectionKey(block[0] as KeyBlockVersion, kbpk);
    const { header, key: opened } = unwrapKeyBlock(protection, block);
    assert.is(toHex(opened), key);
    assert.is(encodeKeyBlock(protection, header, fromHex(key, 'key'), fromHex(pad, 'pad')), block);
  });
}

published('version B derives the keys that TR-31:2018 A.7.2 prints', () => {
  const { kbek, kbak } = protectionKey('B', 'DD7515F2BFC17F85CE48F3CA25CB21F6').keysFor('B');
  assert.is(toHex(kbek.copyKey()), '698832F8778A7CFCBC79559DAB07B88A');
  assert.is(toHex(kbak.copyKey()), 'DD6CEEC1782D8453671BF8358AF9DB47');
});

published('the example that X9.143:2021 8.3.2.1 misprints is refused', () => {
  const block = 'A0072P0TE00E0000A8974C06DBFD58D197101A28DEC1A6C7C23F00A3B18EC6D538DE4A5B5F49A542D61A8A8B';
  const kbpk = protectionKey('A', '89E88CF7931444F334BD7547FC3F380C');
  throws(() => unwrapKeyBlock(kbpk, block), refused('88 characters'));
  throws(() => unwrapKeyBlock(kbpk, block.replace('A0072', 'A0088')), refused('MAC differs'));
});

published.run();

const wrapping = suite('wrapping');

const HEADER: KeyBlockHeader = {
  version: 'D',
  usage: 'P0',
  algorithm: 'T',
  mode: 'E',
  keyVersion: '00',
  exportability: 'N',
  keyContext: '0',
  optional: [],
};

const anyVersion = fc.constantFrom('B', 'D', 'E');
const anyOptional = fc.uniqueArray(
  fc.record(
    { id: fc.stringMatching(/^[A-OQ-Z0-9][A-Z0-9]$/), data: fc.stringMatching(/^[ -~]{0,300}$/) },
    { noNullPrototype: true },
  ),
  { maxLength: 4, selector: ({ id }) => id },
);

wrapping('what was wrapped in B, D or E comes out with its header, optional blocks of any length too', () => {
  fc.assert(
    fc.property(anyVersion, fc.constantFrom(16, 24), anyOptional, (version, length, optional) => {
      const protection = protectionKey(version, randomBytes(version === 'B' ? 24 : 32).toString('hex'));
      const key = randomBytes(length);
      const block = wrapKeyBlock(protection, { ...HEADER, version, optional }, key, randomBytes);
      const opened = unwrapKeyBlock(protection, block);
      assert.equal(opened.key, key);
      assert.equal(
        opened.header.optional.filter(({ id }) => id !== 'PB'),
        optional,
      );
      assert.equal({ ...opened.header, optional }, { ...HEADER, version, optional });
    }),
    { numRuns: 60, verbose: fc.VerbosityLevel.Verbose },
  );
});

wrapping('keys of every length of an algorithm make blocks of one length: it is hidden', () => {
  const protection = protectionKey('D', KBPK_D);
  const lengths = (algorithm: string, bytes: readonly number[]) =>
    bytes.map(
      (length) => wrapKeyBlock(protection, { ...HEADER, algorithm }, randomBytes(length), randomBytes).length,
    );
  assert.equal(lengths('T', [16, 24]), [112, 112]);
  assert.equal(lengths('A', [16, 24, 32]), [144, 144, 144]);
});

wrapping('a certificate longer than 255 characters takes the long form of X9.143', () => {
  const data = 'M'.repeat(0x500 - 10);
  const optional = [{ id: 'CT', data }];
  const block = wrapKeyBlock(
    protectionKey('D', KBPK_D),
    { ...HEADER, optional },
    randomBytes(16),
    randomBytes,
  );
  assert.is(block.slice(16, 26), 'CT00040500');
  assert.equal(parseKeyBlockHeader(block).header.optional[0], { id: 'CT', data });
});

// biome-ignore format: a table is read by column
for (const [change, keyBytes, part] of [
  [{ version: 'A' },                                     16, 'read only'],
  [{ version: 'C' },                                     16, 'read only'],
  [{ mode: 'G' },                                        16, 'usage P0 goes with mode B, D, E, N'],
  [{ usage: 'M3', mode: 'E' },                           16, 'usage M3 goes with mode C, G, V, N'],
  [{ usage: 'Q7' },                                      16, 'none of the standard'],
  [{ exportability: 'X' },                               16, 'exportability (character 12)'],
  [{ keyVersion: '0' },                                  16, 'key block header'],
  [{ algorithm: 'A' },                                   17, 'no key of algorithm A has 17 bytes'],
  [{ algorithm: 'T' },                                    8, 'no key of algorithm T has 8 bytes'],
  [{ algorithm: 'H', usage: 'M7', mode: 'C' },            0, 'no key of algorithm H has 0 bytes'],
  [{ algorithm: 'R', usage: 'S0', mode: 'S' },         5000, 'more than a key block can have'],
  [{ optional: [{ id: 'ks', data: '' }] },               16, 'identifier'],
  [{ optional: [{ id: 'LB', data: 'Schlüssel' }] },      16, 'printable ASCII'],
  [{ optional: [{ id: 'LB', data: 'a' }, { id: 'LB', data: 'b' }] }, 16, 'came before'],
  [{ optional: [{ id: 'PB', data: '' }, { id: 'LB', data: '' }] },   16, 'padding comes before it'],
  [{ optional: [{ id: 'CT', data: 'M'.repeat(70_000) }] },           16, 'one optional block'],
] as const) {
  wrapping(`is refused: ${JSON.stringify(change).slice(0, 60)} with ${keyBytes} bytes of key`, () => {
    const version = 'version' in change ? change.version : 'D';
    const kbpk = protectionKey(version, version === 'D' ? KBPK_D : '89E88CF7931444F334BD7547FC3F380C');
    throws(() => wrapKeyBlock(kbpk, { ...HEADER, ...change }, Buffer.alloc(keyBytes, 1), randomBytes), refused(part));
  });
}

wrapping('a key is not put under one that is weaker', () => {
  const tdes = protectionKey('B', '89E88CF7931444F334BD7547FC3F380C');
  const aes128 = protectionKey('D', KEY_D);
  const header = { ...HEADER, version: 'B' } as const;
  throws(() => wrapKeyBlock(tdes, header, randomBytes(24), randomBytes), refused('stronger'));
  throws(
    () => wrapKeyBlock(tdes, { ...header, algorithm: 'A' }, randomBytes(16), randomBytes),
    refused('AES key'),
  );
  throws(
    () => wrapKeyBlock(aes128, { ...HEADER, algorithm: 'A' }, randomBytes(32), randomBytes),
    refused('AES key'),
  );
});

wrapping('a protection key of the other family, or of no length that its family has, is refused', () => {
  throws(() => unwrapKeyBlock(protectionKey('B', KEY_D), BLOCK_D), refused('version D needs an AES key'));
  throws(() => new KeyBlockProtectionKey('tdes', Buffer.alloc(8)), isCode('KEY_BAD'));
  throws(() => new KeyBlockProtectionKey('aes', Buffer.alloc(15)), isCode('KEY_BAD'));
});

wrapping('a wiped protection key opens nothing', () => {
  const protection = protectionKey('D', KBPK_D);
  unwrapKeyBlock(protection, BLOCK_D);
  protection.wipe();
  throws(() => unwrapKeyBlock(protection, BLOCK_D), refused('MAC differs'));
});

wrapping.run();

const tampering = suite('a key block that was touched');

tampering('every single flipped bit of a block is refused, in every version', () => {
  for (const version of ['A', 'B', 'C', 'D', 'E'] as const) {
    const protection = protectionKey(
      version,
      /[ABC]/.test(version) ? 'DD7515F2BFC17F85CE48F3CA25CB21F6' : KBPK_D,
    );
    const header = { ...HEADER, version, optional: [{ id: 'LB', data: 'till' }] };
    const block = encodeKeyBlock(
      protection,
      header,
      Buffer.alloc(16, 7),
      Buffer.alloc(version === 'E' ? 0 : 14, 3),
    );
    unwrapKeyBlock(protection, block);
    for (let bit = 0; bit < block.length * 8; bit += 1) {
      const bytes = Buffer.from(block, 'latin1');
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      throws(
        () => unwrapKeyBlock(protection, bytes.toString('latin1')),
        isCode('KEY_BLOCK_BAD'),
        `bit ${bit}`,
      );
    }
  }
});

// biome-ignore format: a table is read by column
for (const [what, block, part] of [
  ['nothing at all',                     '',                                                     '0 characters'],
  ['a header cut short',                 'D0112P0AE00E000',                                      '15 characters'],
  ['an unknown version',                 `Z${BLOCK_D.slice(1)}`,                                 'character 1 is no version'],
  ['a length that is not decimal',       BLOCK_D.replace('0112', 'X112'),                        'length (character 2 to 5)'],
  ['a block cut short',                  BLOCK_D.slice(0, -2),                                   '110 characters'],
  ['a block with something behind',      `${BLOCK_D}00`,                                         '114 characters'],
  ['a foreign usage',                    BLOCK_D.replace('P0', 'M3'),                            'MAC differs'],
  ['an algorithm that is none',          BLOCK_D.replace('P0A', 'P0z'),                          'algorithm (character 8)'],
  ['a mode that is none',                BLOCK_D.replace('P0AE', 'P0AZ'),                        'mode of use (character 9)'],
  ['a reserved place that is used',      BLOCK_D.replace('0000B8', '0001B8'),                    'reserved place (character 16)'],
  ['lower-case cipher text',             BLOCK_D.toLowerCase().replace('d0112p0ae00e', 'D0112P0AE00E'), 'character 17 is no upper-case hexadecimal digit'],
  ['a character that is no digit',       `${BLOCK_D.slice(0, 50)}G${BLOCK_D.slice(51)}`,         'character 51 is no upper-case'],
  ['all zeros behind the header',        `D0112P0AE00E0000${'0'.repeat(96)}`,                    'MAC differs'],
  ['no encrypted key',                   `D0048P0AE00E0000${'0'.repeat(32)}`,                    'does not fill whole cipher blocks'],
  ['a MAC that is cut off',              `D0032P0AE00E0000${'0'.repeat(16)}`,                    'does not fill whole cipher blocks'],
  ['optional blocks that are not there', `D0016P0AE00E0100`,                                     'optional block 1: its identifier'],
  ['an optional length without digits',  `D0020P0AE00E0100KS1Y`,                                 'optional block 1: its length'],
  ['an optional length below its head',  `D0020P0AE00E0100KS02`,                                 'does not cover its own head'],
  ['an optional block past the end',     `D0020P0AE00E0100KS18`,                                 'it ends behind the end of the text'],
  ['a long form of no digits',           `D0022P0AE00E0100KS0000`,                               'its long form'],
  ['a long form cut short',              `D0024P0AE00E0100KS0004FF`,                             'its long length'],
  ['a second optional block cut short',  `D0021P0AE00E0200KS04T`,                                'optional block 2: its identifier'],
  ['a header that fills no whole block', `D0116P0AE00E0100LB04${BLOCK_D.slice(16)}`,             'its header does not fill'],
] as const) {
  tampering(`${what} is refused by place, and nothing of the key is told`, () => {
    throws(() => unwrapKeyBlock(protectionKey('D', KBPK_D), block), refused(part));
  });
}

tampering('another protection key tells nothing but that the MAC differs', () => {
  throws(() => unwrapKeyBlock(protectionKey('D', KEY_D), BLOCK_D), refused('MAC differs'));
});

tampering('a length of key that cannot be is refused after the MAC was right (psec)', () => {
  const kbpk = protectionKey('B', '45454545454545454545454545454545');
  throws(
    () => unwrapKeyBlock(kbpk, 'B0064M3TC00E00000398DC96A5DDB0EF61E26F8935173BD478DF9484050A672A'),
    refused('length of the key'),
  );
});

tampering.run();

const usage = suite('what the header says that the key is for');

const PIN_ENCRYPTION = { usages: ['P0'], modes: 'BE', algorithms: 'TA' };

usage('a PIN key serves to encrypt PIN blocks', () => {
  refuseForeignUsage({ ...HEADER, mode: 'E' }, PIN_ENCRYPTION);
  refuseForeignUsage({ ...HEADER, mode: 'N' }, PIN_ENCRYPTION);
});

// biome-ignore format: a table is read by column
for (const [change, part] of [
  [{ usage: 'M3', mode: 'G' }, 'the key is for M3, wanted is P0'],
  [{ mode: 'D' },              "mode of use is D"],
  [{ algorithm: 'H' },         "algorithm is H"],
] as const) {
  usage(`${JSON.stringify(change)} is refused`, () => {
    throws(
      () => refuseForeignUsage({ ...HEADER, ...change }, PIN_ENCRYPTION),
      (error: PosError) => error.code === 'KEY_USE' && error.detail.includes(part),
    );
  });
}

usage.run();

function protectionKey(version: KeyBlockVersion, key: string): KeyBlockProtectionKey {
  return new KeyBlockProtectionKey(/[ABC]/.test(version) ? 'tdes' : 'aes', fromHex(key, 'key'));
}

/** KEY_BLOCK_BAD whose text has this part and no run of hexadecimal digits that could be a key. */
function refused(part: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof PosError &&
    error.code === 'KEY_BLOCK_BAD' &&
    error.detail.includes(part) &&
    !/[0-9A-F]{8}/.test(error.detail);
}

function isCode(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
