/** One line of a proof, and what a run does about it. */
import { PosError } from '../../protocol/index.ts';
import type { Check } from './model.ts';

/** @param wrong what does not hold, empty when all of it does @param fine the figure that was proven */
export function check(nameZh: string, nameEn: string, wrong: readonly string[], fine: string): Check {
  return { nameZh, nameEn, ok: wrong.length === 0, detail: wrong.length === 0 ? fine : wrong.join(', ') };
}

/** Stops the run at the first check that failed. @throws BOOKS_UNBALANCED */
export function demand(checks: readonly Check[]): void {
  const wrong = checks.find(({ ok }) => !ok);
  if (wrong === undefined) return;
  throw new PosError('BOOKS_UNBALANCED', `${wrong.nameZh} ${wrong.nameEn}: ${wrong.detail}`);
}
