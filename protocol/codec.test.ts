import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codec, compileCodec } from './codec.ts';
import { type FailureCode, PosError } from './errors.ts';
import { FIELDS } from './fields.ts';
import { HEBEI_TABLE } from './message-vectors.ts';

/** Hex with blanks, for reading. */
function bytes(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex');
}

/** Asserts which error comes, for which field, at which byte from the MTI. */
function refuses(body: Buffer, code: FailureCode, offset: number, field?: number): void {
  assert.throws(
    () => codec.decode(body),
    (error: unknown) => {
      assert.instance(error, PosError);
      const { code: found, offset: at, field: of } = error as PosError;
      assert.equal({ code: found, offset: at, field: of }, { code, offset, field });
      return true;
    },
  );
}

// ---- Known answers, so that these tests mean something alone ----------------------------------------

const captures = suite('captured messages decode to their published values and encode back to their bytes');

captures('a sign-in answer that a live host sent (github yangyongzhen/go8583, log.txt)', () => {
  const body = bytes(
    '0810 003800010AC00014 000001 101236 0413 08 00096500 313031323336303630393533 3030' +
      '3232303033363030 313034353132353431313130303031 0011 000066030030 0040' +
      '37CE423BFA39B2A5ADF173475BC06C9B 14AE01BB FDD04400942EE12E0000000000000000 B8F616DC',
  );
  const message = codec.decode(body);
  assert.equal(message.toObject(), {
    mti: '0810',
    fields: {
      11: '000001',
      12: '101236',
      13: '0413',
      32: '00096500',
      37: '101236060953',
      39: '00',
      41: '22003600',
      42: '104512541110001',
      60: '00006603003',
      62: '37CE423BFA39B2A5ADF173475BC06C9B14AE01BBFDD04400942EE12E0000000000000000B8F616DC',
    },
  });
  assert.is(codec.encode(message.toObject()).toString('hex'), body.toString('hex'));
});

captures('a scanned sale with DE22 left aligned and 13 digits in DE60 (the same log)', () => {
  const body = bytes(
    '0200 3020048000C08031 000000 000000000001 000001 0320 00 3232303033363030' +
      '313034353132353431313130303031 313536 0024 413330313936323131313131313131313131313131313131' +
      '0013 22006603000600 4535383035454342',
  );
  const message = codec.decode(body);
  assert.equal(
    [22, 59, 60, 64].map((field) => message.get(field)),
    ['032', 'A30196211111111111111111', '2200660300060', '4535383035454342'],
  );
  assert.is(codec.encode(message.toObject()).toString('hex'), body.toString('hex'));
  // The MAC that the live host accepted covers 86 bytes (vector: CUP-ECB, E5805ECB).
  assert.is(message.macData()?.toString('hex'), body.subarray(0, 86).toString('hex'));
});

captures("a vendor's answer with fields that our table does not list (github vfwz/iso8583-parser)", () => {
  const body = bytes(
    `0810 001800000AE00114 163829 0823 303030303030303030303030 3030 3130303136393139 383433323930303435383230303042
     C4ABCEC4D5DCD3D0CFDEB9ABCBBE${'20'.repeat(26)} 0004 B3C9B9A6 0011 000000014200 0002 4142`.replaceAll(
      '\n',
      '',
    ),
  );
  const message = codec.decode(body);
  assert.is(message.get(43), '墨文哲有限公司');
  assert.is(message.get(56), '成功');
  assert.equal(message.unknown, [56]);
  assert.is(codec.encode(message.toObject()).toString('hex'), body.toString('hex'));
});

captures('a settlement request of the fact sheet: 62 digits in DE48', () => {
  const body = bytes(
    `0500 0020000000C18012 000645 3132333435363737 313233343536373839303132333435
     0062 0000000000070070${'00'.repeat(23)} 313536 0011 000000032010 0003 303120`.replaceAll('\n', ''),
  );
  const message = codec.decode(body);
  assert.is(message.get(48), `000000000007007${'0'.repeat(47)}`);
  assert.is(message.get(63), '01 ');
  assert.is(message.macData(), undefined);
  assert.is(codec.encode(message.toObject()).toString('hex'), body.toString('hex'));
});

