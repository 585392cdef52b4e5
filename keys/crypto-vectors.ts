/**
 * Runs published vectors through the functions of this room: from crypto.json and messages.json, or any
 * file of their shape. Used by the tests and by `npm run vectors`.
 */
import { PosError } from '../protocol/index.ts';
import { BlockCipher } from './block-cipher.ts';
import { cardVerificationValue } from './card-verify.ts';
import { aesCheckValue, checkValue } from './check-value.ts';
import { fromHex, toHex } from './hex.ts';
import { combineComponents, withOddParity } from './key-quality.ts';
import { ansiX99Mac, ansiX919Mac, foldBlocks, unionPayEcbMac } from './mac.ts';
import { decodePinBlock0, encodePinBlock0, encodePinBlockSm4 } from './pin-block.ts';
import { decimalise, decimaliseTwoPass, ibm3624Offset, ibm3624Pin, visaPvv } from './pin-verify.ts';
import { encryptTrackBlock, trackDataBlockAt } from './track-encryption.ts';
import { openKeySlots } from './working-keys.ts';

export interface VectorResult {
  readonly kind: string;
  readonly passed: number;
  readonly total: number;
  /** Names of the vectors that failed, with the reason; never their content. */
  readonly failures: readonly string[];
}

type Values = Readonly<Record<string, unknown>>;
/** The computed answers by name; each name that the vector expects too must agree, and one at least must. */
type Answers = string | Readonly<Record<string, string>>;
type Runner = (inputs: Values) => Answers;

/** Kinds of crypto.json: `inputs` in, `expected` out. */
// biome-ignore format: a table is read by column
const BY_KIND: Readonly<Record<string, Runner>> = {
  'des.ecb.encrypt':              (v) => toHex(des(v, 'key').encrypt(hex(v, 'data'))),
  'des.ecb.decrypt':              (v) => toHex(des(v, 'key').decrypt(hex(v, 'data'))),
  'sm4.ecb':                      (v) => toHex(sm4(v, 'key').encrypt(hex(v, 'data'))),
  'sm4.ecb.iter':                 (v) => repeated(sm4(v, 'key'), hex(v, 'data'), Number(v['iterations'])),
  'sm4.keyunwrap-check':          (v) => ({ check8: toHex(checkValue(new BlockCipher('sm4', sm4(v, 'tmk').decrypt(hex(v, 'encKey'))), 8)) }),
  'kcv.des':                      (v) => toHex(checkValue(des(v, 'key'), Number(v['bytes']))),
  'kcv.aes-cmac':                 (v) => toHex(aesCheckValue(hex(v, 'key'), Number(v['bytes']))),
  'key.components':               componentsOf,
  'key.parity':                   (v) => toHex(withOddParity(hex(v, 'key'))),
  'unionpay.signon62':            signOn,
  'unionpay.track-tdb':           (v) => block(text(v, 'trackHex')),
  'mac.unionpay-ecb':             (v) => ecbMac(v['cipher'] === 'sm4' ? sm4(v, 'key') : des(v, 'key'), hex(v, 'mab')),
  'mac.x9.9':                     (v) => toHex(ansiX99Mac(des(v, 'key'), hex(v, 'data'))),
  'mac.x9.19':                    (v) => toHex(ansiX919Mac(desOf(text(v, 'key') + text(v, 'key2')), hex(v, 'data'))),
  'pinblock.iso0.encode':         (v) => toHex(encodePinBlock0(ascii(v, 'pin'), text(v, 'pan'))),
  'pinblock.iso0.decode':         (v) => decodePinBlock0(hex(v, 'block'), text(v, 'pan')).toString('ascii'),
  'pinblock.iso0.decode12':       (v) => decodePinBlock0(hex(v, 'block'), `${text(v, 'pan12')}0`).toString('ascii'),
  'pinblock.iso0.encrypted':      (v) => toHex(des(v, 'key').encrypt(encodePinBlock0(ascii(v, 'pin'), `${text(v, 'pan12')}0`))),
  'pinblock.iso0.encrypted.decode': (v) => decodePinBlock0(des(v, 'key').decrypt(hex(v, 'block')), text(v, 'pan')).toString('ascii'),
  'pinblock.unionpay-sm4':        (v) => toHex(encodePinBlockSm4(ascii(v, 'pin'), text(v, 'pan'))),
  'pin.decimalise':               (v) => decimalise(text(v, 'encrypted'), text(v, 'table')),
  'pin.decimalise2pass':          (v) => decimaliseTwoPass(text(v, 'hex'), Number(v['digits'])),
  'pin.ibm3624.pin':              (v) => ibm3624Pin(des(v, 'pvk'), text(v, 'validation'), text(v, 'offset'), text(v, 'table')).toString('ascii'),
  'pin.ibm3624.offset':           (v) => ibm3624Offset(des(v, 'pvk'), text(v, 'validation'), ascii(v, 'pin'), text(v, 'table')),
  'pin.pvv':                      (v) => visaPvv(des(v, 'pvk'), text(v, 'pan'), text(v, 'pvki'), ascii(v, 'pin')),
  'cvv':                          (v) => cardVerificationValue(des(v, 'cvk'), text(v, 'pan'), text(v, 'expiry'), text(v, 'serviceCode')),
};

