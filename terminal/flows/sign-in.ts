/** Sign-in 签到: new working keys for the PIN pad, the open batch, and whether the host speaks DE57. */
import {
  buildDe57,
  codec,
  type Item,
  type Message,
  PosError,
  parseDe60,
  responseCode,
} from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { itemsOf } from '../exchange/answer.ts';
import { ask, managementFields, operatorField } from '../exchange/management.ts';
import { privateItems } from '../exchange/request.ts';
import { answered, type CommandResult } from './result.ts';

export const SOFTWARE_VERSION = 'ZUNKA 0.1.0';

/**
 * The steps are those of the sign-in row of the dialect.
 *
 * @param mayLoadMasterKey false: the PIN pad was given one just now, in the sign-in before this one
 */
export async function signIn(deps: TerminalDeps, mayLoadMasterKey = true): Promise<CommandResult> {
  // 1. and 2. Once more where the wire may have changed what the host says of DE57. Nothing of the first
  //    answer is used; one that is lost leaves keys and knowledge as they were.
  const first = await askToSignIn(deps);
  const answer = mayBeChanged(deps, first) ? await askToSignIn(deps) : first;
  const code = answer.get(39) ?? '';
  if (!responseCode(code).approved) return answered(code);
  refuseOtherMode(deps);

  // A new master key is taken into use at once, by another sign-in. Nothing else of this answer is used, so that
  // one that is lost leaves the working keys as they were.
  if (mayLoadMasterKey && (await loadMasterKey(deps, answer))) return signIn(deps, false);

  // 3. The PIN pad checks the check values; a wrong one keeps the old keys.
  const de62 = answer.get(62);
  if (de62 === undefined) throw new PosError('KEY_CHECK_VALUE', 'the answer to the sign-in carries no keys');
  await loadKeys(deps, de62);

  // 4. The open batch is the host's word, unless a settlement of ours is under way.
  await deps.journal.append({
    type: 'signed in',
    peerSpeaksDe57: deps.config.speaksDe57 && answersV1(answer),
  });
  const hostBatch = await adoptBatch(deps, answer);
  const { batch } = deps.journal.state;
  return answered(code, { batch, ...(hostBatch !== null && hostBatch !== batch && { hostBatch }) });
}

/**
 * Signs in to be told which batch the host holds open: it never says so in another way. Null when it does not tell.
 * For a settlement that is under way: no other batch is adopted then.
 */
export async function openBatchAtHost(deps: TerminalDeps): Promise<number | null> {
  try {
    const { ok, facts } = await signIn(deps);
    const batch = facts['hostBatch'] ?? facts['batch'];
    return ok && typeof batch === 'number' ? batch : null;
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
    deps.log.warn({ code: error.code }, 'the open batch could not be asked for');
    return null;
  }
}

/**
 * Slips of a terminal that tests say that they are worth nothing, and those of others do not: neither may sell at a host
 * of the other kind. Nothing of the answer is used.
 */
function refuseOtherMode({ config, wishes }: TerminalDeps): void {
  if (wishes.isTest === config.testMode) return;
  const [host, own] = wishes.isTest
    ? ['测试主机 a host for tests', 'false']
    : ['正式主机 a real host', 'true'];
  throw new PosError(
    'NOT_ALLOWED_NOW',
    `${host}, testMode = ${own}: 请核对主机地址或本机设置 check the host's address or this terminal's setting`,
  );
}

/** Gives DE57 `KP` to the PIN pad. What it refuses is told, and stops nothing: the key before still serves. */
async function loadMasterKey(deps: TerminalDeps, answer: Message): Promise<boolean> {
  const packed = itemsOf(answer).find(([tag]) => tag === 'KP')?.[1];
  if (packed === undefined || !deps.config.remoteKeys) return false;
  try {
    await deps.pinPad.loadKey(Buffer.from(packed, 'base64'));
    deps.clerk.show('密码键盘已装入新主密钥', 'the PIN pad has a new master key');
    return true;
  } catch (error) {
    if (!(error instanceof PosError)) throw error;
    deps.log.warn({ code: error.code }, 'the PIN pad refused a new master key');
    deps.clerk.show(
      `新主密钥未能装入(${error.code}),仍用原主密钥`,
      `the new master key was not loaded (${error.code}): the one before still serves`,
    );
    return false;
  }
}

