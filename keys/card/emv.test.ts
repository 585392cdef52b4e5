import { throws } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import { fromHex, toHex } from '../hex.ts';
import { iso9797Mac3 } from '../mac/iso-9797-1.ts';
import { emvArpc1, emvCommonSessionKey, emvMasterKeyA } from './emv.ts';

const chip = suite('EMV book 2: one card, from the issuer’s key to the answer (CryptoCarver)');

const tdes = (key: string) => new BlockCipher('3des', fromHex(key, 'key'));

chip('the card’s master key, option A', () => {
  const key = emvMasterKeyA(tdes('0123456789ABCDEFFEDCBA9876543210'), '4111111111111111', '00');
  assert.is(toHex(key), '30089565674D73ED841A6F0637029C18');
});

chip('the session key of counter 1', () => {
  const key = emvCommonSessionKey(tdes('30089565674D73ED841A6F0637029C18'), Buffer.from([0, 1]));
  assert.is(toHex(key), '38F14068B3EA57C194F8E3A20D51E3E6');
});

chip('the card’s cryptogram and the host’s answer to it', () => {
  const halves = ['38F14068B3EA57C1', '94F8E3A20D51E3E6'].map(
    (half) => new BlockCipher('des', fromHex(half, 'key')),
  );
  const [left, right] = halves as [BlockCipher, BlockCipher];
  const data = '00000000100000000000000007240000000000097825092500123456781800000103A4A000';
  const arqc = iso9797Mac3(left, right, fromHex(data, 'data'), 2);
  assert.is(toHex(arqc), 'A8DB2B65F9C821F1');
  assert.is(
    toHex(emvArpc1(tdes('38F14068B3EA57C194F8E3A20D51E3E6'), arqc, Buffer.from('00'))),
    'ADCB085B842E0A9D',
  );
});

chip('inputs of a wrong shape are refused', () => {
  const key = tdes('0123456789ABCDEFFEDCBA9876543210');
  throws(() => emvMasterKeyA(key, '411111111111', '00'), code('PAN_BAD'));
  throws(() => emvMasterKeyA(key, '4111111111111111', '0'), code('FIELD_BAD_CONTENT'));
  throws(() => emvCommonSessionKey(key, Buffer.alloc(3)), code('FIELD_BAD_LENGTH'));
  throws(() => emvArpc1(key, Buffer.alloc(7), Buffer.alloc(2)), code('FIELD_BAD_LENGTH'));
  throws(() => emvArpc1(key, Buffer.alloc(8), Buffer.alloc(3)), code('FIELD_BAD_LENGTH'));
});

chip.run();

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
