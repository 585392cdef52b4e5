import { hidePans } from './hide-pans.ts';

/**
 * Every failure we report, one row each. The code is the contract; detail and hint may be reworded.
 *
 * Columns: `retry` says whether the same act may succeed later without a change; `hint` says what a
 * person does next. Retired codes stay listed, so that an old log can still be read.
 */
// biome-ignore format: a table is read by column
export const FAILURES = {
  // The wire
  FRAME_TOO_LONG:      { retry: false, hint: 'Wrong port, or the peer frames differently.' },
  FRAME_TOO_SHORT:     { retry: false, hint: 'A frame holds at least TPDU, header, MTI and bitmap (21 bytes).' },
  MESSAGE_TRUNCATED:   { retry: false, hint: 'A field runs past the end of the frame: compare its length prefix.' },
  MESSAGE_TRAILING:    { retry: false, hint: 'Bytes follow the last field: the bitmap and the fields disagree.' },
  MTI_BAD:             { retry: false, hint: 'The MTI is four decimal digits in two BCD bytes.' },
  FIELD_BAD_LENGTH:    { retry: false, hint: 'Compare it with its row in protocol/fields.ts.' },
  FIELD_BAD_CONTENT:   { retry: false, hint: 'Compare its characters with its row in protocol/fields.ts.' },
  FIELD_UNKNOWN:       { retry: false, hint: 'The field has no shape in this dialect.' },
  FIELD_MISSING:       { retry: false, hint: 'Compare the message with its row in protocol/transactions.ts.' },
  TRACK_BAD:           { retry: true,  hint: 'Swipe the card again, at an even speed.' },
  PAN_BAD:             { retry: false, hint: 'Read the card number again: its check digit or length is wrong.' },
  TLV_BAD:             { retry: false, hint: 'The tag-length-value data ends too early or announces too much.' },
  AMOUNT_BAD:          { retry: false, hint: 'An amount is a whole number of fen, 0 to 999999999999.' },
  DATE_BAD:            { retry: false, hint: 'A business date is YYYYMMDD.' },
  // Keys
  KEY_BAD:             { retry: false, hint: 'Check the key length, its parity and that it is not a known weak key.' },
  KEY_UNKNOWN:         { retry: false, hint: 'The vault holds no key of that name.' },
  KEY_USE:             { retry: false, hint: 'A key serves one purpose only.' },
  KEY_CHECK_VALUE:     { retry: true,  hint: 'The key check value differs: load the key again.' },
  KEY_FILE:            { retry: false, hint: 'Wrong passphrase, or the key file was changed.' },
  KEY_BLOCK_BAD:       { retry: false, hint: 'The key block was changed, cut, or made under another protection key: ask its sender for it again.' },
  KSN_BAD:             { retry: false, hint: 'Compare the key serial number with the device: its length is wrong or its counter is used up.' },
  SEAL_BROKEN:         { retry: false, hint: 'The sealed text was changed, or sealed by another vault or for another place.' },
  CERTIFICATE_BAD:     { retry: false, hint: 'The certificate or request was changed, is of another authority, for another purpose or another terminal: enrol again.' },
  CERTIFICATE_EXPIRED: { retry: false, hint: 'Compare the clock; when it is right, enrol again.' },
  CERTIFICATE_REVOKED: { retry: false, hint: 'Find out why it was revoked before the terminal is enrolled again.' },
  KEY_PACKAGE_BAD:     { retry: false, hint: 'The key package was changed, or made for another terminal, by another host or at another time: sign in again for a new one.' },
  KEY_PACKAGE_REPLAYED: { retry: false, hint: 'The key package was used before or answers an older question: sign in again for a new one.' },
  MAC_MISMATCH:        { retry: false, hint: 'Sign in again: the MAC keys differ.' },
  PIN_BLOCK_BAD:       { retry: false, hint: 'The PIN block does not fit this card number.' },
  TOKEN_ABSENT:        { retry: false, hint: 'Check library, token label and PIN of the token; it locks itself after a few wrong PINs.' },
  TOKEN_FAILED:        { retry: true,  hint: 'The token did not do it: its manual explains the CKR name in the detail; restart the host if it goes on.' },
  SELF_TEST:           { retry: false, hint: 'The cryptography of this machine gives wrong answers: do not use it.' },
  // Terminal and devices
  DEVICE_ABSENT:       { retry: true,  hint: 'Plug the device in again and check its cable.' },
  DEVICE_SILENT:       { retry: true,  hint: 'The device does not answer: switch it off and on.' },
  DEVICE_GARBAGE:      { retry: true,  hint: 'The device answers what its protocol does not know: check its type and speed.' },
  DEVICE_REFUSED:      { retry: false, hint: 'The device refused the command.' },
  DEVICE_BUSY:         { retry: true,  hint: 'The device is in another command.' },
  PAPER_OUT:           { retry: true,  hint: 'Refill the paper; the slip is completed as a reprint.' },
  PRINTER_FAULT:       { retry: true,  hint: 'Close the cover and look for a jam.' },
  CANCELLED:           { retry: true,  hint: 'Start the transaction again.' },
  HOST_SILENT:         { retry: true,  hint: 'Try again; what is owed goes out before the next transaction.' },
  HOST_UNREACHABLE:    { retry: true,  hint: 'Check the network; nothing was sent.' },
  NOT_SIGNED_IN:       { retry: true,  hint: 'Sign in at the host first.' },
  OPERATOR_REFUSED:    { retry: true,  hint: 'Log on with an operator who may do this.' },
  NOT_ALLOWED_NOW:     { retry: true,  hint: 'Finish what is open first.' },
  STATE_NOT_ALLOWED:   { retry: false, hint: 'Restart, so that the journal is replayed.' },
  JOURNAL_DAMAGED:     { retry: false, hint: 'Restore the journal from its copy; do not edit it.' },
  JOURNAL_WRITE:       { retry: false, hint: 'The disk did not take the record, so nothing was done: free space, then restart.' },
  INPUT_BAD:           { retry: true,  hint: 'Type it again in the form that the prompt shows.' },
  // Host
  CONFIG_BAD:          { retry: false, hint: 'Correct the setting that is named and start again.' },
  HOST_BUSY:           { retry: true,  hint: 'The host has more requests waiting than it allows: try again.' },
  STORE_CONFLICT:      { retry: true,  hint: 'Another change came first: it is decided again.' },
  STORE_REFUSED:       { retry: false, hint: 'The database refused this one change: the detail names the constraint.' },
  STORE_BUSY:          { retry: true,  hint: 'Another process holds the database: let it finish.' },
  STORE_SCHEMA:        { retry: false, hint: 'The database was made by another version: run the version that made it, or a newer one.' },
  STORE_DAMAGED:       { retry: false, hint: 'Restore the backup as host/README.md, "Restoring", says; edit and cut nothing.' },
  STORE_FAILED:        { retry: true,  hint: 'The database did not take the change; nothing was committed.' },
  STORE_UNKNOWN:       { retry: true,  hint: 'The outcome of the commit is unknown: read it back before answering.' },
  STOP_LATE:           { retry: false, hint: 'Look at the disk or server behind what is named, then start again: terminals ask for what was not answered, or reverse it.' },
  BOOKS_UNBALANCED:    { retry: false, hint: 'Stop and call the ledger owner: a proof of the books failed.' },
  RULE_BAD:            { retry: false, hint: 'Correct the rule that is named.' },
  REQUEST_BAD:         { retry: false, hint: 'Compare the request with the documented JSON.' },
  NOT_FOUND:           { retry: false, hint: 'Check the identifier.' },
  ALREADY_EXISTS:      { retry: false, hint: 'The same identifier exists with other content.' },
  LIMIT_EXCEEDED:      { retry: false, hint: 'The law or the programme allows less: the detail names the limit.' },
  NOT_AUTHORISED:      { retry: false, hint: 'Use a token that holds the role this act needs.' },
  FOUR_EYES:           { retry: false, hint: 'Another person must approve.' },
  CLEARING_STEP:       { retry: true,  hint: 'Run the clearing again: finished steps are not repeated.' },
  FILE_EXISTS:         { retry: false, hint: 'A settlement file is never overwritten; a correction takes the next number.' },
  FILE_DAMAGED:        { retry: false, hint: 'Do not pay from this file: restore it, or fetch it again.' },
  // Programmer's errors: an assertion that failed
  INVARIANT:           { retry: false, hint: 'This is a defect: report it with the detail.' },
} as const satisfies Record<string, { readonly retry: boolean; readonly hint: string }>;

