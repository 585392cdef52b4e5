import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HOST_FLAGS } from './bundle.ts';
import { ROOT } from './office.ts';

const service = suite('a host is measured with the flags of Node that it has in service');

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const flags = HOST_FLAGS.join(' ');

service('by the unit', () => {
  assert.match(
    textOf('host/operations/machine/zunka-host.service'),
    `ExecStart=/usr/bin/node ${flags} out/program/host.mjs\n`,
  );
});

service('by the container', () => {
  const command = ['node', ...HOST_FLAGS, 'out/program/host.mjs'];
  assert.match(
    textOf('host/operations/machine/Containerfile'),
    `CMD [${command.map((word) => `"${word}"`).join(', ')}]\n`,
  );
});

service('by npm run host', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: { host: string } };
  assert.is(scripts.host, `node ${flags} --import tsx host/main.ts`);
});

service.run();
