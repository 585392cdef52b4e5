/** Requests: from what the clerk gave to the fields of the message, and on to bytes with a MAC. */
import {
  amount12,
  buildDe57,
  buildDe60,
  buildDe61,
  codec,
  ensure,
  type Fen,
  type MessageValues,
  maskPan,
  PosError,
  parseDe57,
  TRANSACTIONS,
  type TransactionKind,
  type TransactionSpec,
} from '../../protocol/index.ts';
import type { TerminalDeps } from '../deps.ts';
import type { PinPad } from '../devices/ports.ts';
import type { OriginalReference, TerminalState, TransactionRecord } from '../journal/model.ts';
import { STATES } from '../transaction-states.ts';

export const CURRENCY = '156';
const MAC_BYTES = 8;
const NO_MAC = '0000000000000000';
/** The dialect's `PB`; eight bytes go into DE52. */
const SM4_PIN_BLOCK_BYTES = 16;
/** DE26: a PIN of up to twelve digits. */
const PIN_CAPTURE = '12';
/** The item of DE57 that carries a PIN block of SM4. */
const SM4_PIN = 'PB';
/** DE57's three length digits. */
const DE57_BYTES_MAX = 999;
/** One `OW`: tag 2, length 3, batch 6, trace 6, UT 26, amount 12. */
const OPEN_REVERSAL_BYTES = 55;

/** The card as it was swiped or typed. In memory only. */
export interface CardInHand {
  readonly pan: string;
  /** YYMM. */
  readonly expiry: string;
  /** DE35; null when the number was typed. */
  readonly track2: string | null;
  /** DE35 is encrypted under the TDK. */
  readonly isTrackSealed: boolean;
  readonly entry: 'S' | 'M';
}

/** A transaction as the clerk wants it. */
export interface Draft {
  readonly kind: TransactionKind;
  /** null: the transaction has no amount. */
  readonly amount: Fen | null;
  readonly card: CardInHand | null;
  /** DE22 digits 1–2 where no card took part: the original's. */
  readonly entryMode?: string;
  readonly pinBlock: Buffer | null;
  readonly original: OriginalReference | null;
  readonly supervisor: string | null;
  readonly extra?: Readonly<Record<number, string>>;
  /** The original's card, sealed, for transactions that name no card of their own. */
  readonly sealedCard?: string | null;
  readonly panMasked?: string | null;
}

/** Fields that never rest in the journal in clear: card, tracks, PIN, its security control, MAC. */
const NOT_JOURNALLED: readonly number[] = [2, 14, 35, 36, 52, 53, 64];

export function specOf(kind: TransactionKind): TransactionSpec {
  return TRANSACTIONS[kind];
}

/** All fields of a financial request but the MAC. */
export function requestFields(
  draft: Draft,
  spec: TransactionSpec,
  identity: { readonly ut: string; readonly trace: string; readonly head: string },
  state: TerminalState,
): Record<number, string> {
  const { card, original } = draft;
  const fields: Record<number, string> = {
    3: required(spec.de3),
    11: identity.trace,
    22: `${entryMode(draft)}${draft.pinBlock === null ? '2' : '1'}`,
    25: required(spec.de25),
    41: state.terminalId,
    42: state.merchantId,
    49: CURRENCY,
    60: buildDe60({ type: required(spec.type601), batch: state.batch, code: '000' }),
    ...draft.extra,
  };
  if (draft.amount !== null) fields[4] = amount12(draft.amount);
  if (card !== null && card.track2 !== null) fields[35] = card.track2;
  if (card !== null && card.track2 === null) Object.assign(fields, { 2: card.pan, 14: card.expiry });
  Object.assign(fields, securityFields(draft));
  if (original !== null) Object.assign(fields, originalFields(spec, original));
  // A fate query asks by the original's name, as far as the host was ever told it.
  const ut = draft.kind === 'fateQuery' ? (original?.ut ?? null) : identity.ut;
  const de57 = privateItems(state, [['TH', identity.head], ...utItems(ut), ...sm4PinItems(draft, state)]);
  if (de57 !== null) fields[57] = de57;
  return fields;
}

