/** Cards: issued, loaded, frozen, set free, their PINs unblocked. The body of an issue carries the card number; nothing else does. */
import { Type } from 'typebox';
import { type Fen, fen, PosError } from '../../protocol/index.ts';
import { clearNumber } from '../cards/card-number.ts';
import {
  type By,
  type IssueSpec,
  isSameIssue,
  issueCard,
  loadCard,
  moveCard,
  setPin,
} from '../cards/issue.ts';
import { unremittedRefusal } from '../cards/limits.ts';
import { actRecord } from '../journal/act-record.ts';
import type { AccountRow, CardRow, LotRow } from '../store/rows.ts';
import { type Door, decided, FEN, ID, REASON, reader, refuseCardNumber, writer } from './door.ts';

const PIN_BLOCK = Type.String({
  pattern: '^[0-9A-Fa-f]{16}$',
  description: 'format 0 under the zone-pin key, hex',
});
const CARD = Type.Object({ cardId: ID });
const ISSUE = Type.Object(
  {
    pan: Type.String({ pattern: '^\\d{13,19}$', description: '卡号,不入日志 the card number; never logged' }),
    expiry: Type.String({ pattern: '^\\d{4}$', description: 'YYMM' }),
    serviceCode: Type.String({ pattern: '^\\d{3}$' }),
    state: Type.Optional(
      Type.Union([Type.Literal('stock'), Type.Literal('inactive'), Type.Literal('active')]),
    ),
    activeFrom: Type.Optional(
      Type.String({ pattern: '^\\d{8}$', description: '起用营业日;缺省次日 the next day when left out' }),
    ),
    pinBlock: Type.Optional(PIN_BLOCK),
    pinMethod: Type.Optional(Type.Union([Type.Literal('ibm3624'), Type.Literal('pvv')])),
    account: Type.Object(
      { accountId: ID, tier: ID, registered: Type.Boolean(), productId: ID, salePointId: ID },
      { additionalProperties: false },
    ),
    reason: REASON,
  },
  { additionalProperties: false },
);
const LOAD = Type.Object(
  {
    salePointId: ID,
    principal: FEN,
    bonus: Type.Optional(FEN),
    payment: Type.Object(
      {
        method: Type.Union([Type.Literal('cash'), Type.Literal('transfer')]),
        payer: Type.Union([Type.Literal('person'), Type.Literal('entity')]),
        identified: Type.Boolean({ description: '已核实购卡人身份 the buyer was identified' }),
      },
      { additionalProperties: false },
    ),
    reason: REASON,
  },
  { additionalProperties: false },
);
const BECAUSE = Type.Object({ reason: REASON }, { additionalProperties: false });

