import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { builtinModules } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { build } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { HOST_DEFAULTS, readHostConfig, stopSecondsMax } from '../../host/index.ts';
import { ensure } from '../../protocol/index.ts';
import { readTerminalConfig } from '../../terminal/index.ts';
import { BUNDLED } from './bundle.ts';
import { ROOT } from './office.ts';

const machine = suite('units and container name what is there');

const textOf = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const host = textOf('host/operations/machine/zunka-host.service');
const terminal = textOf('host/operations/machine/zunka-terminal.service');
const container = textOf('host/operations/machine/Containerfile');
const guide = textOf('host/operations/README.md');
/** Where the units and the container expect the project. */
const PLACE = '/opt/zunka';

/** All that matches, by its first group. */
function found(text: string, pattern: RegExp): readonly string[] {
  const all = Array.from(text.matchAll(pattern), ([, first]) => first ?? '');
  ensure(all.length > 0, `${pattern} is somewhere`);
  return all;
}

/** The value of a directive that stands once. */
function directive(unit: string, name: string): string {
  const all = found(unit, new RegExp(`^${name}=(.*)$`, 'gm'));
  assert.is(all.length, 1, name);
  return all[0] ?? '';
}

for (const [name, unit] of [
  ['host', host],
  ['terminal', terminal],
] as const) {
  machine(`the unit of the ${name} works in the project's folder and names a document that is there`, () => {
    assert.is(directive(unit, 'WorkingDirectory'), PLACE);
    const document = directive(unit, 'Documentation');
    assert.ok(document.startsWith(`file://${PLACE}/`), document);
    assert.ok(existsSync(join(ROOT, document.slice(`file://${PLACE}/`.length))), document);
  });

  machine(`the user of the ${name} is a lasting one, and the guide makes it`, () => {
    const user = directive(unit, 'User');
    assert.not.match(unit, /^DynamicUser=/m);
    assert.match(guide, new RegExp(`useradd .*\\b${user}\\n`));
  });
}

machine('the terminal is started by a program that is there', () => {
  const program = directive(terminal, 'ExecStart')
    .split(' ')
    .find((word) => word.endsWith('.ts'));
  assert.ok(program !== undefined && existsSync(join(ROOT, program)), program);
});

machine("each setting of the host's in unit and container is one that the host has", () => {
  const inContainer = found(container, /^(?:ENV)?\s+(ZUNKA_\w+=[^\s\\]+)/gm);
  for (const line of [...found(host, /^Environment=(ZUNKA_.*)$/gm), ...inContainer]) {
    const [name = '', value] = line.split('=');
    assert.not.equal(readHostConfig({ env: { [name]: value } }), HOST_DEFAULTS, `${line} changes something`);
  }
});

machine("the terminal's files lie where its unit may write", () => {
  const env = Object.fromEntries(
    found(terminal, /^Environment=(ZUNKA_TERMINAL_.*)$/gm).map((line) =>
      line.replace('%S', '/var/lib').split('='),
    ),
  ) as Record<string, string>;
  const identity = {
    name: 'terminal.json',
    text: '{"terminalId":"41010001","merchantId":"898410170110001"}',
  };
  const state = `/var/lib/${directive(terminal, 'StateDirectory')}/`;
  const { journalDirectory, tlsFolder } = readTerminalConfig(identity, env);
  for (const folder of [journalDirectory, tlsFolder]) assert.ok(folder.startsWith(state), folder);
});

machine('neither the unit nor podman kills a host that drains', () => {
  const env = Object.fromEntries(
    found(host, /^Environment=(ZUNKA_STOP.*)$/gm).map((line) => line.split('=')),
  ) as Record<string, string>;
  const stop = Number(directive(host, 'TimeoutStopSec'));
  assert.ok(stop > stopSecondsMax(readHostConfig({ env })));
  assert.match(container, `--stop-timeout ${stop} `);
  for (const signal of [directive(host, 'KillSignal'), ...found(container, /^STOPSIGNAL (.*)$/gm)])
    assert.is(signal, 'SIGTERM');
});

machine('the container copies what is there, and opens the port that the host has by itself', () => {
  for (const line of found(container, /^COPY (?!--from)(.*) \S+$/gm))
    for (const source of line.split(' ')) assert.ok(existsSync(join(ROOT, source)), source);
  assert.equal(found(container, /^EXPOSE (\d+)$/gm), [String(HOST_DEFAULTS.acquirerPort)]);
});

machine(
  'the packages that the built host needs are none of those that the container leaves behind',
  async () => {
    const { metafile } = await build({
      ...BUNDLED,
      entryPoints: ['host/main.ts'],
      write: false,
      outdir: 'out/program',
      metafile: true,
    });
    const { dependencies } = JSON.parse(textOf('package.json')) as { dependencies: Record<string, string> };
    const named = Object.values(metafile.outputs)
      .flatMap(({ imports }) => imports)
      .filter(({ external, path }) => external === true && !isBuiltIn(path))
      .map(({ path }) => path.split('/', path.startsWith('@') ? 2 : 1).join('/'));
    assert.ok(named.includes('sqlite3'));
    for (const name of named) assert.ok(name in dependencies, name);
  },
);

const isBuiltIn = (path: string) => path.startsWith('node:') || builtinModules.includes(path);

/** How the container's health check ends when the administration answers so. */
async function healthCheck(status: number | null): Promise<number | null> {
  const [words = ''] = found(container, /^HEALTHCHECK [^[]*(\[.*\])$/gm);
  const [command = '', ...args] = JSON.parse(words) as string[];
  assert.is(command, 'node');
  const paths: string[] = [];
  const server = createServer((request, answer) => {
    paths.push(request.url ?? '');
    answer.writeHead(status ?? 200).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  if (status === null) server.close();
  const check = spawn(process.execPath, args, {
    env: { ...process.env, ZUNKA_ADMIN_PORT: String(port) },
    stdio: 'inherit',
  });
  const code = await new Promise<number | null>((resolve) => check.once('exit', resolve));
  server.close();
  if (status !== null) assert.equal(paths, ['/v1/health']);
  return code;
}

machine('the health check of the container tells a host that lives from one that does not', async () => {
  assert.is(await healthCheck(200), 0);
  assert.is(await healthCheck(503), 1);
  assert.is(await healthCheck(null), 1);
});

machine.run();