/** Kinds of messages.json, whose vectors carry inputs and answers side by side. */
// biome-ignore format: a table is read by column
const FLAT_KINDS: Readonly<Record<string, Runner>> = {
  'mac':      flatMac,
  'kcv':      flatCheckValue,
  'pinblock': flatPinBlock,
  'track':    (v) => ({ plainBlock: block(text(v, 'packed')), resultPacked: flatTrack(v) }),
};

/**
 * @param vectors entries of crypto.json and messages.json; what is not of their shape is left alone
 * @returns one row a kind that has a runner; the caller lists the kinds that have none
 */
export function runCryptoVectors(vectors: readonly unknown[]): VectorResult[] {
  const rows = new Map<string, { passed: number; total: number; failures: string[] }>();
  for (const vector of vectors) {
    if (typeof vector !== 'object' || vector === null) continue;
    const values = vector as Values;
    const kind = String(values['kind']);
    const failure = runOne(kind, values);
    if (failure === undefined) continue;
    const row = rows.get(kind) ?? { passed: 0, total: 0, failures: [] };
    rows.set(kind, row);
    row.total += 1;
    if (failure === null) row.passed += 1;
    else row.failures.push(`${String(values['id'] ?? values['name'])}: ${failure}`);
  }
  return [...rows].map(([kind, row]) => ({ kind, ...row }));
}

/** Undefined: no runner; null: passed; else the reason. */
function runOne(kind: string, vector: Values): string | null | undefined {
  const flat = FLAT_KINDS[kind];
  if (flat !== undefined) return compare(attempt(flat, vector), vector);
  const run = BY_KIND[kind];
  if (run === undefined) return undefined;
  const failure = compare(attempt(run, vector['inputs'] as Values), vector['expected']);
  // A vector that is marked wrong on purpose is a published error: to agree with it would be a fault.
  if (vector['verified'] === false) return failure === null ? 'agrees with a value known to be wrong' : null;
  return failure;
}

function attempt(run: Runner, inputs: Values): Answers {
  try {
    return run(inputs);
  } catch (error) {
    return error instanceof PosError
      ? 'REJECT'
      : `threw ${error instanceof Error ? error.name : 'something'}`;
  }
}

function compare(computed: Answers, expected: unknown): string | null {
  if (typeof computed === 'string') return computed === expected ? null : 'another answer';
  const wanted = (expected ?? {}) as Values;
  const shared = Object.keys(computed).filter((name) => typeof wanted[name] === 'string');
  if (shared.length === 0) return 'nothing to compare';
  const wrong = shared.filter((name) => computed[name] !== wanted[name]);
  return wrong.length === 0 ? null : `differs in ${wrong.join(', ')}`;
}

