/**
 * A terminal's master key changes in service, or comes for the first time, without a visit. The successor rests in the
 * vault beside the key that it will follow, under that one's name, `>` and its own check value:
 *
 * ```
 * asked for     T, T>A1B2C3   the next sign-in gets the successor in a package (DE57 KP); working keys under T
 * loaded        T, T>A1B2C3   the pad names it in the next sign-in (DE57 KN); working keys under T>A1B2C3
 * confirmed     T             the first right MAC under those: the successor takes the place of the one before
 * ```
 *
 * Whatever is lost in between, both sides hold a key that the other has: the pad keeps the old one until the host has
 * used the new one, the host keeps it until the pad has.
 */
import type { KeyAlgorithm, KeyHandle, Vault } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { HostDeps } from '../deps.ts';
import { Authority } from './authority.ts';

const SUCCESSOR_MARK = '>';
const NO_KEY = '000000';

/** What a terminal says of its PIN pad at sign-in, DE57 `KN`. */
export interface KeyWish {
  /** Check value of the master key that the pad wants to use, six upper-case hex digits; null: it has none. */
  readonly checkValue: string | null;
  /** The pad's nonce, 16 bytes. */
  readonly nonce: Buffer;
}

/** DE57 `KN`: check value 6, nonce 32, hex. Anything else is treated as absent. */
export function keyWishOf(items: readonly (readonly [tag: string, value: string])[]): KeyWish | undefined {
  const value = items.find(([tag]) => tag === 'KN')?.[1];
  if (value === undefined || !/^[0-9A-F]{38}$/.test(value)) return undefined;
  const checkValue = value.slice(0, 6);
  return { checkValue: checkValue === NO_KEY ? null : checkValue, nonce: Buffer.from(value.slice(6), 'hex') };
}

/** The successor that waits for a terminal, by the name of its master key. */
export function successorOf(vault: Vault, tmk: string): KeyHandle | undefined {
  const prefix = tmk + SUCCESSOR_MARK;
  return vault.names().find(({ name, use }) => use === 'tmk' && name.startsWith(prefix));
}

/**
 * The key under which a sign-in's working keys go: the one that the pad names, where the host has it.
 *
 * @param wish undefined: a terminal that knows nothing of this, which has the key of its profile or none
 */
export function masterKeyInUse(vault: Vault, tmk: string, wish: KeyWish | undefined): KeyHandle | undefined {
  const current = vault.find(tmk);
  if (wish === undefined || (wish.checkValue !== null && wish.checkValue === current?.checkValue))
    return current;
  const named = wish.checkValue === null ? undefined : vault.find(tmk + SUCCESSOR_MARK + wish.checkValue);
  return named ?? current ?? successorOf(vault, tmk);
}

/**
 * A successor for a terminal's master key, durable. One that waits already is that one.
 *
 * @throws KEY_BAD the name has no room for it, or chance gave it the other one's check value; KEY_USE
 */
export async function makeSuccessor(
  vault: Vault,
  spec: { readonly tmk: string; readonly algorithm: KeyAlgorithm; readonly by: string },
): Promise<KeyHandle> {
  const { tmk, algorithm, by } = spec;
  const waiting = successorOf(vault, tmk);
  if (waiting !== undefined) {
    await vault.saved();
    return waiting;
  }
  const { remote } = vault;
  if (remote === undefined) throw new PosError('KEY_USE', 'this vault sends no keys to terminals');
  const name = `${tmk}<new`;
  const { checkValue } = vault.generate({ name, use: 'tmk', algorithm, by });
  if (checkValue === vault.find(tmk)?.checkValue || checkValue === NO_KEY) {
    vault.destroy(name, by);
    throw new PosError('KEY_BAD', `${tmk}: the new key has the check value of the old one: ask again`);
  }
  try {
    const successor = remote.succeed(tmk + SUCCESSOR_MARK + checkValue, name, by);
    await vault.saved();
    return successor;
  } catch (error) {
    if (vault.find(name) !== undefined) vault.destroy(name, by);
    throw error;
  }
}

/**
 * The successor in a package for the terminal's PIN pad, base64 (DE57 `KP`); undefined when none waits, the pad has
 * it already, or it has no certificate that holds: that is logged.
 */
export function keyPackageFor(
  deps: HostDeps,
  terminal: { readonly terminalId: string; readonly tmk: string },
  wish: KeyWish,
  at: number,
): string | undefined {
  const { vault, log, metrics } = deps;
  const key = successorOf(vault, terminal.tmk);
  if (key === undefined || key.checkValue === wish.checkValue) return undefined;
  const { terminalId } = terminal;
  try {
    const authority = new Authority(deps);
    const { certificate, serial } = authority.certificateOf(terminalId, 'key-transport');
    const packed = authority.remote.sendKey({
      key,
      signer: authority.signer,
      recipient: certificate.publicKey,
      terminalId,
      nonce: wish.nonce,
      at,
    });
    metrics.count('judged', 'key package');
    log.info(
      { terminal: terminalId, certificate: serial, checkValue: key.checkValue },
      'a master key was sent',
    );
    return packed.toString('base64');
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
    metrics.count('refused', `${error.code} key package`);
    log.warn({ terminal: terminalId, code: error.code, detail: error.detail }, 'a master key was not sent');
    return undefined;
  }
}

/**
 * A right MAC came under working keys that were wrapped under this key. When it is a successor, it takes its place now;
 * again after a crash that lost it.
 *
 * @param workingKey name of the MAC key: the master key's name, a stroke, its use
 */
export function confirmSuccessor(
  deps: Pick<HostDeps, 'vault' | 'log'>,
  terminal: { readonly terminalId: string; readonly tmk: string },
  workingKey: string,
): void {
  const { vault, log } = deps;
  const name = workingKey.slice(0, workingKey.lastIndexOf('/'));
  if (!name.startsWith(terminal.tmk + SUCCESSOR_MARK) || vault.find(name) === undefined) return;
  const { terminalId } = terminal;
  const key = vault.remote?.succeed(terminal.tmk, name, `terminal ${terminalId}`);
  log.info({ terminal: terminalId, checkValue: key?.checkValue }, 'the terminal uses its new master key');
}
