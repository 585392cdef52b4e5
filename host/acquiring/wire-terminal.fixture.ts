/**
 * A terminal for tests, built from the documents and from Node's ciphers alone: its own field shapes,
 * its own MAC, PIN block and key unwrapping. It shares no line with the product's codec and vault.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';

/** Shapes by field: n packed digits, z nibbles, a text, b bytes; LL and LLL prefixes are BCD. */
// biome-ignore format: a table is read by column
const SHAPES: Readonly<Record<number, readonly ['n' | 'nl' | 'z' | 'a' | 'b', number | 'LL' | 'LLL']>> = {
  2: ['n', 'LL'],   3: ['n', 6],     4: ['n', 12],    11: ['n', 6],    12: ['n', 6],    13: ['n', 4],
  14: ['n', 4],     15: ['n', 4],    22: ['nl', 3],   23: ['n', 3],    25: ['n', 2],    26: ['n', 2],
  32: ['n', 'LL'],  35: ['z', 'LL'], 37: ['a', 12],   38: ['a', 6],    39: ['a', 2],    41: ['a', 8],
  42: ['a', 15],    44: ['a', 'LL'], 48: ['n', 'LLL'], 49: ['a', 3],   52: ['b', 8],    53: ['n', 16],
  54: ['a', 'LLL'], 57: ['a', 'LLL'], 60: ['n', 'LLL'], 61: ['n', 'LLL'], 62: ['b', 'LLL'], 63: ['a', 'LLL'],
  64: ['b', 8],
};
const text = new TextDecoder('gb18030');

export type Fields = Readonly<Record<number, string>>;

function encodeField(field: number, value: string): Buffer {
  const shape = SHAPES[field];
  if (shape === undefined) throw new Error(`no shape for field ${field}`);
  const [kind, length] = shape;
  let units = value.length;
  let body: Buffer;
  if (kind === 'a') body = Buffer.from(value, 'latin1');
  else if (kind === 'b') {
    body = Buffer.from(value, 'hex');
    units = body.length;
  } else {
    const odd = value.length % 2 === 1;
    const padded = !odd ? value : kind === 'n' && typeof length === 'number' ? `0${value}` : `${value}0`;
    body = Buffer.from(padded, 'hex');
  }
  if (typeof length === 'number') return body;
  const prefix = Buffer.from(String(units).padStart(length === 'LL' ? 2 : 4, '0'), 'hex');
  return Buffer.concat([prefix, body]);
}

/** MTI, bitmap and fields. */
export function buildBody(mti: string, fields: Fields): Buffer {
  const numbers = Object.keys(fields)
    .map(Number)
    .sort((a, b) => a - b);
  const bitmap = Buffer.alloc(8);
  for (const field of numbers)
    bitmap[(field - 1) >> 3] = (bitmap[(field - 1) >> 3] ?? 0) | (0x80 >> ((field - 1) % 8));
  return Buffer.concat([
    Buffer.from(mti, 'hex'),
    bitmap,
    ...numbers.map((field) => encodeField(field, fields[field] ?? '')),
  ]);
}

/** TPDU 6000030000, a header, the body; without LEN. */
export function wrap(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from('6000030000', 'hex'), Buffer.from('603100310000', 'hex'), body]);
}

export const withLength = (frame: Buffer) =>
  Buffer.concat([Buffer.from([frame.length >> 8, frame.length & 0xff]), frame]);

export interface Parsed {
  readonly mti: string;
  readonly header: string;
  readonly tpdu: string;
  readonly fields: Record<number, string>;
  /** Bytes that the MAC covers, when DE64 is there. */
  readonly macData: Buffer | null;
}

