/** The connections of a store, from one address. */
import { PgDriver } from './pg-driver.ts';
import type { PostgresConnections } from './postgres-store.ts';

/**
 * Every statement of the ledger and the reader looks up by key; a plan that walks a table is never right there, but
 * looks cheap on a table that was empty when it was planned. One plan serves every batch: the server would plan anew for each,
 * because it knows then how many rows there are.
 */
export const KEYED = {
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
};

/**
 * For what goes through much in the order of an index, a stretch at a time. On tables that were not analysed yet (restored, a
 * new year's) the server expects little behind a place, and would fetch and sort all that is left for each stretch. With the
 * places at hand it would go through the whole year for a stretch, five times, before it has a plan for any place.
 */
export const IN_ORDER = { enable_bitmapscan: 'off', plan_cache_mode: 'force_generic_plan' };

/**
 * Nothing is connected yet.
 * @param settings of every session, as in postgresql.conf
 * @throws CONFIG_BAD for an address that cannot be read
 */
export function connect(url: string, settings: Readonly<Record<string, string>> = {}): PostgresConnections {
  const ledger = new PgDriver({ url, settings: { ...settings, ...KEYED } });
  const reader = new PgDriver({ url, settings: { ...settings, ...KEYED } });
  const wide = new PgDriver({ url, settings: { ...settings, ...IN_ORDER }, unhurried: true });
  const look = new PgDriver({ url, settings: { ...settings, ...KEYED }, unhurried: true });
  return {
    ledger,
    reader,
    wide,
    look,
    lease: () => new PgDriver({ url, settings }),
    async close() {
      for (const driver of [ledger, reader, wide, look]) await driver.close();
    },
  };
}
