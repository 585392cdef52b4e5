/** The connections of a store, from one address. */
import { PgDriver } from './pg-driver.ts';
import { KEYED, type PostgresConnections } from './postgres-store.ts';

/**
 * Nothing is connected yet.
 * @param settings of every session, as in postgresql.conf
 * @throws CONFIG_BAD for an address that cannot be read
 */
export function connect(url: string, settings: Readonly<Record<string, string>> = {}): PostgresConnections {
  const ledger = new PgDriver({ url, settings: { ...settings, ...KEYED } });
  const reader = new PgDriver({ url, settings: { ...settings, ...KEYED } });
  const wide = new PgDriver({ url, settings, unhurried: true });
  return {
    ledger,
    reader,
    wide,
    lease: () => new PgDriver({ url, settings }),
    async close() {
      for (const driver of [ledger, reader, wide]) await driver.close();
    },
  };
}
