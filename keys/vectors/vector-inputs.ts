/** What every vector's runner needs: its inputs by name, strictly read. */
import { aesCipher, BlockCipher, tdesCipher } from '../cipher/block-cipher.ts';
import { fromHex } from '../hex.ts';

export type Values = Readonly<Record<string, unknown>>;
/** One answer, or answers by name; each name that the vector expects too must agree, and one at least must. */
export type Answers = string | boolean | Readonly<Record<string, string>>;
/** Computes what a vector of one kind expects. A PosError is the answer REJECT. */
export type Runner = (inputs: Values) => Answers;
export type Runners = Readonly<Record<string, Runner>>;

export function text(values: Values, name: string): string {
  const value = values[name];
  if (typeof value !== 'string') throw new Error(`the vector has no ${name}`);
  return value;
}

export function hex(values: Values, name: string): Buffer {
  return fromHex(text(values, name), name);
}

/** A list of hexadecimal texts. */
export function hexes(values: Values, name: string): Buffer[] {
  const list = values[name];
  if (!Array.isArray(list)) throw new Error(`the vector has no list ${name}`);
  return list.map((entry: unknown) => hex({ [name]: entry }, name));
}

export function ascii(values: Values, name: string): Buffer {
  return Buffer.from(text(values, name), 'ascii');
}

/** A DES or triple DES key by its length. */
export function des(values: Values, name: string): BlockCipher {
  const key = hex(values, name);
  return key.length === 8 ? new BlockCipher('des', key) : tdesCipher(key);
}

export function aes(values: Values, name: string): BlockCipher {
  return aesCipher(hex(values, name));
}

export function sm4(values: Values, name: string): BlockCipher<'sm4'> {
  return new BlockCipher('sm4', hex(values, name));
}

/** The cipher that the vector names. */
export function named(values: Values, key: string): BlockCipher {
  if (values['cipher'] === 'sm4') return sm4(values, key);
  return values['cipher'] === 'aes' ? aes(values, key) : des(values, key);
}

/** A source of randomness that gives what the vector prescribes. */
export function fixed(bytes: Buffer): (count: number) => Buffer {
  return (count) => {
    if (count !== bytes.length) throw new Error(`the vector has ${bytes.length} random bytes, not ${count}`);
    return Buffer.from(bytes);
  };
}
