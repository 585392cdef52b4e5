import type { FieldSpec, Show } from './fields.ts';

/**
 * The shapes that ISO 8583:1987 gives to the data elements the dialect does not use, in this dialect's
 * coding (packed BCD, BCD length prefixes). A third party's extra field is so kept and counted instead
 * of refused. Two are missing on purpose: 1 is the second bitmap, and 65 would announce a third one.
 *
 * What such a field holds is not known, so no row shows its text in clear.
 *
 * Source: ISO 8583:1987, the data element directory, as publicly restated; x+n fields as one sign byte
 * before packed digits, which is how binary implementations send them.
 */
// biome-ignore format: a table is read by column
export const STANDARD_FIELDS: Readonly<Record<number, FieldSpec>> = {
  5:  row('n 12', 'amount, settlement'),                  6:  row('n 12', 'amount, cardholder billing'),
  7:  row('n 10', 'transmission date and time'),          8:  row('n 8', 'amount, cardholder billing fee'),
  9:  row('n 8', 'conversion rate, settlement'),          10: row('n 8', 'conversion rate, billing'),
  16: row('n 4', 'date, conversion'),                     17: row('n 4', 'date, capture'),
  18: row('n 4', 'merchant type'),                        19: row('n 3', 'acquirer country'),
  20: row('n 3', 'PAN country'),                          21: row('n 3', 'forwarding country'),
  24: row('n 3', 'network international identifier'),     27: row('n 1', 'authorisation code length'),
  28: row('xn 8', 'amount, transaction fee'),             29: row('xn 8', 'amount, settlement fee'),
  30: row('xn 8', 'amount, transaction processing fee'),  31: row('xn 8', 'amount, settlement processing fee'),
  33: row('n ..11', 'forwarding institution'),            34: row('ans ..28', 'extended PAN', 'hidden'),
  40: row('an 3', 'service restriction code'),            45: row('ans ..76', 'track 1 data', 'hidden'),
  46: row('ans ...999', 'additional data, ISO'),          47: row('ans ...999', 'additional data, national'),
  50: row('an 3', 'currency, settlement'),                51: row('an 3', 'currency, billing'),
  56: row('ans ...999', 'reserved, ISO'),
  66: row('n 1', 'settlement code'),                      67: row('n 2', 'extended payment code'),
  68: row('n 3', 'receiving country'),                    69: row('n 3', 'settlement country'),
  70: row('n 3', 'network management code'),              71: row('n 4', 'message number'),
  72: row('n 4', 'message number, last'),                 73: row('n 6', 'date, action'),
  74: row('n 10', 'credits, number'),                     75: row('n 10', 'credits reversal, number'),
  76: row('n 10', 'debits, number'),                      77: row('n 10', 'debits reversal, number'),
  78: row('n 10', 'transfer, number'),                    79: row('n 10', 'transfer reversal, number'),
  80: row('n 10', 'inquiries, number'),                   81: row('n 10', 'authorisations, number'),
  82: row('n 12', 'credits processing fee, amount'),      83: row('n 12', 'credits transaction fee, amount'),
  84: row('n 12', 'debits processing fee, amount'),       85: row('n 12', 'debits transaction fee, amount'),
  86: row('n 16', 'credits, amount'),                     87: row('n 16', 'credits reversal, amount'),
  88: row('n 16', 'debits, amount'),                      89: row('n 16', 'debits reversal, amount'),
  90: row('n 42', 'original data elements'),              91: row('an 1', 'file update code'),
  92: row('an 2', 'file security code'),                  93: row('an 5', 'response indicator'),
  94: row('an 7', 'service indicator'),                   95: row('an 42', 'replacement amounts'),
  96: row('b 8', 'message security code', 'hidden'),      97: row('xn 16', 'amount, net settlement'),
  98: row('ans 25', 'payee'),                             99: row('n ..11', 'settlement institution'),
  100: row('n ..11', 'receiving institution'),            101: row('ans ..17', 'file name'),
  102: row('ans ..28', 'account identification 1', 'hidden'),
  103: row('ans ..28', 'account identification 2', 'hidden'),
  104: row('ans ...100', 'transaction description'),
  ...rows(105, 111, 'reserved, ISO'),
  ...rows(112, 119, 'reserved, national'),
  ...rows(120, 127, 'reserved, private'),
  128: row('b 8', 'message authentication code, second'),
};

/**
 * One row from the standard's own notation: `n 6` fixed, `n ..11` with a two-digit length prefix,
 * `ans ...999` with a three-digit one.
 */
function row(shape: string, name: string, show: Show = 'shape'): FieldSpec {
  const [format, size] = shape.split(' ') as [FieldSpec['format'], string];
  const dots = size.lastIndexOf('.') + 1;
  return {
    name,
    nameZh: '未列域',
    format,
    length: Number(size.slice(dots)),
    prefix: dots === 0 ? 'fixed' : dots === 2 ? 'll' : 'lll',
    align: '',
    trim: false,
    show,
  };
}

function rows(first: number, last: number, name: string): Record<number, FieldSpec> {
  const all: Record<number, FieldSpec> = {};
  for (let field = first; field <= last; field += 1) all[field] = row('ans ...999', name);
  return all;
}
