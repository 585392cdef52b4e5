/** For the till's tests: requests, and a counter whose customer comes when the test says so. */
import { PosError, parseTrack2 } from '../../protocol/index.ts';
import type { CardReader } from '../devices/ports.ts';
import { TestHost } from '../host.fixture.ts';
import { openShopForBusiness, type Shop, TRACK2 } from '../shop.fixture.ts';
import type { TillAnswer } from './model.ts';

export const WHO = { v: 1, tillId: 'till-1', cashier: 'anna' } as const;

/** A sale of 128.00; members may be added or replaced. */
export function saleOf(requestId: string, amountFen = 128_00, more: object = {}) {
  return { ...WHO, op: 'sale', requestId, amountFen, currency: 'CNY', orderNo: 'A-1', ...more };
}

export function ask(op: string, requestId: string, more: object = {}) {
  return { ...WHO, op, requestId, ...more };
}

/** What survives a restart. */
export function kept(shop: Shop, host: TestHost) {
  const { disk, pad, printer, clock, clerk } = shop;
  return { host, disk, pad, printer, clock, clerk };
}

/** A reader that waits until the test swipes, the request is called back, or the time is up. */
export class PatientReader implements CardReader {
  swipe: () => void = () => undefined;
  /** As if nobody came: the driver's own time limit. */
  giveUp: () => void = () => undefined;
  timeoutMs = 0;

  read({ signal, timeoutMs }: { readonly signal: AbortSignal; readonly timeoutMs: number }) {
    this.timeoutMs = timeoutMs;
    return new Promise<Awaited<ReturnType<CardReader['read']>>>((resolve, reject) => {
      const abort = () => reject(new PosError('CANCELLED', 'before the swipe'));
      if (signal.aborted) abort();
      signal.addEventListener('abort', abort);
      this.swipe = () => resolve({ track2: parseTrack2(TRACK2), track1Name: null });
      this.giveUp = () => reject(new PosError('DEVICE_SILENT', 'nobody swiped'));
    });
  }

  state() {
    return 'ready' as const;
  }
}

export async function shopWithPatientReader(host = new TestHost()) {
  const reader = new PatientReader();
  const shop = await openShopForBusiness({ host, reader });
  return { ...shop, host, reader, till: shop.terminal.till };
}

/** Asks for the status until it is the one wanted. */
export async function untilState(
  shop: Pick<Shop, 'terminal'>,
  requestId: string,
  state: string,
): Promise<TillAnswer> {
  for (let turn = 0; turn < 300; turn += 1) {
    const answer = await shop.terminal.till.handle(ask('status', requestId));
    if (answer.state === state) return answer;
  }
  throw new Error(`${requestId} never was ${state}`);
}
