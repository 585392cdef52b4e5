import { modelSuite } from '../suite-model.ts';
import { emptySchema, storeOn } from './node-database.fixture.ts';
import { startPostgres } from './node-server.fixture.ts';

const server = await startPostgres();
server.leave();

modelSuite(
  'PostgreSQL',
  async () => {
    const schema = await emptySchema(server);
    return {
      store: await storeOn(server, schema, 'host-1'),
      fresh: () => storeOn(server, schema, 'host-2'),
    };
  },
  40,
);
