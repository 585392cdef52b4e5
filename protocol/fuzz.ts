import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { codec } from './codec.ts';
import { parseDe53, parseDe54, parseDe60, parseDe61, parseDe63, parseWorkingKeys } from './de-layouts.ts';
import { parseTotals, parseUpload } from './de48.ts';
import { buildDe57, parseDe57 } from './de57.ts';
import { describe } from './describe.ts';
import { PosError } from './errors.ts';
import { FIELDS, type FieldSpec } from './fields.ts';
import { FrameSplitter, openFrame } from './frame.ts';
import type { MessageValues } from './message.ts';
import { STANDARD_FIELDS } from './standard-fields.ts';
import { decodeText, encodeText } from './text.ts';
import { buildTlv, parseTlv } from './tlv.ts';
import { parseReaderOutput, parseTrack1, parseTrack2 } from './track.ts';
import { standsLeft } from './walk.ts';

/**
 * Random input for everything that reads bytes: what must hold for any of them. The tests run each property
 * a few hundred times, `npm run fuzz -- SEED SECONDS` for as long as it is told to.
 */

const ALL_FIELDS: Readonly<Record<number, FieldSpec>> = { ...STANDARD_FIELDS, ...FIELDS };

/** A value that a field can carry. */
function valueFor(spec: FieldSpec): fc.Arbitrary<string> {
  const minLength = spec.prefix === 'fixed' && !spec.trim ? spec.length : 0;
  const maxLength = Math.min(spec.length, Math.max(minLength, 90));
  const of = (units: string) => fc.string({ unit: fc.constantFrom(...units), minLength, maxLength });
  switch (spec.format) {
    case 'n':
      return of('0123456789');
    case 'z':
      return of('0123456789ABCDEF');
    case 'xn':
      return fc.tuple(fc.constantFrom('C', 'D'), of('0123456789')).map(([sign, digits]) => sign + digits);
    case 'b':
      return fc.uint8Array({ minLength, maxLength }).map((bytes) => hexOf(Buffer.from(bytes)));
    case 'an':
      return of('AZaz09 ./?;');
    case 'ans':
      return fc.uint8Array({ minLength, maxLength }).map((bytes) => {
        const text = decodeText(Buffer.from(bytes));
        return spec.trim ? text.replace(/ +$/, '') : text;
      });
  }
}

/** A message of up to 24 fields of the table and of the standard. */
export const validMessage: fc.Arbitrary<MessageValues> = fc
  .tuple(
    fc.constantFrom('0100', '0200', '0210', '0220', '0320', '0400', '0500', '0800', '0810', '9999'),
    fc.uniqueArray(fc.constantFrom(...Object.keys(FIELDS), ...Object.keys(STANDARD_FIELDS)), {
      maxLength: 24,
    }),
  )
  .chain(([mti, names]) => {
    const values = names.map((name) => [name, valueFor(ALL_FIELDS[Number(name)] as FieldSpec)] as const);
    return fc.record({ mti: fc.constant(mti), fields: fc.record(Object.fromEntries(values)) });
  });

/** One small accident: a byte changed, put in, left out, or everything behind it cut off. */
const accident = fc.record({
  what: fc.constantFrom('change', 'insert', 'delete', 'cut'),
  at: fc.nat(2_000),
  byte: fc.integer({ min: 0, max: 255 }),
});

const mutated: fc.Arbitrary<Buffer> = fc
  .tuple(validMessage, fc.array(accident, { minLength: 1, maxLength: 4 }))
  .map(([message, accidents]) => accidents.reduce(strike, codec.encode(message)));

const anyBytes: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  // Random bytes seldom get past a bitmap: a sparse one lets them reach the fields.
  fc
    .tuple(fc.array(fc.integer({ min: 1, max: 128 }), { maxLength: 5 }), fc.uint8Array({ maxLength: 200 }))
    .map(([bits, bytes]) => Buffer.concat([headFor(bits), Buffer.from(bytes)])),
  mutated,
);

