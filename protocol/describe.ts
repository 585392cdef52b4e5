import { codec as productCodec } from './codec.ts';
import type { PosError } from './errors.ts';
import { FIELDS, type FieldSpec } from './fields.ts';
import { FRAME_BYTES_MIN, openFrame } from './frame.ts';
import type { Codec, Message } from './message.ts';
import { explain, showValue } from './show.ts';
import { STANDARD_FIELDS } from './standard-fields.ts';
import { answeredTransactionOf, missingFields, transactionOf } from './transactions.ts';

/**
 * A message for a person: one line a field, masked as the field table says; when the bytes are wrong, what
 * could be read, then the first wrong byte and the reason.
 *
 * @param bytes any bytes: a frame with LEN, a frame as `FrameSplitter` gives it, or a body from the MTI on
 * @param options.framed true: TPDU and header stand before the MTI; false: the bytes begin with the MTI;
 *   left out: told by the bytes themselves
 * @param options.codec another acquirer's
 * Never throws.
 */
export function describe(bytes: Buffer, options: { framed?: boolean; codec?: Codec } = {}): string {
  const by = options.codec ?? productCodec;
  const { head, body, bodyAt } = unwrap(bytes, options.framed);
  const { mti, places, announced, fault } = by.walk(body);
  const message = by.salvage(body);
  const lines = [`${titleOf(message, mti)} · ${bytes.length} 字节 bytes`, ...head];
  if (message !== undefined) {
    for (const { field, spec } of places)
      lines.push(fieldLine(field, spec, message.get(field) ?? '', message));
  }
  if (fault === undefined) {
    if (message !== undefined) lines.push(...missingLine(message));
  } else {
    lines.push(...faultLines(fault, body, bodyAt));
    const unread = announced.filter((field) => !places.some((place) => place.field === field));
    if (unread.length > 0) lines.push(`  未读 not read: ${unread.map((field) => `DE${field}`).join(' ')}`);
  }
  return lines.join('\n');
}

/** A decoded message for a person, masked as the field table says. */
export function describeMessage(message: Message): string {
  const lines = message.fields().map((field) => {
    const spec = specOf(field);
    return spec === undefined ? `DE${field}` : fieldLine(field, spec, message.get(field) ?? '', message);
  });
  return [titleOf(message, message.mti), ...lines, ...missingLine(message)].join('\n');
}

interface Unwrapped {
  readonly head: readonly string[];
  readonly body: Buffer;
  /** Where the MTI stands in the bytes that were given. */
  readonly bodyAt: number;
}

function unwrap(bytes: Buffer, framed: boolean | undefined): Unwrapped {
  const hasLength = framed !== false && bytes.length > 2 && bytes.readUInt16BE(0) === bytes.length - 2;
  const frame = hasLength ? bytes.subarray(2) : bytes;
  const isFrame = framed ?? (hasLength || frame[0] === 0x60);
  if (!isFrame || frame.length < FRAME_BYTES_MIN) return { head: [], body: bytes, bodyAt: 0 };
  const { tpdu, header, body } = openFrame(frame);
  const head = `TPDU ${tpdu.toString('hex').toUpperCase()} · 报文头 header ${header}`;
  return { head: [head], body, bodyAt: bytes.length - body.length };
}

function titleOf(message: Message | undefined, mti: string | undefined): string {
  if (mti === undefined) return '无法识别 no message';
  if (message === undefined) return mti;
  const asked = transactionOf(message);
  const spec = asked ?? answeredTransactionOf(message);
  if (spec === undefined) return `${mti} 未知交易 unknown transaction`;
  return `${mti} ${spec.nameZh} ${spec.nameEn}${asked === undefined ? ' 应答 answer' : ''}`;
}

function fieldLine(field: number, spec: FieldSpec, value: string, message: Message): string {
  const meaning = explain(field, value);
  const outside = message.unknown.includes(field) ? ' [表外 outside the table]' : '';
  const shown = showValue(field, spec, value);
  return `  DE${String(field).padEnd(3)} ${spec.nameZh} ${spec.name}${outside}: ${shown}${meaning === '' ? '' : ` — ${meaning}`}`;
}

function missingLine(message: Message): readonly string[] {
  const spec = transactionOf(message);
  const missing = spec === undefined ? [] : missingFields(spec, message);
  if (missing.length === 0) return [];
  return [`  ✗ 缺少 missing: ${missing.map((field) => `DE${field}`).join(' ')}`];
}

function faultLines(fault: PosError, body: Buffer, bodyAt: number): readonly string[] {
  const offset = fault.offset ?? 0;
  const byte = body[offset];
  const value = byte === undefined ? '' : ` (0x${byte.toString(16).padStart(2, '0').toUpperCase()})`;
  const place = `第一个错误字节 first wrong byte ${bodyAt + offset}${value}`;
  const fromMti = bodyAt === 0 ? '' : `, MTI + ${offset}`;
  return [`  ✗ ${place}${fromMti}: ${fault.code} ${fault.detail}`, `    ${fault.hint}`];
}

function specOf(field: number): FieldSpec | undefined {
  return Object.hasOwn(FIELDS, field) ? FIELDS[field as keyof typeof FIELDS] : STANDARD_FIELDS[field];
}
