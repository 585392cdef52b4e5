/**
 * What a printer's status bytes mean. `DLE EOT n` is answered at once, even off-line; `GS r 1` waits
 * behind the print data, so its answer proves that what was sent before it is on the paper.
 * Source: facts on hardware, section 1.4.
 */
import type { PrinterStatus } from './ports.ts';

const DLE = 0x10;
const EOT = 0x04;
const ENQ = 0x05;
const GS = 0x1d;

export type Query = 1 | 2 | 3 | 4;

/** One after another: the answers look alike, only their order tells which is which. */
export const ALL_QUERIES: readonly Query[] = [1, 2, 3, 4];

export function realTimeQuery(query: Query): Buffer {
  return Buffer.from([DLE, EOT, query]);
}
export const QUEUED_QUERY = Buffer.from([GS, 0x72, 1]);
/** `DLE ENQ 2`: recover from an error and throw away what waits in the printer's memory. */
export const CLEAR_AND_RECOVER = Buffer.from([DLE, ENQ, 2]);

/** In every DLE EOT answer bits 0 and 7 are 0 and bits 1 and 4 are 1. */
export function isRealTimeAnswer(byte: number): boolean {
  return (byte & 0x93) === 0x12;
}
/** In every GS r answer bits 4 and 7 are 0. */
export function isQueuedAnswer(byte: number): boolean {
  return (byte & 0x90) === 0x00;
}

/** Four answer bytes, in the order of ALL_QUERIES. */
export function readPrinterStatus(answers: readonly number[]): PrinterStatus {
  const [printer = 0, offline = 0, fault = 0, paper = 0] = answers;
  const isOut = (paper & 0x60) !== 0 || (offline & 0x20) !== 0;
  return {
    online: (printer & 0x08) === 0,
    paper: isOut ? 'out' : (paper & 0x0c) !== 0 ? 'near end' : 'enough',
    coverOpen: (offline & 0x04) !== 0,
    error: (offline & 0x40) !== 0 || (fault & 0x68) !== 0,
  };
}

/** True while the printer takes data and puts it on paper. */
export function canPrint(status: PrinterStatus): boolean {
  return status.online && status.paper !== 'out' && !status.coverOpen && !status.error;
}

/** For the operator: the first thing to do. */
export function troubleText(status: PrinterStatus): string {
  if (status.paper === 'out') return '缺纸 OUT OF PAPER';
  if (status.coverOpen) return '盖子未合 COVER OPEN';
  if (status.error) return '故障 ERROR';
  return '脱机 OFF LINE';
}
