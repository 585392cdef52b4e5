import { throws } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { aesCipher, BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex, toHex } from '../hex.ts';
import { pan12, panField4 } from './pan-field.ts';
import {
  decodePinBlock0,
  decodePinBlock1,
  decodePinBlock2,
  decodePinBlock3,
  decodePinBlockSm4,
  encodePinBlock0,
  encodePinBlock1,
  encodePinBlock2,
  encodePinBlock3,
  encodePinBlockSm4,
} from './pin-block.ts';
import { decipherPinBlock4, encipherPinBlock4 } from './pin-block-4.ts';
import { encipherPinBlock, type PanBoundFormat } from './pin-formats.ts';
import { type PinBlockKey, translatePinBlock } from './translate-pin-block.ts';

const format0 = suite('ISO 9564-1 format 0');

// biome-ignore format: a table is read by column
for (const [pin, pan, block, source] of [
  ['1234',         '5555555551234567',   '041261AAAAEDCBA9', 'psec'],
  ['123456789012', '5555555551234567',   '0C1261032D8226A9', 'psec, twelve digits'],
  ['1234',         '4012345678909',      '041274EDCBA9876F', 'ANSI X9.24-1:2009 A.4, thirteen digit card number'],
  ['123456',       '123456789012345678', '061253DFFEDCBA98', 'vfwz/iso8583-parser, six digits as in China'],
] as const) {
  format0(`encodes and decodes the block of ${source}`, () => {
    assert.is(toHex(encodePinBlock0(Buffer.from(pin), pan)), block);
    assert.is(decodePinBlock0(Buffer.from(block, 'hex'), pan).toString(), pin);
  });
}

// biome-ignore format: a table is read by column
for (const [block, why] of [
  ['241261AAAAEDCBA9', 'control nibble 2'],
  ['041261AAAAEDCB',   'seven bytes'],
  ['0F1261AAAAEDCBA9', 'PIN length 15'],
  ['021261AAAAEDCBA9', 'PIN length 2'],
  ['041261AAAAEDCBAA', 'a filler that is not F'],
  ['051261AAAAEDCBA9', 'a PIN digit that is not decimal'],
] as const) {
  format0(`refuses ${why} without telling which check failed (psec's list)`, () => {
    throws(
      () => decodePinBlock0(Buffer.from(block, 'hex'), '5555555551234567'),
      (error: PosError) => error.code === 'PIN_BLOCK_BAD' && error.detail === 'the block does not hold a PIN for this card number',
    );
  });
}

format0('refuses to encode no PIN, three digits, thirteen digits or a letter', () => {
  for (const pin of ['', '123', '1234567890123', '12a4', '12:4']) {
    throws(() => encodePinBlock0(Buffer.from(pin), '5555555551234567'), isCode('PIN_BLOCK_BAD'));
  }
});

format0('refuses a card number with a letter, of no digits or of more than nineteen', () => {
  for (const pan of ['', '627788x', '62778800000000000000']) {
    throws(() => encodePinBlock0(Buffer.from('123456'), pan), isCode('PAN_BAD'));
  }
});

format0('a short card number is filled with zeros at the left', () => {
  assert.is(toHex(pan12('6277885')), '000000627788');
  assert.is(toHex(pan12('1')), '000000000000');
});

format0.run();

const format1 = suite('ISO 9564-1 format 1');

format1('its filler is what the random source gives (openemv/pinblock)', () => {
  const block = encodePinBlock1(Buffer.from('12345'), () => fromHex('0000000EDCBA9876', 'fill'));
  assert.is(toHex(block), '1512345EDCBA9876');
});

format1('reads the block of IBM, whose filler is anything', () => {
  assert.is(decodePinBlock1(fromHex('161234566ABCFDE1', 'block')).toString(), '123456');
});

format1.run();

const format2 = suite('ISO 9564-1 format 2');

format2('encodes and reads the block of psec, without a card number', () => {
  assert.is(toHex(encodePinBlock2(Buffer.from('123456789'))), '29123456789FFFFF');
  assert.is(decodePinBlock2(fromHex('29123456789FFFFF', 'block')).toString(), '123456789');
});

format2.run();

const format3 = suite('ISO 9564-1 format 3');

format3('reads the blocks of psec and moov', () => {
  assert.is(
    decodePinBlock3(fromHex('3C1261032D8226A9', 'block'), '5555555551234567').toString(),
    '123456789012',
  );
  assert.is(decodePinBlock3(fromHex('341215FEDCBA9876', 'block'), '5432101234567891').toString(), '1234');
});

