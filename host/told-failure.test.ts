import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../protocol/index.ts';
import { toldFailure } from './told-failure.ts';

const failures = suite('what a person at the console is told');

failures('of a failure of ours: code, what happened, what to do in both languages', () => {
  assert.is(
    toldFailure(new PosError('CONFIG_BAD', 'adminPort')),
    'CONFIG_BAD: adminPort\n→ 请更正所指出的设置后重新启动。 Correct the setting that is named and start again.',
  );
});

failures('of the system: the meaning in both languages, and its own words, which name the path', () => {
  let thrown: unknown;
  try {
    readFileSync('/nowhere/at/all');
  } catch (error) {
    thrown = error;
  }
  assert.match(toldFailure(thrown), /^路径不存在.* no such path.* · ENOENT: .*\/nowhere\/at\/all/);
});

failures('of a port that another program has', async () => {
  const first = createServer();
  await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve));
  const { port } = first.address() as { port: number };
  const second = createServer();
  const error = await new Promise<unknown>((resolve) => {
    second.once('error', resolve);
    second.listen(port, '127.0.0.1');
  });
  await new Promise((resolve) => first.close(resolve));
  assert.match(toldFailure(error), `端口已被占用`);
  assert.match(toldFailure(error), String(port));
});

failures('of anything else its own words', () => {
  assert.is(toldFailure(new Error('well')), 'well');
  assert.is(toldFailure('well'), '未知错误 unknown error');
});

failures.run();
