/** A synchronous standby beside a server that works: base backup, streaming, promotion. */
import { chownSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { newFolder, PostgresServer, SERVER_UID } from './node-server.fixture.ts';

const STREAMING_SECONDS_MAX = 60;
/** What a server needs so that another can follow it. */
export const PRIMARY_SETTINGS = { wal_keep_size: '512MB', max_wal_senders: '5' };

/**
 * A standby without which the primary acknowledges nothing from then on.
 * @param port where it listens, and later serves
 */
export async function addSynchronousStandby(primary: PostgresServer, port: number): Promise<PostgresServer> {
  const name = `standby_${port}`;
  const info = `host=127.0.0.1 port=${primary.port} user=zunka application_name=${name}`;
  const standby = new PostgresServer(await newFolder(), port, {
    ...PRIMARY_SETTINGS,
    primary_conninfo: info,
  });
  await copyRunning(primary, standby.data);
  writeFileSync(join(standby.data, 'standby.signal'), '');
  own(standby.data);
  await standby.start();
  await until(`${name} streams`, async () => {
    const [row] = await primary.query(
      `SELECT count(*)::int AS "n" FROM pg_stat_replication WHERE application_name = '${name}' AND state = 'streaming'`,
    );
    return row?.['n'] === 1;
  });
  await primary.query(`ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
  await primary.query('SELECT pg_reload_conf()');
  await until(`${name} is synchronous`, async () => {
    const [row] = await primary.query(
      `SELECT sync_state FROM pg_stat_replication WHERE application_name = '${name}'`,
    );
    return row?.['sync_state'] === 'sync';
  });
  return standby;
}

/** The standby becomes a primary of its own, and waits for nobody. */
export async function promote(standby: PostgresServer): Promise<void> {
  await standby.query('SELECT pg_promote(true, 60)');
}

/** The manual's low-level base backup; the log comes by streaming, or out of an archive. */
export async function copyRunning(primary: PostgresServer, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: primary.url });
  await client.connect();
  try {
    await client.query(`SELECT pg_backup_start('standby', true)`);
    const from = primary.data;
    cpSync(from, to, { recursive: true, filter: (path) => isCopied(path.slice(from.length + 1)) });
    for (const folder of ['pg_wal', 'pg_wal/archive_status', 'pg_wal/summaries', 'pg_replslot'])
      mkdirSync(join(to, folder), { recursive: true });
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    writeFileSync(join(to, 'backup_label'), rows[0]?.labelfile ?? '');
  } finally {
    await client.end();
  }
}

/** Files of the running server itself stay behind, and so does who it waits for. */
function isCopied(path: string): boolean {
  return !/^(pg_wal\/|pg_replslot\/|postmaster\.(pid|opts)$|postgresql\.auto\.conf$|pg_stat_tmp\/.)/.test(
    path,
  );
}

/** Whatever lies in the folder belongs to the server's user. */
export function own(folder: string): void {
  if (SERVER_UID === undefined) return;
  chownSync(folder, SERVER_UID, SERVER_UID);
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    chownSync(join(folder, entry), SERVER_UID, SERVER_UID);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let waited = 0; waited < STREAMING_SECONDS_MAX * 1000; waited += 100) {
    if (await holds()) return;
    await pause(100);
  }
  throw new Error(`not within ${STREAMING_SECONDS_MAX} s: ${what}`);
}
