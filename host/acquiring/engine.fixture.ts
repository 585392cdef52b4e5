/** The commit engine over a store in memory. */
import { Metrics } from '../operations/metrics.ts';
import type { CommitItem, CommitOutcome, Found, Guard, StorePort, Wants } from '../store/port.ts';
import { BUSINESS_DATE, identityRow } from '../store/sample-rows.ts';
import { Engine } from './engine.ts';
import { TestClock } from './node-acquiring.fixture.ts';
import type { View } from './view.ts';
import type { Decision, Work } from './work.ts';

/** A store in memory: identities and one counter; `before` may fail or hold up a commit. */
export function fakeStore({ queueMax = 300, momentMs }: { queueMax?: number; momentMs?: number } = {}) {
  const identities = new Map<string, ReturnType<typeof identityRow>>();
  const counters = new Map<string, number>();
  const commits: number[] = [];
  const fake = {
    identities,
    counters,
    commits,
    reads: 0,
    before: async (_items: readonly CommitItem[]): Promise<void> => undefined,
    after: async (): Promise<void> => undefined,
    beforeRead: async (): Promise<void> => undefined,
  };
  const holds = (guard: Guard) =>
    guard.kind === 'absent'
      ? !identities.has(guard.key)
      : guard.kind === 'counter'
        ? guard.max === null || (counters.get(guard.counter) ?? 0) + guard.add <= guard.max
        : true;
  const store = {
    momentMs,
    async read(wants: Wants): Promise<Found> {
      await fake.beforeRead();
      fake.reads += 1;
      const none: never[] = [];
      return {
        identities: (wants.identities ?? []).flatMap((key) => identities.get(key) ?? []),
        counters: new Map(
          (wants.counters ?? []).flatMap((name) =>
            counters.has(name) ? [[name, counters.get(name) ?? 0]] : [],
          ),
        ),
        transactions: none,
        cards: none,
        accounts: none,
        lots: none,
        terminals: none,
        batches: none,
        uploads: none,
        owedReversals: none,
        day: { businessDate: BUSINESS_DATE, version: 1, state: 'open', openedAt: 0, closedAt: null },
      };
    },
    async commit(items: readonly CommitItem[]): Promise<readonly CommitOutcome[]> {
      await fake.before(items);
      commits.push(items.length);
      const outcomes = items.map((item): CommitOutcome => {
        const conflict = item.guards.find((guard) => !holds(guard));
        if (conflict !== undefined) return { committed: false, conflict, failure: null };
        for (const row of item.changes.identities ?? []) identities.set(row.key, row);
        for (const guard of item.guards)
          if (guard.kind === 'counter')
            counters.set(guard.counter, (counters.get(guard.counter) ?? 0) + guard.add);
        return { committed: true, head: 'f'.repeat(64), sequence: commits.length };
      });
      await fake.after();
      return outcomes;
    },
  } as unknown as StorePort;
  const metrics = new Metrics();
  const clock = new TestClock();
  const engine = new Engine({ store, metrics, log: { error: () => undefined }, queueMax, clock });
  return { ...fake, fake, store, metrics, engine, clock };
}

/** Takes the next number of a counter and remembers it under a name; a name that is there gives its old number. */
export function take(name: string, onDecide: (view: View) => void = () => undefined): Work<string> {
  return {
    wants: { identities: [name], counters: ['n'] },
    recognisesItself: true,
    decide(view): Decision<string> {
      onDecide(view);
      const known = view.identity(name);
      if (known !== undefined) return { item: null, answer: () => `${name} again ${known.fingerprint}` };
      const value = String(view.counter('n') + 1);
      return {
        item: {
          guards: [
            { kind: 'absent', table: 'identities', key: name },
            { kind: 'counter', counter: 'n', add: 1, max: null },
          ],
          changes: { identities: [identityRow(name, { fingerprint: value })] },
          journal: [],
        },
        answer: ({ head }) => `${name} ${value} ${head?.length ?? 0}`,
      };
    },
  };
}
