/** The programme's documents: written by version, never overwritten. */
import { Type } from 'typebox';
import { PosError } from '../../protocol/index.ts';
import { actRecord } from '../journal/act-record.ts';
import { canonicalJson } from '../journal/record.ts';
import { checkDocument, DOCUMENT_KINDS } from '../programme/documents.ts';
import type { DocumentKind } from '../programme/model.ts';
import { collected, type Door, decided, REASON, reader, refuseCardNumber, writer } from './door.ts';

const KIND = Type.Unsafe<DocumentKind>({ type: 'string', enum: [...DOCUMENT_KINDS] });
const DOCUMENT_ID = Type.String({ minLength: 1, maxLength: 40 });

export function documentRoutes(door: Door): void {
  const { server, deps } = door;

  server.get('/v1/documents/:kind', { schema: { params: Type.Object({ kind: KIND }) } }, async (request) => {
    reader(door, request, 'query');
    return { documents: deps.directory.all(request.params.kind) };
  });

  server.get(
    '/v1/documents/:kind/:id',
    { schema: { params: Type.Object({ kind: KIND, id: DOCUMENT_ID }) } },
    async (request) => {
      reader(door, request, 'query');
      const { kind, id } = request.params;
      const versions = await collected(deps.store.scan('documents', { kind, id }));
      if (versions.length === 0) throw new PosError('NOT_FOUND', `${kind} ${id}`);
      return { versions };
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
