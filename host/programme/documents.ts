/**
 * Is a programme document sound? One row a field: what it must be, and in words what is allowed. Asked
 * by the admin door before a document is committed and by the directory when it reads one.
 */
import { MAC_ALGORITHMS, PURPOSES } from '../../keys/index.ts';
import { type FailureCode, FEN_MAX, fen, PosError, yuan } from '../../protocol/index.ts';
import { checkRule } from '../rules/check.ts';
import { LEGAL_FIGURES, type LegalName, legalRange } from './law.ts';
import type { DocumentKind, Documents, Programme, TerminalProfile } from './model.ts';

/** What a field must be: its test, and the allowed range as a person reads it. */
interface FieldRule {
  readonly allowed: string;
  readonly isSound: (value: unknown) => boolean;
  readonly optional?: true;
}

const text = (pattern: RegExp, allowed: string): FieldRule => ({
  allowed,
  isSound: (value) => typeof value === 'string' && pattern.test(value),
});
const whole = (from: number, to: number, unit: string): FieldRule => ({
  allowed: `a whole number of ${unit}, ${from} to ${to}`,
  isSound: (value) =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= from && value <= to,
});
const oneOf = (...values: readonly string[]): FieldRule => ({
  allowed: values.join(' or '),
  isSound: (value) => typeof value === 'string' && values.includes(value),
});
const listOf = (item: FieldRule): FieldRule => ({
  allowed: `a list, at least one and none twice, of: ${item.allowed}`,
  isSound: (value) =>
    Array.isArray(value) &&
    value.length > 0 &&
    new Set(value).size === value.length &&
    value.every(item.isSound),
});
const flag: FieldRule = { allowed: 'true or false', isSound: (value) => typeof value === 'boolean' };

// An identifier ends ledger account names and file names, so it holds nothing that either would break on.
const ID = text(
  /^[A-Za-z0-9][A-Za-z0-9-]{0,39}$/,
  '1 to 40 letters, digits or hyphens, a letter or digit first',
);
const NAME = text(/^\S(.{0,58}\S)?$/u, '1 to 60 characters, no blank at either end');
const MERCHANT_ID = text(/^[A-Za-z0-9]{15}$/, 'fifteen letters or digits (DE42)');
const TERMINAL_ID = text(/^[A-Za-z0-9]{8}$/, 'eight letters or digits (DE41)');
const BASIS_POINTS = whole(0, 10_000, 'basis points');
const VERSION = whole(1, Number.MAX_SAFE_INTEGER, 'versions');
const AMOUNT = whole(0, FEN_MAX, 'fen');

type Refuse = (field: string, allowed: string) => never;
type Fields<T> = { readonly [F in keyof T]-?: FieldRule };

// biome-ignore format: a table is read by column
const PROGRAMME: Fields<Programme> = {
  id:                   ID,
  nameZh:               NAME,
  nameEn:               NAME,
  regime:               oneOf('single-purpose', 'multi-purpose'),
  acquirerId:           text(/^\d{8}$/, 'eight digits (DE32)'),
  binPrefixes:          listOf(text(/^\d{4,12}$/, '4 to 12 digits')),
  maxBalanceRegistered: AMOUNT,
  maxBalanceAnonymous:  AMOUNT,
  maxPerTransaction:    AMOUNT,
  spendOrder:           oneOf('bonus-first', 'principal-first'),
  preAuthorisationDays: whole(1, 30, 'days'),
  completionMaxBp:      whole(10_000, 11_500, 'basis points'),
  cvnOffset:            whole(0, 17, 'characters'),
  yuanPerPoint:         whole(1, 1_000_000, 'yuan'),
  legal:                { allowed: 'an object of legal settings', isSound: isRecord, optional: true },
};