export type FailureCode = keyof typeof FAILURES;

/** The one error this project throws. Callers match on `code`; people read `detail` and `hint`. */
export class PosError extends Error {
  readonly code: FailureCode;
  readonly detail: string;
  readonly hint: string;
  readonly retry: boolean;
  /** Where in a message the first wrong byte is, counted from the first byte given to the decoder. */
  readonly offset: number | undefined;
  /** The data element that is wrong, when one can be named. */
  readonly field: number | undefined;

  /**
   * @param detail may be printed anywhere: it names fields and positions, never card data or keys. What
   *   looks like a card number all the same, because somebody typed it where it does not belong, is masked
   */
  constructor(
    code: FailureCode,
    detail: string,
    options?: ErrorOptions & { readonly offset?: number; readonly field?: number },
  ) {
    const shown = hidePans(detail);
    super(`${code}: ${shown}`, options);
    this.name = 'PosError';
    this.code = code;
    this.detail = shown;
    this.hint = FAILURES[code].hint;
    this.retry = FAILURES[code].retry;
    this.offset = options?.offset;
    this.field = options?.field;
  }
}

/** Throws INVARIANT unless the condition holds. `detail` never carries card data or keys. */
export function ensure(condition: boolean, detail: string): asserts condition {
  if (!condition) throw new PosError('INVARIANT', detail);
}
