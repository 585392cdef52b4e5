/** A decoded request and the names that judging it needs. */
import {
  type Envelope,
  type Fen,
  fen,
  hasDigits,
  isUt,
  itemOf,
  type Message,
  PosError,
  parseDe57,
  parseDe60,
  parseDe61,
  parseDe63,
  type TransactionSpec,
} from '../../protocol/index.ts';
import { identityKey } from './identity.ts';

export interface Request {
  readonly envelope: Envelope;
  readonly message: Message;
  /** Undefined for a combination of MTI, DE3, DE25 and 60.1 that the catalogue does not list. */
  readonly spec: TransactionSpec | undefined;
  /** DE41, eight characters; empty when absent. */
  readonly terminalId: string;
  /** DE42, fifteen characters; empty when absent. */
  readonly merchantId: string;
  /** 60.1, 60.2, 60.3. */
  readonly type: string;
  readonly batch: number;
  readonly code: string;
  /** DE11; empty when absent. */
  readonly trace: string;
  /** DE4, the gross price; null when absent. */
  readonly amount: Fen | null;
  readonly identity: string;
  /** DE61; null when absent. */
  readonly original: ReturnType<typeof parseDe61> | null;
  /** DE57, in the order sent. */
  readonly items: readonly (readonly [tag: string, value: string])[];
  /** The terminal's own id of this transaction, or of the original in 0400 and fate query. */
  readonly ut: string | null;
  /** The head of the terminal's journal, 64 hex. */
  readonly terminalHead: string | null;
  /** Open reversals as the terminal lists them: batch 6, trace 6, UT 26, amount 12; empty where it has no such shape. */
  readonly owed: readonly string[];
  /** 63.1 without its blanks; null when DE63 is absent. */
  readonly operator: string | null;
  /** DE2 and DE35 as sent; they may be encrypted or absent. */
  readonly de2: string | null;
  readonly de35: string | null;
}

const BLANK = 0x20;
const LAST_PRINTABLE = 0x7e;
const BAR = 0x7c;

/**
 * A DE57 that is none of ours is treated as absent: other vendors use the field for their own.
 *
 * @throws PosError when DE41 or DE42 is no name, or DE60, DE61 or DE63 has a wrong layout; its `field` names which
 */
export function readRequest(
  envelope: Envelope,
  message: Message,
  spec: TransactionSpec | undefined,
): Request {
  const { type, batch, code } = de60Of(message.get(60));
  const terminalId = named(message, 41);
  const merchantId = named(message, 42);
  const trace = message.get(11) ?? '';
  const { mti } = message;
  const items = itemsOrNone(message.get(57));
  const amount = message.get(4);
  const de61 = message.get(61);
  const de63 = message.get(63);
  // One literal and nothing spread into it: every request has the same hidden class from the beginning.
  return {
    envelope,
    message,
    spec,
    terminalId,
    merchantId,
    type,
    batch,
    code,
    trace,
    amount: amount === undefined ? null : fen(Number(amount)),
    identity: identityKey({ terminalId, merchantId, batch, trace, mti, de3: message.get(3) ?? '' }),
    original: de61 === undefined ? null : parseDe61(de61),
    items,
    ut: shaped('UT', itemOf(items, 'UT'), isUt),
    terminalHead: shaped('TH', itemOf(items, 'TH'), isHead),
    owed: owedIn(items),
    operator: de63 === undefined ? null : operatorOf(de63),
    de2: message.get(2) ?? null,
    de35: message.get(35) ?? null,
  };
}

/** A terminal or merchant, empty where it is absent. Keys of rows join them by `|`, so they hold none, and nothing that is not printed. */
function named(message: Message, field: 41 | 42): string {
  const name = message.get(field) ?? '';
  for (let at = 0; at < name.length; at += 1) {
    const code = name.charCodeAt(at);
    if (code < BLANK || code > LAST_PRINTABLE || code === BAR)
      throw new PosError('FIELD_BAD_CONTENT', `DE${field} names nothing: it has a byte that no name has`, {
        field,
      });
  }
  return name;
}

const NO_DE60 = { type: '', batch: 0, code: '' };

function de60Of(de60: string | undefined): Pick<Request, 'type' | 'batch' | 'code'> {
  return de60 === undefined || de60 === '' ? NO_DE60 : parseDe60(de60);
}

const NONE: readonly never[] = [];

/** What is no reversal is kept as an empty text, so that it is counted. */
function owedIn(items: Request['items']): readonly string[] {
  if (itemOf(items, 'OW') === undefined) return NONE;
  return items.filter(([tag]) => tag === 'OW').map(([, owed]) => (isOwed(owed) ? owed : ''));
}

const isHead = (head: string) => /^[0-9a-f]{64}$/i.test(head);

/** Batch 6, trace 6, UT 26, amount n12. */
const isOwed = (owed: string) =>
  hasDigits(owed.slice(0, 12), 12) && isUt(owed.slice(12, 38)) && hasDigits(owed.slice(38), 12);

/**
 * These items rest in the database and in the journal, so they may be nothing but what they are meant
 * to be: a card number in their place would rest there in clear.
 */
function shaped(tag: string, value: string | undefined, isRight: (value: string) => boolean): string | null {
  if (value === undefined) return null;
  if (isRight(value)) return value;
  throw new PosError('FIELD_BAD_CONTENT', `DE57 ${tag} has another shape than its own`, { field: 57 });
}

/** 63.1, where it is printable; some terminals fill the field with zero bytes. */
function operatorOf(de63: string): string | null {
  const operator = parseDe63(de63).operator.replaceAll('\0', ' ').trim();
  return /^[\x21-\x7e]{1,3}$/.test(operator) ? operator : null;
}

function itemsOrNone(de57: string | undefined): Request['items'] {
  try {
    return de57 === undefined ? NONE : parseDe57(de57);
  } catch (error) {
    if (error instanceof PosError && error.code === 'TLV_BAD') return NONE;
    throw error;
  }
}

/** True for MTIs that carry DE64 in both directions: authorisation, financial, reversal. */
export function carriesMac(mti: string): boolean {
  return mti.startsWith('01') || mti.startsWith('02') || mti.startsWith('04');
}
