/** Slips: what they are made from, how they are laid out, how they become bytes or text. */
export { encodeEscPos, type SlipBytes, slipBytes } from './escpos.ts';
export { SLIP_KINDS } from './kinds.ts';
export * from './model.ts';
export { layOutReversalFailure, layOutSettlement } from './settlement-slip.ts';
export { slipText } from './slip-text.ts';
export { columnsOf, MISSING_CHARACTER, printable, wrapColumns } from './text.ts';
export { copiesFor, layOutCopies, layOutTransaction, type SlipOptions } from './transaction-slip.ts';
