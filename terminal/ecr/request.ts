/** A till's request as it comes in: checked strictly, and the same body always has the same hash. */
import { createHash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { Value } from 'typebox/value';
import { FEN_MAX, type Fen, fen, PosError } from '../../protocol/index.ts';
import { isKept, opRow, TILL_OPS, type TillOp, UNSUPPORTED_OPS } from './ops.ts';

/** How an original may be named. */
export type OriginalForm = 'requestId' | 'rrn + date' | 'voucher' | 'auth + date';

const REQUEST_ID = Type.String({ pattern: '^[A-Za-z0-9_-]{8,64}$' });
/** Twelve characters at most: shorter than any card number. */
const NAME = Type.String({ pattern: '^[A-Za-z0-9_-]{1,12}$' });
const LINES_MAX = 4;
const LINE_CHARACTERS_MAX = 32;
export const TIMEOUT_SECONDS = { min: 5, max: 300 } as const;

const CLOSED = { additionalProperties: false } as const;
const OPS = [...Object.keys(TILL_OPS), ...UNSUPPORTED_OPS] as (TillOp | (typeof UNSUPPORTED_OPS)[number])[];

const REQUEST = Type.Object(
  {
    v: Type.Literal(1),
    op: Type.Unsafe<(typeof OPS)[number]>({ type: 'string', enum: OPS }),
    requestId: Type.Optional(REQUEST_ID),
    tillId: Type.Optional(NAME),
    cashier: Type.Optional(NAME),
    amountFen: Type.Optional(Type.Integer({ minimum: 1, maximum: FEN_MAX })),
    currency: Type.Optional(Type.Literal('CNY')),
    orderNo: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,32}$' })),
    orig: Type.Optional(
      Type.Object(
        {
          requestId: Type.Optional(REQUEST_ID),
          voucher: Type.Optional(Type.String({ pattern: '^\\d{6}$' })),
          rrn: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z]{12}$' })),
          auth: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z]{6}$' })),
          date: Type.Optional(Type.String({ pattern: '^(0[1-9]|1[0-2])(0[1-9]|[12]\\d|3[01])$' })),
        },
        CLOSED,
      ),
    ),
    options: Type.Optional(
      Type.Object(
        {
          print: Type.Optional(
            Type.Union([Type.Literal('terminal'), Type.Literal('till'), Type.Literal('none')]),
          ),
          timeoutS: Type.Optional(
            Type.Integer({ minimum: TIMEOUT_SECONDS.min, maximum: TIMEOUT_SECONDS.max }),
          ),
        },
        CLOSED,
      ),
    ),
    lines: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: LINE_CHARACTERS_MAX }), {
        minItems: 1,
        maxItems: LINES_MAX,
      }),
    ),
  },
  CLOSED,
);

/** A request that has the right shape; which members its operation takes is checked too. */
export type TillRequest = Omit<Static<typeof REQUEST>, 'op'> & { readonly op: TillOp };
type Member = keyof Static<typeof REQUEST>;

/** What the command line of an operation is made of; empty where the operation does not need it. */
export interface ResolvedRequest {
  readonly amount: Fen | null;
  readonly voucher: string;
  readonly rrn: string;
  /** MMDD. */
  readonly date: string;
  readonly auth: string;
}

/** The outcome of reading a request: it, or why not. */
export type ReadRequest =
  | { readonly ok: true; readonly request: TillRequest }
  | { readonly ok: false; readonly code: 'REQUEST_BAD' | 'NOT_SUPPORTED'; readonly detail: string };

/** Never throws; a detail names members, never values. */
export function readTillRequest(value: unknown): ReadRequest {
  if (!Value.Check(REQUEST, value)) return bad(firstError(value));
  const { op } = value;
  if (!isOp(op)) return { ok: false, code: 'NOT_SUPPORTED', detail: `op ${op}` };
  const request: TillRequest = { ...value, op };
  const { must, may } = membersOf(op);
  const missing = must.find((member) => request[member] === undefined);
  if (missing !== undefined) return bad(`${op} needs ${missing}`);
  const surplus = (Object.keys(request) as Member[]).find(
    (member) => !must.includes(member) && !may.includes(member),
  );
  if (surplus !== undefined) return bad(`${op} takes no ${surplus}`);
  return checkOriginal(request);
}

function isOp(op: string): op is TillOp {
  return Object.hasOwn(TILL_OPS, op);
}

/** Which members an operation takes. The three names of who asks may always stand there. */
export function membersOf(op: TillOp): { readonly must: readonly Member[]; readonly may: readonly Member[] } {
  const { amount, orig } = opRow(op);
  if (!isKept(op)) {
    return { must: ['v', 'op', ...ASKS_WITH[op]], may: ['requestId', 'tillId', 'cashier'] };
  }
  const original: readonly Member[] = orig.every((form) => form === '') ? [] : ['orig'];
  return {
    must: [
      'v',
      'op',
      'requestId',
      'tillId',
      'cashier',
      ...(amount ? (['amountFen', 'currency'] as const) : []),
      ...(orig.includes('') ? [] : original),
    ],
    may: ['orderNo', 'options', ...(orig.includes('') ? original : [])],
  };
}

/** What the operations that are answered afresh cannot do without. */
// biome-ignore format: a table is read by column
const ASKS_WITH = {
  'totals':        [],
  'device-status': [],
  'display':       ['lines'],
  'status':        ['requestId'],
  'last':          ['tillId'],
  'abort':         ['requestId', 'tillId'],
  'ack':           ['requestId', 'tillId'],
} as const satisfies Partial<Record<TillOp, readonly Member[]>>;

function checkOriginal(request: TillRequest): ReadRequest {
  const { op, orig } = request;
  if (orig === undefined) return { ok: true, request };
  const forms = opRow(op).orig.filter((form) => form !== '');
  const given = Object.keys(orig).sort();
  const fits = forms.some((form) => form.split(' + ').sort().join() === given.join());
  return fits ? { ok: true, request } : bad(`orig of ${op} is ${forms.join(', or ')}`);
}

function firstError(value: unknown): string {
  // «schema is false» only says where a member stands that is not known.
  const [first] = Value.Errors(REQUEST, value);
  if (first === undefined) return 'the request';
  const place = first.instancePath.slice(0, 60);
  if (first.keyword === 'boolean') return `${place}: no such member`;
  if (place === '/op') return `/op: one of ${OPS.join(', ')}`;
  return `${place === '' ? 'the request' : place}: ${first.message}`;
}

function bad(detail: string): ReadRequest {
  // What somebody wrote where it does not belong may look like a card number: the error hides it.
  return { ok: false, code: 'REQUEST_BAD', detail: new PosError('REQUEST_BAD', detail).detail };
}

/** SHA-256, hex, of the request with its members sorted: their order on the wire means nothing. */
export function bodyHash(request: TillRequest): string {
  return createHash('sha256').update(canonical(request)).digest('hex');
}

function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  const sorted = members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join()}}`;
}

/** The amount as money; null where the operation has none. */
export function amountOf(request: TillRequest): Fen | null {
  return request.amountFen === undefined ? null : fen(request.amountFen);
}
