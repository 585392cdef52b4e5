/** Looks for secrets in files: planted ones in every form in which they may rest, and card numbers by their look. */
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

interface Form {
  readonly form: string;
  /** In the file's bytes, each byte as one character. */
  readonly found: (file: string) => boolean;
}

/** Forms of one secret that are shorter than this are found by chance. */
const BYTES_MIN = 6;

function formsOf({ text, bytes, alone }: Planted): readonly Form[] {
  const forms: Form[] = [];
  const add = (form: string, value: string | Buffer) => {
    const needle = typeof value === 'string' ? value : value.toString('latin1');
    if (needle.length >= BYTES_MIN) forms.push({ form, found: (file) => file.includes(needle) });
  };
  const addBytes = (form: string, value: Buffer) => {
    add(form, value);
    add(`${form}, hex`, value.toString('hex'));
    add(`${form}, HEX`, value.toString('hex').toUpperCase());
    for (const [index, coded] of base64Forms(value).entries()) {
      add(`${form}, base64 ${index}`, coded);
      add(`${form}, base64url ${index}`, coded.replaceAll('+', '-').replaceAll('/', '_'));
    }
  };
  if (bytes !== undefined) addBytes('bytes', bytes);
  if (text === undefined) return forms;
  if (alone === true) {
    const whole = new RegExp(`(?<![0-9A-Za-z.])${text}(?![0-9A-Za-z.])`);
    forms.push({ form: 'alone', found: (file) => whole.test(file) });
    add('hex of its characters', Buffer.from(text).toString('hex'));
    return forms;
  }
  addBytes('characters', Buffer.from(text, 'latin1'));
  // Packed: two digits a byte, from either nibble; a separator is D.
  const nibbles = text.replaceAll('=', 'D').replaceAll(/[^0-9D]/g, '');
  for (const start of [0, 1]) {
    const whole = nibbles.slice(start, start + 2 * Math.floor((nibbles.length - start) / 2));
    addBytes(`packed from nibble ${start}`, Buffer.from(whole, 'hex'));
  }
  return forms;
}

/** The part of the base64 text that the value alone decides, at each of the three offsets. */
function base64Forms(value: Buffer): readonly string[] {
  return [0, 1, 2].map((offset) => {
    const coded = Buffer.concat([Buffer.alloc(offset), value]).toString('base64');
    return coded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + value.length) * 8) / 6));
  });
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
  const wanted = planted.map((one) => ({ name: one.name, forms: formsOf(one) }));
  for (const path of await filesUnder(folder)) {
    const bytes = await readFile(path);
    const file = bytes.toString('latin1');
    const say = (what: string) => found.push(`${relative(folder, path)}: ${what}`);
    for (const { name, forms } of wanted)
      for (const { form, found: isIn } of forms) if (isIn(file)) say(`${name}, ${form}`);
    for (const { name, pattern, luhn } of LOOKS)
      for (const [match] of file.matchAll(pattern))
        if (!luhn || isLuhnValid(match.replaceAll(/[ -]/g, ''))) say(`looks like ${name}`);
    for (const [match] of bytes.toString('hex').matchAll(PACKED_PAN))
      if (isLuhnValid(match)) say('looks like a packed card number');
  }
  return [...new Set(found)];
}

export async function filesUnder(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
