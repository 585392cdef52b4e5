import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../protocol/index.ts';
import { HOST_DEFAULTS, HOST_SETTINGS, hostSettingsTable, readHostConfig } from './config.ts';

const settings = suite('settings of the host');

function refusal(text: string, env: Record<string, string> = {}): string {
  try {
    readHostConfig({ env, file: { name: 'host.json', text } });
  } catch (error) {
    assert.instance(error, PosError);
    assert.is((error as PosError).code, 'CONFIG_BAD');
    return (error as PosError).detail;
  }
  throw new Error('was accepted');
}

settings('are the defaults when nothing is written', () => {
  assert.equal(readHostConfig({ env: {} }), HOST_DEFAULTS);
  assert.is(HOST_DEFAULTS.idleTimeoutSeconds, 30);
  assert.is(HOST_DEFAULTS.frameBytesMax, 2048);
});

settings(
  "listen by default where a terminal's default looks for its host: 8583, administration beside it",
  () => {
    assert.is(HOST_DEFAULTS.acquirerPort, 8583);
    assert.is(HOST_DEFAULTS.adminPort, 8584);
  },
);

settings('come from the file, and the environment wins over it', () => {
  const text = '{ "acquirerPort": 9001, "idleTimeoutSeconds": "45 s", "logLevel": "warn" }';
  const config = readHostConfig({ env: { ZUNKA_ACQUIRER_PORT: '9100' }, file: { name: 'host.json', text } });
  assert.is(config.acquirerPort, 9100);
  assert.is(config.idleTimeoutSeconds, 45);
  assert.is(config.logLevel, 'warn');
});

settings('in a wrong unit name file, line, setting and allowed range', () => {
  const detail = refusal('{\n  "acquirerPort": 8583,\n  "idleTimeoutSeconds": "30000 ms"\n}');
  assert.match(detail, 'host.json:3 idleTimeoutSeconds: "30000 ms"');
  assert.match(detail, 'the unit must be s');
  assert.match(detail, '5 … 600 s');
});

settings('out of range name file, line, setting and allowed range', () => {
  const detail = refusal('{\n\n"idleTimeoutSeconds": 601 }');
  assert.match(detail, /^host\.json:3 idleTimeoutSeconds: 601 .*out of range;.*5 … 600 s$/);
});

settings('are all judged, so that one start shows every mistake', () => {
  const detail = refusal('{\n"acquirerPort": 70000,\n"logLevel": "loud",\n"stream": "1" }', {
    ZUNKA_ADMIN_PORT: 'eighty',
  });
  assert.equal(
    detail.split('\n').map((line) => line.split(' ').slice(0, 2).join(' ')),
    ['host.json:2 acquirerPort:', 'host.json:3 logLevel:', 'host.json:4 stream:', '环境变量 environment'],
  );
});

settings('take a fraction, a truth value, a list or null for no number', () => {
  for (const written of ['1.5', 'true', '[30]', 'null', '"30 s 5"', '"-"']) {
    assert.match(refusal(`{"idleTimeoutSeconds": ${written}}`), 'host.json:1 idleTimeoutSeconds');
  }
});

settings('that do not exist are refused, with the name that was meant', () => {
  const detail = refusal('{"idleTimeoutMs": 30000}');
  assert.match(detail, 'no such setting');
  assert.match(detail, 'did you mean idleTimeoutSeconds?');
});

settings('that stand twice are refused, at the line of the second', () => {
  assert.match(refusal('{"adminPort": 1,\n"adminPort": 2}'), 'host.json:2 adminPort');
});

settings('are pointed at by line also when a nested value holds the same name', () => {
  assert.match(refusal('{"x": {"adminPort": 1},\n"adminPort": -1}'), 'host.json:2 adminPort: -1');
});

settings('in broken JSON name the line and repeat nothing of the text', () => {
  const detail = refusal('{\n  "adminPort": 1,\n  "vaultPassphrase" "correct horse battery"\n}');
  assert.match(detail, /^host\.json:3 /);
  assert.not.match(detail, 'horse');
});

settings('keep the passphrase out of files and out of complaints', () => {
  const inFile = refusal('{"vaultPassphrase": "correct horse battery"}');
  assert.match(inFile, 'ZUNKA_VAULT_PASSPHRASE');
  assert.not.match(inFile, 'horse');
  assert.not.match(refusal('{}', { ZUNKA_VAULT_PASSPHRASE: 'too short' }), 'too short');
});

settings('tell an address of a database that cannot be one, without its password', () => {
  for (const wrong of ['postgres://u:geheim@h:99999/z', 'postgres://u:geh@eim/x@h/z', 'sqlite://geheim']) {
    const detail = refusal('{}', { STORE_URL: wrong });
    assert.match(detail, /STORE_URL storeUrl: .*%40/);
    assert.not.match(detail, 'geheim');
  }
});

settings('stand in the README table with unit, default and range', () => {
  const table = hostSettingsTable();
  for (const name of Object.keys(HOST_SETTINGS)) assert.match(table, `| \`${name}\` |`);
  assert.match(table, '| `idleTimeoutSeconds` | `ZUNKA_IDLE_TIMEOUT_SECONDS` | s | `30` | 5 … 600 s |');
});

settings.run();
