/** What counts when a terminal's journal and the host's books are compared. */
import type { TransactionKind } from '../../protocol/index.ts';

/** States in which a transaction's money stands, or stood until a transaction of its own took it back. */
export const STANDS: Readonly<Record<'terminal' | 'host', ReadonlySet<string>>> = {
  terminal: new Set(['approved', 'voided']),
  host: new Set(['approved', 'voided', 'completed', 'released']),
};

/** What moves or holds money, and which way it moves the merchant's; 0: it only holds. */
export const MONEY: Readonly<Record<string, 1 | 0 | -1>> = {
  sale: 1,
  void: -1,
  refund: -1,
  preAuthorisation: 0,
  preAuthorisationVoid: 0,
  completion: 1,
  completionVoid: -1,
} satisfies Partial<Record<TransactionKind, 1 | 0 | -1>>;
