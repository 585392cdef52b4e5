import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CRYPTO_KINDS, runCryptoVectors } from './crypto-vectors.ts';

const runner = suite('the vector runner');

const CVV = {
  id: 'cvv-1',
  kind: 'cvv',
  inputs: {
    cvk: '0123456789ABCDEFFEDCBA9876543210',
    pan: '4123456789012345',
    expiry: '8701',
    serviceCode: '101',
  },
  expected: '561',
  verified: true,
};

runner('counts what passed by kind and names what failed', () => {
  assert.equal(runCryptoVectors([CVV, { ...CVV, id: 'cvv-2', expected: '562' }]), [
    { kind: 'cvv', passed: 1, total: 2, failures: ['cvv-2: another answer'] },
  ]);
});

runner('to agree with a value known to be wrong is a failure', () => {
  const [wrong] = runCryptoVectors([{ ...CVV, verified: false }]);
  assert.is(wrong?.passed, 0);
  const [right] = runCryptoVectors([{ ...CVV, verified: false, expected: '999' }]);
  assert.is(right?.passed, 1);
});

runner('an input that must be refused fails when it is accepted, and passes when it is refused', () => {
  const block = { id: 'b', kind: 'pinblock.iso0.decode', expected: 'REJECT', verified: true };
  const inputs = { block: '041261AAAAEDCBA9', pan: '5555555551234567' };
  assert.is(runCryptoVectors([{ ...block, inputs }])[0]?.passed, 0);
  assert.is(runCryptoVectors([{ ...block, inputs: { ...inputs, block: '241261AAAAEDCBA9' } }])[0]?.passed, 1);
});

runner('a vector without its inputs, or with no answer to compare, fails', () => {
  assert.is(runCryptoVectors([{ ...CVV, inputs: {} }])[0]?.passed, 0);
  const mac = {
    kind: 'mac.unionpay-ecb',
    inputs: { cipher: 'des', key: '2222222222222222', mab: '00' },
    expected: {},
  };
  assert.is(runCryptoVectors([mac])[0]?.passed, 0);
});

runner(
  'a runner that falls over has failed, also where the published value is wrong or to be refused',
  () => {
    const { cvk: _, ...inputs } = CVV.inputs;
    assert.is(runCryptoVectors([{ ...CVV, inputs, verified: false }])[0]?.passed, 0);
    assert.is(runCryptoVectors([{ ...CVV, inputs, expected: 'REJECT' }])[0]?.passed, 0);
  },
);

runner('kinds without a runner, and what is no vector, give no row', () => {
  assert.equal(runCryptoVectors([{ kind: 'message' }, null, 7]), []);
});

runner.run();

const folder = fileURLToPath(new URL('../../../shared/vectors/', import.meta.url));
const published = suite('the shared vectors of this room');

if (existsSync(folder)) {
  const read = (name: string) => JSON.parse(readFileSync(`${folder}${name}`, 'utf8')) as { kind: string }[];
  const crypto = read('crypto.json');
  const results = runCryptoVectors([...crypto, ...read('messages.json')]);
  for (const { kind, passed, total, failures } of results) {
    published(`${kind}: all ${total}`, () => {
      assert.equal(failures, []);
      assert.is(passed, total);
    });
  }
  published('every kind that has a runner is among them', () => {
    assert.equal(results.map(({ kind }) => kind).sort(), [...CRYPTO_KINDS].sort());
  });
  published('the table in the README has every kind, with as many vectors as pass', () => {
    const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
    const told = [...readme.matchAll(/`([a-z0-9]+(?:\.[A-Za-z0-9-]+)*)` (\d+)(?=[, ])/g)];
    const ofCrypto = new Set(crypto.map(({ kind }) => kind));
    assert.equal(
      told.map(([, kind, count]) => `${kind} ${count}`).sort(),
      results
        .filter(({ kind }) => ofCrypto.has(kind))
        .map(({ kind, passed }) => `${kind} ${passed}`)
        .sort(),
    );
  });
  published('every kind of crypto.json has a runner', () => {
    assert.equal(
      crypto.filter(({ kind }) => !CRYPTO_KINDS.includes(kind)),
      [],
    );
  });
} else {
  published('are not beside this project: the other suites quote known answers', () => {
    assert.not(existsSync(folder));
  });
}

published.run();
