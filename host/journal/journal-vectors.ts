/** Runs the published vectors of the journal's kinds. Used by `npm run vectors` and by the tests. */
import { leafHash } from './record.ts';

export interface VectorResult {
  readonly kind: string;
  readonly passed: number;
  readonly total: number;
  readonly failures: readonly string[];
}

const KIND = 'merkle.leafhash';

interface LeafVector {
  readonly id: string;
  readonly kind: string;
  readonly inputs: { readonly data: string };
  readonly expected: string;
}

/**
 * @param vectors parsed content of crypto.json: `{ id, kind, inputs: { data: hex }, expected: hex }`.
 *   Our records are texts, so a leaf that is not UTF-8 would fail; the published ones all are.
 */
export function runJournalVectors(vectors: readonly unknown[]): readonly VectorResult[] {
  const leaves = (vectors as readonly LeafVector[]).filter(({ kind }) => kind === KIND);
  const failures = leaves
    .filter(
      ({ inputs, expected }) =>
        leafHash(Buffer.from(inputs.data, 'hex').toString('utf8')) !== expected.toLowerCase(),
    )
    .map(({ id }) => id);
  return [{ kind: KIND, passed: leaves.length - failures.length, total: leaves.length, failures }];
}
