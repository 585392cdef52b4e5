import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../../protocol/index.ts';
import { PgDriver } from './pg-driver.ts';
import { serverUrls } from './server-urls.ts';

const addresses = suite('the address of PostgreSQL servers');

addresses('names one server or several, which are tried in their order', () => {
  assert.equal(serverUrls('postgres://zunka:pw@db1:5432,db2/zunka?sslmode=require'), [
    { url: 'postgres://zunka:pw@db1:5432/zunka?sslmode=require', server: 'db1:5432' },
    { url: 'postgres://zunka:pw@db2/zunka?sslmode=require', server: 'db2' },
  ]);
  for (const fine of [
    'postgresql://u@127.0.0.1:1/zunka',
    'postgres://u:p%40ss@[::1]:5432/zunka',
    'postgres://h/zunka',
    'postgres://u@%2Fvar%2Frun%2Fpostgresql/zunka',
  ])
    assert.ok(serverUrls(fine), fine);
});

addresses('that cannot be one are told apart before anything is tried', () => {
  for (const wrong of [
    'mysql://u@h/zunka',
    'postgres://u@h',
    'postgres://u@h:99999/zunka',
    'postgres://u@h:0/zunka',
    'postgres://u@h:port/zunka',
    'postgres://u@h,/zunka',
    'postgres://u:p@ss@h/zunka',
    'postgres://u:p@ss/word@h:5432/zunka',
    'postgres://u@h/zunka/more',
    ' ',
  ])
    assert.is(serverUrls(wrong), null, wrong);
});

addresses('of a server that is not there: told which and why, without user and password', async () => {
  const driver = new PgDriver({ url: 'postgres://zunka:geheim@127.0.0.1:1,no-such-host.invalid:5432/zunka' });
  let detail = '';
  await driver.exec('SELECT 1').catch((error: unknown) => {
    assert.instance(error, PosError);
    const failure = error as PosError;
    assert.is(failure.code, 'STORE_FAILED');
    detail = failure.detail;
  });
  assert.match(detail, /127\.0\.0\.1:1: 无服务在监听 nothing listens there \(ECONNREFUSED\)/);
  assert.match(detail, 'no-such-host.invalid:5432: ');
  assert.not.match(detail, 'geheim');
  await driver.close();
});

addresses.run();
