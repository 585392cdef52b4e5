/** Do the terminals' journals and the host's books say the same? */
import * as assert from 'uvu/assert';
import { readTerminalJournal } from '../../terminal/index.ts';
import { type HostTransaction, MONEY, type Office, readBooks, STANDS } from '../office/index.ts';
import { terminalId } from '../programme/index.ts';
import type { Counter } from './counter.fixture.ts';

/**
 * Stops the office and compares: every transaction that a terminal holds as approved stands in the
 * books once, with the same amount, and nothing else stands there; nothing is owed; the books are proven.
 *
 * @returns how many transactions stand
 */
export async function assertAgreement(office: Office, counters: readonly Counter[]): Promise<number> {
  await office.stop();
  const { proof, transactions } = await readBooks(office.dataFolder);
  const failed = proof.checks.filter((check) => !check.ok).map((check) => `${check.nameEn}: ${check.detail}`);
  assert.equal(failed, [], 'the books are proven');
  const held: string[] = [];
  for (const counter of counters) {
    const report = await readTerminalJournal(counter.journalFolder);
    assert.equal(report.open, [], `${report.terminalId}: nothing is owed`);
    held.push(
      ...report.batches
        .flatMap((batch) => batch.transactions)
        .filter(({ kind, state }) => kind in MONEY && STANDS.terminal.has(state))
        .map((one) => rowOf({ ...one, terminalId: report.terminalId })),
    );
  }
  const booked = transactions
    .filter(({ kind, state }) => kind in MONEY && STANDS.host.has(state))
    .map((one) => rowOf({ ...one, rrn: one.rrn }));
  assert.equal(booked.toSorted(), held.toSorted(), 'terminals and books hold the same, each once');
  return held.length;
}

type Row = Pick<HostTransaction, 'ut' | 'kind' | 'terminalId' | 'batch' | 'amount'> & { rrn: string | null };

function rowOf({ terminalId: terminal, batch, ut, kind, amount, rrn }: Row): string {
  return `${terminal} ${batch} ${kind} ${ut ?? 'no UT'} ${amount} ${rrn ?? ''}`;
}

/** Settles, and says so when it did not balance. */
export async function assertSettles(counter: Counter, index: number): Promise<void> {
  const settled = await counter.type('settle');
  assert.equal(
    [settled.code, settled.facts['balanced']],
    ['00', true],
    `terminal ${terminalId(index)} settles balanced: ${settled.en}`,
  );
}

interface ShownTransaction {
  readonly transactionId: string;
  readonly kind: string;
  readonly state: string;
  readonly batch: number;
  readonly trace: string;
  readonly amount: number;
  readonly rrn: string;
}

/** The same comparison beside trading, for one terminal, over the administration. */
export async function assertSameNow(office: Office, counter: Counter, where: string): Promise<void> {
  const { terminalId: id, batch } = counter.terminal.state;
  const report = await readTerminalJournal(counter.journalFolder);
  const row = (one: { kind: string; batch: number; trace: string; amount: number; rrn: string | null }) =>
    `${one.batch} ${one.kind} ${one.trace} ${one.amount} ${one.rrn ?? ''}`;
  // The open batch and the one before it: what a settlement just closed is compared too.
  for (const compared of batch === 1 ? [1] : [batch - 1, batch]) {
    const transactions = await office.list<ShownTransaction>(
      `/v1/transactions?terminalId=${id}&batch=${compared}`,
      'transactions',
      ({ transactionId }) => transactionId,
    );
    const booked = transactions.filter(({ kind, state }) => kind in MONEY && STANDS.host.has(state)).map(row);
    const held = report.batches
      .filter((one) => one.batch === compared)
      .flatMap((one) => one.transactions)
      .filter(({ kind, state }) => kind in MONEY && STANDS.terminal.has(state))
      .map(row);
    assert.equal(booked.toSorted(), held.toSorted(), `${where}: terminal and host hold the same`);
  }
}
