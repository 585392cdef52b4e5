/**
 * The text in which a working key rests outside of its token: `Z1.header.key.left.mac`. The header is that of
 * a key block and says use, algorithm and name; key and left half are wrapped by RFC 3394 under the token's
 * master key; the MAC, HMAC-SHA-256 under another key of the token, binds all of it. It is not a TR-31 block:
 * its protection key would have to be derived outside of the token.
 */
import { PosError } from '../../protocol/index.ts';
import { formatKeyBlockHeader, parseKeyBlockHeader } from '../key-block/header.ts';
import { sameBytes } from '../same-bytes.ts';
import { readRestingHeader, restingHeader } from '../vault/key-header.ts';
import type { KeySpec } from '../vault/vault.ts';

const TEXT = /^(Z1\.(.{16,9999})\.((?:[0-9A-F]{2}){24})\.((?:[0-9A-F]{2}){24}|))\.([0-9A-F]{64})$/;

/** A wrapped key: 24 bytes, for DES keys of 16. */
export interface WrappedKey {
  readonly spec: KeySpec;
  readonly whole: Buffer;
  readonly left: Buffer | null;
}

/** @param mac HMAC-SHA-256 in the token */
export function formatWrappedKey({ spec, whole, left }: WrappedKey, mac: (data: Buffer) => Buffer): string {
  const resting = restingHeader({ spec, life: null, exportable: false }, '');
  // The header stands alone: the length in it is its own.
  const header = formatKeyBlockHeader(resting, (characters) => characters);
  const hex = (bytes: Buffer | null) => (bytes ?? Buffer.alloc(0)).toString('hex').toUpperCase();
  const bound = `Z1.${header}.${hex(whole)}.${hex(left)}`;
  return `${bound}.${hex(mac(Buffer.from(bound, 'latin1')))}`;
}

/** @throws SEAL_BROKEN it is no such text, or was changed */
export function parseWrappedKey(text: string, mac: (data: Buffer) => Buffer): WrappedKey {
  const match = TEXT.exec(text);
  if (match === null) throw new PosError('SEAL_BROKEN', 'it has not the form of a working key of a token');
  const [, bound = '', header = '', whole = '', left = '', told = ''] = match;
  if (!sameBytes(mac(Buffer.from(bound, 'latin1')), Buffer.from(told, 'hex')))
    throw new PosError('SEAL_BROKEN', 'it is no working key of this token: its MAC does not fit');
  const { spec } = readRestingHeader(parseKeyBlockHeader(header).header);
  return {
    spec,
    whole: Buffer.from(whole, 'hex'),
    left: left === '' ? null : Buffer.from(left, 'hex'),
  };
}