/** DE26, 52 and 53. A PIN block of SM4 is too long for DE52. */
function securityFields({ card, pinBlock }: Draft): Record<number, string> {
  const isTrackSealed = card?.isTrackSealed === true;
  if (pinBlock === null && !isTrackSealed) return {};
  const isSm4 = pinBlock?.length === SM4_PIN_BLOCK_BYTES;
  // Digits: 2 a PIN with card number, 0 none; 6 double-length 3DES, 3 SM4; 1 the tracks are encrypted.
  const de53 = `${pinBlock === null ? 0 : 2}${isSm4 ? 3 : 6}${isTrackSealed ? 1 : 0}`.padEnd(16, '0');
  if (pinBlock === null) return { 53: de53 };
  if (isSm4) return { 26: PIN_CAPTURE, 53: de53 };
  return { 26: PIN_CAPTURE, 52: pinBlock.toString('hex').toUpperCase(), 53: de53 };
}

/** @throws NOT_ALLOWED_NOW to a host that has not said that it reads DE57 */
function sm4PinItems(
  { pinBlock }: Draft,
  { peerSpeaksDe57 }: TerminalState,
): readonly (readonly [string, string])[] {
  if (pinBlock?.length !== SM4_PIN_BLOCK_BYTES) return [];
  if (!peerSpeaksDe57)
    throw new PosError(
      'NOT_ALLOWED_NOW',
      'an SM4 PIN goes in DE57, which the host has not said that it reads',
    );
  return [[SM4_PIN, pinBlock.toString('hex').toUpperCase()]];
}

/** DE37, 38 and 61, as far as the row of the catalogue names them. */
function originalFields(spec: TransactionSpec, original: OriginalReference): Record<number, string> {
  const takes = (field: number) => spec.mandatory.includes(field) || spec.conditional.includes(field);
  const fields: Record<number, string> = {};
  if (original.rrn !== null && takes(37)) fields[37] = original.rrn;
  if (original.auth !== null && takes(38)) fields[38] = original.auth;
  if (takes(61))
    fields[61] = buildDe61({ batch: original.batch, trace: original.trace, date: original.date });
  return fields;
}

function entryMode(draft: Draft): string {
  if (draft.card === null) return draft.entryMode ?? '02';
  return draft.card.entry === 'S' ? '02' : '01';
}

/**
 * DE57 for a peer that speaks it: our items and one `OW` for each open reversal, as many as the field
 * carries; null for others. Nobody is sent our private field unasked.
 */
export function privateItems(
  state: TerminalState,
  items: readonly (readonly [string, string])[],
): string | null {
  if (!state.peerSpeaksDe57) return null;
  const room = Math.floor((DE57_BYTES_MAX - buildDe57(items).length) / OPEN_REVERSAL_BYTES);
  const ut = items.find(([tag]) => tag === 'UT')?.[1];
  const all = [...openReversalItems(state, room, ut), ...items];
  return all.length === 0 ? null : buildDe57(all);
}

export function utItems(ut: string | null): readonly (readonly [string, string])[] {
  return ut === null ? [] : [['UT', ut]];
}

/**
 * The `UT` that a transaction was sent with; null when the host did not speak DE57 then. A name that the
 * host never heard would tell it of another transaction: 94 to a reversal, 25 to a fate query.
 */
export function utAsSent(one: TransactionRecord): string | null {
  const de57 = one.request.fields['57'];
  return de57 !== undefined && parseDe57(de57).some(([tag]) => tag === 'UT') ? one.ut : null;
}

/**
 * All open reversals, oldest first, where they fit. Else the one that this message is about, which its 0400
 * names by `UT`, and then as many others as there is room for: the next request, with its next trace or
 * another try counted, goes on where this one ends, so that the host hears of all of them.
 */