format3('its filler has every letter from A to F, and nothing else', () => {
  const seen = new Set<string>();
  for (let block = 0; block < 60; block += 1) {
    // A card number of zeros leaves the filler as it is.
    for (const letter of toHex(encodePinBlock3(Buffer.from('1234'), '0', randomBytes)).slice(6))
      seen.add(letter);
  }
  assert.equal([...seen].sort(), ['A', 'B', 'C', 'D', 'E', 'F']);
});

format3('no letter is likelier than another: the four highest bytes of a source are thrown away', () => {
  const highest = [252, 253, 254, 255];
  const source = (count: number) =>
    Buffer.from(Array.from({ length: count }, (_, at) => (at < 4 ? highest[at] : at % 6) as number));
  // Sixteen letters in two draws, EFABCDEF ABCDEFAB; the first six lie under control, length and digits.
  assert.is(toHex(encodePinBlock3(Buffer.from('1234'), '0', source)), '341234EFABCDEFAB');
});

format3.run();

const format4 = suite('ISO 9564-1 format 4');

format4('enciphers the block of psec', () => {
  const aes = aesCipher(fromHex('00112233445566778899AABBCCDDEEFF', 'key'));
  const random = () => Buffer.alloc(8, 0xff);
  const block = encipherPinBlock4(aes, Buffer.from('1234'), '1234567890123456789', random);
  assert.is(toHex(block), '28B41FDDD29B743E93124BD8E32D921E');
});

format4('deciphers the block of the ep2 specification', () => {
  const aes = aesCipher(fromHex('C1D0F8FB4958670DBA40AB1F3752EF0D', 'key'));
  const block = fromHex('CC17F65586BFD0953010226C4FC5B3CA', 'block');
  assert.is(decipherPinBlock4(aes, block, '432198765432109870').toString(), '1234');
});

// biome-ignore format: a table is read by column
for (const [pan, field] of [
  ['112233445566778899', '61122334455667788990000000000000'],
  ['123456789',          '00001234567890000000000000000000'],
] as const) {
  format4(`the field of a card number with ${pan.length} digits (psec, openemv)`, () => {
    assert.is(toHex(panField4(pan)), field);
  });
}

// biome-ignore format: a table is read by column
for (const [key, block, pan, why] of [
  ['E60B15B90ABDF14CEE337C97440F0D6E',                 '7D5AF4C33667A2098626027FB7A9A1B7',   '4266229809609384667', 'control nibble 3'],
  ['C7BBEBA16C5AD97D5866450718C03750',                 '2F9C910447F17293EC95DEDE1E3CA201',   '8220499325458689523', 'a PIN with letters'],
  ['820F6C7C12355BDFF1AB6CE12E8EED89',                 'CCF310A8300B46C925A86B1098089301',   '939589847393485609',  'a filler of B'],
  ['4FE3F0311936FBCE44F17159F1659CF09B2BF8913BB514A1', '51334B00A6CBA3EC7B1C6F871F060AFC',   '2129100799029059903', 'a PIN of three digits'],
  ['C1D0F8FB4958670DBA40AB1F3752EF0D',                 'CC17F65586BFD0953010226C4FC5B3CA00', '432198765432109870',  'seventeen bytes'],
  ['C1D0F8FB4958670DBA40AB1F3752EF0D',                 'CC17F65586BFD0953010226C4FC5B3CA',   '432198765432109871',  'another card number'],
] as const) {
  format4(`refuses ${why} without telling which check failed`, () => {
    throws(
      () => decipherPinBlock4(aesCipher(fromHex(key, 'key')), fromHex(block, 'block'), pan),
      (error: PosError) =>
        error.code === 'PIN_BLOCK_BAD' && error.detail === 'the block does not hold a PIN for this card number',
    );
  });
}

format4.run();

const translation = suite('PIN translation');

const FORMAT_0 = new BlockCipher('3des', fromHex('0123456789ABCDEFFEDCBA9876543210', 'key'));
const SIDES: readonly PinBlockKey[] = [
  { format: '0', key: FORMAT_0 },
  {
    format: '3',
    key: new BlockCipher('3des-3key', fromHex('8AA83BF8CBDA10620BC1BF19FBB6CD58BC313D4A371CA8B5', 'key')),
  },
  { format: '4', key: aesCipher(fromHex('C1D0F8FB4958670DBA40AB1F3752EF0D', 'key')) },
  { format: 'sm4', key: new BlockCipher('sm4', fromHex('0123456789ABCDEFFEDCBA9876543210', 'key')) },
];

