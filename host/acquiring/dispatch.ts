/**
 * The dispatch table: one row a transaction kind of the catalogue, with the file of its flow. A kind
 * without a flow is answered 40: it is known, and not served yet.
 */
import type { TransactionKind } from '../../protocol/index.ts';
import type { Flow } from './flow.ts';
import { balance } from './flows/balance.ts';
import { batchUpload } from './flows/batch-upload.ts';
import { completion } from './flows/completion.ts';
import { completionVoid } from './flows/completion-void.ts';
import { echo } from './flows/echo.ts';
import { fateQuery } from './flows/fate-query.ts';
import { preAuthorisation } from './flows/pre-authorisation.ts';
import { preAuthorisationVoid } from './flows/pre-authorisation-void.ts';
import { refund } from './flows/refund.ts';
import { reversal } from './flows/reversal.ts';
import { sale } from './flows/sale.ts';
import { settlement } from './flows/settlement.ts';
import { signIn } from './flows/sign-in.ts';
import { signOff } from './flows/sign-off.ts';
import { status } from './flows/status.ts';
import { voidSale } from './flows/void.ts';

export interface DispatchRow {
  readonly flow: Flow | null;
  /** The flow's file, for the README's table. */
  readonly file: string | null;
}

// biome-ignore format: a table is read by column
export const DISPATCH: Readonly<Record<TransactionKind, DispatchRow>> = {
  balance:              { flow: balance,              file: 'flows/balance.ts' },
  sale:                 { flow: sale,                 file: 'flows/sale.ts' },
  void:                 { flow: voidSale,             file: 'flows/void.ts' },
  refund:               { flow: refund,               file: 'flows/refund.ts' },
  preAuthorisation:     { flow: preAuthorisation,     file: 'flows/pre-authorisation.ts' },
  preAuthorisationVoid: { flow: preAuthorisationVoid, file: 'flows/pre-authorisation-void.ts' },
  completion:           { flow: completion,           file: 'flows/completion.ts' },
  completionVoid:       { flow: completionVoid,       file: 'flows/completion-void.ts' },
  pointsQuery:          { flow: null,                 file: null },
  pointsSale:           { flow: null,                 file: null },
  pointsVoid:           { flow: null,                 file: null },
  pointsEarn:           { flow: null,                 file: null },
  topUpVerification:    { flow: null,                 file: null },
  cashTopUp:            { flow: null,                 file: null },
  topUpConfirmation:    { flow: null,                 file: null },
  accountTopUp:         { flow: null,                 file: null },
  activation:           { flow: null,                 file: null },
  lossReport:           { flow: null,                 file: null },
  pinChange:            { flow: null,                 file: null },
  fateQuery:            { flow: fateQuery,            file: 'flows/fate-query.ts' },
  reversal:             { flow: reversal,             file: 'flows/reversal.ts' },
  signIn:               { flow: signIn,               file: 'flows/sign-in.ts' },
  signOff:              { flow: signOff,              file: 'flows/sign-off.ts' },
  echo:                 { flow: echo,                 file: 'flows/echo.ts' },
  status:               { flow: status,               file: 'flows/status.ts' },
  parameters:           { flow: null,                 file: null },
  parametersEnd:        { flow: null,                 file: null },
  blacklist:            { flow: null,                 file: null },
  blacklistEnd:         { flow: null,                 file: null },
  settlement:           { flow: settlement,           file: 'flows/settlement.ts' },
  batchUpload:          { flow: batchUpload,          file: 'flows/batch-upload.ts' },
};

/** Null for a kind that is not served, and for what the catalogue does not list. */
export function flowOf(kind: TransactionKind | undefined): Flow | null {
  return kind === undefined ? null : DISPATCH[kind].flow;
}