export function cardRoutes(door: Door): void {
  const { server, deps } = door;

  server.get('/v1/cards/:cardId', { schema: { params: CARD } }, async (request) => {
    reader(door, request, 'query');
    const { card, lots, account } = await cardWithLots(door, request.params.cardId);
    return { card: shown(card), account, lots };
  });

  server.put('/v1/cards/:cardId', { schema: { params: CARD, body: ISSUE } }, async (request, reply) => {
    const { cardId } = request.params;
    const by = await writer(door, request, 'card.issue', request.body.reason);
    const { pan, expiry, serviceCode, state, activeFrom, pinBlock, pinMethod, account } = request.body;
    refuseCardNumber(cardId, 'cardId');
    refuseCardNumber(account.accountId, 'accountId');
    const method = pinMethod === undefined ? {} : { method: pinMethod };
    const spec: IssueSpec = {
      ...{ cardId, pan, expiry, serviceCode, account },
      state: state ?? 'active',
      activeFrom: activeFrom ?? null,
      pin: pinBlock === undefined ? null : { block: Buffer.from(pinBlock, 'hex'), ...method },
    };
    const issue = async () => {
      const { accounts } = await deps.store.read({ accountIds: [account.accountId] });
      const known = accounts.find(({ accountId }) => accountId === account.accountId);
      if (known !== undefined) demandSameAccount(known, account);
      const there = await cardOf(door, cardId);
      if (there !== undefined) {
        if (!isSameIssue(deps, there, spec))
          throw new PosError('ALREADY_EXISTS', `card ${cardId}: 内容不同 its content differs`);
        return { item: null, answer: { card: shown(there), created: false } };
      }
      const issued = issueCard(deps, { ...spec, account: known ?? account }, by);
      return { item: issued.item, answer: { card: shown(issued.card), created: true } };
    };
    const outcome = await door.issuing.run(() => decided(door, issue));
    reply.code(outcome.created ? 201 : 200);
    return outcome.card;
  });

  server.put(
    '/v1/cards/:cardId/loads/:loadId',
    { schema: { params: Type.Object({ cardId: ID, loadId: ID }), body: LOAD } },
    async (request, reply) => {
      const by = await writer(door, request, 'card.load', request.body.reason);
      const { cardId, loadId } = request.params;
      const { salePointId, principal, bonus, payment } = request.body;
      refuseCardNumber(loadId, 'loadId');
      const spec = {
        cardId,
        loadId,
        salePointId,
        principal: fen(principal),
        bonus: fen(bonus ?? 0),
        payment,
      };
      const outcome = await load(door, spec, by);
      reply.code(outcome.created ? 201 : 200);
      return { loadId, ...outcome };
    },
  );

  for (const [path, to] of [
    ['freeze', 'frozen'],
    ['unfreeze', 'active'],
  ] as const) {
    server.post(`/v1/cards/:cardId/${path}`, { schema: { params: CARD, body: BECAUSE } }, async (request) => {
      const by = await writer(door, request, 'card.state', request.body.reason);
      return decided(door, async () => {
        const card = await knownCard(door, request.params.cardId);
        if (card.state === to) return { item: null, answer: shown(card) };
        const moved = moveCard(card, to, by);
        return { item: moved.item, answer: shown(moved.card) };
      });
    });
  }

  server.post(
    '/v1/cards/:cardId/unblock-pin',
    { schema: { params: CARD, body: BECAUSE } },
    async (request) => {
      const by = await writer(door, request, 'card.pin', request.body.reason);
      return decided(door, async () => {
        const card = await knownCard(door, request.params.cardId);
        if (card.pinTries === 0) return { item: null, answer: shown(card) };
        const next: CardRow = { ...card, pinTries: 0, version: card.version + 1 };
        return { item: unblocking(card, next, by), answer: shown(next) };
      });
    },
  );

  server.put(
    '/v1/cards/:cardId/pin',
    {
      schema: {
        params: CARD,
        body: Type.Object({ pinBlock: PIN_BLOCK, reason: REASON }, { additionalProperties: false }),
      },
    },
    async (request) => {
      const by = await writer(door, request, 'card.pin', request.body.reason);
      return decided(door, async () => {
        const card = await knownCard(door, request.params.cardId);
        const block = Buffer.from(request.body.pinBlock, 'hex');
        const set = setPin(deps, card, clearNumber(deps, card), { block }, by);
        return { item: set.item, answer: shown(set.card) };
      });
    },
  );
}

/** A second card of an account opens nothing new: what it says of the account must be what the account is. */
function demandSameAccount(known: AccountRow, said: IssueSpec['account']): void {
  for (const part of ['tier', 'registered', 'productId', 'salePointId'] as const) {
    if (known[part] === said[part]) continue;
    throw new PosError('ALREADY_EXISTS', `account ${known.accountId}: ${part} 不同 differs from what it is`);
  }
  if (known.state === 'closed')
    throw new PosError('NOT_ALLOWED_NOW', `account ${known.accountId}: 已销户 is closed`);
}

interface Loading {
  readonly cardId: string;
  readonly loadId: string;
  readonly salePointId: string;
  readonly principal: Fen;
  readonly bonus: Fen;
  readonly payment: Parameters<typeof loadCard>[1]['payment'];
}

interface Loaded {
  readonly created: boolean;
  readonly lots: readonly string[];
}

