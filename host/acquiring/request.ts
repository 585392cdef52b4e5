/** A decoded request and the names that judging it needs. */
import {
  type Envelope,
  type Fen,
  fen,
  isUt,
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

/**
 * A DE57 that is none of ours is treated as absent: other vendors use the field for their own.
 *
 * @throws PosError when DE60, DE61 or DE63 has a wrong layout; its `field` names which
 */
export function readRequest(
  envelope: Envelope,
  message: Message,
  spec: TransactionSpec | undefined,
): Request {
  const text = (field: number) => message.get(field) ?? '';
  const de60 = text(60);
  const { type, batch, code } = de60 === '' ? { type: '', batch: 0, code: '' } : parseDe60(de60);
  const items = itemsOrNone(message.get(57));
  const item = (wanted: string) => items.find(([tag]) => tag === wanted)?.[1] ?? null;
  const de63 = message.get(63);
  const amount = message.get(4);
  const de61 = message.get(61);
  const place = { terminalId: text(41), merchantId: text(42), batch, trace: text(11) };
  return {
    envelope,
    message,
    spec,
    ...place,
    type,
    code,
    amount: amount === undefined ? null : fen(Number(amount)),
    identity: identityKey({ ...place, mti: message.mti, de3: text(3) }),
    original: de61 === undefined ? null : parseDe61(de61),
    items,
    ut: shaped('UT', item('UT'), isUt),
    terminalHead: shaped('TH', item('TH'), (head) => /^[0-9a-f]{64}$/i.test(head)),
    owed: items.filter(([tag]) => tag === 'OW').map(([, owed]) => (isOwed(owed) ? owed : '')),
    operator: de63 === undefined ? null : operatorOf(de63),
    de2: message.get(2) ?? null,
    de35: message.get(35) ?? null,
  };
}

/** Batch 6, trace 6, UT 26, amount n12. */
const isOwed = (owed: string) => /^\d{12}.{26}\d{12}$/.test(owed) && isUt(owed.slice(12, 38));

/**
 * These items rest in the database and in the journal, so they may be nothing but what they are meant
 * to be: a card number in their place would rest there in clear.
 */
function shaped<Value extends string | null>(
  tag: string,
  value: Value,
  isRight: (value: string) => boolean,
): Value {
  if (value === null || isRight(value)) return value;
  throw new PosError('FIELD_BAD_CONTENT', `DE57 ${tag} has another shape than its own`, { field: 57 });
}

/** 63.1, where it is printable; some terminals fill the field with zero bytes. */
function operatorOf(de63: string): string | null {
  const operator = parseDe63(de63).operator.replaceAll('\0', ' ').trim();
  return /^[\x21-\x7e]{1,3}$/.test(operator) ? operator : null;
}

function itemsOrNone(de57: string | undefined): Request['items'] {
  try {
    return de57 === undefined ? [] : parseDe57(de57);
  } catch (error) {
    if (error instanceof PosError && error.code === 'TLV_BAD') return [];
    throw error;
  }
}

/** True for MTIs that carry DE64 in both directions: authorisation, financial, reversal. */
export const carriesMac = (mti: string) => /^0[124]/.test(mti);
