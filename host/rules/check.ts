/** Is a rule sound? Asked by the admin door and by the directory, so that pricing never meets a bad one. */
import { FEN_MAX, isBusinessDate, PosError } from '../../protocol/index.ts';
import type { Rule, RuleCaps, RuleConditions, RuleEffect } from './model.ts';

const BP_MAX = 10_000;
/** A hundredfold: more is a slip of the finger, not a plan. */
export const MULTIPLIER_BP_MAX = 1_000_000;
const PRIORITY_MAX = 1_000_000;

type Refuse = (field: string, allowed: string) => never;

/**
 * Throws RULE_BAD naming the rule, the field and what is allowed there. Changes nothing.
 *
 * @param rule anything: a document's body or a typed rule
 */
export function checkRule(rule: unknown): asserts rule is Rule {
  const known = isRecord(rule) && typeof rule['id'] === 'string' ? rule['id'] : '(no id)';
  const refuse: Refuse = (field, allowed) => {
    throw new PosError('RULE_BAD', `rule ${known}, ${field}: ${allowed}`);
  };
  if (!isRecord(rule)) refuse('rule', 'an object');
  refuseUnknown(rule, '', RULE_FIELDS, refuse);

  if (!isText(rule['id'], /^[A-Za-z0-9-]{1,20}$/)) refuse('id', '1 to 20 letters, digits or hyphens');
  if (!isWhole(rule['version'], 1, Number.MAX_SAFE_INTEGER)) refuse('version', 'a whole number from 1');
  if (!isText(rule['name'], /^.{1,60}$/u)) refuse('name', '1 to 60 characters');
  checkDates(rule['validFrom'], rule['validTo'], refuse);
  if (!isWhole(rule['priority'], -PRIORITY_MAX, PRIORITY_MAX)) {
    refuse('priority', `a whole number, ${-PRIORITY_MAX} to ${PRIORITY_MAX}`);
  }
  if (!isText(rule['stackGroup'], /^\S{1,40}$/u)) refuse('stackGroup', '1 to 40 characters without blanks');
  if (typeof rule['exclusive'] !== 'boolean') refuse('exclusive', 'true or false');
  if (!isWhole(rule['issuerShareBp'], 0, BP_MAX)) refuse('issuerShareBp', 'basis points, 0 to 10000');
  const kind = checkEffect(rule['effect'], refuse);
  checkConditions(rule['conditions'], refuse);
  checkCaps(rule['caps'], kind, refuse);
}

const RULE_FIELDS: readonly (keyof Rule)[] = [
  'id',
  'version',
  'name',
  'validFrom',
  'validTo',
  'priority',
  'stackGroup',
  'exclusive',
  'conditions',
  'effect',
  'issuerShareBp',
  'caps',
];

function checkDates(from: unknown, to: unknown, refuse: Refuse): void {
  if (typeof from !== 'string' || !isBusinessDate(from)) refuse('validFrom', 'a business date YYYYMMDD');
  if (to === null) return;
  if (typeof to !== 'string' || !isBusinessDate(to)) refuse('validTo', 'a business date YYYYMMDD, or null');
  else if (to < from) refuse('validTo', `not before validFrom, ${from}`);
}

/** Each effect: the number it carries and its range. */
// biome-ignore format: a table is read by column
const EFFECTS = {
  'discount':       { field: 'basisPoints',  from: 1, to: BP_MAX,            allowed: 'basis points, 1 to 10000' },
  'discount-fixed': { field: 'amount',       from: 1, to: FEN_MAX,           allowed: `fen, 1 to ${FEN_MAX}` },
  'price-cap':      { field: 'amount',       from: 0, to: FEN_MAX,           allowed: `fen, 0 to ${FEN_MAX}` },
  'rebate':         { field: 'basisPoints',  from: 1, to: BP_MAX,            allowed: 'basis points, 1 to 10000' },
  'points':         { field: 'multiplierBp', from: 0, to: MULTIPLIER_BP_MAX, allowed: `basis points, 0 to ${MULTIPLIER_BP_MAX}; 20000 is double` },
} as const satisfies Record<RuleEffect['kind'], { field: string; from: number; to: number; allowed: string }>;

