/** Stores on a server of the test's own, each in a schema that is its own too. */
import { nodeClock } from '../../node-clock.ts';
import type { StorePort } from '../port.ts';
import { BUSINESS_DATE } from '../sample-rows.ts';
import { connect } from './node-connections.ts';
import type { PostgresServer } from './node-server.fixture.ts';
import { openPostgresStore } from './postgres-store.ts';

let schemas = 0;

/** A new, empty schema; its name. */
export async function emptySchema(server: PostgresServer): Promise<string> {
  schemas += 1;
  await server.query(`CREATE SCHEMA "t${schemas}"`);
  return `t${schemas}`;
}

/** @param server what is connected to: a server, or a line to one */
export async function storeOn(
  server: { readonly port: number },
  schema: string,
  stream: string,
): Promise<StorePort> {
  return openPostgresStore({
    connections: connect(`postgres://zunka@127.0.0.1:${server.port}/postgres`, { search_path: schema }),
    stream,
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
}

export async function emptyStore(server: PostgresServer, stream: string): Promise<StorePort> {
  return storeOn(server, await emptySchema(server), stream);
}
