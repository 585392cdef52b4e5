import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HOST_ENV, HOST_FLAGS } from './bundle.ts';
import { ROOT } from './office.ts';

const service = suite('a host is measured with the flags and threads of Node that it has in service');

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const flags = HOST_FLAGS.join(' ');
const environment = Object.entries(HOST_ENV).map(([name, value]) => `${name}=${value}`);

service('by the unit', () => {
  assert.match(
    textOf('host/operations/machine/zunka-host.service'),
    `ExecStart=/usr/bin/node ${flags} out/program/host.mjs\n`,
  );
  for (const one of environment)
    assert.match(textOf('host/operations/machine/zunka-host.service'), `Environment=${one}\n`);
});

service('by the container', () => {
  const command = ['node', ...HOST_FLAGS, 'out/program/host.mjs'];
  assert.match(
    textOf('host/operations/machine/Containerfile'),
    `CMD [${command.map((word) => `"${word}"`).join(', ')}]\n`,
  );
  for (const one of environment)
    assert.match(textOf('host/operations/machine/Containerfile'), `ENV ${one}\n`);
});

service('by npm run host', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: { host: string } };
  assert.is(scripts.host, `${environment.join(' ')} node ${flags} --import tsx host/main.ts`);
});

service.run();
