import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runMessageVectors } from './message-vectors.ts';

const vectors = suite('published captures');

/** From github yangyongzhen/go8583, log1.txt: the sign-in request of the second session. */
const SIGN_IN = {
  name: 'go8583 session 2: sign-in request',
  kind: 'message',
  verified: true,
  hex: '003C600601000060310031181208000020000000C00012000000323230303336303031303435313235343131313030303100110000000000300003303030',
  framing: { lengthPrefix: true, tpdu: true, header: true },
  mti: '0800',
  bitmap: '0020000000C00012',
  fields: { '11': '000000', '41': '22003600', '42': '104512541110001', '60': '00000000003', '63': '000' },
};

vectors('a capture passes when it decodes to its values and encodes to its bytes', () => {
  assert.equal(runMessageVectors([SIGN_IN, { kind: 'mac' }, null]), [
    { kind: 'message', passed: 1, total: 1, failures: [] },
  ]);
});

// biome-ignore format: a table is read by column
for (const [sentence, wrong, reason] of [
  ['another value',     { fields: { ...SIGN_IN.fields, '11': '000001' } },     'DE11 differs'],
  ['another MTI',       { mti: '0810' },                                       'MTI 0800, published 0810'],
  ['one field more',    { fields: { ...SIGN_IN.fields, '64': '' } },           'fields 11 41 42 60 63, published'],
  ['one byte less',     { hex: SIGN_IN.hex.slice(0, -2) },                     'MESSAGE_TRUNCATED'],
] as const) {
  vectors(`a capture with ${sentence} fails`, () => {
    const [result] = runMessageVectors([{ ...SIGN_IN, ...wrong }]);
    assert.is(result?.passed, 0);
    assert.match(result?.failures[0] ?? '', reason);
  });
}

const shared = new URL('../../shared/vectors/messages.json', import.meta.url);
if (existsSync(shared)) {
  vectors('all verified messages of ../shared/vectors pass', () => {
    const [result] = runMessageVectors(JSON.parse(readFileSync(shared, 'utf8')) as unknown[]);
    assert.equal(result?.failures, []);
    assert.ok((result?.total ?? 0) >= 24);
  });
}

vectors.run();