// biome-ignore format: a table is read by column
const FIELDS: { readonly [K in Exclude<DocumentKind, 'rule'>]: Fields<Documents[K]> } = {
  programme: PROGRAMME,
  company:   { id: ID, nameZh: NAME, nameEn: NAME },
  salePoint: { id: ID, nameZh: NAME, nameEn: NAME, companyId: ID, unremittedMax: AMOUNT },
  merchant:  {
    id: MERCHANT_ID, nameZh: NAME, nameEn: NAME, companyId: ID,
    trade:             ID,
    mcc:               text(/^\d{4}$/, 'four digits, a merchant category code'),
    state:             oneOf('active', 'suspended', 'closed'),
    contractId:        ID,
    bankAccountMasked: text(/^[\d*]{4,32}$/, '4 to 32 digits and asterisks, at least four asterisks when longer than eight'),
  },
  branch:    { id: ID, merchantId: MERCHANT_ID, nameZh: NAME, nameEn: NAME },
  terminal:  {
    id: TERMINAL_ID, merchantId: MERCHANT_ID, branchId: ID,
    state:             oneOf('active', 'suspended', 'withdrawn'),
    tmk:               text(/^[\w:-]{1,60}$/, "1 to 60 characters: a key's name in the vault"),
    keyModes:          listOf(oneOf('003', '004', '005')),
    macAlgorithm:      oneOf(...MAC_ALGORITHMS),
    singleLengthMak:   flag,
    keyedEntryAllowed: flag,
  },
  certificate: {
    id:          text(/^[0-9A-F]{32}$/, '32 upper-case hex digits'),
    terminalId:  { allowed: `${TERMINAL_ID.allowed}, or null`, isSound: (value) => value === null || TERMINAL_ID.isSound(value) },
    purpose:     oneOf(...Object.keys(PURPOSES)),
    state:       oneOf('valid', 'revoked'),
    certificate: text(/^[A-Za-z0-9+/]{100,4000}={0,2}$/, 'DER in base64'),
  },
  contract:  {
    id: ID, version: VERSION,
    settlementBp:  BASIS_POINTS,
    rebateBp:      BASIS_POINTS,
    agentBp:       BASIS_POINTS,
    payoutDays:    whole(0, 90, 'days'),
    minimumPayout: AMOUNT,
  },
  tier:      { id: ID, nameZh: NAME, nameEn: NAME, rank: whole(0, 1_000, 'ranks'), pointsBp: whole(0, 1_000_000, 'basis points') },
};

/** Every kind of document. Order: a document may name those of the kinds before it, and merchants name contracts. */
export const DOCUMENT_KINDS: readonly DocumentKind[] = [
  'programme',
  'company',
  'salePoint',
  'contract',
  'tier',
  'merchant',
  'branch',
  'terminal',
  'certificate',
  'rule',
];

/** The kinds and their fields as Markdown, for the README. A field that names another document says which kind. */
export function documentFieldsTable(): string {
  const rows = Object.entries(FIELDS).flatMap(([kind, fields]) => {
    const named = new Map(REFERENCES[kind as DocumentKind]);
    return Object.entries(fields).map(([field, { allowed, optional }]) => {
      const wanted = named.get(field);
      const range = wanted === undefined ? allowed : `the id of a ${wanted} that is there`;
      return `| ${kind} | \`${field}\` | ${range}${optional ? '; may be left out' : ''} |`;
    });
  });
  return ['| kind | field | allowed |', '|---|---|---|', ...rows].join('\n');
}

/** Refusing codes: a document that comes in is a bad request, one that rests is a bad configuration. */
type RefusalCode = Extract<FailureCode, 'REQUEST_BAD' | 'CONFIG_BAD'>;

/**
 * Throws unless the body is a sound document of its kind: the code given, or RULE_BAD for a rule. The
 * detail names the document, the field and the allowed range. Fields that are not known are refused:
 * a mistyped setting must not silently stand at its default.
 */
export function checkDocument<K extends DocumentKind>(
  kind: K,
  body: unknown,
  code: RefusalCode = 'REQUEST_BAD',
): asserts body is Documents[K] {
  if (kind === 'rule') {
    checkRule(body);
    return;
  }
  const name = isRecord(body) && typeof body['id'] === 'string' ? `${kind} ${body['id']}` : `${kind} (no id)`;
  const refuse: Refuse = (field, allowed) => {
    throw new PosError(code, `${name}, ${field}: ${allowed}`);
  };
  if (!isRecord(body)) refuse('document', 'an object');
  const fields: Record<string, FieldRule> = FIELDS[kind as Exclude<DocumentKind, 'rule'>];
  for (const field of Object.keys(body)) {
    if (!Object.hasOwn(fields, field))
      refuse(field, `no such field; known are ${Object.keys(fields).join(', ')}`);
  }
  for (const [field, rule] of Object.entries(fields)) {
    const value = body[field];
    if (value === undefined && rule.optional) continue;
    if (!rule.isSound(value)) refuse(field, rule.allowed);
  }
  if (kind === 'programme') checkLaw(body as unknown as Programme, refuse);
  if (kind === 'merchant') checkMasked(String(body['bankAccountMasked']), refuse);
  if (kind === 'terminal') checkMacKey(body as unknown as TerminalProfile, refuse);
}

