/** Sign-in 签到: new working keys and the open batch. The old keys serve until the new ones have proved themselves. */
import { buildDe60, ensure, parseDe60 } from '../../../protocol/index.ts';
import { keyPackageFor, keyWishOf } from '../../remote/master-key-change.ts';
import { type Items, plainAnswer } from '../answer.ts';
import { openBatch } from '../effects/deed.ts';
import { keysToKeep, masterKeyFor } from '../facts/message-keys.ts';
import type { Flow } from '../flow.ts';
import { journalTerminalEvent } from '../journal-body.ts';
import type { Judgement } from '../judgement.ts';
import { batchKey } from '../row-names.ts';

/** What the host says in DE57 `V1` to a terminal that said it first. */
const HOST_VERSION = 'ZUNKA 0.1.0';
const FIRST_BATCH = 1;
const WANTED_SIGN_IN = 3;

export const signIn: Flow = {
  act(j) {
    // 1. New keys under the terminal master key, in the mode that 60.3 asks for.
    const master = masterKeyFor(j);
    ensure(master !== undefined, 'the key mode was judged before');
    const { key, mode } = master;
    const singleLengthMak = mode !== '005' && j.profile?.singleLengthMak === true;
    const { sealed, de62 } = j.deps.vault.makeWorkingKeys(key, mode, { singleLengthMak });

    // 2. The terminal's row: the new keys, the ones before, and whether it speaks DE57.
    const speaksDe57 = j.request.items.some(([tag]) => tag === 'V1');
    const row = writeTerminal(j, { keys: sealed, speaksDe57, macFailures: 0 });
    journalTerminalEvent(j, 'sign-in', { mode, speaksDe57, batch: row.batch });

    // 3. The answer carries the keys and the open batch, empty or not.
    const de60 = parseDe60(j.request.message.get(60) ?? '');
    const items: Items = [['V1', HOST_VERSION], ...keyPackage(j)];
    return plainAnswer(j, { 60: buildDe60({ ...de60, batch: row.batch }), 62: de62 }, items);
  },
};

/** A new master key for a PIN pad that asks, where one waits. */
function keyPackage(j: Judgement): Items {
  const { profile, request } = j;
  const wish = keyWishOf(request.items);
  if (wish === undefined || profile === undefined) return [];
  const packed = keyPackageFor(j.deps, { terminalId: profile.id, tmk: profile.tmk }, wish, j.now);
  return packed === undefined ? [] : [['KP', packed]];
}

function writeTerminal(
  j: Judgement,
  next: {
    readonly keys: NonNullable<NonNullable<Judgement['terminal']>['keys']>;
    readonly speaksDe57: boolean;
    readonly macFailures: number;
  },
) {
  const { terminalId, merchantId } = j.request;
  const { terminal, writes } = j;
  if (terminal !== undefined) {
    const wanted = terminal.wanted === WANTED_SIGN_IN ? 0 : terminal.wanted;
    j.terminal = writes.replace('terminals', terminal, { ...next, ...keysToKeep(terminal), wanted });
    return j.terminal;
  }
  // Its first sign-in: the terminal and its first batch begin.
  const first = {
    terminalId,
    version: 1,
    batch: FIRST_BATCH,
    ...next,
    previousKeys: null,
    previousKeysUntil: null,
    wanted: 0,
  };
  writes.insert('terminals', terminalId, first);
  const key = batchKey(terminalId, FIRST_BATCH);
  if (j.view.batch(key) === undefined)
    writes.insert('batches', key, openBatch(terminalId, FIRST_BATCH, merchantId, j.now));
  j.terminal = first;
  return first;
}
