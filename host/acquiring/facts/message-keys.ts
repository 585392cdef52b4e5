/**
 * Which working keys a request was made with, and what its MAC does to the terminal's keys. Normative:
 * the dialect, "Keys and MAC".
 */
import type { KeyHandle, KeyMode } from '../../../keys/index.ts';
import { confirmSuccessor, keyWishOf, masterKeyInUse } from '../../remote/master-key-change.ts';
import type { SealedWorkingKeys, TerminalRow } from '../../store/rows.ts';
import type { Judgement } from '../judgement.ts';

/** How long the keys before the last sign-in still serve, once the new ones have proved themselves. */
const PREVIOUS_KEYS_MS = 60_000;
/** This many wrong MACs in a row drop the keys. */
export const MAC_FAILURES_MAX = 3;

export type MacResult =
  | { readonly right: true; readonly keys: SealedWorkingKeys; readonly which: 'current' | 'previous' }
  /** `no keys`: the terminal has not signed in, or its keys were dropped. */
  | { readonly right: false; readonly because: 'no keys' | 'no MAC' | 'wrong MAC' };

/** Judges DE64 under the current keys, then under the previous ones where they still serve. Changes nothing. */
export function judgeMac(j: Judgement): MacResult {
  const { terminal, request, profile, deps } = j;
  if (terminal == null || terminal.keys === null) return { right: false, because: 'no keys' };
  const data = request.message.macData();
  const mac = request.message.bytes(64);
  if (data === undefined || mac === undefined) return { right: false, because: 'no MAC' };
  const fits = (keys: SealedWorkingKeys) =>
    deps.vault.verifyMac(deps.vault.openSealed(keys.mak), data, mac, profile?.macAlgorithm ?? 'unionpay-ecb');
  if (fits(terminal.keys)) return { right: true, keys: terminal.keys, which: 'current' };
  const { previousKeys } = terminal;
  if (previousKeys !== null && previousServe(j, terminal) && fits(previousKeys)) {
    return { right: true, keys: previousKeys, which: 'previous' };
  }
  return { right: false, because: 'wrong MAC' };
}

/** Before the new keys are proven anything may come under the old; after that, for a minute, 0400 and repeats. */
function previousServe(j: Judgement, terminal: TerminalRow): boolean {
  if (terminal.previousKeysUntil === null) return true;
  if (j.now > terminal.previousKeysUntil) return false;
  return j.request.message.mti === '0400' || j.known !== undefined;
}

/** A right MAC ends a row of failures; the first under new keys starts the old keys' last minute. */
export function noteRightMac(j: Judgement, result: MacResult & { right: true }): void {
  const { terminal, profile, deps } = j;
  if (terminal == null) return;
  if (profile !== undefined && result.which === 'current')
    confirmSuccessor(
      deps,
      { terminalId: profile.id, tmk: profile.tmk },
      deps.vault.openSealed(result.keys.mak).name,
    );
  const proven =
    result.which === 'current' && terminal.previousKeys !== null && terminal.previousKeysUntil === null;
  if (terminal.macFailures === 0 && !proven) return;
  j.terminal = j.writes.replace('terminals', terminal, {
    macFailures: 0,
    ...(proven ? { previousKeysUntil: j.now + PREVIOUS_KEYS_MS } : {}),
  });
}

/**
 * Counts a wrong or missing MAC of a terminal that has keys; the third in a row drops them.
 * @returns true when the keys were dropped now: an audit event
 */
export function noteWrongMac(j: Judgement): boolean {
  const { terminal } = j;
  if (terminal == null || terminal.keys === null) return false;
  const macFailures = terminal.macFailures + 1;
  const dropped = macFailures >= MAC_FAILURES_MAX;
  j.terminal = j.writes.replace('terminals', terminal, {
    macFailures,
    ...(dropped ? { keys: null, previousKeys: null, previousKeysUntil: null } : {}),
  });
  return dropped;
}

/** The terminal master key that its PIN pad names, when the profile allows the mode of 60.3 and the key is of its kind. */
export function masterKeyFor(j: Judgement): { readonly key: KeyHandle; readonly mode: KeyMode } | undefined {
  const { profile, request, deps } = j;
  const mode = profile?.keyModes.find((allowed) => allowed === request.code);
  if (profile === undefined || mode === undefined) return undefined;
  const key = masterKeyInUse(deps.vault, profile.tmk, keyWishOf(request.items));
  return key?.use === 'tmk' && key.algorithm === (mode === '005' ? 'sm4' : '3des')
    ? { key, mode }
    : undefined;
}

/**
 * The keys that a sign-in puts away. Keys that nobody has used yet are not worth keeping: anybody can
 * send an 0800, and the terminal may still hold the ones before.
 */
export function keysToKeep(terminal: TerminalRow): Pick<TerminalRow, 'previousKeys' | 'previousKeysUntil'> {
  const unproven = terminal.previousKeys !== null && terminal.previousKeysUntil === null;
  return { previousKeys: unproven ? terminal.previousKeys : terminal.keys, previousKeysUntil: null };
}