async function askToSignIn(deps: TerminalDeps): Promise<Message> {
  // 1. A trace of its own; a sign-in that stays unanswered is sent again under a new one.
  await deps.link.connect();
  const trace = deps.journal.state.nextTrace;
  await deps.journal.append({ type: 'trace taken', kind: 'signIn', trace });

  // 2. 0800 without a MAC. V1 goes out only when our profile says that we speak DE57, and what the PIN pad asks
  //    for a new master key beside it.
  const wish = deps.config.remoteKeys ? await deps.pinPad.askKey() : null;
  const de57 = signInItems(deps, wish === null ? [] : [['KN', wish]]);
  const request = managementFields(deps, 'signIn', deps.config.keyMode, {
    11: trace,
    63: operatorField(deps),
    ...(de57 !== null && { 57: de57 }),
  });
  return ask(deps, request, codec.encode(request));
}

/**
 * An 0800 and its 0810 have no MAC: one bit of `V1` changed on the way, in either, and we would send no `UT`
 * and no `OW` until the next sign-in. So no such answer is believed at once that has a DE57 without a `V1` to
 * read, or takes back what the host has said of itself. The second one decides: a host may have been replaced.
 */
function mayBeChanged(deps: TerminalDeps, answer: Message): boolean {
  const isApproved = responseCode(answer.get(39) ?? '').approved;
  if (!isApproved || !deps.config.speaksDe57 || answersV1(answer)) return false;
  const hasDe57 = answer.has(57);
  const { peerSpeaksDe57 } = deps.journal.state;
  if (!hasDe57 && !peerSpeaksDe57) return false;
  deps.log.warn({ hasDe57, peerSpeaksDe57 }, 'no V1 in the answer to the sign-in: signing in once more');
  return true;
}

/** A pad that was reset or exchanged holds no master key, or another than the host: no sign-in can mend that. */
async function loadKeys(deps: TerminalDeps, de62: string): Promise<void> {
  try {
    const { keyMode, macAlgorithm } = deps.config;
    await deps.pinPad.loadWorkingKeys(keyMode, de62, macAlgorithm);
  } catch (error) {
    if (!(error instanceof PosError) || (error.code !== 'KEY_UNKNOWN' && error.code !== 'KEY_CHECK_VALUE'))
      throw error;
    deps.clerk.show(
      '密码键盘没有主密钥(TMK)或与主机不符:请在密钥室注入后再签到;未完成的冲正和重发不会丢失',
      "the PIN pad holds no master key (TMK), or not the host's: load it, then sign in; what is owed is kept",
    );
    throw new PosError(error.code, `${error.detail}: load the master key into the PIN pad, then sign in`, {
      cause: error,
    });
  }
}

/** A code such as A0 forces a sign-in before the next message; the first of the day is the clerk's. */
export async function signInIfDue(deps: TerminalDeps): Promise<void> {
  const { signInDue } = deps.journal.state;
  if (signInDue === null) return;
  deps.clerk.show(`主机要求签到(${signInDue})`, `the host wants a sign-in (${signInDue})`);
  const result = await signIn(deps);
  if (!result.ok) throw new PosError('NOT_SIGNED_IN', `the sign-in was answered ${result.code} ${result.en}`);
}

function signInItems(deps: TerminalDeps, wishes: readonly Item[]): string | null {
  if (!deps.config.speaksDe57) return null;
  const { state } = deps.journal;
  // V1, and what the pad wishes by its setting, may go to a peer that has not shown V1 yet; open reversals not.
  const items: readonly Item[] = [['V1', SOFTWARE_VERSION], ...wishes];
  return privateItems(state, items) ?? buildDe57(items);
}

function answersV1(answer: Message): boolean {
  return itemsOf(answer).some(([tag]) => tag === 'V1');
}

/** @returns the host's open batch; null when it names none */
async function adoptBatch(deps: TerminalDeps, answer: Message): Promise<number | null> {
  const text = answer.get(60);
  const { state } = deps.journal;
  const batch = text === undefined ? 0 : parseDe60(text).batch;
  if (batch < 1) return null;
  if (batch === state.batch || state.settlement !== null) return batch;
  deps.clerk.show(
    `主机批次号为${batch},本机${state.batch}批留存备查`,
    `the host's open batch is ${batch}; batch ${state.batch} stays in the journal`,
  );
  await deps.journal.append({ type: 'batch adopted', batch });
  return batch;
}
