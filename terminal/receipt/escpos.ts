/**
 * A slip as ESC/POS bytes: the commands every receipt printer knows, Chinese by `FS &` and GB18030.
 * Source: facts on hardware, section 1.4.
 */
import type { Slip, SlipLine } from './model.ts';
import { printerBytes } from './text.ts';

const ESC = 0x1b;
const FS = 0x1c;
const GS = 0x1d;
const LF = 0x0a;

/** `ESC @` initialises, `FS &` turns Chinese on: after it two bytes above 0x80 are one character. */
const OPENING = Buffer.from([ESC, 0x40, FS, 0x26]);
/** Past the tear bar, then `GS V 66 0`: feed to the cutter and cut, where there is one. */
const FEED = Buffer.from([ESC, 0x64, 3]);
const CUT = Buffer.from([GS, 0x56, 66, 0]);

export interface SlipBytes {
  readonly opening: Buffer;
  /** One for each line of the slip, each complete in itself. */
  readonly lines: readonly Buffer[];
  readonly closing: Buffer;
}

/** In parts, for a driver that asks the printer how it is between the lines. */
export function slipBytes(slip: Slip): SlipBytes {
  return {
    opening: OPENING,
    lines: slip.lines.map(lineBytes),
    closing: slip.cut ? Buffer.concat([FEED, CUT]) : FEED,
  };
}

/** The whole slip, for a file or a printer that nobody can ask. */
export function encodeEscPos(slip: Slip): Buffer {
  const { opening, lines, closing } = slipBytes(slip);
  return Buffer.concat([opening, ...lines, closing]);
}

/** `ESC a` alignment, `ESC E` bold, `GS !` size, the text, LF. Each line says all three: none is inherited. */
function lineBytes(line: SlipLine): Buffer {
  const align = [ESC, 0x61, line.align === 'center' ? 1 : 0];
  const bold = [ESC, 0x45, line.bold === true ? 1 : 0];
  const size = [GS, 0x21, line.size === 'double' ? 0x11 : 0];
  return Buffer.concat([
    Buffer.from([...align, ...bold, ...size]),
    printerBytes(line.text),
    Buffer.from([LF]),
  ]);
}