/** A load has its own identifier, which becomes its entry's and its lots': the same one twice loads once. */
async function load(door: Door, wanted: Loading, by: By): Promise<Loaded> {
  const { store, directory } = door.deps;
  const { loadId } = wanted;
  const ids = { entryId: `load-${loadId}`, principalLotId: `${loadId}-P`, bonusLotId: `${loadId}-B` };
  let refused = 0;
  return decided<Loaded>(door, async () => {
    const found = await cardWithLots(door, wanted.cardId);
    const loaded = await lotsOf(door, [ids.principalLotId, ids.bonusLotId]);
    if (loaded.length > 0) {
      if (!isSameLoad(wanted, found.card, loaded))
        throw new PosError('ALREADY_EXISTS', `load ${loadId}: 内容不同 its content differs`);
      return { item: null, answer: { created: false, lots: loaded.map(({ lotId }) => lotId) } };
    }
    const salePoint = directory.salePoint(wanted.salePointId);
    // The guard on the un-remitted money refuses for good; any other conflict is over the second time.
    if (refused > 1 && salePoint !== undefined) throw unremittedRefusal(salePoint);
    refused += 1;
    const { item, lots } = loadCard(
      door.deps,
      { ...wanted, ...found, ids, cause: { kind: 'provisioning', id: loadId } },
      { ...by, day: (await store.read({})).day },
    );
    return { item, answer: { created: true, lots: lots.map(({ lotId }) => lotId) } };
  });
}

function isSameLoad(wanted: Loading, card: CardRow, lots: readonly LotRow[]): boolean {
  const of = (purse: LotRow['purse']) => lots.find((lot) => lot.purse === purse)?.loaded ?? 0;
  return (
    lots.every((lot) => lot.accountId === card.accountId && lot.salePointId === wanted.salePointId) &&
    of('principal') === wanted.principal &&
    of('bonus') === wanted.bonus
  );
}

async function lotsOf(door: Door, lotIds: readonly string[]): Promise<readonly LotRow[]> {
  const lots: LotRow[] = [];
  for (const lotId of lotIds) {
    for await (const page of door.deps.store.scan('lots', { lotId })) lots.push(...page);
  }
  return lots;
}

function unblocking(before: CardRow, after: CardRow, by: By) {
  const { person, role, reason, at, day } = by;
  const record = actRecord({
    ...{ person, role, reason, at, businessDate: day.businessDate },
    act: 'card.unblock-pin',
    subject: `card:${before.cardId}`,
    before: { pinTries: before.pinTries },
    after: { pinTries: after.pinTries },
  });
  return {
    guards: [{ kind: 'version', table: 'cards', key: before.cardId, version: before.version } as const],
    changes: { cards: [after] },
    journal: [record],
  };
}

async function cardOf(door: Door, cardId: string): Promise<CardRow | undefined> {
  for await (const page of door.deps.store.scan('cards', { cardId })) return page[0];
  return undefined;
}

async function knownCard(door: Door, cardId: string): Promise<CardRow> {
  const card = await cardOf(door, cardId);
  if (card === undefined) throw new PosError('NOT_FOUND', `card ${cardId}`);
  return card;
}

/** A card with its account, that account's open lots, and what its pre-authorisations hold. */
async function cardWithLots(door: Door, cardId: string) {
  const { store } = door.deps;
  const card = await knownCard(door, cardId);
  const { accounts, lots } = await store.read({ accountIds: [card.accountId] });
  const [account] = accounts;
  if (account === undefined) throw new PosError('NOT_FOUND', `account ${card.accountId}`);
  let held = 0;
  const holds = store.scan('transactions', {
    accountId: card.accountId,
    kind: 'preAuthorisation',
    state: 'approved',
  });
  for await (const page of holds) held += page.reduce((sum, row) => sum + (row.money?.paid ?? 0), 0);
  return {
    card,
    account,
    lots: lots.filter(({ accountId }) => accountId === card.accountId),
    held: fen(held),
  };
}

/** What an answer shows of a card: masked, without PIN reference and hash. */
export function shown(card: CardRow) {
  const { cardId, version, panMasked, accountId, state, expiry, serviceCode, pinTries, activeFrom, pin } =
    card;
  return {
    cardId,
    version,
    panMasked,
    accountId,
    state,
    expiry,
    serviceCode,
    hasPin: pin !== null,
    pinTries,
    activeFrom,
  };
}
