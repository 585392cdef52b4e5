import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../protocol/index.ts';
import { readTerminalConfig, terminalConfig } from './config.ts';

const config = suite('settings: one table, from a file and the environment');

const IDENTITY = '"terminalId": "12345678",\n  "merchantId": "898410000000001"';

function refusal(text: string, environment: Record<string, string> = {}): string {
  try {
    readTerminalConfig({ name: 'terminal.json', text }, environment);
  } catch (error) {
    if (error instanceof PosError && error.code === 'CONFIG_BAD') return error.detail;
    throw error;
  }
  return 'accepted';
}

config('a wrong unit names file, line, setting and allowed range', () => {
  const detail = refusal(`{\n  ${IDENTITY},\n  "answerTimeoutSeconds": "60000 ms"\n}`);
  assert.is(detail, 'terminal.json line 4: answerTimeoutSeconds: the unit is s, not ms; allowed: 1 to 180 s');
});

config(
  'a number out of range, a word for a number, a wrong switch and an unknown setting are refused by name',
  () => {
    assert.ok(
      refusal(`{${IDENTITY}, "answerTimeoutSeconds": 60000}`).includes(
        '60000 is outside; allowed: 1 to 180 s',
      ),
    );
    assert.ok(refusal(`{${IDENTITY}, "hostPort": "many"}`).includes('hostPort: not a whole number'));
    assert.ok(refusal(`{${IDENTITY}, "keyedEntry": "yes"}`).includes('keyedEntry: allowed: true or false'));
    assert.ok(
      refusal(`{${IDENTITY}, "answerTimeout": 3}`).includes('answerTimeout: there is no such setting'),
    );
    assert.ok(refusal(`{\n  ${IDENTITY},\n  oops\n}`).includes('terminal.json line 4: not JSON'));
    assert.ok(refusal('{}').includes('ZUNKA_TERMINAL_TERMINAL_ID'));
    assert.ok(
      refusal(`{${IDENTITY}}`, { ZUNKA_TERMINAL_HOST_PORT: '0' }).includes(
        'environment ZUNKA_TERMINAL_HOST_PORT',
      ),
    );
  },
);

config('the same unit may be written, the environment goes over the file, defaults stand under both', () => {
  const file = {
    name: 'terminal.json',
    text: `{${IDENTITY}, "answerTimeoutSeconds": "30 s", "hostPort": 1}`,
  };
  const read = readTerminalConfig(file, { ZUNKA_TERMINAL_HOST_PORT: '9000' });
  assert.equal([read.answerTimeoutSeconds, read.hostPort, read.reversalTries], [30, 9000, 3]);
});

config('a program gives settings as an object', () => {
  const read = terminalConfig({ terminalId: '12345678', merchantId: '898410000000001', slipCopies: 3 });
  assert.equal([read.slipCopies, read.keyedEntry], [3, false]);
});

config.run();
