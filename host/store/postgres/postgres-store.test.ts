import { storeSuite } from '../shared-suite.ts';
import { emptyStore } from './node-database.fixture.ts';
import { startPostgres } from './node-server.fixture.ts';

const server = await startPostgres();
server.leave();

storeSuite('PostgreSQL', () => emptyStore(server, 'test'));
