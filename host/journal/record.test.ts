import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runJournalVectors } from './journal-vectors.ts';
import { canonicalJson, chainHead, genesisHead, leafHash } from './record.ts';

const leaves = suite('RFC 6962, 2.1: the hash of a leaf');

// Source: transparency-dev/merkle@417fb0c, testonly/constants.go (CT reference leaves). Ours are texts, so
// the leaves that are valid UTF-8 are quoted.
// biome-ignore format: a table is read by column
const KNOWN_LEAVES: readonly (readonly [hex: string, leaf: string])[] = [
  ['',                 '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
  ['00',               '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7'],
  ['10',               '0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7'],
  ['2021',             '07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7'],
  ['3031',             'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b'],
  ['40414243',         '4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658'],
  ['5051525354555657', 'b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f'],
];

for (const [hex, leaf] of KNOWN_LEAVES) {
  leaves(`of the bytes ${hex || '(none)'} is SHA-256 over 00 and these bytes`, () => {
    assert.is(leafHash(Buffer.from(hex, 'hex').toString('utf8')), leaf);
  });
}

leaves('agrees with every merkle.leafhash vector', () => {
  const file = fileURLToPath(new URL('../../../shared/vectors/crypto.json', import.meta.url));
  if (!existsSync(file)) return;
  const [result] = runJournalVectors(JSON.parse(readFileSync(file, 'utf8')) as unknown[]);
  assert.ok((result?.total ?? 0) > 0);
  assert.equal(result?.failures, []);
});

leaves.run();

const chain = suite('the chain over leaf hashes');

// Expected values: Python 3.11 hashlib, for example sha256(b'\x03' + b'host-1').hexdigest().
const GENESIS = '4949bce28da3807d7f9e54b5f42b503010252ef8bb9710f3646d9631ef228e72';
const FIRST = '9098994d039f628394f4f330f7cad7011fc46b122a7494e79d473f498ef095ce';

chain('starts from SHA-256 over 03 and the name of the stream', () => {
  assert.is(genesisHead('host-1'), GENESIS);
});

chain('goes on with SHA-256 over 02, the head and the leaf', () => {
  assert.is(chainHead(GENESIS, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'), FIRST);
});

chain('refuses a head or a leaf that is not 64 hexadecimal digits', () => {
  assert.throws(() => chainHead('ab', GENESIS), /64 hex digits/);
  assert.throws(() => chainHead(GENESIS, `${GENESIS.slice(1)}x`), /64 hex digits/);
});

chain.run();

const canonical = suite('canonical JSON');

// biome-ignore format: a table is read by column
for (const [sentence, value, text] of [
  ['sorts keys at every level',                      { b: { d: 1, c: 2 }, a: 0 },  '{"a":0,"b":{"c":2,"d":1}}'],
  ['keeps the order of lists',                       [3, 1, 2],                    '[3,1,2]'],
  ['sorts by UTF-16 code units, capitals first',     { a: 1, B: 2, 客: 3 },         '{"B":2,"a":1,"客":3}'],
  ['leaves out what is undefined',                   { a: undefined, b: null },    '{"b":null}'],
  ['writes minus zero as zero',                      -0,                           '0'],
  ['writes Chinese as it is, quotes escaped',        '返点"一',                     '"返点\\"一"'],
  ['writes keys that look like numbers as texts',    { 39: '00', 4: '1' },         '{"39":"00","4":"1"}'],
] as const) {
  canonical(sentence, () => assert.is(canonicalJson(value), text));
}

// biome-ignore format: a table is read by column
for (const [what, value, place] of [
  ['a fraction',            { amount: 0.1 },                '$.amount'],
  ['an unsafe integer',     { list: [2 ** 53] },            '$.list[0]'],
  ['not-a-number',          Number.NaN,                     '$'],
  ['half a surrogate pair', { text: 'a\ud800' },            '$.text'],
  ['a big integer',         { n: 1n },                      '$.n'],
  ['a date',                { at: new Date(0) },            '$.at'],
  ['an undefined element',  [undefined],                    '$[0]'],
] as const) {
  canonical(`refuses ${what} and names its place`, () => {
    assert.throws(() => canonicalJson(value), (error: Error) => error.message.endsWith(`at ${place}`));
  });
}

canonical('says the same as JSON, whatever the order in which properties were added', () => {
  const seed = Number(process.env['SEED'] ?? 20261122);
  console.log(`seed ${seed}`);
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.string({ unit: 'grapheme' }),
      fc.maxSafeInteger(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.string({ maxLength: 6 }), tie('value'), { maxKeys: 5, noNullPrototype: true }),
    ),
  })).value;
  fc.assert(
    fc.property(json, (value) => {
      const text = canonicalJson(value);
      assert.is(canonicalJson(JSON.parse(text)), text);
      assert.is(canonicalJson(reversed(value)), text);
      assert.equal(JSON.parse(text), JSON.parse(JSON.stringify(value)));
    }),
    { seed, numRuns: 300 },
  );
});

canonical.run();

/** The same value with the properties of every object added in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const pairs = Object.entries(value).reverse();
  return Object.fromEntries(pairs.map(([key, item]) => [key, reversed(item)]));
}
