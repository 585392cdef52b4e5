import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../../protocol/index.ts';
import { startPostgres } from './node-server.fixture.ts';
import { PgDriver } from './pg-driver.ts';

const codeIs = (code: string) => (error: unknown) => error instanceof PosError && error.code === code;

const server = await startPostgres({ deadlock_timeout: '10ms' });
server.leave();

const connections = suite('one connection to PostgreSQL');

connections('goes to the first server that takes writes, past one that only reads', async () => {
  const standby = await startPostgres({ default_transaction_read_only: 'on' });
  try {
    const only = new PgDriver({ url: standby.url });
    const refusal = await only.exec('SELECT 1').then(
      () => null,
      (error: unknown) => error,
    );
    // Before anything is asserted: the server does not end while a connection is open.
    await only.close();
    assert.ok(codeIs('STORE_FAILED')(refusal));
    assert.match((refusal as PosError).detail, `127.0.0.1:${standby.port}: 备库,只读 it is a standby`);
    const url = standby.url.replace(`:${standby.port}/`, `:${standby.port},127.0.0.1:${server.port}/`);
    const either = new PgDriver({ url });
    const [row] = await either.all("SELECT current_setting('port')::int AS port", []);
    assert.is(row?.['port'], server.port);
    await either.close();
  } finally {
    await standby.stop();
  }
});

connections('a deadlock is a conflict, to be tried again, for one of the two and for one only', async () => {
  await server.query('CREATE TABLE pair (id int PRIMARY KEY, n int)');
  await server.query('INSERT INTO pair VALUES (1, 0), (2, 0)');
  const drivers = [new PgDriver({ url: server.url }), new PgDriver({ url: server.url })] as const;
  const add = (driver: PgDriver, id: number) => driver.run('UPDATE pair SET n = n + 1 WHERE id = $1', [id]);
  for (const [at, driver] of drivers.entries()) {
    await driver.exec('BEGIN');
    await add(driver, at + 1);
  }
  const crossed = drivers.map(async (driver, at) => {
    try {
      await add(driver, 2 - at);
    } catch (error) {
      await driver.exec('ROLLBACK');
      throw error;
    }
    await driver.run('COMMIT', []);
  });
  const refused = (await Promise.allSettled(crossed)).filter(({ status }) => status === 'rejected');
  assert.is(refused.length, 1);
  assert.ok(codeIs('STORE_CONFLICT')((refused[0] as PromiseRejectedResult).reason));
  assert.equal(await server.query('SELECT n FROM pair'), [{ n: 1 }, { n: 1 }]);
  for (const driver of drivers) await driver.close();
});

connections.run();