/** The programme's settings against the law of its regime: stricter is allowed, looser refused. */
function checkLaw(programme: Programme, refuse: Refuse): void {
  const { maxBalanceRegistered, maxBalanceAnonymous } = programme;
  const check = (field: LegalName, path: string, value: unknown): void => {
    const { from, to, unit } = legalRange(field, programme.regime);
    if (whole(from, to, unit).isSound(value)) return;
    const inYuan = unit === 'fen' ? ` (${yuan(fen(from))} to ${yuan(fen(to))} yuan)` : '';
    const { nameZh, source } = LEGAL_FIGURES[field];
    refuse(
      path,
      `${nameZh}: ${from} to ${to} ${unit}${inYuan} for a ${programme.regime} programme, by ${source}`,
    );
  };
  check('maxBalanceRegistered', 'maxBalanceRegistered', maxBalanceRegistered);
  check('maxBalanceAnonymous', 'maxBalanceAnonymous', maxBalanceAnonymous);
  const bounded = Object.keys(LEGAL_FIGURES).filter((name) => !name.startsWith('maxBalance'));
  for (const [field, value] of Object.entries(programme.legal ?? {})) {
    if (isLegalName(field) && bounded.includes(field)) check(field, `legal.${field}`, value);
    else refuse(`legal.${field}`, `no such setting here; known are ${bounded.join(', ')}`);
  }
}

/** A bank account rests masked: of a number longer than eight characters at least four are hidden. */
function checkMasked(account: string, refuse: Refuse): void {
  const hidden = account.length - account.replaceAll('*', '').length;
  if (account.length > 8 && hidden < 4) {
    refuse('bankAccountMasked', 'masked: at least four asterisks; the full number never rests here');
  }
}

/** A terminal that gets a MAK which its MAC cannot be made with could not send one right message. */
function checkMacKey({ macAlgorithm, singleLengthMak, keyModes }: TerminalProfile, refuse: Refuse): void {
  if (macAlgorithm === 'unionpay-ecb') return;
  if (singleLengthMak) refuse('singleLengthMak', `false: ${macAlgorithm} needs a MAK of sixteen bytes`);
  if (macAlgorithm === 'x9.19' && keyModes.includes('005'))
    refuse('keyModes', '003 or 004: x9.19 is no MAC of SM4 keys');
}

/** The documents that a body names: kind and id. */
export function referencesOf<K extends DocumentKind>(
  kind: K,
  body: Documents[K],
): readonly (readonly [DocumentKind, string])[] {
  const references: (readonly [DocumentKind, string])[] = [];
  for (const [field, wanted] of REFERENCES[kind]) {
    const id = (body as unknown as Readonly<Record<string, unknown>>)[field];
    if (typeof id === 'string') references.push([wanted, id]);
  }
  if (kind === 'rule') {
    const { conditions } = body as Documents['rule'];
    for (const id of conditions.merchantIds ?? []) references.push(['merchant', id]);
    for (const id of conditions.branchIds ?? []) references.push(['branch', id]);
    for (const id of conditions.tiers ?? []) references.push(['tier', id]);
  }
  return references;
}

// biome-ignore format: a table is read by column
const REFERENCES: { readonly [K in DocumentKind]: readonly (readonly [string, DocumentKind])[] } = {
  programme: [],
  company:   [],
  salePoint: [['companyId', 'company']],
  contract:  [],
  tier:      [],
  merchant:  [['companyId', 'company'], ['contractId', 'contract']],
  branch:    [['merchantId', 'merchant']],
  terminal:  [['merchantId', 'merchant'], ['branchId', 'branch']],
  certificate: [['terminalId', 'terminal']],
  rule:      [],
};

function isLegalName(name: string): name is LegalName {
  return Object.hasOwn(LEGAL_FIGURES, name);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
