/** The administration over a real store and vault, without a socket, for tests. */
import { randomBytes } from 'node:crypto';
import { openSoftVault, type Vault } from '../../keys/index.ts';
import { luhnDigit } from '../../protocol/index.ts';
import { memoryFiles } from '../clearing/memory-files.ts';
import { FIRST_DAY, sampleWorld } from '../clearing/sample-day.ts';
import { openLog } from '../log.ts';
import { Metrics } from '../operations/metrics.ts';
import { Standing } from '../operations/standing.ts';
import type { AdminDeps } from './door.ts';
import { ROLES, type Role } from './roles.ts';
import { buildAdmin } from './server.ts';
import type { Token } from './tokens.ts';

export const PAN = `627788000000123${luhnDigit('627788000000123')}`;
export const OTHER_PAN = `627788000000456${luhnDigit('627788000000456')}`;
export const PIN = '270915';
export const TOKENS: readonly Token[] = [
  ...ROLES.map((role) => ({
    token: role.repeat(8).slice(0, 40).padEnd(40, 'x'),
    person: `${role}-员`,
    role,
  })),
  // Two acts take two persons of the same role.
  { token: 'second'.repeat(8), person: 'second-员', role: 'admin' },
];
/** Who calls: one of each role, and another `admin`. */
type Who = Role | 'second';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly text: string;
  readonly headers: Record<string, unknown>;
}
export interface Office {
  readonly world: Awaited<ReturnType<typeof sampleWorld>>;
  readonly vault: Vault;
  /** For a door of its own, on a socket. */
  readonly deps: AdminDeps;
  readonly files: ReturnType<typeof memoryFiles>;
  call(
    role: Who | null,
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    url: string,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<Answer>;
  /** All that left the host: answers and log lines. */
  output(): string;
  pinBlock(pan: string, pin?: string): string;
  acts(): Promise<Record<string, unknown>[]>;
}

export async function office(): Promise<Office> {
  const world = await sampleWorld();
  const vault = await openSoftVault({ random: randomBytes });
  const keys = {
    lookup: vault.generate({ name: 'lookup', use: 'lookup', algorithm: 'hmac-sha-256' }),
    data: vault.generate({ name: 'data', use: 'data', algorithm: 'aes-256' }),
    pvk: vault.generate({ name: 'pvk', use: 'pin-verification', algorithm: '3des' }),
    cvk: vault.generate({ name: 'cvk', use: 'card-verification', algorithm: '3des' }),
    zonePin: vault.generate({ name: 'zone-pin', use: 'pin', algorithm: '3des' }),
  };
  const said: string[] = [];
  const files = memoryFiles();
  const log = openLog({ level: 'debug', destination: { write: (line) => void said.push(line) } });
  const metrics = new Metrics();
  const idle = { mark: null, waiting: () => 0, connections: () => 0, inFlight: () => 0 };
  const deps = {
    ...world,
    vault,
    keys,
    log,
    files,
    metrics,
    testMode: false,
    standing: new Standing({ ...world, vault, metrics, ...idle }),
    random: { bytes: (count: number) => randomBytes(count) },
  };
  const server = buildAdmin(deps, TOKENS);
  return {
    world,
    vault,
    deps,
    files,
    async call(role, method, url, body, headers = {}) {
      const token = TOKENS.find(({ person }) => person === `${role}-员`)?.token;
      const answer = await server.inject({
        method,
        url,
        headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
        ...(body === undefined ? {} : { payload: body }),
      });
      said.push(answer.payload);
      const isJson = String(answer.headers['content-type']).startsWith('application/json');
      return {
        status: answer.statusCode,
        body: isJson ? (JSON.parse(answer.payload) as Record<string, unknown>) : {},
        text: answer.payload,
        headers: answer.headers,
      };
    },
    output: () => said.join('\n'),
    pinBlock: (pan, pin = PIN) => vault.encryptPinBlock(keys.zonePin, Buffer.from(pin), pan).toString('hex'),
    async acts() {
      const records: Record<string, unknown>[] = [];
      for await (const page of world.store.scanJournal()) {
        for (const { body } of page) records.push(JSON.parse(body) as Record<string, unknown>);
      }
      return records;
    },
  };
}
export const reason = '测试 test';
export const tier = (rank: number) => ({
  document: { id: 'blue', nameZh: '蓝卡', nameEn: 'Blue', rank, pointsBp: 15_000 },
  reason,
});
export const account = {
  accountId: 'A0001',
  tier: 'green',
  registered: true,
  productId: 'reloadable',
  salePointId: 'S1',
};
export const issue = (it: Office, changes: object = {}) => ({
  ...{
    pan: PAN,
    expiry: '3112',
    serviceCode: '701',
    activeFrom: FIRST_DAY,
    pinBlock: it.pinBlock(PAN),
    account,
    reason,
  },
  ...changes,
});
export const loading = (principal: number, bonus = 0) => ({
  salePointId: 'S1',
  principal,
  bonus,
  payment: { method: 'transfer', payer: 'person', identified: true },
  reason,
});
