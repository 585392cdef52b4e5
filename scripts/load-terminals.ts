/** The terminals of an office as the load is told them, and what its answers add up to. */
import { ensure } from '../protocol/index.ts';
import type { PhaseResult } from '../simulators/load/index.ts';
import type { Office } from '../simulators/office/index.ts';
import { terminalId } from '../simulators/programme/index.ts';

/** @param from, to as of `slice`: a terminal that has sold in one load begins its traces anew in another */
export function loadTerminals(office: Office, from = 0, to?: number) {
  return office.tmkComponents
    .map(([a, b], index) => ({
      id: terminalId(index),
      merchantId: office.merchantOf(index),
      tmk: xor(a, b).toString('hex'),
    }))
    .slice(from, to);
}

/** All answers of a phase. */
export function total({ codes }: PhaseResult): number {
  return Object.values(codes).reduce((sum, count) => sum + count, 0);
}

function xor(a: Buffer | undefined, b: Buffer | undefined): Buffer {
  ensure(a !== undefined && b !== undefined && a.length === b.length, 'a key has two components');
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));
}
