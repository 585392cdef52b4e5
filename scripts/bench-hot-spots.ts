/**
 * Load that falls on one place: one merchant takes all of it, one card is used at 50 terminals at once. Told relative
 * to the same load spread over merchants and cards, taken on the same host before and after.
 */
import { ensure } from '../protocol/index.ts';
import { Office } from '../simulators/office/index.ts';
import type { ShopName } from '../simulators/programme/index.ts';
import { closedPhase, hostProgram, type Measured, rateOf, stopAndProve, underLoad } from './bench-load.ts';
import { loadTerminals } from './load-terminals.ts';

const TERMINALS = 50;
const WARM_SECONDS = 3;
const SECONDS_MAX = 10;
/** In fen: one card pays for all. */
const PRICE = 1;
const SHOPS: readonly ShopName[] = ['hotel', 'wine', 'farm'];

const spread = (index: number): ShopName => SHOPS[index % SHOPS.length] ?? 'hotel';
const CASES: readonly { readonly name: string; readonly shop: typeof spread; readonly cards?: number }[] = [
  { name: '预热,不计 to warm up, not counted', shop: spread },
  { name: '分散 spread', shop: spread },
  { name: '同一商户 one merchant', shop: () => 'hotel' },
  { name: '同一张卡 one card', shop: spread, cards: 1 },
  { name: '再次分散 spread again', shop: spread },
];

export async function benchHotSpots(options: {
  readonly seconds: number;
  readonly cards: number;
  readonly note: (name: string, value: number, unit: string) => void;
}): Promise<void> {
  const { cards, note } = options;
  const seconds = Math.min(options.seconds, SECONDS_MAX);
  const shops = CASES.flatMap(({ shop }) => Array.from({ length: TERMINALS }, (_, index) => shop(index)));
  const office = await Office.open({
    terminals: shops.length,
    shops,
    cards,
    process: 'child',
    program: await hostProgram(),
  });
  try {
    const results: Measured[] = [];
    for (const [index, { name, cards: first }] of CASES.entries()) {
      const terminals = loadTerminals(office, index * TERMINALS, (index + 1) * TERMINALS);
      const phases = [closedPhase(name, TERMINALS, seconds, WARM_SECONDS)];
      const load = { terminals, amount: PRICE, phases, ...(first !== undefined && { cards: first }) };
      results.push(...(await underLoad(office, load)));
    }
    await stopAndProve(office, results);
    const [, first, merchant, card, last] = results;
    ensure(
      first !== undefined && merchant !== undefined && card !== undefined && last !== undefined,
      'all cases',
    );
    const base = (rateOf(first) + rateOf(last)) / 2;
    note('host.hotspot.spread_tps', base, 'sales/s');
    note('host.hotspot.one_merchant.vs_spread', rateOf(merchant) / base, 'ratio');
    note('host.hotspot.one_merchant.p99_ms', merchant.p99, 'ms');
    note('host.hotspot.one_card.vs_spread', rateOf(card) / base, 'ratio');
    note('host.hotspot.one_card.p99_ms', card.p99, 'ms');
  } finally {
    await office.close();
  }
}
