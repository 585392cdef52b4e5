import { compileCodec, codec as productCodec } from './codec.ts';
import { PosError } from './errors.ts';
import { FIELDS, type FieldSpec } from './fields.ts';
import type { Codec } from './message.ts';
import { encodeText } from './text.ts';
import type { FieldTable } from './walk.ts';

/**
 * Runs published captures against the codec: each must decode to the published values and encode back to its
 * bytes. For the tests and for `npm run vectors`; nothing that serves traffic imports it.
 */
export interface MessageVector {
  readonly name: string;
  readonly kind: string;
  readonly verified: boolean;
  readonly hex: string;
  readonly mti: string;
  readonly bitmap: string;
  /** Text fields that are not ASCII are written as hex by some vectors. */
  readonly fields: Readonly<Record<string, string>>;
  /** What stands before the MTI. */
  readonly framing: { readonly lengthPrefix: boolean; readonly tpdu: boolean; readonly header: boolean };
}

export interface VectorResult {
  readonly kind: string;
  readonly passed: number;
  readonly total: number;
  /** One sentence for each that failed. */
  readonly failures: readonly string[];
}

/**
 * The Hebei member-card dialect as far as its public captures show it: terminal and merchant numbers of
 * twelve characters, DE63 long. Source: the facts sheet, section 2 (HB) and 3.3.
 */
export const HEBEI_TABLE: FieldTable = {
  ...FIELDS,
  41: { ...FIELDS[41], length: 12 },
  42: { ...FIELDS[42], length: 12 },
  63: { ...FIELDS[63], length: 999 },
};

/** Runs the verified messages among the vectors; others are passed over. */
export function runMessageVectors(vectors: readonly unknown[]): VectorResult[] {
  const messages = vectors.filter(isMessageVector).filter((vector) => vector.verified);
  const hebei = compileCodec(HEBEI_TABLE);
  const failures = messages.flatMap((vector) => {
    const isHebei = vector.fields['42']?.length === 12;
    const wrong = runOne(isHebei ? hebei : productCodec, vector);
    if (isHebei && wrong === undefined && !refuses(vector))
      return [`${vector.name}: the product's table takes it`];
    return wrong === undefined ? [] : [`${vector.name}: ${wrong}`];
  });
  return [{ kind: 'message', passed: messages.length - failures.length, total: messages.length, failures }];
}

/** The bytes of a vector from its MTI on. */
export function bodyOf(vector: MessageVector): Buffer {
  const { lengthPrefix, tpdu, header } = vector.framing;
  return Buffer.from(vector.hex, 'hex').subarray((lengthPrefix ? 2 : 0) + (tpdu ? 5 : 0) + (header ? 6 : 0));
}

function runOne(codec: Codec, vector: MessageVector): string | undefined {
  const body = bodyOf(vector);
  try {
    const message = codec.decode(body);
    const values = message.toObject();
    if (message.mti !== vector.mti) return `MTI ${message.mti}, published ${vector.mti}`;
    const listed = Object.keys(vector.fields).map(Number).join(' ');
    if (message.fields().join(' ') !== listed)
      return `fields ${message.fields().join(' ')}, published ${listed}`;
    for (const [field, published] of Object.entries(vector.fields)) {
      const value = values.fields[Number(field)] ?? '';
      if (!isSame(published, value, FIELDS[Number(field) as keyof typeof FIELDS]))
        return `DE${field} differs`;
    }
    return codec.encode(values).equals(body) ? undefined : 'encodes to other bytes';
  } catch (error) {
    if (error instanceof PosError) return error.message;
    throw error;
  }
}

function refuses(vector: MessageVector): boolean {
  try {
    productCodec.decode(bodyOf(vector));
    return false;
  } catch (error) {
    return error instanceof PosError;
  }
}

function isSame(published: string, value: string, spec: FieldSpec | undefined): boolean {
  if (published === value) return true;
  const blanks = spec?.prefix === 'fixed' ? spec.length : 0;
  const bytes = encodeText(value);
  const padded = Buffer.concat([bytes, Buffer.alloc(Math.max(0, blanks - bytes.length), ' ')]);
  return published.toUpperCase() === padded.toString('hex').toUpperCase();
}

function isMessageVector(vector: unknown): vector is MessageVector {
  return typeof vector === 'object' && vector !== null && 'kind' in vector && vector.kind === 'message';
}
