import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codec, encodeWithMac } from './codec.ts';
import { PosError } from './errors.ts';

const sending = suite('what is sent is exact');

// biome-ignore format: a table is read by column
for (const [sentence, fields, code] of [
  ['a short amount is not filled up',        { 4: '12800' },             'FIELD_BAD_LENGTH'],
  ['a long one is not cut',                  { 4: '0000000012800' },     'FIELD_BAD_LENGTH'],
  ['digits are digits',                      { 4: '00000001280O' },      'FIELD_BAD_CONTENT'],
  ['nor what shares its low byte with one',  { 11: '00012\u0133' },      'FIELD_BAD_CONTENT'],
  ['a blank is no digit',                    { 11: '   123' },           'FIELD_BAD_CONTENT'],
  ['a variable n has a maximum',             { 2: '1'.repeat(20) },      'FIELD_BAD_LENGTH'],
  ['a track has nibbles',                    { 35: '627788=' },          'FIELD_BAD_CONTENT'],
  ['an takes printable ASCII',               { 38: '12345\u0007' },      'FIELD_BAD_CONTENT'],
  ['an takes no Chinese',                    { 38: '授权码' },           'FIELD_BAD_CONTENT'],
  ['a fixed text has a maximum',             { 41: '123456789' },        'FIELD_BAD_LENGTH'],
  ['counted in bytes',                       { 41: '尊卡尊卡尊' },       'FIELD_BAD_LENGTH'],
  ['half a character is no text',            { 63: '\ud83d' },           'FIELD_BAD_CONTENT'],
  ['b is hex, two digits a byte',            { 62: 'ABC' },              'FIELD_BAD_LENGTH'],
  ['and nothing else',                       { 62: 'XY' },               'FIELD_BAD_CONTENT'],
  ['a fixed b is whole',                     { 52: 'AABB' },             'FIELD_BAD_LENGTH'],
  ['a PIN block is never left empty',        { 52: '' },                 'FIELD_BAD_LENGTH'],
  ['a sign is C or D',                       { 28: '+00000150' },        'FIELD_BAD_CONTENT'],
  ['there is no field 65',                   { 65: '00' },               'FIELD_UNKNOWN'],
  ['nor 1',                                  { 1: '00' },                'FIELD_UNKNOWN'],
  ['nor 0, where others put the MTI',        { 0: '0200' },              'FIELD_UNKNOWN'],
] as const) {
  sending(sentence, () => {
    assert.throws(
      () => codec.encode({ mti: '0200', fields }),
      (error: unknown) => error instanceof PosError && error.code === code,
    );
  });
}

/** The same fields in a list by their numbers. */
function listOf(fields: Readonly<Record<number, string>>): string[] {
  const list: string[] = [];
  for (const [field, value] of Object.entries(fields)) list[Number(field)] = value;
  return list;
}

sending('a list by field number is written as an object is, whatever was written before', () => {
  for (const fields of [
    { 3: '000000', 4: '000000012800', 41: '10000001' },
    { 3: '000000', 11: '000123', 41: '10000001' },
    {
      2: '6277880000000000018',
      22: '021',
      23: '001',
      28: 'C00000150',
      43: '尊卡',
      62: '00ff10',
      63: '01 余额',
    },
    { 3: '000000', 4: '000000012800', 41: '10000001' },
    { 3: '000000', 70: '301' },
    {},
  ]) {
    const ofObject = codec.encode({ mti: '0200', fields });
    assert.is(
      codec.encode({ mti: '0200', fields: listOf(fields) }).toString('hex'),
      ofObject.toString('hex'),
    );
    const withGaps = Array.from({ length: 129 }, (_, field) => listOf(fields)[field]) as string[];
    assert.is(codec.encode({ mti: '0200', fields: withGaps }).toString('hex'), ofObject.toString('hex'));
  }
  for (const field of [0, 1, 65]) {
    assert.throws(
      () => codec.encode({ mti: '0200', fields: listOf({ [field]: '00' }) }),
      (error: unknown) => error instanceof PosError && error.code === 'FIELD_UNKNOWN',
    );
  }
});

sending('an MTI is four digits', () => {
  for (const mti of ['', '020', '02000', '02A0']) {
    assert.throws(
      () => codec.encode({ mti, fields: {} }),
      (error: unknown) => error instanceof PosError && error.code === 'MTI_BAD',
    );
  }
});

sending('a refusal never holds the value', () => {
  try {
    codec.encode({ mti: '0200', fields: { 2: '6277880000000016X' } });
    assert.unreachable();
  } catch (error) {
    assert.not.match((error as PosError).message, '6277');
  }
});

sending('each message has bytes of its own', () => {
  const first = codec.encode({ mti: '0200', fields: { 3: '111111' } });
  const second = codec.encode({ mti: '0200', fields: { 3: '222222' } });
  assert.is(first.toString('hex'), '02002000000000000000111111');
  assert.is(second.toString('hex'), '02002000000000000000222222');
});

sending('what was decoded stays what it was, whatever is decoded, encoded or written over afterwards', () => {
  const fields = {
    2: '6277880000000016',
    37: '101236060953',
    42: '100000000000001',
    43: '尊卡',
    60: '22000001000',
  };
  const other = {
    2: '6277880000000024',
    37: '999999999999',
    42: '999999999999999',
    43: '他店',
    60: '22000002000',
  };
  const body = codec.encode({ mti: '0200', fields });
  const message = codec.decode(body);
  codec.decode(codec.encode({ mti: '0400', fields: other })).toObject();
  codec.salvage(codec.encode({ mti: '0400', fields: other }));
  body.fill(0xff);
  assert.equal(message.toObject(), { mti: '0200', fields });
});

sending('DE64 is put behind the bytes that the MAC covers', () => {
  const fields = { 3: '000000', 4: '000000012800' };
  let covered = '';
  const body = encodeWithMac(codec, { mti: '0200', fields }, (data) => {
    covered = data.toString('hex');
    return Buffer.from('C22EA1E0', 'latin1');
  });
  assert.is(covered, `0200${'3000000000000001'}${'000000'}${'000000012800'}`);
  const withRoom = encodeWithMac(codec, { mti: '0200', fields: { ...fields, 64: '' } }, () =>
    Buffer.from('C22EA1E0', 'latin1'),
  );
  assert.is(withRoom.toString('hex'), body.toString('hex'));
  assert.is(body.toString('hex'), `${covered}4332324541314530`);
  assert.is(codec.decode(body).macData()?.toString('hex'), covered);
  assert.is(
    codec.encode({ mti: '0200', fields: { ...fields, 64: '' } }).toString('hex'),
    `${covered}0000000000000000`,
  );
});

sending('nothing stands behind DE64, where no MAC would cover it', () => {
  assert.throws(
    () => encodeWithMac(codec, { mti: '0200', fields: { 70: '301' } }, () => Buffer.alloc(8)),
    (error: unknown) => error instanceof PosError && error.code === 'FIELD_UNKNOWN',
  );
});

sending.run();
