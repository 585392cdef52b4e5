/**
 * Keys entered by custodians as components, each by another person: a terminal's master key, and the two that the host
 * shares with a card bureau. Bodies of these routes are never logged; answers carry check values only.
 */
import { Type } from 'typebox';
import {
  BlockCipher,
  checkValue,
  combineComponents,
  type KeyUse,
  toHex,
  type Vault,
} from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { By } from '../cards/issue.ts';
import { actRecord } from '../journal/act-record.ts';
import { ComponentDesk, type Whole } from './component-desk.ts';
import { collected, type Door, REASON, reader, TERMINAL_ID, writer } from './door.ts';

const CHECK_VALUE = Type.String({ pattern: '^[0-9A-Fa-f]{6}$' });
const COMPONENT = Type.Object(
  {
    component: Type.String({ pattern: '^[0-9A-Fa-f]{32}$', description: '分量 16 bytes, hex' }),
    number: Type.Integer({ minimum: 1, maximum: 3, description: '第几分量 which' }),
    of: Type.Integer({ minimum: 2, maximum: 3, description: '共几分量 of how many' }),
    algorithm: Type.Optional(Type.Union([Type.Literal('3des'), Type.Literal('sm4')])),
    checkValue: Type.Optional(CHECK_VALUE),
    keyCheckValue: Type.Optional(CHECK_VALUE),
    reason: REASON,
  },
  { additionalProperties: false },
);
const WHY = Type.Object({ reason: REASON }, { additionalProperties: false });
const TERMINAL = Type.Object({ terminalId: TERMINAL_ID });
const SHARED_NAME = Type.Object({ name: Type.Union([Type.Literal('cvk'), Type.Literal('zone-pin')]) });

/** The keys that are shared with a card bureau, and what they are for. */
const SHARED: Readonly<Record<string, KeyUse>> = { cvk: 'card-verification', 'zone-pin': 'pin' };

/** Behind the name of a key that is not in its place yet. */
const ARRIVING = '>arriving';

export function keyRoutes(door: Door): void {
  const { server, deps } = door;

  server.get('/v1/keys', async (request) => {
    reader(door, request, 'query');
    return {
      keys: deps.vault
        .names()
        .map(({ name, use, algorithm, checkValue }) => ({ name, use, algorithm, checkValue })),
    };
  });

  const desk = new ComponentDesk(deps.clock);
  server.addHook('onClose', async () => desk.close());

  const tmkOf = (terminalId: string): KeyPlace => {
    const profile = deps.directory.terminal(terminalId);
    if (profile === undefined) throw new PosError('NOT_FOUND', `terminal ${terminalId}`);
    return { name: profile.tmk, use: 'tmk', mayReplace: async () => false };
  };
  // The first start made these by chance; cards that were made with them would not verify under others.
  const sharedOf = (name: string): KeyPlace => ({
    name,
    use: SHARED[name] ?? 'pin',
    mayReplace: async () => {
      const cards = await door.issuing.without(() => collected(deps.store.scan('cards'), 1));
      return cards?.length === 0;
    },
  });

  server.put(
    '/v1/terminals/:terminalId/tmk',
    { schema: { params: TERMINAL, body: COMPONENT } },
    async (request, reply) => {
      const by = await writer(door, request, 'terminal.key', request.body.reason);
      const answer = await bring(door, desk, by, tmkOf(request.params.terminalId), request.body);
      reply.code('waitsFor' in answer ? 202 : 200);
      return answer;
    },
  );

  server.delete(
    '/v1/terminals/:terminalId/tmk',
    { schema: { params: TERMINAL, body: WHY } },
    async (request) => {
      const by = await writer(door, request, 'terminal.key', request.body.reason);
      return dropped(door, desk, by, tmkOf(request.params.terminalId).name);
    },
  );

  server.put(
    '/v1/keys/:name',
    { schema: { params: SHARED_NAME, body: COMPONENT } },
    async (request, reply) => {
      const by = await writer(door, request, 'terminal.key', request.body.reason);
      const answer = await bring(door, desk, by, sharedOf(request.params.name), request.body);
      reply.code('waitsFor' in answer ? 202 : 200);
      return answer;
    },
  );

  server.delete('/v1/keys/:name', { schema: { params: SHARED_NAME, body: WHY } }, async (request) => {
    const by = await writer(door, request, 'terminal.key', request.body.reason);
    return dropped(door, desk, by, request.params.name);
  });
}

/** Where a key goes. */
interface KeyPlace {
  readonly name: string;
  readonly use: KeyUse;
  /** Whether nothing depends on the key that may be there under the name: asked right before it is replaced. */
  readonly mayReplace: () => Promise<boolean>;
}

