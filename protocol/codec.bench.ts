import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { codec } from './codec.ts';

/**
 * Encode and decode of a full sale against npm `iso_8583` (which knows ASCII only), in one sitting, so that
 * the ratio means something on any machine. Decode here judges every byte; `iso_8583` is given its own text.
 */
export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** A sale with 19 fields on an invented card. */
const FIELDS: Readonly<Record<number, string>> = {
  2: '6277880000000016',
  3: '000000',
  4: '000000012800',
  11: '000123',
  12: '101236',
  13: '1122',
  14: '3012',
  22: '021',
  25: '00',
  26: '12',
  35: '6277880000000016D30121010000012300000',
  37: '101236060953',
  41: '10000001',
  42: '100000000000001',
  49: '156',
  52: '20902CCABE74C717',
  53: '2600000000000000',
  60: '22000001000',
  64: '4332324541314530',
};
const NUMBERS = Object.keys(FIELDS).map(Number);

/** What `iso_8583` offers, as far as it is used here. */
interface Iso8583 {
  getBufferMessage(): Buffer;
  getIsoJSON(incoming: Buffer): Record<string, string>;
}

export function bench(): Promise<Metric[]> {
  const ours = ourWays();
  const theirs = theirWays();
  const rates = measureInTurn({ ...ours, ...theirs });
  const rate = (name: string) => rates.get(name) ?? Number.NaN;
  const perSecond = Object.keys(ours).map((name) => ({ name, value: rate(name), unit: 'messages/s of CPU' }));
  return Promise.resolve([
    { name: 'codec.pack.vs_iso_8583', value: rate('codec.pack') / rate('iso_8583.pack'), unit: 'times' },
    {
      name: 'codec.unpack.vs_iso_8583',
      value: rate('codec.unpack') / rate('iso_8583.unpack'),
      unit: 'times',
    },
    ...perSecond,
  ]);
}

/** Asserts that ours does what it is timed for. */
function ourWays(): Record<string, () => unknown> {
  const bytes = codec.encode({ mti: '0200', fields: FIELDS });
  assert.equal(NUMBERS.length, 19);
  assert.equal(bytes.length, 132);
  assert.deepEqual(codec.decode(bytes).toObject(), { mti: '0200', fields: FIELDS });
  return {
    // Values are put into a new object each time, as a flow would.
    'codec.pack': () => codec.encode({ mti: '0200', fields: { ...FIELDS } }),
    'codec.unpack': () => {
      const message = codec.decode(bytes);
      let length = 0;
      for (const field of NUMBERS) length += message.get(field)?.length ?? 0;
      return length;
    },
    'codec.unpack.four_fields': () => {
      const message = codec.decode(bytes);
      return [message.get(3), message.get(4), message.get(11), message.get(41)];
    },
    'codec.judge': () => codec.decode(bytes),
  };
}

function theirWays(): Record<string, () => unknown> {
  const Iso = createRequire(import.meta.url)('iso_8583') as new (
    fields?: object,
    formats?: object,
  ) => Iso8583;
  const fields = { 0: '0200', ...FIELDS };
  // Its own rows for these two have other lengths.
  const formats = {
    53: { ContentType: 'n', Label: 'security control', LenType: 'fixed', MaxLen: 16 },
    64: { ContentType: 'b', Label: 'MAC', LenType: 'fixed', MaxLen: 16 },
  };
  const bytes = new Iso({ ...fields }, formats).getBufferMessage();
  const read = new Iso(undefined, formats).getIsoJSON(bytes);
  for (const field of NUMBERS) assert.equal(read[field]?.toUpperCase(), FIELDS[field]);
  return {
    'iso_8583.pack': () => new Iso({ ...fields }, formats).getBufferMessage(),
    'iso_8583.unpack': () => new Iso(undefined, formats).getIsoJSON(bytes),
  };
}

const ROUNDS = 7;
const ROUND_MS = 120;

/** Calls a second of CPU, the median of several rounds; the contenders take turns so that a busy moment hits all. */
function measureInTurn(ways: Readonly<Record<string, () => unknown>>): Map<string, number> {
  const samples = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
  for (let round = -1; round < ROUNDS; round += 1) {
    for (const [name, act] of Object.entries(ways)) {
      const rate = callsPerSecond(act);
      if (round >= 0) samples.get(name)?.push(rate); // the first round warms up
    }
  }
  return new Map(
    [...samples].map(([name, rates]) => [name, rates.sort((a, b) => a - b)[ROUNDS >> 1] ?? Number.NaN]),
  );
}

/** By the CPU time of this process, so that other work on the machine does not count. */
function callsPerSecond(act: () => unknown): number {
  const start = process.cpuUsage();
  const until = performance.now() + ROUND_MS;
  let calls = 0;
  let kept: unknown;
  while (performance.now() < until) {
    for (let call = 0; call < 100; call += 1) kept = act();
    calls += 100;
  }
  assert.notEqual(kept, undefined);
  const { user, system } = process.cpuUsage(start);
  return (calls * 1_000_000) / (user + system);
}
