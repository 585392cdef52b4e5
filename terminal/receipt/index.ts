/** Slips: what they are made from, how they are laid out, how they become bytes or text. */
export { encodeEscPos } from './escpos.ts';
export { owedWords } from './kinds.ts';
export * from './model.ts';
export { layOutReversalFailure, layOutSettlement } from './settlement-slip.ts';
export { slipText } from './slip-text.ts';
export { wrapColumns } from './text.ts';
export { copiesFor, layOutTransaction } from './transaction-slip.ts';
