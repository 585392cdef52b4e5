/**
 * What the host costs without its ledger: frames, fields, MAC, PIN, rules, answers and log under load, with a store
 * that accepts all at once (`front-end/`), beside a TCP echo taken before and after it.
 */
import { ensure } from '../protocol/index.ts';
import { Office } from '../simulators/office/index.ts';
import { echoRate } from './bench-limits.ts';
import { closedPhase, hostProgram, rateOf, underLoad } from './bench-load.ts';
import { loadTerminals } from './load-terminals.ts';

const WARM_SECONDS = 3;
const IN_FLIGHT = 64;

export async function benchFrontEnd(options: {
  readonly seconds: number;
  readonly cards: number;
  readonly note: (name: string, value: number, unit: string) => void;
}): Promise<void> {
  const { seconds, cards, note } = options;
  const office = await Office.open({
    terminals: IN_FLIGHT,
    cards,
    process: 'child',
    program: await hostProgram(),
  });
  try {
    await office.stop();
    office.program = await hostProgram('scripts/front-end/main.ts');
    await office.start();
    const before = await echoRate();
    const phases = [closedPhase('没有账本 without ledger', IN_FLIGHT, seconds, WARM_SECONDS)];
    const [result] = await underLoad(office, { terminals: loadTerminals(office), amount: 1, phases });
    ensure(result !== undefined, 'the front end was measured');
    const echo = (before + (await echoRate())) / 2;
    note('host.frontend.tps', rateOf(result), 'sales/s');
    note('host.frontend.cpu_us', (result.cpu * 1e6) / result.answered, 'µs a sale');
    note('host.frontend.load_cpu_us', result.loadCpuMicros, 'µs a sale');
    note('host.frontend.tcp_echo_64x1', echo, 'frames/s');
    note('host.frontend.vs_echo', rateOf(result) / echo, 'ratio');
  } finally {
    await office.close();
  }
}
