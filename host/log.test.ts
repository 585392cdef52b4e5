import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { luhnDigit, PosError } from '../protocol/index.ts';
import { openLog } from './log.ts';

const log = suite('the log of the host');

const PAN = `627788123456789${luhnDigit('627788123456789')}`;
const LONG_PAN = `627788000000001234${luhnDigit('627788000000001234')}`;
const TRACK2 = `${PAN}=30122010123456789`;
const KEY = '0123456789ABCDEFFEDCBA9876543210';
const PIN = '847291';
const PIN_BLOCK = '06124E8A9C3B7D51';

/** Everything that must never be found in an output, also in parts that would do as well. */
const SECRETS = [
  PAN,
  LONG_PAN,
  PAN.slice(6, 16),
  TRACK2,
  KEY,
  KEY.toLowerCase(),
  PIN,
  PIN_BLOCK,
  '30122010123456789',
];

function written(act: (log: ReturnType<typeof openLog>) => void): string {
  const lines: string[] = [];
  act(openLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } }));
  for (const line of lines) JSON.parse(line);
  return lines.join('');
}

const cause = new Error(`card ${PAN} with PIN ${PIN}`);

// biome-ignore format: a table is read by column
const PLANTS: readonly (readonly [sentence: string, act: (log: ReturnType<typeof openLog>) => void])[] = [
  ['a card number in a text',                    (it) => it.info({}, `swiped ${PAN} at the till`)],
  ['a card number of 19 digits in a text',       (it) => it.info({}, `swiped ${LONG_PAN}`)],
  ['a card number grouped by four',              (it) => it.info({}, `${PAN.slice(0, 4)} ${PAN.slice(4, 8)} ${PAN.slice(8, 12)} ${PAN.slice(12)}`)],
  ['a card number as the only argument',         (it) => it.warn(PAN)],
  ['a card number inserted by a format',         (it) => it.info('card %s', PAN)],
  ['a card number in a member of any name',      (it) => it.info({ about: { thing: [`x${''}`, { why: `no card ${PAN}` }] } }, 'nested')],
  ['a card number that is a number',             (it) => it.info({ value: Number(PAN) }, 'numeric')],
  ['a card number as a member name',             (it) => it.info({ [PAN]: 1 }, 'name')],
  ['a card number in a child logger',            (it) => it.child({ holder: PAN }).info('child')],
  ['a masked member',                            (it) => it.info({ pan: PAN, PIN, pin_block: PIN_BLOCK, TMK: KEY }, 'members')],
  ['a track in a text',                          (it) => it.error({}, `track ${TRACK2}?`)],
  ['a track as DE35 has it',                     (it) => it.error({ raw: TRACK2.replace('=', 'D') }, 'de35')],
  ['a track 1',                                  (it) => it.error({}, `%B${PAN}^ZHANG/SAN^30122010123456789?`)],
  ['a key in hexadecimal, upper case',           (it) => it.info({ note: `loaded ${KEY}` }, 'key')],
  ['a key in hexadecimal, lower case, in pairs', (it) => it.info({}, `key ${KEY.toLowerCase()} or ${KEY.replaceAll(/(..)/g, '$1 ')}`)],
  ['a PIN block in a text',                      (it) => it.info({}, `block ${PIN_BLOCK}`)],
  ['a PIN after its name',                       (it) => it.info({}, `PIN: ${PIN}, 密码=${PIN}`)],
  ['bytes of a key',                             (it) => it.info({ bytes: Buffer.from(KEY, 'hex') }, 'buffer')],
  ['bytes of a message that holds a track',      (it) => it.info({ frame: Buffer.from(TRACK2) }, 'buffer')],
  ['an error with its stack and cause',          (it) => it.error({ err: new Error(`refused ${PAN}`, { cause }) }, 'error')],
  ['an error of ours',                           (it) => it.error({ err: new PosError('REQUEST_BAD', `card ${PAN}`, { cause }) }, 'error')],
  ['an error as the only argument',              (it) => it.error(cause)],
  ['a request with its authorisation',           (it) => it.info({ headers: { authorization: `Bearer ${KEY}` } }, 'request')],
];

for (const [sentence, act] of PLANTS) {
  log(`does not show ${sentence}`, () => {
    const output = written(act);
    assert.ok(output.length > 0);
    for (const secret of SECRETS) assert.not.match(output, secret);
    // Nor the bytes of them one by one.
    assert.not.match(output, [...Buffer.from(KEY, 'hex').subarray(0, 4)].join(','));
    assert.not.match(output, [...Buffer.from(PAN).subarray(0, 4)].join(','));
  });
}

log('keeps the first six and last four digits of a card number', () => {
  assert.match(
    written((it) => it.info({}, `swiped ${PAN}`)),
    `627788******${PAN.slice(-4)}`,
  );
});

log('keeps what is long and not secret, under its own name', () => {
  const head = '9f'.repeat(32);
  const output = written((it) => it.info({ head, rrn: '010000000001', at: 1_800_000_000_000 }, 'committed'));
  assert.match(output, head);
  assert.match(output, '010000000001');
  assert.match(output, '1800000000000');
});

log('keeps amounts, terminals, merchants and codes in a text', () => {
  const text = 'terminal 10000001 merchant 898410150110001 sale 128.00 of batch 000012 trace 000034: 51';
  assert.match(
    written((it) => it.info({}, text)),
    text,
  );
});

log.run();
