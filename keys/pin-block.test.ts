import { throws } from 'node:assert/strict';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../protocol/index.ts';
import { toHex } from './hex.ts';
import {
  decodePinBlock0,
  decodePinBlockSm4,
  encodePinBlock0,
  encodePinBlockSm4,
  pan12,
} from './pin-block.ts';

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
  assert.is(pan12('6277885'), '000000627788');
  assert.is(pan12('1'), '000000000000');
});

format0.run();

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

both('comes back from either block under its own card number', () => {
  fc.assert(
    fc.property(anyPin, anyPan, (pin, pan) => {
      assert.is(decodePinBlock0(encodePinBlock0(Buffer.from(pin), pan), pan).toString(), pin);
      assert.is(decodePinBlockSm4(encodePinBlockSm4(Buffer.from(pin), pan), pan).toString(), pin);
    }),
    { verbose: fc.VerbosityLevel.Verbose },
  );
});

both('any eight bytes give digits or PIN_BLOCK_BAD, nothing else', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), anyPan, (bytes, pan) => {
      try {
        assert.match(decodePinBlock0(Buffer.from(bytes), pan).toString(), /^[0-9]{4,12}$/);
      } catch (error) {
        assert.ok(isCode('PIN_BLOCK_BAD')(error));
      }
    }),
    { verbose: fc.VerbosityLevel.Verbose },
  );
});

both.run();

function isCode(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
