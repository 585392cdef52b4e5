/**
 * Runs published vectors through the functions of this room: from crypto.json and messages.json, or any
 * file of their shape. Used by the tests and by `npm run vectors`.
 */
import { PosError } from '../../protocol/index.ts';
import { DUKPT_RUNNERS } from './dukpt-vectors.ts';
import { KEY_RUNNERS } from './key-vectors.ts';
import { LOG_RUNNERS } from './log-vectors.ts';
import { MAC_RUNNERS } from './mac-vectors.ts';
import { MESSAGE_KEY_RUNNERS } from './message-key-vectors.ts';
import { PIN_RUNNERS } from './pin-vectors.ts';
import { SM_RUNNERS } from './sm-vectors.ts';
import type { Answers, Runner, Runners, Values } from './vector-inputs.ts';

export interface VectorResult {
  readonly kind: string;
  readonly passed: number;
  readonly total: number;
  /** Names of the vectors that failed, with the reason; never their content. */
  readonly failures: readonly string[];
}

/** Kinds of crypto.json: `inputs` in, `expected` out. */
const RUNNERS: Runners = {
  ...PIN_RUNNERS,
  ...MAC_RUNNERS,
  ...KEY_RUNNERS,
  ...DUKPT_RUNNERS,
  ...SM_RUNNERS,
  ...LOG_RUNNERS,
};

/** Every kind that has a runner here. */
export const CRYPTO_KINDS: readonly string[] = [...Object.keys(RUNNERS), ...Object.keys(MESSAGE_KEY_RUNNERS)];

/** What a runner did: answered, refused with a code, or fell over. */
type Outcome = { readonly answers: Answers } | 'REJECT' | { readonly crash: string };

/**
 * @param vectors entries of crypto.json and messages.json; what is not of their shape is left alone
 * @returns one row a kind that has a runner; the caller names the kinds that have none
 */
export function runCryptoVectors(vectors: readonly unknown[]): VectorResult[] {
  const rows = new Map<string, { passed: number; total: number; failures: string[] }>();
  for (const vector of vectors) {
    if (typeof vector !== 'object' || vector === null) continue;
    const values = vector as Values;
    const kind = String(values['kind']);
    const failure = runOne(kind, values);
    if (failure === undefined) continue;
    const row = rows.get(kind) ?? { passed: 0, total: 0, failures: [] };
    rows.set(kind, row);
    row.total += 1;
    if (failure === null) row.passed += 1;
    else row.failures.push(`${String(values['id'] ?? values['name'])}: ${failure}`);
  }
  return [...rows].map(([kind, row]) => ({ kind, ...row }));
}

/** Undefined: no runner; null: passed; else the reason. */
function runOne(kind: string, vector: Values): string | null | undefined {
  const flat = MESSAGE_KEY_RUNNERS[kind];
  if (flat !== undefined) return compare(attempt(flat, vector), vector);
  const run = RUNNERS[kind];
  if (run === undefined) return undefined;
  const outcome = attempt(run, (vector['inputs'] ?? {}) as Values);
  const failure = compare(outcome, vector['expected']);
  if (vector['verified'] !== false || isCrash(outcome)) return failure;
  // A vector that is marked wrong on purpose is a published error: to agree with it would be a fault.
  return failure === null ? 'agrees with a value known to be wrong' : null;
}

function attempt(run: Runner, inputs: Values): Outcome {
  try {
    return { answers: run(inputs) };
  } catch (error) {
    if (error instanceof PosError && error.code !== 'INVARIANT') return 'REJECT';
    return { crash: `threw ${error instanceof Error ? error.message : 'something'}` };
  }
}

function isCrash(outcome: Outcome): outcome is { readonly crash: string } {
  return outcome !== 'REJECT' && 'crash' in outcome;
}

function compare(outcome: Outcome, expected: unknown): string | null {
  if (outcome === 'REJECT') return expected === 'REJECT' ? null : 'refused';
  if (isCrash(outcome)) return outcome.crash;
  const { answers } = outcome;
  if (typeof answers !== 'object') return answers === expected ? null : 'another answer';
  const wanted = (expected ?? {}) as Values;
  const shared = Object.keys(answers).filter((name) => typeof wanted[name] === 'string');
  if (shared.length === 0) return 'nothing to compare';
  const wrong = shared.filter((name) => answers[name] !== wanted[name]);
  return wrong.length === 0 ? null : `differs in ${wrong.join(', ')}`;
}
