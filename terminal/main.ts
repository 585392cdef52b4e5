/**
 * The terminal as a program: `npm run terminal`, `npm run terminal -- --once "sale 128"` (repeatable),
 * or commands on standard input. Settings: `--config FILE` (default terminal.json when it is there) and
 * the environment, see terminal/README.md. `--request-certificate` makes the key for TLS, prints the request for its
 * certificate, and ends. Ends with 0 when every command succeeded. With a `tillPort` it
 * serves a till too, and goes on when its standard input ends, until it is told to stop.
 */
import { once as happened } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { PosError } from '../protocol/index.ts';
import { readTerminalConfig, type TerminalConfig } from './config.ts';
import { LineConsole } from './console.ts';
import { openTillDoor, type TillDoor } from './ecr/node-till-door.ts';
import { nodeOutside } from './node-outside.ts';
import { requestTlsCertificate } from './node-tls-identity.ts';
import { startTerminal, type Terminal } from './terminal.ts';

const DEFAULT_FILE = 'terminal.json';
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      config: { type: 'string' },
      once: { type: 'string', multiple: true },
      'request-certificate': { type: 'boolean', default: false },
    },
  });
  const config = readTerminalConfig(readSettingsFile(values.config), process.env);
  if (values['request-certificate']) {
    process.stdout.write(await requestTlsCertificate(config.tlsFolder, config.terminalId));
    return;
  }
  const { console, close } = keyboard(values.once ?? []);
  const outside = await nodeOutside(config, console);
  try {
    const terminal = await startTerminal(outside);
    // A script types its commands and is gone: no till is served meanwhile.
    const door = values.once === undefined ? await tillDoor(terminal, config, console) : null;
    const allGood = await console.run(terminal);
    if (door !== null && !console.hasQuit) await toldToStop();
    await door?.close();
    await terminal.stop();
    process.exitCode = allGood ? 0 : 1;
  } finally {
    close();
    await outside.devices.close();
  }
}

/** The till's door, when a port is set. @throws CONFIG_BAD, also when the port is taken */
async function tillDoor(
  terminal: Terminal,
  config: TerminalConfig,
  console: LineConsole,
): Promise<TillDoor | null> {
  const { tillPort, tillAddress, tillToken } = config;
  if (tillPort === 0) return null;
  const door = await openTillDoor(terminal.till, { address: tillAddress, port: tillPort, token: tillToken });
  console.show(
    `收银接口已开放 ${tillAddress} 端口${door.port}`,
    `tills are served at ${tillAddress} port ${door.port}`,
  );
  return door;
}

/** A terminal that serves a till may run without a keyboard: then a signal ends it. */
async function toldToStop(): Promise<void> {
  await Promise.race([happened(process, 'SIGTERM'), happened(process, 'SIGINT')]);
}

function readSettingsFile(given: string | undefined): { name: string; text: string } | null {
  const name = given ?? DEFAULT_FILE;
  try {
    return { name, text: readFileSync(name, 'utf8') };
  } catch (error) {
    if (given === undefined) return null;
    throw new PosError('CONFIG_BAD', `${name} cannot be read`, { cause: error });
  }
}

/** Standard input and output as the clerk's console. Commands given by `--once` come instead of typing. */
function keyboard(once: readonly string[]): { console: LineConsole; close: () => void } {
  const isScreen = process.stdin.isTTY === true && process.stdout.isTTY === true;
  let muted = false;
  const echo = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!muted) process.stdout.write(chunk);
      done();
    },
  });
  const lineConsole = new LineConsole(
    (text) => {
      process.stdout.write(`${text}\n`);
    },
    (on) => {
      muted = on;
      if (!on && isScreen) process.stdout.write('\n');
    },
  );
  // Questions of a command given by --once are answered from standard input, if anything is there.
  if (once.length > 0) lineConsole.script(once);
  const lines = createInterface({
    input: process.stdin,
    terminal: isScreen,
    ...(isScreen && { output: echo }),
  });
  lines.on('line', (line) => lineConsole.feed(line));
  lines.on('close', () => lineConsole.end());
  lines.on('SIGINT', () => lineConsole.feed('cancel'));
  return { console: lineConsole, close: () => lines.close() };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main().catch((error: unknown) => {
    process.stderr.write(
      error instanceof PosError ? `! ${error.code} ${error.detail} — ${error.hint}\n` : `${String(error)}\n`,
    );
    process.exitCode = 2;
  });
}