/** @param answer with LEN */
export function parseAnswer(answer: Buffer): Parsed {
  if (answer.readUInt16BE(0) !== answer.length - 2) throw new Error('LEN does not count the frame');
  const body = answer.subarray(13);
  const fields: Record<number, string> = {};
  let macData: Buffer | null = null;
  let at = 10;
  for (let field = 2; field <= 64; field += 1) {
    if (((body[2 + ((field - 1) >> 3)] ?? 0) & (0x80 >> ((field - 1) % 8))) === 0) continue;
    const shape = SHAPES[field];
    if (shape === undefined) throw new Error(`no shape for field ${field}`);
    const [kind, length] = shape;
    if (field === 64) macData = body.subarray(0, at);
    let units: number;
    if (typeof length === 'number') units = length;
    else {
      const prefixBytes = length === 'LL' ? 1 : 2;
      units = Number(body.toString('hex', at, at + prefixBytes));
      at += prefixBytes;
    }
    const bytes = kind === 'a' || kind === 'b' ? units : Math.ceil(units / 2);
    const raw = body.subarray(at, at + bytes);
    at += bytes;
    if (kind === 'a') fields[field] = text.decode(raw);
    else if (kind === 'b') fields[field] = raw.toString('hex').toUpperCase();
    else if (kind === 'n' && typeof length === 'number') fields[field] = raw.toString('hex').slice(-units);
    else fields[field] = raw.toString('hex').toUpperCase().slice(0, units);
  }
  if (at !== body.length) throw new Error(`${body.length - at} bytes are left over`);
  return {
    mti: body.toString('hex', 0, 2),
    tpdu: answer.toString('hex', 2, 7),
    header: answer.toString('hex', 7, 13),
    fields,
    macData,
  };
}

/** DE57's items by tag; the last of a tag wins. Lengths count GB18030 bytes: two for a Chinese character. */
export function itemsOf(answer: Parsed): Record<string, string> {
  const items: Record<string, string> = {};
  const rest = [...(answer.fields[57] ?? '')];
  while (rest.length > 0) {
    const tag = rest.splice(0, 2).join('');
    let bytes = Number(rest.splice(0, 3).join(''));
    let value = '';
    while (bytes > 0) {
      const character = rest.shift() ?? '';
      bytes -= character > '\x7f' ? 2 : 1;
      value += character;
    }
    items[tag] = value;
  }
  return items;
}

export const buildItems = (items: readonly (readonly [string, string])[]) =>
  items.map(([tag, value]) => tag + String(value.length).padStart(3, '0') + value).join('');

