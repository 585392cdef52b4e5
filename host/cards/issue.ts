/**
 * Cards issued and loaded: pure builders of what the store commits, each with its journal record. The
 * caller reads first, commits the item, and decides again on a conflict. An issue and its first load
 * may go in one commit, in this order: a guard sees the items before it.
 */
import {
  ensure,
  type Fen,
  fen,
  isBusinessDate,
  nextBusinessDate,
  PosError,
  sumFen,
} from '../../protocol/index.ts';
import type { HostKeys } from '../deps.ts';
import { actRecord } from '../journal/act-record.ts';
import { loadEntry } from '../ledger/entries.ts';
import type { Entry } from '../ledger/model.ts';
import type { Directory } from '../programme/directory.ts';
import type { SalePoint } from '../programme/model.ts';
import type { CommitItem, Guard } from '../store/port.ts';
import type { AccountRow, CardRow, DayRow, LotRow } from '../store/rows.ts';
import { lookUpHash, type NumberDeps, putToRest } from './card-number.ts';
import { type CardState, ensureLoadable, ensureMove } from './card-states.ts';
import { coverOwed } from './holder-debt.ts';
import { checkLoad, checkValidity, lotExpiry, type Payment, unremittedGuard } from './limits.ts';

export interface CardDeps extends NumberDeps {
  readonly keys: Pick<HostKeys, 'lookup' | 'data' | 'pvk' | 'zonePin'>;
  readonly directory: Pick<Directory, 'programme' | 'tier' | 'salePoint'>;
}

/** Who acts, why and when: goes into the journal record. */
export interface By {
  readonly person: string;
  readonly role: string;
  readonly reason: string;
  /** UTC milliseconds. */
  readonly at: number;
  /** The open business day. */
  readonly day: DayRow;
}

/** A PIN as it arrives: a format 0 block for this card number under the zone PIN key. */
export interface NewPin {
  readonly block: Buffer;
  /** The PVV covers four of six digits: only where a personaliser demands it. */
  readonly method?: 'ibm3624' | 'pvv';
  /** PIN verification key index, one digit. */
  readonly pvki?: string;
}

export interface IssueSpec {
  readonly cardId: string;
  readonly pan: string;
  /** YYMM. */
  readonly expiry: string;
  readonly serviceCode: string;
  readonly state: Extract<CardState, 'stock' | 'inactive' | 'active'>;
  /** First business date on which it works; null: the next one. */
  readonly activeFrom: string | null;
  readonly pin: NewPin | null;
  /** The purses that it opens: new ones, or those of an account that has a card already. */
  readonly account: AccountRow | Omit<AccountRow, 'version' | 'state' | 'owed'>;
}

const FIRST_STATES: readonly CardState[] = ['stock', 'inactive', 'active'];
/** Letters, digits and hyphens: an identifier ends ledger accounts' names. */
const ID = /^[A-Za-z0-9][A-Za-z0-9-]{0,39}$/;

/**
 * Issues a card.
 *
 * @throws PAN_BAD also for a number outside the programme's prefixes; PIN_BLOCK_BAD; NOT_FOUND the tier
 *   or sale point; REQUEST_BAD; LIMIT_EXCEEDED a bearer card valid for less than the law's time
 */
export function issueCard(
  deps: CardDeps,
  spec: IssueSpec,
  by: By,
): { readonly item: CommitItem; readonly card: CardRow; readonly account: AccountRow } {
  const { programme } = deps.directory;
  checkIssue(deps, spec, by);
  const isNew = !('version' in spec.account);
  const account: AccountRow = { version: 1, state: 'active', owed: fen(0), ...spec.account };
  if (!programme.binPrefixes.some((prefix) => spec.pan.startsWith(prefix))) {
    throw new PosError(
      'PAN_BAD',
      `card ${spec.cardId}: its number does not begin with a prefix of the programme`,
    );
  }
  const card: CardRow = {
    cardId: spec.cardId,
    version: 1,
    ...putToRest(deps, spec.pan, spec.cardId),
    accountId: account.accountId,
    state: spec.state,
    expiry: spec.expiry,
    serviceCode: spec.serviceCode,
    pin: spec.pin === null ? null : pinReference(deps, spec.pan, spec.pin),
    pinTries: 0,
    activeFrom: spec.activeFrom ?? nextBusinessDate(by.day.businessDate),
  };
  const accountGuard: Guard = isNew
    ? { kind: 'absent', table: 'accounts', key: account.accountId }
    : { kind: 'version', table: 'accounts', key: account.accountId, version: account.version };
  return {
    card,
    account,
    item: {
      guards: [accountGuard, { kind: 'absent', table: 'cards', key: card.cardId }],
      changes: { cards: [card], ...(isNew ? { accounts: [account] } : {}) },
      journal: [record('card.issue', `card:${card.cardId}`, by, null, shown(card))],
    },
  };
}

