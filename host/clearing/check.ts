/** One line of a proof. */
import type { Check } from './model.ts';

/** @param wrong what does not hold, empty when all of it does @param fine the figure that was proven */
export function check(nameZh: string, nameEn: string, wrong: readonly string[], fine: string): Check {
  return { nameZh, nameEn, ok: wrong.length === 0, detail: wrong.length === 0 ? fine : wrong.join(', ') };
}
