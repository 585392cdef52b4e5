/** The programme's documents: written by version, never overwritten. */
import { Type } from 'typebox';
import { PosError } from '../../protocol/index.ts';
import { actRecord } from '../journal/act-record.ts';
import { canonicalJson } from '../journal/record.ts';
import { checkDocument, DOCUMENT_KINDS } from '../programme/documents.ts';
import type { DocumentKind } from '../programme/model.ts';
import {
  collected,
  type Door,
  decided,
  keyBehind,
  LISTED_MAX,
  listed,
  noSuchRow,
  REASON,
  reader,
  refuseCardNumber,
  writer,
} from './door.ts';

const KIND = Type.Unsafe<DocumentKind>({ type: 'string', enum: [...DOCUMENT_KINDS] });
const DOCUMENT_ID = Type.String({ minLength: 1, maxLength: 40 });
const VERSION = Type.String({ pattern: '^[1-9]\\d{0,8}$' });

export function documentRoutes(door: Door): void {
  const { server, deps } = door;

  server.get(
    '/v1/documents/:kind',
    {
      schema: {
        params: Type.Object({ kind: KIND }),
        querystring: Type.Object({ after: Type.Optional(DOCUMENT_ID) }, { additionalProperties: false }),
      },
    },
    async (request) => {
      reader(door, request, 'query');
      const { kind } = request.params;
      const { after } = request.query;
      if (after !== undefined && deps.directory.find(kind, after) === undefined) throw noSuchRow();
      const documents = deps.directory.behind(kind, after ?? '', LISTED_MAX + 1);
      return { documents: documents.slice(0, LISTED_MAX), more: documents.length > LISTED_MAX };
    },
  );

  server.get(
    '/v1/documents/:kind/:id',
    {
      schema: {
        params: Type.Object({ kind: KIND, id: DOCUMENT_ID }),
        querystring: Type.Object({ after: Type.Optional(VERSION) }, { additionalProperties: false }),
      },
    },
    async (request) => {
      reader(door, request, 'query');
      const { kind, id } = request.params;
      const { after } = request.query;
      const last = after === undefined ? after : { kind, id, version: Number(after) };
      const behind = await keyBehind(door, 'documents', last);
      const { rows, more } = await listed(deps.store.scan('documents', { kind, id }, behind));
      if (rows.length === 0 && after === undefined) throw new PosError('NOT_FOUND', `${kind} ${id}`);
      return { versions: rows, more };
    },
  );

  server.put(
    '/v1/documents/:kind/:id',
    {
      schema: {
        params: Type.Object({ kind: KIND, id: DOCUMENT_ID }),
        body: Type.Object(
          {
            document: Type.Unknown({ description: "the kind's own fields, see host/admin/README.md" }),
            newVersion: Type.Optional(Type.Boolean({ description: 'true: 变更 change what is there' })),
            reason: REASON,
          },
          { additionalProperties: false },
        ),
      },
    },
    async (request, reply) => {
      const { kind, id } = request.params;
      const { document, newVersion, reason } = request.body;
      const by = await writer(door, request, 'document.write', reason);
      const version = await writeDocument(door, { kind, id, document, newVersion: newVersion === true }, by);
      reply.code(version.created ? 201 : 200);
      return { kind, id, ...version };
    },
  );
}

interface Wanted {
  readonly kind: DocumentKind;
  readonly id: string;
  readonly document: unknown;
  readonly newVersion: boolean;
}

async function writeDocument(door: Door, wanted: Wanted, by: Awaited<ReturnType<typeof writer>>) {
  const { store, directory } = door.deps;
  const { kind, id, document } = wanted;
  if (kind === 'certificate')
    throw new PosError(
      'REQUEST_BAD',
      '证书由签发、吊销接口维护 certificates are issued and revoked by calls of their own: POST /v1/terminals/ID/certificates',
    );
  checkDocument(kind, document);
  if (document.id !== id)
    throw new PosError('REQUEST_BAD', `${kind} ${id}: id 与地址不符 differs from the address`);
  // A merchant number has fifteen digits and may look like a card's; every other identifier must not.
  if (kind !== 'merchant') refuseCardNumber(id, 'id');
  const missing = directory.missing(kind, document);
  if (missing.length > 0)
    throw new PosError('NOT_FOUND', `${kind} ${id}: 所引用的资料不存在 it names ${missing.join(', ')}`);
  const outcome = await decided(door, async () => {
    const versions = await collected(store.scan('documents', { kind, id }));
    const latest = versions.reduce((max, row) => Math.max(max, row.version), 0);
    const there = versions.find((row) => row.version === latest);
    if (there !== undefined && canonicalJson(there.body) === canonicalJson(document)) {
      return { item: null, answer: { version: latest, created: false } };
    }
    if (there !== undefined && !wanted.newVersion) {
      throw new PosError(
        'ALREADY_EXISTS',
        `${kind} ${id} 版本 version ${latest}: 内容不同 its content differs`,
      );
    }
    const version = latest + 1;
    const { person, reason, at } = by;
    return {
      item: {
        guards: [{ kind: 'absent', table: 'documents', key: `${kind}|${id}|${version}` }],
        changes: { documents: [{ kind, id, version, body: document, person, reason, at }] },
        journal: [
          actRecord({
            act: 'document.write',
            subject: `${kind}:${id}`,
            person,
            role: by.role,
            reason,
            before: there?.body ?? null,
            after: document,
            at,
            businessDate: by.day.businessDate,
          }),
        ],
      },
      answer: { version, created: true },
    };
  });
  if (outcome.created) await directory.reload({ kind, id });
  return outcome;
}