/** Whether a card that is there is the one that would be issued: a repeated request changes nothing. */
export function isSameIssue(deps: CardDeps, existing: CardRow, spec: IssueSpec): boolean {
  const pin = spec.pin === null ? null : pinReference(deps, spec.pan, spec.pin);
  return (
    existing.cardId === spec.cardId &&
    existing.panHash === lookUpHash(deps, spec.pan) &&
    existing.accountId === spec.account.accountId &&
    existing.expiry === spec.expiry &&
    existing.serviceCode === spec.serviceCode &&
    (spec.activeFrom === null || existing.activeFrom === spec.activeFrom) &&
    existing.pin?.value === pin?.value &&
    existing.pin?.method === pin?.method
  );
}

export interface LoadSpec {
  readonly card: Pick<CardRow, 'cardId' | 'accountId' | 'state'>;
  readonly account: AccountRow;
  /** All open lots of the account. */
  readonly lots: readonly LotRow[];
  /** What its pre-authorisations keep: it counts against the balance limit. */
  readonly held: Fen;
  /** Who takes the money; owes it until it remits. */
  readonly salePointId: string;
  readonly principal: Fen;
  readonly bonus: Fen;
  readonly payment: Payment;
  /** Made by the host, never used before. */
  readonly ids: { readonly entryId: string; readonly principalLotId: string; readonly bonusLotId: string };
  /** What made it: an approval, a transaction or the provisioning. */
  readonly cause: Entry['cause'];
}

/**
 * Loads an account: a lot each of principal and bonus, one balanced entry; a holder's debt is covered
 * first, from what is loaded, by an entry of its own. Fails at commit, by its
 * guards, when the account changed, the day was closed, or the sale point would owe too much.
 *
 * @throws LIMIT_EXCEEDED, AMOUNT_BAD, NOT_FOUND the sale point; REQUEST_BAD the card's or account's state
 */
export function loadCard(
  deps: Pick<CardDeps, 'directory'>,
  spec: LoadSpec,
  by: By,
): {
  readonly item: CommitItem;
  readonly entry: Entry;
  /** How much of it covered what the holder owed. */
  readonly covered: Fen;
  readonly account: AccountRow;
  /** The load's own lots, as they are after it. */
  readonly lots: readonly LotRow[];
} {
  const { account, principal, bonus, ids } = spec;
  const { programme } = deps.directory;
  const salePoint = knownSalePoint(deps, spec.salePointId);
  ensure(spec.card.accountId === account.accountId, 'the card and the account that was read belong together');
  ensureLoadable(spec.card);
  if (account.state !== 'active')
    throw new PosError('REQUEST_BAD', `account ${account.accountId} is ${account.state}`);
  const { registered } = account;
  checkLoad(programme, { registered, balance: balanceOf(spec), principal, bonus, payment: spec.payment });

  const { businessDate } = by.day;
  const expiresOn = lotExpiry(programme, registered, businessDate);
  const lot = (lotId: string, purse: LotRow['purse'], loaded: Fen): LotRow => ({
    lotId,
    accountId: account.accountId,
    purse,
    salePointId: salePoint.id,
    loadedOn: businessDate,
    expiresOn,
    registered,
    loaded,
    remaining: loaded,
  });
  const lots = [
    ...(principal > 0 ? [lot(ids.principalLotId, 'principal', principal)] : []),
    ...(bonus > 0 ? [lot(ids.bonusLotId, 'bonus', bonus)] : []),
  ];
  const stamp = {
    entryId: ids.entryId,
    businessDate,
    cause: spec.cause,
    at: by.at,
    branchId: null,
    terminalId: null,
  };
  const entry = loadEntry(stamp, {
    accountId: account.accountId,
    salePointId: salePoint.id,
    principal,
    principalLotId: ids.principalLotId,
    bonus,
    bonusLotId: ids.bonusLotId,
  });
  const debt = coverOwed(account, [...spec.lots, ...lots], businessDate, () => ({
    ...stamp,
    entryId: `${ids.entryId}-debt`,
  }));
  const next = { ...account, version: account.version + 1, owed: debt.owed };
  const before = new Set(spec.lots);
  const changed = debt.lots.filter((one) => !before.has(one));
  return {
    entry,
    covered: debt.amount,
    account: next,
    lots: changed.filter(({ lotId }) => lots.some((one) => one.lotId === lotId)),
    item: {
      guards: [
        { kind: 'version', table: 'accounts', key: account.accountId, version: account.version },
        { kind: 'version', table: 'days', key: businessDate, version: by.day.version },
        ...(principal > 0 ? [unremittedGuard(salePoint, principal)] : []),
      ],
      changes: {
        accounts: [next],
        lots: changed,
        entries: debt.entry === null ? [entry] : [entry, debt.entry],
      },
      journal: [
        record(
          'card.load',
          `account:${account.accountId}`,
          by,
          null,
          debt.entry === null ? entry : { load: entry, debtCovered: debt.entry },
        ),
      ],
    },
  };
}

