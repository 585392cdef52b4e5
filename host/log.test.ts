import { pino } from 'pino';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { luhnDigit, PosError } from '../protocol/index.ts';
import { ANSWERED, answeredLine, cleanLine, openLog } from './log.ts';

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

const ANSWER = {
  ut: '01KAMZ3T5W8X9Y0ABCDEFGHJKM',
  transactionId: '01KAMZ3T5W8X9Y0ABCDEFGHJKN',
  rrn: '010000000001',
  terminal: '1000000A',
  batch: 12,
  trace: '000034',
  kind: 'sale',
  code: '51',
  ms: 12.345,
};
const TIME = ',"time":"2026-11-23T04:59:59.123Z"';

/** As pino writes it, before the cleaning. */
function plain(about: object): string {
  const lines: string[] = [];
  pino({ base: null, timestamp: () => TIME }, { write: (line) => void lines.push(line) }).info(
    about,
    ANSWERED,
  );
  return lines.join('');
}

const untimed = (line: string) => line.replace(/"time":"[^"]*"/, '');

log('spells the line of an answer as pino and the cleaning would', () => {
  const sparse = { ut: null, transactionId: null, rrn: null, kind: null };
  const figures = [0, 0.001, 0.01, 7, 100, 0.1 + 0.2, 123456789.001, 999_999_999.999].map((ms) => ({
    ...ANSWER,
    batch: Math.min(999_999, Math.floor(ms)),
    ms: Math.round(ms * 1000) / 1000,
  }));
  for (const about of [ANSWER, { ...ANSWER, ...sparse }, ...figures]) {
    assert.is(answeredLine(about, TIME), plain(about));
    assert.is(cleanLine(plain(about)), plain(about));
    assert.is(untimed(written((it) => it.info(about, ANSWERED))), untimed(plain(about)));
  }
});

// biome-ignore format: a table is read by column
const OTHER_SHAPES: readonly (readonly [sentence: string, about: object])[] = [
  ['what could be a card number in its UT',         { ...ANSWER, ut: `01${PAN}ABCDEFGH` }],
  ['what could be a card number in its id',         { ...ANSWER, transactionId: `${PAN}ABCDEFGHIJ` }],
  ['a text with quotes',                            { ...ANSWER, terminal: '1000"00A' }],
  ['a line end behind a right text',                { ...ANSWER, trace: '000034\n' }],
  ['a card number in place of a text',              { ...ANSWER, rrn: PAN }],
  ['a number in place of a text',                   { ...ANSWER, trace: 123456 }],
  ['a list in place of a text',                     { ...ANSWER, terminal: ['1000000A'] }],
  ['a text in place of a number',                   { ...ANSWER, batch: '12' }],
  ['a card number in place of a number',            { ...ANSWER, batch: Number(PAN) }],
  ['a number below zero',                           { ...ANSWER, ms: -1 }],
  ['more decimals than three',                      { ...ANSWER, ms: 1.2345 }],
  ['a number that is none',                         { ...ANSWER, ms: Number.NaN }],
  ['a member that is missing',                      { ...ANSWER, code: undefined }],
  ['a member more',                                 { ...ANSWER, pan: PAN }],
];

for (const [sentence, about] of OTHER_SHAPES) {
  log(`writes an answer with ${sentence} as any other line, cleaned`, () => {
    assert.is(answeredLine(about, TIME), null);
    assert.is(untimed(written((it) => it.info(about, ANSWERED))), untimed(cleanLine(plain(about))));
  });
}

log('keeps what a child logger says of itself in the line of an answer', () => {
  assert.match(
    written((it) => it.child({ door: 2 }).info(ANSWER, ANSWERED)),
    '"door":2',
  );
});

log('writes no answer below its level', () => {
  const lines: string[] = [];
  const quiet = openLog({ level: 'warn', destination: { write: (line) => void lines.push(line) } });
  quiet.info(ANSWER, ANSWERED);
  assert.equal(lines, []);
});

log.run();