/** The first field that a message has not, as a key without a value. */
function absentAs(fields: MessageValues['fields']): Record<number, undefined> {
  const absent = Object.keys(ALL_FIELDS).find((field) => fields[Number(field)] === undefined);
  return { [Number(absent)]: undefined };
}

/** What must hold, by sentence. */
export const PROPERTIES: Readonly<Record<string, fc.IProperty<[never]>>> = {
  'a message that was encoded decodes to the same values': property(validMessage, (message) => {
    const bytes = codec.encode(message);
    same(codec.decode(bytes).toObject(), { mti: message.mti, fields: { ...message.fields } });
    same(hexOf(codec.encode(codec.decode(bytes).toObject())), hexOf(bytes));
  }),
  'the bytes of a message are its values, however its fields were put together': property(
    fc.array(validMessage, { minLength: 1, maxLength: 3 }),
    (messages) => {
      for (const { mti, fields } of messages) {
        const bytes = hexOf(codec.encode({ mti, fields }));
        const backwards: Record<number, string> = {};
        for (const [field, value] of Object.entries(fields).reverse()) backwards[Number(field)] = value;
        same(hexOf(codec.encode({ mti, fields: backwards })), bytes);
        const withMore = Object.assign({ note: '1', 129: '1', 7.5: '1' }, fields, absentAs(fields));
        same(hexOf(codec.encode({ mti, fields: withMore })), bytes);
      }
    },
  ),
  'any bytes decode, or are refused with one error that says where': property(anyBytes, (bytes) => {
    const { fault, places } = codec.walk(bytes);
    const message = orRefused(() => codec.decode(bytes));
    same(message === undefined, fault !== undefined);
    if (fault !== undefined) same((fault.offset ?? -1) >= 0 && (fault.offset ?? 0) <= bytes.length, true);
    if (message !== undefined)
      same(
        message.fields(),
        places.map((place) => place.field),
      );
  }),
  'what decoded encodes back to its bytes, padding made canonical': property(anyBytes, (bytes) => {
    const message = orRefused(() => codec.decode(bytes));
    if (message !== undefined) same(hexOf(codec.encode(message.toObject())), hexOf(canonical(bytes)));
  }),
  'what stands before the first wrong byte can be read': property(mutated, (bytes) => {
    const { places } = codec.walk(bytes);
    same(
      codec.salvage(bytes)?.fields() ?? [],
      places.map((place) => place.field),
    );
    codec.salvage(bytes)?.toObject();
  }),
  'describing any bytes never fails': property(anyBytes, (bytes) => {
    describe(bytes);
    describe(Buffer.concat([Buffer.from('6000030000603100311812', 'hex'), bytes]));
  }),
  'any bytes are text, and that text is those bytes': property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    same(hexOf(encodeText(decodeText(Buffer.from(bytes)))), hexOf(Buffer.from(bytes)));
  }),
  'a stream gives frames or one error, however it is cut': property(
    fc.array(fc.uint8Array({ maxLength: 90 }), { maxLength: 8 }),
    (chunks) => {
      const splitter = new FrameSplitter(64);
      for (const chunk of chunks) {
        const frames = orRefused(() => splitter.push(Buffer.from(chunk)));
        if (frames === undefined) return;
        for (const frame of frames) openFrame(frame);
      }
    },
  ),
  'every reader of a field takes any text or refuses it': property(
    fc.oneof(
      fc.string({ maxLength: 70 }),
      fc.stringMatching(/^\d{0,70}$/),
      fc.stringMatching(/^[0-9A-F]{0,70}$/),
    ),
    (text) => {
      const readers = [
        parseDe53,
        parseDe54,
        parseDe57,
        parseDe60,
        parseDe61,
        parseDe63,
        parseTotals,
        parseUpload,
      ];
      for (const read of [...readers, parseTlv, parseTrack1, parseTrack2]) orRefused(() => read(text));
      orRefused(() => parseWorkingKeys('003', text));
      parseReaderOutput(Buffer.from(text, 'latin1'));
    },
  ),
  'DE57 items that were written are read again': property(
    fc.array(fc.tuple(fc.stringMatching(/^[A-Z][A-Z0-9]$/), fc.string({ maxLength: 40, unit: 'binary' })), {
      maxLength: 5,
    }),
    (items) => {
      const text = orRefused(() => buildDe57(items));
      if (text !== undefined) same(parseDe57(text), items);
    },
  ),
  'TLV items that were written are read again': property(
    fc.array(
      fc.record({
        tag: fc.constantFrom('57', '5A', '9F26', '9F02', 'BF0C', 'DF8101'),
        value: fc.uint8Array({ maxLength: 300 }).map((bytes) => hexOf(Buffer.from(bytes))),
      }),
      { maxLength: 5 },
    ),
    (items) => {
      const read = parseTlv(buildTlv(items));
      same(
        read,
        items.map((item) => ({ ...item })),
      );
    },
  ),
};

