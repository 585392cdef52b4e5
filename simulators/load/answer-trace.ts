/** DE11 of an answer by a look at its first bytes: the load has no time for more while the clock runs. */
import { codec, openFrame } from '../../protocol/index.ts';

const BITMAP_AT = 13;
const FIELDS_AT = 21;
const HAS_DE2 = 0x40;
const HAS_DE3 = 0x20;
const HAS_DE4 = 0x10;
const DE3_BYTES = 3;
const DE4_BYTES = 6;
const DE11_BYTES = 3;
/** Of the bitmap's first two bytes: fields 1 and 5…10 absent, field 11 there. */
const LOOKED_AT = 0x8fe0;
const EXPECTED = 0x0020;

/**
 * @param answer without LEN
 * @returns the six digits, seen as a hexadecimal number; −1 where there are none
 */
export function answerTrace(answer: Buffer): number {
  if (answer.length < FIELDS_AT || (answer.readUInt16BE(BITMAP_AT) & LOOKED_AT) !== EXPECTED)
    return decodedTrace(answer);
  const present = answer[BITMAP_AT] as number;
  let at = FIELDS_AT;
  if ((present & HAS_DE2) !== 0) {
    const length = answer[at] ?? 0;
    at += 1 + (((length >> 4) * 10 + (length & 0x0f) + 1) >> 1);
  }
  if ((present & HAS_DE3) !== 0) at += DE3_BYTES;
  if ((present & HAS_DE4) !== 0) at += DE4_BYTES;
  return at + DE11_BYTES > answer.length ? -1 : answer.readUIntBE(at, DE11_BYTES);
}

/** Six digits as `answerTrace` sees them. */
export const traceNumber = (trace: string): number => Number.parseInt(trace, 16);

function decodedTrace(answer: Buffer): number {
  const trace = codec.decode(openFrame(answer).body).get(11);
  return trace === undefined ? -1 : traceNumber(trace);
}
