/**
 * What a card's state allows. The checks of an authorisation stand in acquiring/checks.ts, in their
 * order; a test shows that both tables say the same.
 */
import type { TransactionKind } from '../../protocol/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { CardRow } from '../store/rows.ts';

export type CardState = CardRow['state'];

/** Groups of transactions that a state treats alike. */
export type CardUse = 'spend' | 'return' | 'load' | 'activate' | 'report loss';

/** One state. A cell is DE39 that refuses the use, or null: allowed. */
interface CardStateRow {
  readonly nameZh: string;
  readonly nameEn: string;
  readonly allows: Readonly<Record<CardUse, string | null>>;
  /** States that an administrative act may move the card to. */
  readonly next: readonly CardState[];
}

/**
 * `return`: with a track, money only comes back (refund); undoing an earlier transaction is asked of
 * the transaction, never of the card. The balance of an expired card stays the holder's.
 */
// biome-ignore format: a table is read by column
export const CARD_STATES = {
  stock:     { nameZh: '库存',     nameEn: 'in stock',        allows: { spend: '62', return: null, load: '62', activate: '62', 'report loss': '62' }, next: ['inactive', 'active', 'destroyed'] },
  inactive:  { nameZh: '未激活',   nameEn: 'not activated',   allows: { spend: '62', return: null, load: null, activate: null, 'report loss': null }, next: ['active', 'lost', 'destroyed'] },
  active:    { nameZh: '正常',     nameEn: 'active',          allows: { spend: null, return: null, load: null, activate: '12', 'report loss': null }, next: ['frozen', 'lost', 'expired', 'replaced', 'redeemed'] },
  frozen:    { nameZh: '冻结',     nameEn: 'frozen',          allows: { spend: '62', return: null, load: '62', activate: '62', 'report loss': null }, next: ['active', 'lost', 'expired', 'replaced', 'redeemed'] },
  lost:      { nameZh: '挂失',     nameEn: 'reported lost',   allows: { spend: '41', return: '41', load: '41', activate: '41', 'report loss': null }, next: ['active', 'replaced', 'redeemed'] },
  expired:   { nameZh: '过期待延期', nameEn: 'needs extension', allows: { spend: '54', return: null, load: '54', activate: '54', 'report loss': null }, next: ['active', 'lost', 'replaced', 'redeemed'] },
  replaced:  { nameZh: '已换卡',   nameEn: 'replaced',        allows: { spend: '14', return: null, load: '14', activate: '14', 'report loss': '14' }, next: ['destroyed'] },
  redeemed:  { nameZh: '已退卡',   nameEn: 'redeemed',        allows: { spend: '14', return: null, load: '14', activate: '14', 'report loss': '14' }, next: ['destroyed'] },
  destroyed: { nameZh: '已销毁',   nameEn: 'destroyed',       allows: { spend: '14', return: null, load: '14', activate: '14', 'report loss': '14' }, next: [] },
} as const satisfies Record<CardState, CardStateRow>;

/** Which use a transaction makes of the card it presents; what is not here asks nothing of a card's state. */
// biome-ignore format: a table is read by column
export const CARD_USES: Readonly<Partial<Record<TransactionKind, CardUse>>> = {
  balance:           'spend',
  sale:              'spend',
  preAuthorisation:  'spend',
  pointsQuery:       'spend',
  pointsSale:        'spend',
  pinChange:         'spend',
  refund:            'return',
  pointsEarn:        'load',
  topUpVerification: 'load',
  cashTopUp:         'load',
  accountTopUp:      'load',
  activation:        'activate',
  lossReport:        'report loss',
};

/** DE39 with which a card in this state refuses a transaction; null: its state allows it. */
export function refusalByState(state: CardState, kind: TransactionKind): string | null {
  const use = CARD_USES[kind];
  return use === undefined ? null : CARD_STATES[state].allows[use];
}

/**
 * A card may be loaded while it is inactive or active.
 *
 * @throws REQUEST_BAD naming the state
 */
export function ensureLoadable(card: Pick<CardRow, 'cardId' | 'state'>): void {
  if (CARD_STATES[card.state].allows.load === null) return;
  throw new PosError(
    'REQUEST_BAD',
    `card ${card.cardId} is ${CARD_STATES[card.state].nameEn}: it cannot be loaded`,
  );
}

/** @throws REQUEST_BAD naming both states and the moves that are allowed */
export function ensureMove(card: Pick<CardRow, 'cardId' | 'state'>, to: CardState): void {
  const next: readonly CardState[] = CARD_STATES[card.state].next;
  if (next.includes(to)) return;
  const allowed = next.length === 0 ? 'nothing' : next.join(', ');
  throw new PosError(
    'REQUEST_BAD',
    `card ${card.cardId} is ${card.state}: it may become ${allowed}, not ${to}`,
  );
}
