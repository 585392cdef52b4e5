/** Who may enter a component, and how that is proved: a name and a password, kept as its scrypt. */
import { type BinaryLike, type ScryptOptions, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { PosError } from '../../protocol/index.ts';
import { sameBytes } from '../same-bytes.ts';
import { type Custodian, SCRYPT_COST, type ScryptCost } from '../vault/key-file.ts';

const PASSWORD_BYTES_MIN = 12;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const derive = promisify<BinaryLike, BinaryLike, number, ScryptOptions, Buffer>(scrypt);

/**
 * A custodian with the proof of this password. The caller wipes the password.
 *
 * @param name 1 to 32 letters, digits, dots or hyphens
 * @throws INPUT_BAD
 */
export async function newCustodian(
  name: string,
  password: Buffer,
  random: (bytes: number) => Buffer,
): Promise<Custodian> {
  if (!/^[A-Za-z0-9.-]{1,32}$/.test(name))
    throw new PosError('INPUT_BAD', 'a custodian has a name of 1 to 32 letters, digits, dots or hyphens');
  if (password.length < PASSWORD_BYTES_MIN)
    throw new PosError('INPUT_BAD', `a custodian's password has at least ${PASSWORD_BYTES_MIN} characters`);
  const salt = random(SALT_BYTES);
  const hash = await hashOf(password, salt, SCRYPT_COST);
  const { N, r, p } = SCRYPT_COST;
  return { name, proof: ['scrypt', N, r, p, salt.toString('base64'), hash.toString('base64')].join('$') };
}

/** Constant time; a name that nobody has takes as long as a wrong password. */
export async function isCustodian(
  custodians: readonly Custodian[],
  name: string,
  password: Buffer,
): Promise<boolean> {
  const found = custodians.find((one) => one.name === name);
  const [, N, r, p, salt = '', hash = ''] = found?.proof.split('$') ?? [];
  const cost = found === undefined ? SCRYPT_COST : { N: Number(N), r: Number(r), p: Number(p) };
  const computed = await hashOf(password, Buffer.from(salt, 'base64'), cost);
  return found !== undefined && sameBytes(computed, Buffer.from(hash, 'base64'));
}

function hashOf(password: Buffer, salt: Buffer, cost: ScryptCost): Promise<Buffer> {
  return derive(password, salt, HASH_BYTES, { ...cost, maxmem: 256 * cost.N * cost.r });
}