/**
 * Moves a card to another state: freeze, report lost, give free again, extend (expired → active).
 *
 * @throws REQUEST_BAD a move that the table of states does not know
 */
export function moveCard(
  card: CardRow,
  to: CardState,
  by: By,
): { readonly item: CommitItem; readonly card: CardRow } {
  ensureMove(card, to);
  const next: CardRow = { ...card, state: to, version: card.version + 1 };
  return { card: next, item: changed('card.state', card, next, by) };
}

/**
 * Sets or clears a PIN, and the count of wrong tries with it.
 *
 * @param pan the clear number that the block was made for: asked of the person, or opened for this act
 * @throws PIN_BLOCK_BAD; INVARIANT the number is another card's
 */
export function setPin(
  deps: CardDeps,
  card: CardRow,
  pan: string,
  pin: NewPin | null,
  by: By,
): { readonly item: CommitItem; readonly card: CardRow } {
  ensure(lookUpHash(deps, pan) === card.panHash, 'the number is that of the card');
  const reference = pin === null ? null : pinReference(deps, pan, pin);
  const next: CardRow = { ...card, pin: reference, pinTries: 0, version: card.version + 1 };
  return { card: next, item: changed('card.pin', card, next, by) };
}

function changed(act: string, before: CardRow, after: CardRow, by: By): CommitItem {
  return {
    guards: [{ kind: 'version', table: 'cards', key: before.cardId, version: before.version }],
    changes: { cards: [after] },
    journal: [record(act, `card:${before.cardId}`, by, shown(before), shown(after))],
  };
}

function checkIssue(deps: CardDeps, spec: IssueSpec, by: By): void {
  const { account, cardId, expiry, serviceCode } = spec;
  const refuse = (why: string) =>
    new PosError('REQUEST_BAD', `card ${ID.test(cardId) ? cardId : '?'}: ${why}`);
  if (!ID.test(cardId)) throw refuse('its id has 1 to 40 letters, digits or hyphens');
  if (!ID.test(account.accountId)) throw refuse("its account's id has 1 to 40 letters, digits or hyphens");
  if (!/^\d{2}(0[1-9]|1[0-2])$/.test(expiry)) throw refuse('its expiry is YYMM');
  if (!/^\d{3}$/.test(serviceCode)) throw refuse('its service code has three digits');
  if (!FIRST_STATES.includes(spec.state)) throw refuse('its state is stock, inactive or active');
  if (spec.activeFrom !== null && !isBusinessDate(spec.activeFrom)) throw refuse('its first day is YYYYMMDD');
  if (deps.directory.tier(account.tier) === undefined)
    throw new PosError('NOT_FOUND', `tier ${account.tier}`);
  knownSalePoint(deps, account.salePointId);
  checkValidity(deps.directory.programme, account.registered, expiry, by.day.businessDate);
}

function knownSalePoint(deps: Pick<CardDeps, 'directory'>, id: string): SalePoint {
  const salePoint = deps.directory.salePoint(id);
  if (salePoint === undefined) throw new PosError('NOT_FOUND', `sale point ${id}`);
  return salePoint;
}

function pinReference(deps: CardDeps, pan: string, pin: NewPin): NonNullable<CardRow['pin']> {
  const { vault, keys } = deps;
  return vault.makePinReference({
    pik: keys.zonePin,
    pinBlock: pin.block,
    pan,
    pvk: keys.pvk,
    method: pin.method ?? 'ibm3624',
    pvki: pin.pvki ?? '1',
  });
}

/** Lots past their expiry count too: that money is still the holder's. */
function balanceOf(spec: LoadSpec): Fen {
  return sumFen([spec.held, ...spec.lots.map((lot) => lot.remaining)]);
}

/** What a journal record may digest of a card: no number in any form, no PIN reference. */
function shown(card: CardRow): object {
  const { cardId, version, accountId, state, expiry, serviceCode, pinTries, activeFrom } = card;
  return {
    cardId,
    version,
    accountId,
    state,
    expiry,
    serviceCode,
    pinTries,
    activeFrom,
    hasPin: card.pin !== null,
  };
}

function record(act: string, subject: string, by: By, before: unknown, after: unknown) {
  const { person, role, reason, at, day } = by;
  return actRecord({ act, subject, person, role, reason, before, after, at, businessDate: day.businessDate });
}
