/**
 * A host without its ledger, on the data folder of one that was provisioned: the acquirer with all its parts, keys,
 * directory and log are the product's; the store is `AcceptingStore`. Takes the host's own settings.
 */
import { join } from 'node:path';
import { startAcquirer } from '../../host/acquiring/acquirer.ts';
import { tcpListener } from '../../host/acquiring/tcp-listener.ts';
import { keysOf } from '../../host/host-keys.ts';
import { assembleHost, openSqlite, openSqliteStore, readHostConfig } from '../../host/index.ts';
import { openLog } from '../../host/log.ts';
import { elapsedMs, nodeClock } from '../../host/node-clock.ts';
import { logDestination, logTime } from '../../host/node-log.ts';
import { nodeRandom } from '../../host/node-random.ts';
import { openVault } from '../../host/node-vault.ts';
import { Metrics } from '../../host/operations/metrics.ts';
import { openDirectory } from '../../host/programme/directory.ts';
import { businessDateOf } from '../../protocol/index.ts';
import { AcceptingStore } from './accepting-store.ts';

const config = readHostConfig({ env: process.env });
const place = (name: string) => join(config.dataFolder, name);
const vault = await openVault(config, place, { made: console.warn, mustExist: true, warns: console.warn });
const sqlite = await openSqliteStore({
  driver: await openSqlite(place('host.sqlite')),
  stream: 'front-end',
  clock: nodeClock,
  initialBusinessDate: businessDateOf(nodeClock.now()),
});
const store = await AcceptingStore.over(sqlite);
const deps = await assembleHost({
  clock: nodeClock,
  random: nodeRandom,
  vault,
  keys: keysOf(vault),
  store,
  directory: await openDirectory(store),
  log: openLog({
    level: config.logLevel,
    time: logTime(),
    destination: logDestination(config.logFile),
  }),
  metrics: new Metrics({ elapsedMs }),
});
const acquirer = await startAcquirer(
  deps,
  tcpListener({ host: config.acquirerAddress, port: config.acquirerPort }),
);
process.on('SIGTERM', () => {
  void acquirer
    .stop()
    .then(() => store.close())
    .then(() => vault.close());
});
console.log('the host is running');