function flatMac(v: Values): Answers {
  const data = hex(v, 'dataHex');
  if (v['algorithm'] === 'CUP-ECB') {
    const { macAscii, xor } = ecbMac(des(v, 'key'), data);
    const published = v['steps'] as Values;
    return xor === published['xorFold'] ? { computed: macAscii, expected: macAscii } : 'another fold';
  }
  const mac = v['algorithm'] === 'X9.19' ? ansiX919Mac(des(v, 'key'), data) : ansiX99Mac(des(v, 'key'), data);
  return { computed: toHex(mac), expected: toHex(mac) };
}

function flatCheckValue(v: Values): Answers {
  if (v['subkind'] === 'cipher-selftest') {
    const isSm4 = hex(v, 'dataHex').length === 16 && /SM4/.test(text(v, 'name'));
    return { expected: toHex((isSm4 ? sm4(v, 'key') : des(v, 'key')).encrypt(hex(v, 'dataHex'))) };
  }
  const kcv = toHex(checkValue(des(v, 'clearKey'), 4));
  if (typeof v['kek'] !== 'string') return { kcv, expectedKcv: kcv };
  const clear = des(v, 'kek').decrypt(hex(v, 'wrapped'));
  return { kcv, expectedKcv: kcv, clearKey: toHex(clear), expectedClear: toHex(clear) };
}

function flatPinBlock(v: Values): Answers {
  // Without a card number the PAN field is zero: DE53's first digit says 1.
  const clear = encodePinBlock0(ascii(v, 'pin'), typeof v['pan'] === 'string' ? v['pan'] : '0');
  const clearBlock = toHex(clear);
  const answers = { clearBlock, expectedClear: clearBlock };
  if (typeof v['key'] !== 'string') return answers;
  const encrypted = toHex(des(v, 'key').encrypt(clear));
  return { ...answers, encrypted, expectedEncrypted: encrypted };
}

/** The packed track has a filler nibble after an odd number of digits. */
function flatTrack(v: Values): string {
  const track = text(v, 'packed').slice(0, Number(v['de35Digits']));
  return encryptTrackBlock(des(v, 'key'), track) + text(v, 'packed').slice(track.length);
}

function ecbMac(cipher: BlockCipher, data: Buffer): { xor: string; macAscii: string; de64: string } {
  const mac = unionPayEcbMac(cipher, data);
  return {
    xor: toHex(foldBlocks(data, cipher.blockBytes)),
    macAscii: mac.toString('ascii'),
    de64: toHex(mac),
  };
}

function componentsOf(v: Values): Answers {
  const key = combineComponents(
    (v['components'] as readonly string[]).map((part) => fromHex(part, 'component')),
    'key',
  );
  return { key: toHex(key), kcv: toHex(checkValue(desOf(toHex(key)))) };
}

function signOn(v: Values): Answers {
  const [pik, mak] = openKeySlots(des(v, 'tmk'), '003', text(v, 'de62'));
  if (pik === undefined || mak === undefined) return 'no keys';
  return {
    pik: toHex(pik.copyKey()),
    pikCheck: toHex(checkValue(pik, 4)),
    mak: toHex(mak.copyKey()),
    makCheck: toHex(checkValue(mak, 4)),
  };
}

function block(track: string): string {
  const from = trackDataBlockAt(track);
  return track.slice(from, from + 16);
}

function repeated(cipher: BlockCipher, data: Buffer, times: number): string {
  let bytes = data;
  for (let round = 0; round < times; round += 1) bytes = cipher.encrypt(bytes);
  return toHex(bytes);
}

function des(values: Values, name: string): BlockCipher {
  return desOf(text(values, name));
}

function desOf(key: string): BlockCipher {
  return new BlockCipher(key.length === 16 ? 'des' : '3des', fromHex(key, 'key'));
}

function sm4(values: Values, name: string): BlockCipher {
  return new BlockCipher('sm4', hex(values, name));
}

function hex(values: Values, name: string): Buffer {
  return fromHex(text(values, name), name);
}

function ascii(values: Values, name: string): Buffer {
  return Buffer.from(text(values, name), 'ascii');
}

function text(values: Values, name: string): string {
  const value = values[name];
  if (typeof value !== 'string') throw new Error(`the vector has no ${name}`);
  return value;
}