captures("the Hebei card's numbers of twelve characters need a table of their own", () => {
  const body = bytes(
    '0710 2000000002C00010 994003 3030 303030303031303033393531 303030303735393030303031 0011 000000000800',
  );
  const hebei = compileCodec(HEBEI_TABLE);
  assert.is(hebei.decode(body).get(41), '000001003951');
  assert.is(hebei.decode(body).get(42), '000075900001');
  assert.is(hebei.encode(hebei.decode(body).toObject()).toString('hex'), body.toString('hex'));
  // Eight and fifteen characters eat into DE60: its length then reads 3100.
  refuses(body, 'FIELD_BAD_LENGTH', 38, 60);
});

captures.run();

// ---- Coding, clause by clause ----------------------------------------------------------------------------

const coding = suite('coding of fields');

// Each row: one field of a message with nothing else, its value and its bytes, by the rules of the fact sheet.
// biome-ignore format: a table is read by column
for (const [sentence, field, value, hex] of [
  ['n fixed is packed',                                    4, '000000012800',     '000000012800'],
  ['DE22 stands left in two bytes',                       22, '021',              '0210'],
  ['DE23 stands right in two bytes',                      23, '001',              '0001'],
  ['LL counts digits in one BCD byte',                     2, '6277880000000016', '16 6277880000000016'],
  ['an odd PAN has its pad nibble behind',                 2, '6277880000000000018', '19 62778800000000000180'],
  ['LLL counts digits in two BCD bytes',                  60, '22000001000',      '0011 220000010000'],
  ['a track has any nibble and D for the separator',      35, '6277880000000016D3012', '21 6277880000000016D30120'],
  ['an is ASCII',                                         38, 'A1 b2 ',           '413120623220'],
  ['a fixed text is filled with blanks',                  43, '尊卡',             `D7F0BFA8${'20'.repeat(36)}`],
  ['a text length counts bytes, not characters',          63, '01 余额',          '0007 303120 D3E0B6EE'],
  ['a character of four bytes',                           59, '𠀀',               '0004 95328236'],
  ['LL text',                                             44, '12345678   ',      '11 3132333435363738202020'],
  ['b is bytes as hex',                                   62, '00FF10',           '0003 00FF10'],
  ['an empty variable field has length zero',             62, '',                 '0000'],
  ['LLL goes to three digits',                            62, 'AB'.repeat(512),   `0512 ${'AB'.repeat(512)}`],
  ['a field of the standard, n',                          18, '5411',             '5411'],
  ['a field of the standard, odd and fixed: right',       24, '003',              '0003'],
  ['a field of the standard with a sign',                 28, 'D00000150',        '44 00000150'],
  ['a field of the standard, LLL',                        47, 'x',                '0001 78'],
] as const) {
  coding(`${sentence}: DE${field}`, () => {
    const bitmap = Buffer.alloc(8);
    bitmap[(field - 1) >> 3] = 0x80 >> ((field - 1) & 7);
    const body = Buffer.concat([bytes('0200'), bitmap, bytes(hex)]);
    assert.is(codec.encode({ mti: '0200', fields: { [field]: value } }).toString('hex'), body.toString('hex'));
    const message = codec.decode(body);
    assert.is(message.get(field), value);
    assert.equal(message.fields(), [field]);
    assert.ok(message.has(field));
    assert.not(message.has(field === 4 ? 3 : 4));
    assert.is(message.get(field === 4 ? 3 : 4), undefined);
    assert.equal(message.unknown, field in FIELDS ? [] : [field]);
  });
}