type Entered = Omit<Parameters<ComponentDesk['bring']>[2], 'algorithm'> & {
  readonly algorithm?: '3des' | 'sm4';
};

/** One component; the last one makes the key. */
async function bring(door: Door, desk: ComponentDesk, by: By, place: KeyPlace, entered: Entered) {
  const { name } = place;
  const { number, of, algorithm = '3des' } = entered;
  const answer = desk.bring(name, by.person, { ...entered, algorithm });
  try {
    await noted(door, by, `key:${name}`, null, { component: number, of, checkValue: answer.checkValue });
    if ('waitsFor' in answer)
      return { name, number, of, checkValue: answer.checkValue, waitsFor: answer.waitsFor };
    return await enter(door, by, place, answer.whole);
  } finally {
    if ('whole' in answer) for (const component of answer.whole.components) component.fill(0);
  }
}

async function dropped(door: Door, desk: ComponentDesk, by: By, name: string) {
  const wasWaiting = desk.drop(name);
  if (wasWaiting) await noted(door, by, `key:${name}`, { components: 'waited' }, { components: 'dropped' });
  return { name, dropped: wasWaiting };
}

/**
 * The key of the components. The journal has what became of it: kept, refused, or kept and not durable.
 *
 * @throws REQUEST_BAD another check value than was told; KEY_BAD, ALREADY_EXISTS: what was there stays; KEY_FILE
 */
async function enter(door: Door, by: By, place: KeyPlace, whole: Whole) {
  const { vault } = door.deps;
  const { name, use } = place;
  const { algorithm, components, persons, expected } = whole;
  const found = checkValueOf(whole, name);
  if (expected !== null && expected !== found)
    throw new PosError('REQUEST_BAD', `${name}: 校验值不符 the check value of the key is ${found}`);
  const keyThere = () => {
    const there = vault.find(name);
    return there === undefined ? null : { checkValue: there.checkValue };
  };
  const mayReplace = await place.mayReplace();
  // From here to the key in its place without a pause: no card is issued between the look and the act.
  const before = keyThere();
  const outcome = { checkValue: found, algorithm, persons };
  try {
    const spec = { name, use, algorithm, components, by: persons.join(', ') };
    placed(vault, spec, mayReplace);
    await vault.saved();
  } catch (error) {
    const refused = error instanceof PosError ? error.code : 'unknown';
    await noted(door, by, `key:${name}`, before, { ...keyThere(), refused, brought: outcome });
    throw error;
  }
  if (before?.checkValue !== found) await noted(door, by, `key:${name}`, before, outcome);
  return { name, use, algorithm, checkValue: found, persons };
}

async function noted(door: Door, by: By, subject: string, before: unknown, after: unknown): Promise<void> {
  const { person, role, reason, at, day } = by;
  const act = { act: 'terminal.key', subject, person, role, reason, before, after, at };
  await door.deps.store.commit([
    { guards: [], changes: {}, journal: [actRecord({ ...act, businessDate: day.businessDate })] },
  ]);
}

/** Before anything of the vault is changed. @throws KEY_BAD two components are equal, or one is zero */
function checkValueOf({ components, algorithm }: Whole, name: string): string {
  const bytes = combineComponents(components, name);
  const cipher = new BlockCipher(algorithm, bytes);
  bytes.fill(0);
  const value = toHex(checkValue(cipher));
  cipher.wipe();
  return value;
}

type Spec = Parameters<Vault['createFromComponents']>[0];

/**
 * The same key again is that key; another one under the name replaces it only where nothing depends on it.
 *
 * @throws KEY_BAD, ALREADY_EXISTS: what was there stays
 */
function placed(vault: Vault, spec: Spec, mayReplace: boolean): void {
  try {
    vault.createFromComponents(spec);
  } catch (error) {
    const isOther = error instanceof PosError && error.code === 'ALREADY_EXISTS';
    if (!isOther || !mayReplace) throw error;
    replace(vault, spec);
  }
}

/** The vault takes the key under a name of its own first: when it refuses it, the one that was there is untouched. */
function replace(vault: Vault, spec: Spec): void {
  const { name, by = 'vault' } = spec;
  const arriving = `${name}${ARRIVING}`;
  // One that an abandoned process left in a token.
  if (vault.find(arriving) !== undefined) vault.destroy(arriving, by);
  vault.createFromComponents({ ...spec, name: arriving });
  if (vault.remote !== undefined) {
    vault.remote.succeed(name, arriving, by);
    return;
  }
  // A token gives no key another name: there it is judged, and made once more.
  vault.destroy(arriving, by);
  vault.destroy(name, by);
  vault.createFromComponents(spec);
}
