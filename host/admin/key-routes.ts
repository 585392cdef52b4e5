/**
 * Keys entered by custodians as components: a terminal's master key, and the two that the host shares with
 * a card bureau. Bodies of these routes are never logged; answers carry the check value only.
 */
import { Type } from 'typebox';
import type { KeyAlgorithm, KeyUse } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import { actRecord } from '../journal/act-record.ts';
import { collected, type Door, REASON, reader, TERMINAL_ID, writer } from './door.ts';

const COMPONENT = Type.String({ pattern: '^[0-9A-Fa-f]{32}$' });
const COMPONENTS = Type.Object(
  {
    components: Type.Array(COMPONENT, {
      minItems: 2,
      maxItems: 3,
      description: '两到三个分量 two or three of 16 bytes, hex',
    }),
    algorithm: Type.Optional(Type.Union([Type.Literal('3des'), Type.Literal('sm4')])),
    checkValue: Type.Optional(
      Type.String({ pattern: '^[0-9A-Fa-f]{6}$', description: '校验值 of the whole key' }),
    ),
    reason: REASON,
  },
  { additionalProperties: false },
);

/** The keys that are shared with a card bureau, and what they are for. */
const SHARED: Readonly<Record<string, KeyUse>> = { cvk: 'card-verification', 'zone-pin': 'pin' };

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

  server.put(
    '/v1/terminals/:terminalId/tmk',
    { schema: { params: Type.Object({ terminalId: TERMINAL_ID }), body: COMPONENTS } },
    async (request, reply) => {
      const { terminalId } = request.params;
      const by = await writer(door, request, 'terminal.key', request.body.reason);
      const profile = deps.directory.terminal(terminalId);
      if (profile === undefined) throw new PosError('NOT_FOUND', `terminal ${terminalId}`);
      return reply.send(
        await enter(door, by, { name: profile.tmk, use: 'tmk', mayReplace: false }, request.body),
      );
    },
  );

  server.put(
    '/v1/keys/:name',
    {
      schema: {
        params: Type.Object({ name: Type.Union([Type.Literal('cvk'), Type.Literal('zone-pin')]) }),
        body: COMPONENTS,
      },
    },
    async (request, reply) => {
      const { name } = request.params;
      const by = await writer(door, request, 'terminal.key', request.body.reason);
      // The first start made these by chance; cards that were made with them would not verify under others.
      const mayReplace = (await collected(deps.store.scan('cards'), 1)).length === 0;
      return reply.send(
        await enter(door, by, { name, use: SHARED[name] ?? 'pin', mayReplace }, request.body),
      );
    },
  );
}

interface Entered {
  readonly components: readonly string[];
  readonly algorithm?: '3des' | 'sm4';
  readonly checkValue?: string;
}

async function enter(
  door: Door,
  by: Awaited<ReturnType<typeof writer>>,
  key: { readonly name: string; readonly use: KeyUse; readonly mayReplace: boolean },
  entered: Entered,
) {
  const { vault, store } = door.deps;
  const algorithm: KeyAlgorithm = entered.algorithm ?? '3des';
  const components = entered.components.map((hex) => Buffer.from(hex, 'hex'));
  const spec = { name: key.name, use: key.use, algorithm, components, by: by.person };
  try {
    const before = vault.find(key.name)?.checkValue ?? null;
    const handle = created(door, spec, key.mayReplace);
    if (entered.checkValue !== undefined && entered.checkValue.toUpperCase() !== handle.checkValue) {
      if (before === null) vault.destroy(key.name, by.person);
      throw new PosError('REQUEST_BAD', `${key.name}: 校验值不符 the check value is ${handle.checkValue}`);
    }
    await vault.saved();
    if (before !== handle.checkValue) {
      await store.commit([
        {
          guards: [],
          changes: {},
          journal: [
            actRecord({
              act: 'terminal.key',
              subject: `key:${key.name}`,
              person: by.person,
              role: by.role,
              reason: by.reason,
              before: before === null ? null : { checkValue: before },
              after: { checkValue: handle.checkValue, algorithm },
              at: by.at,
              businessDate: by.day.businessDate,
            }),
          ],
        },
      ]);
    }
    return { name: key.name, use: key.use, algorithm, checkValue: handle.checkValue };
  } finally {
    for (const component of components) component.fill(0);
  }
}

/** The same key again is that key; another one under the name replaces it only where nothing depends on it. */
function created(
  door: Door,
  spec: Parameters<Door['deps']['vault']['createFromComponents']>[0],
  mayReplace: boolean,
) {
  const { vault } = door.deps;
  try {
    return vault.createFromComponents(spec);
  } catch (error) {
    if (!(error instanceof PosError) || error.code !== 'ALREADY_EXISTS' || !mayReplace) throw error;
    vault.destroy(spec.name, spec.by);
    return vault.createFromComponents(spec);
  }
}