coding('a pad nibble may be anything and becomes 0', () => {
  const message = codec.decode(bytes('0200 0000040000000000 021F'));
  assert.is(message.get(22), '021');
  assert.is(codec.encode(message.toObject()).toString('hex'), '020000000400000000000210');
  assert.is(codec.decode(bytes('0200 4000000000000000 03 123F')).get(2), '123');
  assert.is(codec.decode(bytes('0200 0000020000000000 F001')).get(23), '001');
});

coding('DE41, 42, 37, 38, 44, 54 and 63 keep their blanks, DE43 loses them', () => {
  const fields = {
    37: 'R           ',
    38: '1     ',
    41: 'T1      ',
    42: 'M              ',
    44: ' x ',
    54: '  ',
    63: '01 ',
  };
  assert.equal(codec.decode(codec.encode({ mti: '0210', fields })).toObject().fields, fields);
  assert.is(codec.decode(codec.encode({ mti: '0210', fields: { 43: 'a  b   ' } })).get(43), 'a  b');
});

coding('a field above 64 makes the bitmap sixteen bytes and sets bit 1', () => {
  const body = codec.encode({ mti: '0800', fields: { 2: '6277880000000016', 70: '301' } });
  assert.is(
    body.toString('hex').toUpperCase(),
    '0800C0000000000000000400000000000000166277880000000016' + '0301',
  );
  assert.equal(codec.decode(body).fields(), [2, 70]);
  assert.equal(codec.decode(body).unknown, [70]);
});

coding('bit 1 that announces nothing decodes, and is left out again', () => {
  const message = codec.decode(bytes('0200 A000000000000000 0000000000000000 000000'));
  assert.equal(message.toObject(), { mti: '0200', fields: { 3: '000000' } });
  assert.is(codec.encode(message.toObject()).length, 13);
});

coding('bytes that are no GB18030 are kept', () => {
  for (const hex of ['80', 'FF', 'D7', 'D7F0BF', '81308130FF', 'A2E3', '00', '1B40', '8130', 'FE39FE39']) {
    const body = Buffer.concat([bytes('0210 0000000000000002 00'), Buffer.of(hex.length / 2), bytes(hex)]);
    assert.is(codec.encode(codec.decode(body).toObject()).toString('hex'), body.toString('hex'), hex);
  }
});

coding('zero bytes with which a terminal fills an empty field are kept', () => {
  const body = bytes('0400 0000000004000000 000000000000');
  assert.is(codec.decode(body).get(38), '\u0000'.repeat(6));
  assert.is(codec.encode(codec.decode(body).toObject()).toString('hex'), body.toString('hex'));
});

coding('a run of an and ans is judged field by field, and so is a pad nibble between digits', () => {
  // DE37 and 38 are an, DE41 is ans: what DE41 takes, DE38 does not.
  const text = (name: string, terminal: string) =>
    bytes(`0210 000000000C800000 ${'30'.repeat(12)} ${name} ${terminal}`);
  assert.is(codec.decode(text('313233343536', 'D7F0BFA820202020')).get(41), '尊卡    ');
  refuses(text('3132333435D7', 'D7F0BFA820202020'), 'FIELD_BAD_CONTENT', 27, 38);
  // DE22 stands left: its pad nibble may be F, its digits may not; DE25 behind it is judged as well.
  assert.is(codec.decode(bytes('0200 0000048000000000 021F 00')).get(22), '021');
  refuses(bytes('0200 0000048000000000 021F 0F'), 'FIELD_BAD_CONTENT', 12, 25);
  refuses(bytes('0200 0000048000000000 02F0 00'), 'FIELD_BAD_CONTENT', 11, 22);
});

coding('the bytes that the MAC covers are found though fields of any length stand before and behind', () => {
  const body = codec.encode({
    mti: '0200',
    fields: {
      2: '6277880000000016',
      28: 'D00000150',
      60: '220000010',
      62: 'AB',
      64: '00'.repeat(8),
      70: '301',
    },
  });
  assert.is(codec.decode(body).macData()?.length, body.length - 8 - 2);
});