/** Runs all properties in turn until the time is over. Rejects with the counterexample of the first that fails. */
export async function fuzz(seed: number, seconds: number): Promise<{ runs: number }> {
  const numRuns = 200;
  const end = performance.now() + seconds * 1_000;
  let runs = 0;
  for (let round = 0; round === 0 || performance.now() < end; round += 1) {
    for (const [sentence, check] of Object.entries(PROPERTIES)) {
      try {
        fc.assert(check, { seed: seed + round, numRuns });
      } catch (error) {
        throw new PosError('INVARIANT', `${sentence} (seed ${seed + round})`, { cause: error });
      }
      runs += numRuns;
    }
    await Promise.resolve();
  }
  return { runs };
}

/** Pad nibbles zero, and no second bitmap that announces nothing: what the encoder would have written. */
function canonical(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (const { spec, start, end, count } of codec.walk(bytes).places) {
    if ((spec.format !== 'n' && spec.format !== 'z') || count % 2 === 0) continue;
    const at = standsLeft(spec) ? end - 1 : start;
    copy[at] = copy.readUInt8(at) & (standsLeft(spec) ? 0xf0 : 0x0f);
  }
  const announcesNothing = copy.readUInt8(2) >= 0x80 && copy.readBigUInt64BE(10) === 0n;
  if (!announcesNothing) return copy;
  copy[2] = copy.readUInt8(2) & 0x7f;
  return Buffer.concat([copy.subarray(0, 10), copy.subarray(18)]);
}

function headFor(bits: readonly number[]): Buffer {
  const head = Buffer.from('0200', 'hex');
  const bitmap = Buffer.alloc(bits.some((bit) => bit > 64) ? 16 : 8);
  for (const bit of bitmap.length === 16 ? [1, ...bits] : bits) {
    const at = (bit - 1) >> 3;
    bitmap[at] = bitmap.readUInt8(at) | (0x80 >> ((bit - 1) & 7));
  }
  return Buffer.concat([head, bitmap]);
}

function strike(bytes: Buffer, { what, at, byte }: { what: string; at: number; byte: number }): Buffer {
  const place = at % (bytes.length + 1);
  const before = bytes.subarray(0, place);
  const put = what === 'change' || what === 'insert' ? Buffer.of(byte) : Buffer.alloc(0);
  const behind = what === 'cut' ? Buffer.alloc(0) : bytes.subarray(what === 'insert' ? place : place + 1);
  return Buffer.concat([before, put, behind]);
}

/** The result, undefined when it is refused by a PosError; any other error is a find. */
function orRefused<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof PosError && error.code !== 'INVARIANT') return undefined;
    throw error;
  }
}

function property<T>(input: fc.Arbitrary<T>, check: (value: T) => void): fc.IProperty<[never]> {
  return fc.property(input, (value) => check(value)) as unknown as fc.IProperty<[never]>;
}

function same(actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return;
  throw new Error(`${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`);
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex').toUpperCase();
}