function tripleDes(key: Buffer, data: Buffer, decrypt = false): Buffer {
  const full = Buffer.concat([key, key.subarray(0, 8)]);
  const cipher = (decrypt ? createDecipheriv : createCipheriv)('des-ede3', full, null);
  cipher.setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

/** Fact sheet 5.1: fold by XOR, hex, encrypt half, XOR half, encrypt, hex, first eight characters. */
export function unionPayMac(mak: Buffer, data: Buffer): string {
  const folded = Buffer.alloc(8);
  for (let at = 0; at < data.length; at += 1) folded[at % 8] = (folded[at % 8] ?? 0) ^ (data[at] ?? 0);
  const hex = Buffer.from(folded.toString('hex').toUpperCase(), 'latin1');
  const first = tripleDes(mak, hex.subarray(0, 8));
  for (let at = 0; at < 8; at += 1) first[at] = (first[at] ?? 0) ^ (hex[8 + at] ?? 0);
  const result = tripleDes(mak, first).toString('hex').toUpperCase().slice(0, 8);
  return Buffer.from(result, 'latin1').toString('hex').toUpperCase();
}

/** Fact sheet 5.4: the 8 bytes that end before the last byte of the packed track, under the TDK. */
export function sealTrack(tdk: Buffer, track: string): string {
  const even = track.length % 2 === 0;
  const packed = Buffer.from(even ? track : `${track}F`, 'hex');
  const end = packed.length - 1;
  tripleDes(tdk, packed.subarray(end - 8, end)).copy(packed, end - 8);
  return packed.toString('hex').toUpperCase().slice(0, track.length);
}

/** ISO 9564 format 0 under the PIN key. */
export function pinBlock(pik: Buffer, pin: string, pan: string): string {
  const pinField = Buffer.from(`0${pin.length}${pin}`.padEnd(16, 'F'), 'hex');
  const panField = Buffer.from(pan.slice(-13, -1).padStart(16, '0'), 'hex');
  const clear = Buffer.from(pinField.map((byte, at) => byte ^ (panField[at] ?? 0)));
  return tripleDes(pik, clear).toString('hex').toUpperCase();
}

export interface TestCard {
  readonly pan: string;
  readonly track2: string;
  readonly pin: string | null;
}

/** A magnetic-stripe terminal with one operator, 01. */
export class WireTerminal {
  readonly id: string;
  readonly merchantId: string;
  readonly tmk: Buffer;
  batch = 0;
  trace = 0;
  pik: Buffer = Buffer.alloc(16);
  mak: Buffer = Buffer.alloc(16);
  tdk: Buffer = Buffer.alloc(16);

  constructor(id: string, merchantId: string, tmk: Buffer) {
    this.id = id;
    this.merchantId = merchantId;
    this.tmk = tmk;
  }

  nextTrace(): string {
    this.trace += 1;
    return String(this.trace).padStart(6, '0');
  }

  de60(type: string, code = '000', batch = this.batch): string {
    return type + String(batch).padStart(6, '0') + code;
  }

  signInFrame(options: { version?: string; mode?: string } = {}): Buffer {
    const fields: Record<number, string> = {
      11: this.nextTrace(),
      41: this.id,
      42: this.merchantId,
      60: this.de60('00', options.mode ?? '003'),
      63: '01 ',
    };
    if (options.version !== undefined) fields[57] = buildItems([['V1', options.version]]);
    return wrap(buildBody('0800', fields));
  }

  /** Takes the keys and the batch out of a sign-in's answer; throws when a check value differs. */
  takeKeys(answer: Parsed): void {
    const keys = Buffer.from(answer.fields[62] ?? '', 'hex');
    const open = (at: number) => {
      const key = tripleDes(this.tmk, keys.subarray(at, at + 16), true);
      const check = tripleDes(key, Buffer.alloc(8)).subarray(0, 4);
      if (!check.equals(keys.subarray(at + 16, at + 20))) throw new Error('a check value differs');
      return key;
    };
    this.pik = open(0);
    // A MAK of eight bytes is followed by eight zero bytes; single DES is triple DES with one key.
    const single = keys.subarray(28, 36).equals(Buffer.alloc(8));
    this.mak = single ? this.#openSingle(keys.subarray(20, 28), keys.subarray(36, 40)) : open(20);
    if (keys.length === 60) this.tdk = open(40);
    this.batch = Number((answer.fields[60] ?? '').slice(2, 8));
  }

  #openSingle(wrapped: Buffer, expected: Buffer): Buffer {
    const half = tripleDes(this.tmk, wrapped, true);
    const key = Buffer.concat([half, half]);
    if (!tripleDes(key, Buffer.alloc(8)).subarray(0, 4).equals(expected))
      throw new Error('a check value differs');
    return key;
  }

  /** A request with MAC. `fields` may replace or, with an empty text, take away any field. */
  sealed(mti: string, fields: Fields): Buffer {
    const sent: Record<number, string> = { 41: this.id, 42: this.merchantId, 49: '156', ...fields };
    for (const [field, value] of Object.entries(sent)) if (value === '') delete sent[Number(field)];
    const body = buildBody(mti, { ...sent, 64: '0000000000000000' });
    const data = body.subarray(0, -8);
    return wrap(Buffer.concat([data, Buffer.from(unionPayMac(this.mak, data), 'hex')]));
  }

  /** Card data of a swipe, with the PIN block when the card has a PIN. */
  swipe(card: TestCard, pin: string | null = card.pin): Record<number, string> {
    const withPin =
      pin === null ? {} : { 26: '12', 52: pinBlock(this.pik, pin, card.pan), 53: '2600000000000000' };
    return { 22: pin === null ? '022' : '021', 35: card.track2, ...withPin };
  }
}