coding('values are found however long the fields are, and however many stand before them', () => {
  const column = { name: '', nameZh: '', align: '', trim: false, show: 'plain' } as const;
  const long = (format: 'n' | 'an' | 'ans', length: number) =>
    ({ ...column, format, length, prefix: 'fixed' }) as const;
  const ofLongFields = compileCodec({
    2: long('n', 4_094),
    3: long('n', 4_100),
    4: long('n', 2_046),
    37: long('an', 2_047),
    41: long('ans', 2_048),
    42: long('ans', 3),
  });
  const fields = {
    2: '12'.repeat(2_047),
    3: '34'.repeat(2_050),
    4: '56'.repeat(1_023),
    37: 'x'.repeat(2_047),
    41: 'y'.repeat(2_048),
    42: 'end',
  };
  assert.equal(ofLongFields.decode(ofLongFields.encode({ mti: '0200', fields })).toObject().fields, fields);
  // All that may be: every field of the standard, half of them announced, has its own mark.
  const every = Array.from({ length: 127 }, (_, index) => index + 2).filter((field) => field !== 65);
  const table = Object.fromEntries(
    every.map((field) => [field, { ...column, format: 'an', length: 20, prefix: 'll' } as const]),
  );
  const ofAll = compileCodec({ ...table, 128: long('an', 4) });
  const values = Object.fromEntries(every.map((field) => [field, field === 128 ? 'last' : `value ${field}`]));
  assert.equal(ofAll.decode(ofAll.encode({ mti: '0200', fields: values })).toObject().fields, values);
});

coding('a number that is no field of a message has no value', () => {
  const message = codec.decode(bytes('0200 2000000000000000 000000'));
  for (const field of [-1, 0, 1, 2, 4, 1.5, 65, 129, 1_000, Number.NaN]) {
    assert.is(message.get(field), undefined);
    assert.not(message.has(field));
  }
});

coding('the lists that a message hands out cannot be changed', () => {
  const message = codec.decode(bytes('0800 0000000000000000'));
  assert.throws(() => (message.fields() as number[]).push(1), TypeError);
  assert.throws(() => (message.unknown as number[]).push(1), TypeError);
});

coding('a message of no field is a message', () => {
  assert.equal(codec.decode(bytes('0800 0000000000000000')).toObject(), { mti: '0800', fields: {} });
});

coding.run();

// ---- Refusals -----------------------------------------------------------------------------------------

const refusals = suite('bad bytes are refused with code, field and offset from the MTI');

