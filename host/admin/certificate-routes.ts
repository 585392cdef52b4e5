/**
 * Certificates of terminals, and the change of a master key without a visit. What goes in and out here is public: no
 * private key and no master key ever does.
 */
import { Type } from 'typebox';
import { fromPem } from '../../keys/index.ts';
import { PosError } from '../../protocol/index.ts';
import type { By } from '../cards/issue.ts';
import { actRecord } from '../journal/act-record.ts';
import { Authority, type TerminalRequest } from '../remote/authority.ts';
import { makeSuccessor } from '../remote/master-key-change.ts';
import { collected, type Door, decided, REASON, reader, TERMINAL_ID, writer } from './door.ts';
import { RequestDesk } from './request-desk.ts';

const WHY = Type.Object({ reason: REASON }, { additionalProperties: false });
const SERIAL = Type.String({ pattern: '^[0-9A-F]{32}$' });
const REQUEST = Type.Object(
  {
    request: Type.String({ maxLength: 8_000, description: '证书请求 PKCS#10, PEM' }),
    purpose: Type.Union([Type.Literal('key-transport'), Type.Literal('link')]),
    days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650, description: '有效天数 days' })),
    reason: REASON,
  },
  { additionalProperties: false },
);
/** Header digit 6 of the next answers: sign in. */
const WANTED_SIGN_IN = 3;

export function certificateRoutes(door: Door): void {
  const { server, deps } = door;
  const authority = new Authority(deps);
  const desk = new RequestDesk(deps.clock);
  const own = () => ({
    authority: authority.certificate.toString(),
    host: authority.hostCertificate.toString(),
  });

  server.get('/v1/authority', async (request) => {
    reader(door, request, 'query');
    return own();
  });

  server.post('/v1/authority', { schema: { body: WHY } }, async (request) => {
    const by = await writer(door, request, 'certificate.issue', request.body.reason);
    await authority.found(by);
    return own();
  });

  server.post(
    '/v1/terminals/:terminalId/certificates',
    { schema: { params: Type.Object({ terminalId: TERMINAL_ID }), body: REQUEST } },
    async (request, reply) => {
      const { terminalId } = request.params;
      const { purpose, days, reason } = request.body;
      const by = await writer(door, request, 'certificate.issue', reason);
      const asked = {
        terminalId,
        purpose,
        request: fromPem(request.body.request, 'CERTIFICATE REQUEST'),
        ...(days === undefined ? {} : { days }),
      };
      const waits = purpose === 'key-transport' ? await brought(door, authority, desk, by, asked) : null;
      if (waits !== null) {
        reply.code(202);
        return waits;
      }
      const made = await authority.issue(by, asked);
      const { serial, notAfter } = authority.check(made, purpose, terminalId);
      reply.code(201);
      return { terminalId, serial, notAfter, certificate: made.toString(), ...own() };
    },
  );

  server.delete(
    '/v1/terminals/:terminalId/certificates',
    { schema: { params: Type.Object({ terminalId: TERMINAL_ID }), body: WHY } },
    async (request) => {
      const { terminalId } = request.params;
      const by = await writer(door, request, 'certificate.issue', request.body.reason);
      const wasWaiting = desk.drop(terminalId);
      if (wasWaiting) await noted(door, by, terminalId, { request: 'dropped' });
      return { terminalId, dropped: wasWaiting };
    },
  );

  server.post(
    '/v1/certificates/:serial/revoke',
    { schema: { params: Type.Object({ serial: SERIAL }), body: WHY } },
    async (request) => {
      const by = await writer(door, request, 'certificate.revoke', request.body.reason);
      const { id, terminalId, purpose, state } = await authority.revoke(by, request.params.serial);
      return { serial: id, terminalId, purpose, state };
    },
  );

  server.post(
    '/v1/terminals/:terminalId/tmk/change',
    { schema: { params: Type.Object({ terminalId: TERMINAL_ID }), body: WHY } },
    async (request) => {
      const by = await writer(door, request, 'terminal.key', request.body.reason);
      return changeMasterKey(door, authority, by, request.params.terminalId);
    },
  );
}