for (const from of SIDES) {
  for (const to of SIDES) {
    translation(`format ${from.format} to ${to.format} and back gives the same PIN`, () => {
      fc.assert(
        fc.property(fc.stringMatching(/^[0-9]{4,12}$/), fc.stringMatching(/^[0-9]{13,19}$/), (pin, pan) => {
          const block = encipherPinBlock(from.format, from.key, Buffer.from(pin), pan, randomBytes);
          const there = translatePinBlock(from, to, block, pan, randomBytes);
          const back = translatePinBlock(to, { format: '0', key: FORMAT_0 }, there, pan, randomBytes);
          assert.is(decodePinBlock0(FORMAT_0.decrypt(back), pan).toString(), pin);
        }),
        { numRuns: 20, verbose: fc.VerbosityLevel.Verbose },
      );
    });
  }
}

translation('a card number of fewer than thirteen digits is refused', () => {
  const [from, to] = [SIDES[0] as PinBlockKey, SIDES[2] as PinBlockKey];
  throws(() => translatePinBlock(from, to, Buffer.alloc(8), '627788000000', randomBytes), isCode('PAN_BAD'));
});

translation('a key that does not fit its format is refused, whichever side it is on', () => {
  const wrong = (format: PanBoundFormat) => SIDES.find((side) => side.format === format)?.key as BlockCipher;
  const from = SIDES[0] as PinBlockKey;
  const block = encipherPinBlock('0', from.key, Buffer.from('123456'), '6277880000000008', randomBytes);
  for (const format of ['0', '3', '4', 'sm4'] as const) {
    const key = wrong(format === 'sm4' || format === '4' ? '0' : '4');
    throws(
      () => translatePinBlock(from, { format, key }, block, '6277880000000008', randomBytes),
      isCode('KEY_USE'),
    );
    throws(
      () => translatePinBlock({ format, key }, from, block, '6277880000000008', randomBytes),
      isCode('KEY_USE'),
    );
  }
});

translation('an oversized block is refused like any malformed one', () => {
  for (const { format, key } of SIDES) {
    const from = { format, key };
    const block = Buffer.alloc(64);
    throws(
      () => translatePinBlock(from, from, block, '6277880000000008', randomBytes),
      isCode('PIN_BLOCK_BAD'),
    );
  }
});

translation.run();

const sm4Block = suite('the dialect: SM4 block in DE57 PB');

sm4Block('encodes and decodes the published block', () => {
  const block = '06123654FFFFFFFFFFFF99FEFF88D977';
  assert.is(toHex(encodePinBlockSm4(Buffer.from('123654'), '6230606601007726888')), block);
  assert.is(decodePinBlockSm4(Buffer.from(block, 'hex'), '6230606601007726888').toString(), '123654');
});

sm4Block('refuses a format 0 block, which has eight bytes', () => {
  throws(
    () => decodePinBlockSm4(Buffer.from('041261AAAAEDCBA9', 'hex'), '5555555551234567'),
    isCode('PIN_BLOCK_BAD'),
  );
});

sm4Block.run();

const both = suite('every PIN of 4 to 12 digits');

const anyPin = fc.stringMatching(/^[0-9]{4,12}$/);
const anyPan = fc.stringMatching(/^[0-9]{13,19}$/);

both('comes back from every clear block under its own card number', () => {
  fc.assert(
    fc.property(anyPin, anyPan, (pin, pan) => {
      assert.is(decodePinBlock0(encodePinBlock0(Buffer.from(pin), pan), pan).toString(), pin);
      assert.is(decodePinBlockSm4(encodePinBlockSm4(Buffer.from(pin), pan), pan).toString(), pin);
      assert.is(decodePinBlock1(encodePinBlock1(Buffer.from(pin), randomBytes)).toString(), pin);
      assert.is(decodePinBlock2(encodePinBlock2(Buffer.from(pin))).toString(), pin);
      assert.is(decodePinBlock3(encodePinBlock3(Buffer.from(pin), pan, randomBytes), pan).toString(), pin);
    }),
    { verbose: fc.VerbosityLevel.Verbose },
  );
});

both('any eight bytes give digits or PIN_BLOCK_BAD in every format, nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), anyPan, (bytes, pan) => {
      for (const decode of [decodePinBlock0, decodePinBlock1, decodePinBlock2, decodePinBlock3]) {
        try {
          assert.match(decode(Buffer.from(bytes), pan).toString(), /^[0-9]{4,12}$/);
        } catch (error) {
          assert.ok(isCode('PIN_BLOCK_BAD')(error));
        }
      }
    }),
    { verbose: fc.VerbosityLevel.Verbose },
  );
});

both.run();

function isCode(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
