/** Vectors of the Chinese algorithms. */
import { toHex } from '../hex.ts';
import { SM2, sm2BasePoint, toBytes, toNumber } from '../sm/sm2-curve.ts';
import { sm2Decrypt, sm2Encrypt } from '../sm/sm2-encryption.ts';
import { sm2PublicKey, sm2Sign, sm2Verify, sm2Za } from '../sm/sm2-signature.ts';
import { sm3 } from '../sm/sm3.ts';
import { sm4GcmDecrypt, sm4GcmEncrypt } from '../sm/sm4-gcm.ts';
import { type Answers, fixed, hex, type Runners, sm4, type Values } from './vector-inputs.ts';

// biome-ignore format: a table is read by column
export const SM_RUNNERS: Runners = {
  'sm3':          (v) => toHex(sm3(hex(v, 'data'))),
  'sm4.ecb':      (v) => toHex(sm4(v, 'key').encrypt(hex(v, 'data'))),
  'sm4.ecb.iter': repeated,
  'sm4.cbc':      (v) => toHex(sm4(v, 'key').encryptCbc(hex(v, 'data'), hex(v, 'iv'))),
  'sm4.gcm':      gcm,
  'sm2.pubkey':   (v) => toHex(sm2PublicKey(hex(v, 'd'))),
  'sm2.za':       (v) => toHex(sm2Za(hex(v, 'pub'), hex(v, 'id'))),
  'sm2.sign':     signature,
  'sm2.verify':   (v) => sm2Verify(hex(v, 'pub'), hex(v, 'message'), hex(v, 'signature'), hex(v, 'id')),
  'sm2.encrypt':  encrypted,
};

/** The vector's number used once goes through the standard's equation: OpenSSL takes none from outside. */
function signature(v: Values): Answers {
  const { n } = SM2;
  const [privateKey, message, id] = [hex(v, 'd'), hex(v, 'message'), hex(v, 'id')];
  const publicKey = sm2PublicKey(privateKey);
  if (!sm2Verify(publicKey, message, sm2Sign(privateKey, message, id), id))
    return 'our own signature does not verify';
  const d = toNumber(privateKey);
  const k = toNumber(hex(v, 'k'));
  const x1 = toNumber(sm2BasePoint(hex(v, 'k')).subarray(0, 32));
  const r = (toNumber(sm3(sm2Za(publicKey, id), message)) + x1) % n;
  const s = (power(1n + d, n - 2n, n) * (((k - r * d) % n) + n)) % n;
  return toHex(Buffer.concat([toBytes(r), toBytes(s)]));
}

/** Encrypts with the vector's number, and decrypts what came out where the private key is known. */
function encrypted(v: Values): Answers {
  const sealed = sm2Encrypt(hex(v, 'pub'), hex(v, 'message'), fixed(hex(v, 'k')));
  if (typeof v['d'] === 'string' && !sm2Decrypt(hex(v, 'd'), sealed).equals(hex(v, 'message')))
    return 'it does not decrypt';
  return {
    C1: toHex(sealed.subarray(1, 65)),
    C3: toHex(sealed.subarray(65, 97)),
    C2: toHex(sealed.subarray(97)),
  };
}

function gcm(v: Values): Answers {
  const [iv, aad, data] = [hex(v, 'iv'), hex(v, 'aad'), hex(v, 'data')];
  const { cipherText, tag } = sm4GcmEncrypt(sm4(v, 'key'), iv, data, aad);
  if (!sm4GcmDecrypt(sm4(v, 'key'), iv, cipherText, aad, tag).equals(data)) return 'it does not decrypt';
  return { ct: toHex(cipherText), tag: toHex(tag) };
}

function repeated(v: Values): Answers {
  const cipher = sm4(v, 'key');
  let bytes = hex(v, 'data');
  for (let round = 0; round < Number(v['iterations']); round += 1) bytes = cipher.encrypt(bytes);
  return toHex(bytes);
}

function power(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}
