/** Looks for secrets in files, and in what memory was written to files: planted ones in every form in which they may rest, and card numbers by their look. */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { isLuhnValid } from '../../protocol/index.ts';

/** Something that must be in no file. */
export interface Planted {
  readonly name: string;
  /** Digits or text; `bytes` for keys and blocks. */
  readonly text?: string;
  readonly bytes?: Buffer;
  /** Too short to be searched for inside longer numbers: only where it stands alone. */
  readonly alone?: true;
}

/** One form of a secret, each byte as one character. */
interface Needle {
  readonly what: string;
  readonly bytes: Buffer;
  /** Found only where no letter, digit or point stands beside it. */
  readonly alone: boolean;
}

/** Forms of one secret that are shorter than this are found by chance. */
const BYTES_MIN = 6;
/** Of decimal digits even more: a memory's picture is full of numbers, in which any eight are found now and then. */
const HEX_DIGITS_MIN = 10;

function needlesOf({ name, text, bytes, alone }: Planted): readonly Needle[] {
  const needles: Needle[] = [];
  const add = (form: string, value: string | Buffer, isAlone = false) => {
    const needle = typeof value === 'string' ? Buffer.from(value, 'latin1') : value;
    if (needle.length >= BYTES_MIN) needles.push({ what: `${name}, ${form}`, bytes: needle, alone: isAlone });
  };
  const addBytes = (form: string, value: Buffer) => {
    add(form, value);
    if (2 * value.length < HEX_DIGITS_MIN) return;
    add(`${form}, hex`, value.toString('hex'));
    add(`${form}, HEX`, value.toString('hex').toUpperCase());
    for (const [index, coded] of base64Forms(value).entries()) {
      add(`${form}, base64 ${index}`, coded);
      add(`${form}, base64url ${index}`, coded.replaceAll('+', '-').replaceAll('/', '_'));
    }
  };
  if (bytes !== undefined) addBytes('bytes', bytes);
  if (text === undefined) return needles;
  if (alone === true) {
    add('alone', text, true);
    add('hex of its characters', Buffer.from(text).toString('hex'));
    return needles;
  }
  addBytes('characters', Buffer.from(text, 'latin1'));
  // Packed: two digits a byte, from either nibble; a separator is D.
  const nibbles = text.replaceAll('=', 'D').replaceAll(/[^0-9D]/g, '');
  for (const start of [0, 1]) {
    const whole = nibbles.slice(start, start + 2 * Math.floor((nibbles.length - start) / 2));
    addBytes(`packed from nibble ${start}`, Buffer.from(whole, 'hex'));
  }
  return needles;
}

/** The part of the base64 text that the value alone decides, at each of the three offsets. */
function base64Forms(value: Buffer): readonly string[] {
  return [0, 1, 2].map((offset) => {
    const coded = Buffer.concat([Buffer.alloc(offset), value]).toString('base64');
    return coded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + value.length) * 8) / 6));
  });
}

/** All needles at once: a file is gone through once, however many there are. */
class Needles {
  /** Whether a needle begins with these two bytes. */
  readonly #begins = new Uint8Array(65_536);
  readonly #byHead = new Map<number, Needle[]>();

  constructor(planted: readonly Planted[]) {
    for (const needle of planted.flatMap(needlesOf)) {
      this.#begins[needle.bytes.readUInt16LE(0)] = 1;
      const head = needle.bytes.readUInt32LE(0);
      const known = this.#byHead.get(head);
      if (known === undefined) this.#byHead.set(head, [needle]);
      else known.push(needle);
    }
  }

  /** What is found in the bytes, how often. */
  in(bytes: Buffer): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    const last = bytes.length - BYTES_MIN;
    for (let at = 0; at <= last; at += 1) {
      if (this.#begins[(bytes[at] as number) | ((bytes[at + 1] as number) << 8)] === 0) continue;
      for (const needle of this.#byHead.get(bytes.readUInt32LE(at)) ?? [])
        if (isAt(bytes, at, needle)) found.set(needle.what, (found.get(needle.what) ?? 0) + 1);
    }
    return found;
  }
}

function isAt(bytes: Buffer, at: number, { bytes: needle, alone }: Needle): boolean {
  const end = at + needle.length;
  if (end > bytes.length || bytes.compare(needle, 0, needle.length, at, end) !== 0) return false;
  return !alone || (!isWordByte(bytes[at - 1]) && !isWordByte(bytes[end]));
}

/** 0-9, A-Z, a-z or a point. */
function isWordByte(byte: number | undefined): boolean {
  return byte !== undefined && /[0-9A-Za-z.]/.test(String.fromCharCode(byte));
}

// biome-ignore format: a table is read by column
const LOOKS: readonly { readonly name: string; readonly pattern: RegExp; readonly luhn: boolean }[] = [
  { name: 'a card number',          pattern: /(?<!\d)6[ -]?2[ -]?7[ -]?7[ -]?8[ -]?8(?:[ -]?\d){7,13}(?!\d)/g,   luhn: true },
  { name: 'a track 2',              pattern: /627788\d{7,13}[=D^]\d{4}/g,               luhn: false },
  { name: 'a track 1',              pattern: /B\d{13,19}\^[^^]{2,26}\^\d{4}/g,          luhn: false },
];
const PACKED_PAN = /627788\d{10}/g;

/** Where something that must not be there was found: file, what, in which form; never the value. */
export async function searchLeaks(folder: string, planted: readonly Planted[]): Promise<readonly string[]> {
  const found: string[] = [];
  const needles = new Needles(planted);
  for (const path of await filesUnder(folder)) {
    const bytes = await readFile(path);
    for (const what of [...needles.in(bytes).keys(), ...looksIn(bytes).keys()])
      found.push(`${relative(folder, path)}: ${what}`);
  }
  return found;
}

/** Card numbers in the project's own source: a process holds the text of its program. */
const EXAMPLES = ['6277880000000016'];

/** What stands in parts of something long, by what it is, how often. */
export async function searchParts(
  parts: AsyncIterable<Buffer> | Iterable<Buffer>,
  planted: readonly Planted[],
): Promise<ReadonlyMap<string, number>> {
  const needles = new Needles(planted);
  const found = new Map<string, number>();
  for await (const part of parts)
    for (const [what, times] of [...needles.in(part), ...looksIn(part, EXAMPLES)])
      found.set(what, (found.get(what) ?? 0) + times);
  return found;
}

/** @param known beginnings of what may look so: examples of the source, which every process holds */
function looksIn(bytes: Buffer, known: readonly string[] = []): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  const say = (what: string) => found.set(what, (found.get(what) ?? 0) + 1);
  const text = bytes.toString('latin1');
  for (const { name, pattern, luhn } of LOOKS)
    for (const [match] of text.matchAll(pattern))
      if (
        known.every((one) => !match.startsWith(one)) &&
        (!luhn || isLuhnValid(match.replaceAll(/[ -]/g, '')))
      )
        say(`looks like ${name}`);
  for (const [match] of bytes.toString('hex').matchAll(PACKED_PAN))
    if (isLuhnValid(match) && !known.includes(match)) say('looks like a packed card number');
  return found;
}

export async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
