import type { Walk } from './walk.ts';

/** A message as values: what `encode` takes and `toObject` gives. */
export interface MessageValues {
  /** Four digits. */
  readonly mti: string;
  /** By field number, 2…128; a list is written soonest; other keys are not looked at. See `Message.get` for how a value is written. */
  readonly fields: Readonly<Record<number, string>>;
}

/** A message that was decoded and found right, field by field; values are cut out when asked for. */
export interface Message {
  /** Four digits. */
  readonly mti: string;
  has(field: number): boolean;
  /**
   * The value of a field, undefined when it is absent.
   *
   * n: digits, leading zeros kept · z: nibbles as 0–9 A–F (a track's separator is D) · an, ans: text
   * (GB18030 on the wire), as sent unless the row says `trim` · b: upper-case hex · xn: C or D and digits.
   */
  get(field: number): string | undefined;
  /** PIN block or MAC, as a view of the message's bytes; undefined when it is absent. */
  bytes(field: 52 | 64): Buffer | undefined;
  /** The fields present, ascending, without bit 1. */
  fields(): readonly number[];
  /** The bytes that the MAC covers: MTI up to the byte before DE64. Undefined without DE64. */
  macData(): Buffer | undefined;
  /** Fields that the table does not list, kept in the shape that ISO 8583:1987 gives them. */
  readonly unknown: readonly number[];
  toObject(): { mti: string; fields: Record<number, string> };
}

/** Turns bytes from MTI on into a message, and values into bytes. Throws nothing but PosError. */
export interface Codec {
  /**
   * Judges every byte, then hands out a message that cuts its values lazily. The values are the message's own;
   * `bytes` and `macData` are views of what was decoded, so take them before somebody writes into it.
   */
  decode(body: Buffer): Message;
  /** The bytes of a message, MTI first. A new buffer each time. */
  encode(message: MessageValues): Buffer;
  /**
   * What stands before the first wrong byte, so that a refusal can be addressed. Undefined when not even
   * the first field could be read. Never throws.
   */
  salvage(body: Buffer): Message | undefined;
  /** Where every field lies, up to the first fault: for people and tools, not for speed. Never throws. */
  walk(body: Buffer): Walk;
}