// biome-ignore format: a table is read by column
for (const [sentence, hex, code, offset, field] of [
  ['nothing',                             '',                                       'MESSAGE_TRUNCATED', 0,  undefined],
  ['half an MTI',                         '02',                                     'MESSAGE_TRUNCATED', 0,  undefined],
  ['an MTI that is not decimal',          '02A0 0000000000000000',                  'MTI_BAD',           1,  undefined],
  ['half a bitmap',                       '0200 00000000',                          'MESSAGE_TRUNCATED', 2,  undefined],
  ['half a second bitmap',                '0200 8000000000000000 00000000',         'MESSAGE_TRUNCATED', 2,  undefined],
  ['a field past the end',                '0200 2000000000000000 0000',             'MESSAGE_TRUNCATED', 10, 3],
  ['a length past the end',               '0200 0000000000000002 00',               'MESSAGE_TRUNCATED', 10, 63],
  ['a value past the end',                '0200 0000000000000002 0003 3031',        'MESSAGE_TRUNCATED', 10, 63],
  ['bytes behind the last field',         '0200 2000000000000000 000000 00',        'MESSAGE_TRAILING',  13, undefined],
  ['a length above the maximum',          '0200 4000000000000000 20 00000000000000000000', 'FIELD_BAD_LENGTH', 10, 2],
  ['a length of thousands',               '0200 0000000000000002 1003 303132',      'FIELD_BAD_LENGTH',  10, 63],
  ['a length that is not decimal',        '0200 4000000000000000 1A',               'FIELD_BAD_LENGTH',  10, 2],
  ['a second length byte that is not',    '0200 0000000000000002 00F3',             'FIELD_BAD_LENGTH',  11, 63],
  ['a wrong nibble in a fixed n',         '0200 3000000000000000 000000 00000A000000', 'FIELD_BAD_CONTENT', 15, 4],
  ['a wrong nibble in the first of two',  '0200 3000000000000000 0000F0 000000000000', 'FIELD_BAD_CONTENT', 12, 3],
  ['a wrong nibble in an odd n',          '0200 4000000000000000 03 1AB0',          'FIELD_BAD_CONTENT', 11, 2],
  ['a wrong last nibble in an odd n',     '0200 4000000000000000 03 12A0',          'FIELD_BAD_CONTENT', 12, 2],
  ['a wrong nibble in DE22',              '0200 0000040000000000 0A10',             'FIELD_BAD_CONTENT', 10, 22],
  ['a wrong nibble in DE23',              '0200 0000020000000000 000A',             'FIELD_BAD_CONTENT', 11, 23],
  ['an unprintable byte in an',           '0200 0000000004000000 313233 1F 3536',   'FIELD_BAD_CONTENT', 13, 38],
  ['a byte above ASCII in an',            '0200 0000000002000000 30 B0',            'FIELD_BAD_CONTENT', 11, 39],
  ['a wrong sign in xn',                  '0200 0000001000000000 45 00000150',      'FIELD_BAD_CONTENT', 10, 28],
  ['wrong digits behind a sign',          '0200 0000001000000000 43 000001A0',      'FIELD_BAD_CONTENT', 14, 28],
  ['field 65, a third bitmap',            '0200 8000000000000000 8000000000000000', 'FIELD_UNKNOWN',     18, 65],
] as const) {
  refusals(sentence, () => refuses(bytes(hex), code, offset, field));
}

refusals('what stood before the wrong byte can still be read, to address the refusal', () => {
  const body = bytes(
    '0200 2020000000C00010 000000 000123 3130303030303031 313030303030303030303030303031 0011 2200000100',
  );
  refuses(body, 'MESSAGE_TRUNCATED', 39, 60);
  const message = codec.salvage(body);
  assert.equal(message?.toObject(), {
    mti: '0200',
    fields: { 3: '000000', 11: '000123', 41: '10000001', 42: '100000000000001' },
  });
  assert.is(codec.salvage(bytes('0200 20')), undefined);
  assert.is(codec.salvage(bytes('02F0 2000000000000000 000000')), undefined);
});

refusals('a codec is not made of a table that cannot be', () => {
  const row = FIELDS[2];
  for (const table of [
    { 65: row },
    { 1: row },
    { 129: row },
    { 2: { ...row, length: 100 } },
    { 2: { ...row, length: 0 } },
    { 2: { ...row, format: 'xn' } },
  ] as const) {
    assert.throws(
      () => compileCodec(table),
      (error: unknown) => error instanceof PosError && error.code === 'INVARIANT',
    );
  }
});

refusals('a peer that changes its bitmap with every message does not make the codec wrong', () => {
  for (let low = 0; low < 2_000; low += 1) {
    // Any of DE53…64 and DE43…48 set: most of these messages are cut off at their first field.
    const body = Buffer.concat([bytes('0200 00000000'), Buffer.alloc(4)]);
    body.writeUInt32BE(low * 4_099, 6);
    try {
      codec.decode(body);
    } catch (error) {
      assert.instance(error, PosError);
    }
  }
  assert.is(codec.decode(bytes('0200 2000000000000000 123456')).get(3), '123456');
});

refusals.run();