function openReversalItems(
  state: TerminalState,
  room: number,
  ut: string | undefined,
): readonly (readonly [string, string])[] {
  const open = openReversals(state);
  if (open.length <= room) return open.map(openReversalItem);
  const own = open.filter((one) => one.ut === ut);
  const others = open.filter((one) => one.ut !== ut);
  const width = room - own.length;
  const turn = open.reduce((sum, { reversal }) => sum + (reversal?.tries ?? 0), Number(state.nextTrace));
  const from = (turn * width) % others.length;
  return [...own, ...[...others.slice(from), ...others.slice(0, from)].slice(0, width)].map(openReversalItem);
}

function openReversalItem({ batch, trace, ut, amount }: TransactionRecord): readonly [string, string] {
  return ['OW', `${String(batch).padStart(6, '0')}${trace}${ut}${amount12(amount)}`];
}

/** Reversals that the host has not closed yet, also those set aside, oldest first. */
export function openReversals(state: TerminalState): readonly TransactionRecord[] {
  return state.transactions.filter((one) => {
    const { open } = STATES[one.state];
    return open === 'reversal' || open === 'set aside';
  });
}

/** The part of a request that may rest in the journal. */
export function journalledRequest(
  mti: string,
  fields: Readonly<Record<number, string>>,
): TransactionRecord['request'] {
  const kept = Object.entries(fields).filter(([field]) => !NOT_JOURNALLED.includes(Number(field)));
  const { 57: de57, ...rest } = Object.fromEntries(kept);
  if (de57 === undefined) return { mti, fields: rest };
  return { mti, fields: { ...rest, 57: buildDe57(parseDe57(de57).filter(([tag]) => tag !== SM4_PIN)) } };
}

/** Encodes a message and puts the PIN pad's MAC at its end. */
export async function withMac(pinPad: Pick<PinPad, 'mac'>, message: MessageValues): Promise<Buffer> {
  const body = codec.encode({ mti: message.mti, fields: { ...message.fields, 64: NO_MAC } });
  return macAgain(pinPad, body);
}

/** The same bytes with a fresh DE64: what a repeat is. DE64 is the last field of every message. */
export async function macAgain(pinPad: Pick<PinPad, 'mac'>, body: Buffer): Promise<Buffer> {
  const covered = codec.decode(body).macData();
  ensure(covered !== undefined && covered.length === body.length - MAC_BYTES, 'DE64 ends the message');
  const mac = await pinPad.mac(covered);
  ensure(mac.length === MAC_BYTES, 'the PIN pad gives 8 bytes of MAC');
  return Buffer.concat([covered, mac]);
}

/** Card number and expiry as the PIN pad seals them for the journal; null without a card. */
export async function sealCard(deps: TerminalDeps, card: CardInHand | null): Promise<string | null> {
  if (card === null) return null;
  return deps.pinPad.seal(Buffer.from(JSON.stringify({ pan: card.pan, expiry: card.expiry })));
}

/** The card of a transaction in the journal, opened by the PIN pad; null when there is none. */
export async function openCard(
  deps: TerminalDeps,
  one: TransactionRecord,
): Promise<{ pan: string; expiry: string } | null> {
  if (one.sealedCard === null) return null;
  const clear = await deps.pinPad.unseal(one.sealedCard);
  return JSON.parse(clear.toString('utf8')) as { pan: string; expiry: string };
}

/**
 * The same where the message may do without: a pad that was exchanged cannot open what the old one
 * sealed, and a reversal must go out all the same. Whoever calls says so to the clerk.
 *
 * @throws DEVICE_ABSENT, DEVICE_SILENT: try later
 */
export async function openCardIfPossible(
  deps: TerminalDeps,
  one: TransactionRecord,
): Promise<{ pan: string; expiry: string } | null> {
  try {
    return await openCard(deps, one);
  } catch (error) {
    if (error instanceof PosError && error.retry) throw error;
    deps.log.warn({ trace: one.trace }, 'the sealed card number cannot be opened by this PIN pad');
    return null;
  }
}

export function maskedPan(draft: Draft): string | null {
  return draft.card === null ? (draft.panMasked ?? null) : maskPan(draft.card.pan);
}

function required(value: string | null): string {
  ensure(value !== null, 'the catalogue gives DE3, DE25 and 60.1 for every financial request');
  return value;
}