function checkEffect(effect: unknown, refuse: Refuse): RuleEffect['kind'] {
  const kind = isRecord(effect) ? effect['kind'] : undefined;
  if (!isRecord(effect) || typeof kind !== 'string' || !isEffectKind(kind)) {
    refuse('effect.kind', Object.keys(EFFECTS).join(', '));
  }
  const row = EFFECTS[kind];
  refuseUnknown(effect, 'effect.', ['kind', row.field], refuse);
  if (!isWhole(effect[row.field], row.from, row.to)) refuse(`effect.${row.field}`, row.allowed);
  return kind;
}

function isEffectKind(kind: string): kind is RuleEffect['kind'] {
  return Object.hasOwn(EFFECTS, kind);
}

const CONDITION_FIELDS: readonly (keyof RuleConditions)[] = [
  'merchantIds',
  'branchIds',
  'trades',
  'tiers',
  'weekdays',
  'hours',
  'minimum',
];

function checkConditions(conditions: unknown, refuse: Refuse): void {
  if (!isRecord(conditions)) refuse('conditions', 'an object; {} for none');
  refuseUnknown(conditions, 'conditions.', CONDITION_FIELDS, refuse);
  for (const field of ['merchantIds', 'branchIds', 'trades', 'tiers'] as const) {
    const list = conditions[field];
    // An empty list would say "nobody" to one reader and "everybody" to the next.
    if (list !== undefined && !isListOf(list, (item) => isText(item, /^.{1,60}$/u))) {
      refuse(`conditions.${field}`, 'a list of at least one identifier, or absent for all');
    }
  }
  const { weekdays, hours, minimum } = conditions;
  if (weekdays !== undefined && !isListOf(weekdays, (day) => isWhole(day, 1, 7))) {
    refuse('conditions.weekdays', 'a list of 1 (Monday) to 7 (Sunday), or absent for all');
  }
  if (hours !== undefined) checkHours(hours, refuse);
  if (minimum !== undefined && !isWhole(minimum, 0, FEN_MAX)) {
    refuse('conditions.minimum', `fen, 0 to ${FEN_MAX}`);
  }
}

function checkHours(hours: unknown, refuse: Refuse): void {
  const allowed = 'from 0 to 23 inclusive and to 1 to 24 exclusive, from before to';
  if (!isRecord(hours)) refuse('conditions.hours', allowed);
  refuseUnknown(hours, 'conditions.hours.', ['from', 'to'], refuse);
  const { from, to } = hours;
  if (!isWhole(from, 0, 23) || !isWhole(to, 1, 24) || from >= to) refuse('conditions.hours', allowed);
}

const CAP_FIELDS: readonly (keyof RuleCaps)[] = ['perTransaction', 'perCardAndDay', 'totalBudget'];

function checkCaps(caps: unknown, kind: RuleEffect['kind'], refuse: Refuse): void {
  if (!isRecord(caps)) refuse('caps', 'an object; {} for none');
  refuseUnknown(caps, 'caps.', CAP_FIELDS, refuse);
  for (const field of CAP_FIELDS) {
    const cap = caps[field];
    if (cap === undefined) continue;
    if (kind === 'points') refuse(`caps.${field}`, 'absent: caps are fen, and a points rule gives none');
    if (!isWhole(cap, 0, FEN_MAX)) refuse(`caps.${field}`, `fen, 0 to ${FEN_MAX}`);
  }
}

function refuseUnknown(
  value: Record<string, unknown>,
  path: string,
  known: readonly string[],
  refuse: Refuse,
): void {
  for (const field of Object.keys(value)) {
    if (!known.includes(field)) refuse(`${path}${field}`, `no such field; known are ${known.join(', ')}`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function isWhole(value: unknown, from: number, to: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= from && value <= to;
}
function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === 'string' && pattern.test(value);
}
function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isItem);
}
