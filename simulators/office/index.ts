/** The host with its administration as tests run it, and what more than one kind of test needs beside it. */
export { BUNDLED, bundle, bundleHost, HOST_ENV, HOST_FLAGS } from './bundle.ts';
export { Dice } from './dice.ts';
export {
  endOf,
  type HostProgram,
  type HostTransaction,
  type KeyProfile,
  MERCHANT_ID,
  Office,
  pause,
  REASON,
  ROOT,
  readBooks,
  tmkAlgorithmOf,
} from './office.ts';
export { MONEY, STANDS } from './standing.ts';
