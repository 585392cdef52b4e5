/**
 * DE62 of the sign-in answer: working keys in ECB under the terminal master key, each in a 16-byte slot
 * followed by four bytes of its check value. Normative: the dialect, "Keys and MAC".
 */
import { PosError } from '../../protocol/index.ts';
import { BlockCipher } from '../cipher/block-cipher.ts';
import type { KeyedCipher } from '../cipher/keyed-cipher.ts';
import { fromHex } from '../hex.ts';
import { checkValue, WIRE_CHECK_BYTES } from '../material/check-value.ts';
import { checkKey } from '../material/key-quality.ts';
import { sameBytes } from '../same-bytes.ts';
import type { KeyMode, KeyUse } from './vault.ts';

type WorkingAlgorithm = 'des' | '3des' | 'sm4';

/** A key that came out of DE62. The caller wipes the bytes. */
interface ClearWorkingKey {
  readonly algorithm: WorkingAlgorithm;
  readonly bytes: Buffer;
}

const SLOT_BYTES = 16;
const SINGLE_BYTES = 8;

/** Which keys a mode carries, in order, and under which cipher. */
// biome-ignore format: a table is read by column
export const KEY_MODES = {
  '003': { algorithm: '3des', uses: ['pin', 'mac'] },
  '004': { algorithm: '3des', uses: ['pin', 'mac', 'track'] },
  '005': { algorithm: 'sm4',  uses: ['pin', 'mac', 'track'] },
} as const satisfies Record<KeyMode, { algorithm: WorkingAlgorithm; uses: readonly KeyUse[] }>;

/**
 * One slot of DE62: the wrapped key (a single-length one followed by eight zero bytes) and its check value.
 *
 * @param clear the key; the caller wipes it
 * @param key the same key, where it is held
 */
export function buildKeySlot(tmk: KeyedCipher, clear: Buffer, key: KeyedCipher): Buffer {
  const wrapped = Buffer.alloc(SLOT_BYTES);
  tmk.encrypt(clear).copy(wrapped);
  return Buffer.concat([wrapped, checkValue(key, WIRE_CHECK_BYTES)]);
}

/**
 * Opens DE62 slot by slot. A MAK slot whose second half is zero holds a single-length key; the zero
 * half is not decrypted.
 *
 * @example TMK CA5D92598DCA48CE8A4C76361A9269E9 and 6701EAD6…AB7153CA hold PIK
 *   807A23AD32B36D457AE91FDF927570EA and MAK 5BB5C72CD00B7338 (a worked trace, CSDN)
 * @returns keys in the mode's order; the caller wipes them
 * @throws KEY_BAD length, hex or a weak key; KEY_CHECK_VALUE, after which no key is returned
 */
export function openKeySlots(tmk: KeyedCipher, mode: KeyMode, de62: string): readonly ClearWorkingKey[] {
  const { algorithm, uses } = KEY_MODES[mode];
  const bytes = fromHex(de62, 'DE62');
  const slotBytes = SLOT_BYTES + WIRE_CHECK_BYTES;
  if (bytes.length !== uses.length * slotBytes) {
    throw new PosError(
      'KEY_BAD',
      `DE62 of mode ${mode} has ${uses.length * slotBytes} bytes, not ${bytes.length}`,
    );
  }
  const opened: ClearWorkingKey[] = [];
  try {
    uses.forEach((use, index) => {
      opened.push(openSlot(tmk, algorithm, use, bytes.subarray(index * slotBytes, (index + 1) * slotBytes)));
    });
  } catch (error) {
    for (const key of opened) key.bytes.fill(0);
    throw error;
  }
  return opened;
}

function openSlot(tmk: KeyedCipher, algorithm: WorkingAlgorithm, use: KeyUse, slot: Buffer): ClearWorkingKey {
  const wrapped = slot.subarray(0, SLOT_BYTES);
  const single =
    use === 'mac' && algorithm === '3des' && wrapped.subarray(SINGLE_BYTES).every((byte) => byte === 0);
  const bytes = tmk.decrypt(single ? wrapped.subarray(0, SINGLE_BYTES) : wrapped);
  const key = { algorithm: single ? 'des' : algorithm, bytes } as const;
  const cipher = new BlockCipher(key.algorithm, bytes);
  try {
    if (!sameBytes(checkValue(cipher, WIRE_CHECK_BYTES), slot.subarray(SLOT_BYTES))) {
      throw new PosError('KEY_CHECK_VALUE', `the ${use} key's check value differs`);
    }
    checkKey(key.algorithm, bytes, `${use} key in DE62`);
    return key;
  } catch (error) {
    bytes.fill(0);
    throw error;
  } finally {
    cipher.wipe();
  }
}