/**
 * A PIN pad's request, which takes two persons.
 *
 * @returns what waits, and for what; null: this is the second person, and it may be issued
 * @throws as `Authority.checkRequest` and `RequestDesk.bring`
 */
async function brought(door: Door, authority: Authority, desk: RequestDesk, by: By, asked: TerminalRequest) {
  const { terminalId, request, days } = asked;
  // Refused now, and not to the second person.
  authority.checkRequest(asked);
  const { fingerprint, first } = desk.bring(terminalId, by.person, request, days);
  await noted(door, by, terminalId, { fingerprint, days: days ?? null, first });
  return first === null ? { terminalId, fingerprint, waitsFor: 'another person 另一人' } : null;
}

async function noted(door: Door, by: By, terminalId: string, after: unknown): Promise<void> {
  const { person, role, reason, at, day } = by;
  const act = { act: 'certificate.request', subject: `terminal:${terminalId}`, before: null, after };
  await door.deps.store.commit([
    {
      guards: [],
      changes: {},
      journal: [actRecord({ ...act, person, role, reason, at, businessDate: day.businessDate })],
    },
  ]);
}

/**
 * The successor rests in this host's key file only, whether the others have a copy of it or one of their own. Another host of the same database would go on with the old key,
 * which the PIN pad no longer has, and the terminal could not sign in there.
 *
 * @throws NOT_ALLOWED_NOW more than one host has written the journal of this database
 */
async function refuseAmongHosts({ deps }: Door): Promise<void> {
  const streams = (await deps.store.journalHeads()).map(({ stream }) => stream);
  if (streams.length > 1)
    throw new PosError(
      'NOT_ALLOWED_NOW',
      `多台主机共用此数据库 several hosts share this database (${streams.join(', ')}), and only this one would know the new key: give the terminal's document another name for tmk, then bring the new key in components at each host (PUT /v1/terminals/ID/tmk) and to the PIN pad in its key room`,
    );
}

/** The successor is made, and the terminal asked to sign in. */
async function changeMasterKey(door: Door, authority: Authority, by: By, terminalId: string) {
  const { vault, directory, store } = door.deps;
  const profile = directory.terminal(terminalId);
  if (profile === undefined) throw new PosError('NOT_FOUND', `terminal ${terminalId}`);
  await refuseAmongHosts(door);
  // Without one that holds it would wait for ever: refused here, where somebody reads it.
  const { serial } = authority.certificateOf(terminalId, 'key-transport');
  const isSm4 = profile.keyModes.every((mode) => mode === '005');
  const kind = vault.find(profile.tmk)?.algorithm ?? (isSm4 ? 'sm4' : '3des');
  const successor = await makeSuccessor(vault, { tmk: profile.tmk, algorithm: kind, by: by.person });
  const { checkValue } = successor;
  return decided(door, async () => {
    const [terminal] = await collected(store.scan('terminals', { terminalId }), 1);
    const journal = [
      actRecord({
        act: 'terminal.key',
        subject: `key:${profile.tmk}`,
        person: by.person,
        role: by.role,
        reason: by.reason,
        before: { checkValue: vault.find(profile.tmk)?.checkValue ?? null },
        after: { successor: checkValue, algorithm: kind, certificate: serial },
        at: by.at,
        businessDate: by.day.businessDate,
      }),
    ];
    const answer = { terminalId, algorithm: kind, checkValue, certificate: serial };
    // It never signed in: its first sign-in is asked for by nobody.
    if (terminal === undefined) return { item: { guards: [], changes: {}, journal }, answer };
    const { version } = terminal;
    return {
      item: {
        guards: [{ kind: 'version', table: 'terminals', key: terminalId, version }],
        changes: { terminals: [{ ...terminal, version: version + 1, wanted: WANTED_SIGN_IN }] },
        journal,
      },
      answer,
    };
  });
}
