/**
 * Authorisations a second: sales with PIN from 32 terminals, 64 in flight, whole frames in and out
 * through parse, MAC, PIN, rules, ledger, durable commit to an SQLite file and answer. Asserts every
 * answer and proves the books before it reports; the anchor, taken in turns in the same sitting, is the
 * same traffic with one request in flight: a commit each.
 */
import { ensure } from '../../protocol/index.ts';
import { handleFrame } from './handle-frame.ts';
import { type Fixture, openFixture, saleFrame, TENTH } from './node-acquiring.fixture.ts';
import { parseAnswer, type TestCard, type WireTerminal } from './wire-terminal.fixture.ts';

export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

const TERMINALS = 32;
const CARDS = 256;
const IN_FLIGHT = 64;
const ROUNDS = 4;
const SALES = 2_048;
const SALES_ALONE = 256;
const PRICE = 1_00;

export async function bench(): Promise<Metric[]> {
  const host = await openFixture();
  try {
    host.rules.push(TENTH);
    const terminals = Array.from({ length: TERMINALS }, (_, index) =>
      host.terminal(String(30_000_000 + index)),
    );
    for (const terminal of terminals) await host.signIn(terminal);
    const cards: TestCard[] = [];
    for (let index = 0; index < CARDS; index += 1) cards.push(await host.card());

    await rate(host, terminals, cards, SALES_ALONE, IN_FLIGHT);
    const together: number[] = [];
    const alone: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      alone.push(await rate(host, terminals, cards, SALES_ALONE, 1));
      together.push(await rate(host, terminals, cards, SALES, IN_FLIGHT));
    }
    const faults = await host.faults();
    ensure(faults.length === 0, `the books are proven: ${faults.join('; ')}`);
    const sold = (await host.rows('transactions')).filter((row) => row.state === 'approved').length;
    ensure(sold === SALES_ALONE + ROUNDS * (SALES + SALES_ALONE), `every sale is there once, ${sold}`);
    return [
      { name: 'host.authorisations_64_in_flight', value: Math.round(median(together)), unit: 'sales/s' },
      { name: 'host.authorisations_1_in_flight', value: Math.round(median(alone)), unit: 'sales/s' },
      {
        name: 'host.group_commit_gain',
        value: Math.round((100 * median(together)) / median(alone)) / 100,
        unit: 'ratio',
      },
    ];
  } finally {
    await host.close();
  }
}

/** The requests are built beforehand and the answers read afterwards: only the host is timed. */
async function rate(
  host: Fixture,
  terminals: readonly WireTerminal[],
  cards: readonly TestCard[],
  count: number,
  inFlight: number,
): Promise<number> {
  const frames = Array.from({ length: count }, (_, index) => saleOf(terminals, cards, index));
  const answers: Buffer[] = [];
  let next = 0;
  const started = process.hrtime.bigint();
  const worker = async () => {
    for (let frame = frames[next++]; frame !== undefined; frame = frames[next++]) {
      const answer = await handleFrame(host.deps, { id: 1, remote: 'bench' }, frame);
      if (answer !== undefined) answers.push(answer);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  ensure(answers.length === count, `${count} answers, ${answers.length} came`);
  for (const answer of answers) {
    const code = parseAnswer(answer).fields[39];
    ensure(code === '00', `every sale is approved, one was answered ${code}`);
  }
  return count / seconds;
}

function saleOf(terminals: readonly WireTerminal[], cards: readonly TestCard[], index: number): Buffer {
  const terminal = terminals[index % terminals.length];
  const card = cards[index % cards.length];
  ensure(terminal !== undefined && card !== undefined, 'there are terminals and cards');
  return saleFrame(terminal, card, PRICE);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
