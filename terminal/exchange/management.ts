/** What the management messages share: no MAC, and an answer that is only information. */
import {
  buildDe60,
  buildDe63,
  type Message,
  type MessageValues,
  PosError,
  type TransactionKind,
} from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import { identityOf } from './answer.ts';
import { privateItems, specOf } from './request.ts';

/** DE41, 42 and 60 of a management message, with our items for a peer that knows them. */
export function managementFields(
  deps: TerminalDeps,
  kind: TransactionKind,
  code: string,
  more: Readonly<Record<number, string>> = {},
): MessageValues {
  const { state } = deps.journal;
  const spec = specOf(kind);
  const de57 = more[57] ?? privateItems(state, []);
  return {
    mti: spec.mti,
    fields: {
      41: state.terminalId,
      42: state.merchantId,
      60: buildDe60({ type: spec.type601 ?? '00', batch: state.batch, code }),
      ...more,
      ...(de57 !== null && { 57: de57 }),
    },
  };
}

/** DE63.1: who is logged on; 99 and nobody are sent as 00. */
export function operatorField(deps: TerminalDeps): string {
  return buildDe63(deps.journal.state.operator ?? '00', []);
}

/**
 * Sends a management message and gives its answer.
 * @throws HOST_UNREACHABLE, HOST_SILENT
 */
export async function ask(deps: TerminalDeps, request: MessageValues, body: Buffer): Promise<Message> {
  const exchange = await deps.link.exchange(body, identityOf(request, deps.journal.state));
  if (exchange.kind === 'answer') {
    deps.wishes.wanted = exchange.wanted;
    deps.wishes.isTest = exchange.isTest;
    return exchange.message;
  }
  throw new PosError('HOST_SILENT', exchange.kind === 'silent' ? exchange.why : 'the answer cannot be read');
}
