/**
 * What 1,000 active rules cost: two hosts, alike but for the rules, take turns under the same load, so that what the
 * machine does meanwhile meets both. Their journals are sealed in both: a host without that does not exist.
 */
import type { Rule } from '../host/rules/model.ts';
import { fen } from '../protocol/index.ts';
import { Office, REASON } from '../simulators/office/index.ts';
import { MERCHANTS, type ShopName } from '../simulators/programme/index.ts';
import { closedPhase, hostProgram, type Measured, rateOf, stopAndProve, underLoad } from './bench-load.ts';
import { loadTerminals } from './load-terminals.ts';

const IN_FLIGHT = 64;
const ROUNDS = 2;
const WARM_SECONDS = 3;
const SECONDS_MAX = 10;
const PRICE = 1_00;
const RULES = 1_000;
/** Of every twenty rules one speaks of the merchant that sells, and is judged in each sale. */
const ONE_OF = 20;

/** All valid today. Nine of ten stand at other places; of those that stand here some fit and are outdone, some do not fit. */
function ruleAt(index: number): Rule {
  const here = index % ONE_OF === 0;
  const trade = index % ONE_OF === 1;
  return {
    id: `B-${String(index).padStart(4, '0')}`,
    version: 1,
    name: `规则 rule ${index}`,
    validFrom: '20260101',
    validTo: null,
    priority: index % 10,
    stackGroup: `g${index % 7}`,
    exclusive: false,
    conditions: {
      ...(here && { merchantIds: [MERCHANTS.hotel.id] }),
      ...(trade && { trades: ['wine'] }),
      ...(!here && !trade && { merchantIds: [index % 2 === 0 ? MERCHANTS.wine.id : MERCHANTS.farm.id] }),
      ...(index % 3 === 0 && { minimum: fen(5_000_00) }),
      ...(index % 3 === 1 && { tiers: ['black-gold'] }),
    },
    effect: { kind: 'rebate', basisPoints: 1 + (index % 50) },
    issuerShareBp: 10_000,
    caps: {},
  };
}

export async function benchRules(options: {
  readonly seconds: number;
  readonly cards: number;
  readonly note: (name: string, value: number, unit: string) => void;
}): Promise<void> {
  const seconds = Math.min(options.seconds, SECONDS_MAX);
  const without = await openOffice(options.cards);
  const withRules = await openOffice(options.cards);
  try {
    for (let index = 0; index < RULES; index += 1) {
      const document = ruleAt(index);
      await withRules.call('PUT', `/v1/documents/rule/${document.id}`, { document, reason: REASON });
    }
    const results = { without: [] as Measured[], withRules: [] as Measured[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      results.without.push(...(await oneRound(without, '原有规则 as it was', round, seconds)));
      results.withRules.push(...(await oneRound(withRules, `${RULES} 条规则 rules`, round, seconds)));
    }
    await stopAndProve(without, results.without);
    await stopAndProve(withRules, results.withRules);
    const sum = (all: readonly Measured[]) => all.reduce((total, result) => total + rateOf(result), 0);
    options.note('host.rules1000.tps', sum(results.withRules) / ROUNDS, 'sales/s');
    options.note('host.rules1000.ratio', sum(results.withRules) / sum(results.without), 'ratio');
  } finally {
    await without.close();
    await withRules.close();
  }
}

/** The other merchants have a terminal each, so that rules can name them. */
async function openOffice(cards: number): Promise<Office> {
  const selling = IN_FLIGHT * ROUNDS;
  const shops: readonly ShopName[] = [
    ...Array.from({ length: selling }, () => 'hotel' as const),
    'wine',
    'farm',
  ];
  return Office.open({
    terminals: shops.length,
    shops,
    cards,
    process: 'child',
    program: await hostProgram(),
  });
}

function oneRound(
  office: Office,
  name: string,
  round: number,
  seconds: number,
): Promise<readonly Measured[]> {
  return underLoad(office, {
    terminals: loadTerminals(office, round * IN_FLIGHT, (round + 1) * IN_FLIGHT),
    amount: PRICE,
    phases: [closedPhase(name, IN_FLIGHT, seconds, WARM_SECONDS)],
  });
}
