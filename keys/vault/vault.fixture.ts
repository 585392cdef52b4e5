/** Vaults in memory for the tests of this folder; every key and card number is invented or published. */
import { randomBytes } from 'node:crypto';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { isPrivateKeyAlgorithm } from '../material/private-key.ts';
import { openSoftVault } from './open-vault.ts';
import type { KeyAlgorithm, KeyFilePort, KeyHandle, KeyUse, Vault } from './vault.ts';

export const PAN = '6277880000000008';
export const OTHER_PAN = '6277880000000016';
export const TMK_PARTS = [hex('6D6BE51F04F76167491554FE25F7ABEF'), hex('67499B2CF137DFCB9EA28FF757CD10A7')];
/** What the two parts make: cardutil's test key, check value 05EE1D. */
export const TMK_HEX = '0A227E33F5C0BEACD7B7DB09723ABB48';

export type Ring = Readonly<Record<KeyUse, KeyHandle>>;

/** @param testMode published keys are taken */
export async function memoryVault(testMode = false): Promise<Vault> {
  return openSoftVault({ random: randomBytes, testMode });
}

/** One implementation of the vault, for the suite that all of them pass. */
export interface VaultBench {
  /** A new vault without keys. @param testMode published keys are taken */
  readonly open: (testMode?: boolean) => Promise<Vault>;
  /** A new place where keys rest, without keys: each call of what it gives opens that place. */
  readonly home: () => Promise<() => Promise<Vault>>;
  /** Ciphers that a terminal's keys may have there. */
  readonly terminals: readonly ('3des' | 'sm4')[];
  /** Whether private keys may rest there. */
  readonly privateKeys: boolean;
}

type OpenVault = () => Promise<Vault>;

export async function vaultWithTmk(open: OpenVault = memoryVault): Promise<{ vault: Vault; tmk: KeyHandle }> {
  const vault = await open();
  return {
    vault,
    tmk: vault.createFromComponents({ name: 'tmk:1', use: 'tmk', algorithm: '3des', components: TMK_PARTS }),
  };
}

const IN_MEMORY = { open: memoryVault, privateKeys: true };

/** One key of every use that this vault takes. */
export async function vaultWithRing({
  open,
  privateKeys,
}: Pick<VaultBench, 'open' | 'privateKeys'> = IN_MEMORY): Promise<{ vault: Vault; ring: Ring }> {
  const vault = await open();
  // biome-ignore format: a table is read by column
  const algorithms: Readonly<Record<KeyUse, KeyAlgorithm>> = {
    'tmk': '3des', 'pin': '3des', 'mac': '3des', 'track': '3des', 'pin-verification': '3des',
    'zmk': 'aes-256', 'card-verification': '3des', 'lookup': 'hmac-sha-256', 'data': 'aes-256',
    'authority': 'ec-p256', 'signature': 'ec-p256', 'key-transport': 'rsa-2048',
  };
  const mine = Object.entries(algorithms).filter(
    ([, algorithm]) => privateKeys || !isPrivateKeyAlgorithm(algorithm),
  );
  const entries = mine.map(([use, algorithm]) => [
    use,
    vault.generate({ name: use, use: use as KeyUse, algorithm }),
  ]);
  return { vault, ring: Object.fromEntries(entries) as Ring };
}

export function pinSpec(pik: KeyHandle, pvk: KeyHandle) {
  return {
    pik,
    pvk,
    pan: PAN,
    pinBlock: Buffer.alloc(8, 1),
    reference: { method: 'ibm3624', value: '123456', pvki: '1' },
  } as const;
}

export async function fileVault(file: KeyFilePort): Promise<Vault> {
  return openSoftVault({
    random: randomBytes,
    file,
    passphrase: Buffer.from('a passphrase of the test'),
    now: () => Date.UTC(2026, 10, 22, 8),
  });
}

export function memoryFile(): KeyFilePort & { content(): Buffer | undefined; failNext(): void } {
  let content: Buffer | undefined;
  let failing = false;
  return {
    read: async () => content,
    write: async (bytes) => {
      if (failing) {
        failing = false;
        throw new PosError('KEY_FILE', 'the disk is full');
      }
      content = Buffer.from(bytes);
    },
    content: () => content,
    failNext: () => {
      failing = true;
    },
  };
}

export function split(key: string): Buffer[] {
  const mask = Buffer.alloc(key.length / 2, 0x3c);
  return [mask, Buffer.from(hex(key).map((byte) => byte ^ 0x3c))];
}

export function assertAbsent(secret: Buffer, text: string): void {
  const lower = text.toLowerCase();
  // Buffers print as spaced pairs; a quarter of the key is already too much.
  const spaced = [...secret.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  for (const form of [
    secret.subarray(0, 4).toString('hex'),
    spaced,
    secret.toString('base64').slice(0, 8).toLowerCase(),
    [...secret.subarray(0, 4)].join(', '),
    [...secret.subarray(0, 4)].join(','),
  ]) {
    assert.not(lower.includes(form), 'a key shows');
  }
  assert.not(text.includes(secret.subarray(0, 4).toString('latin1')), 'a key shows');
}

export function isCode(expected: string, act: () => unknown): boolean {
  try {
    act();
    return false;
  } catch (error) {
    return code(expected)(error);
  }
}

export function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}

export function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}
