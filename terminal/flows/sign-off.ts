/** Sign-off 签退, echo 回响 and status 状态: 0820, no trace, no MAC. */
import { codec, responseCode } from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { ask, managementFields } from '../exchange/management.ts';
import { answered, type CommandResult } from './result.ts';

export async function signOff(deps: TerminalDeps): Promise<CommandResult> {
  const code = await manage(deps, 'signOff', '002');
  if (responseCode(code).approved) await deps.journal.append({ type: 'signed off' });
  return answered(code);
}

export async function echo(deps: TerminalDeps): Promise<CommandResult> {
  return answered(await manage(deps, 'echo', '301'));
}

/** Tells the host that we are there; open reversals ride in DE57. */
export async function statusUpload(deps: TerminalDeps): Promise<CommandResult> {
  return answered(await manage(deps, 'status', '362'));
}

async function manage(
  deps: TerminalDeps,
  kind: 'signOff' | 'echo' | 'status',
  networkCode: string,
): Promise<string> {
  await deps.link.connect();
  const request = managementFields(deps, kind, networkCode);
  const answer = await ask(deps, request, codec.encode(request));
  return answer.get(39) ?? '';
}
