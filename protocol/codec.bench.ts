import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { codec } from './codec.ts';

/**
 * Encode and decode of a full sale against npm `iso_8583` (which knows ASCII only), in one sitting, so that
 * the ratio means something on any machine. Pack starts from values and ends in bytes of its own; unpack ends
 * in all 19 values. Decode here judges every byte; `iso_8583` is given its own text. 64 sales go round, so that
 * nobody lives on having seen the same bytes just now.
 */
export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** What differs from sale to sale, as text that nobody has seen before. */
const SALES = Array.from({ length: 64 }, (_, index) => {
  const two = String(index).padStart(2, '0');
  return {
    pan: fresh(`62778800000000${two}`),
    amount: fresh(`0000000128${two}`),
    trace: fresh(`0001${two}`),
    time: fresh(`1012${two}`),
    track: fresh(`62778800000000${two}D30121010000012300000`),
    reference: fresh(`1012360609${two}`),
    pinBlock: fresh(`20902CCABE74C7${two}`),
    mac: fresh(`43323245313145${two}`),
  };
});

/** The 19 fields of a sale on an invented card: a new object each time, as a flow makes it. */
function fieldsOf(sale: (typeof SALES)[number]): Record<number, string> {
  return {
    2: sale.pan,
    3: '000000',
    4: sale.amount,
    11: sale.trace,
    12: sale.time,
    13: '1122',
    14: '3012',
    22: '021',
    25: '00',
    26: '12',
    35: sale.track,
    37: sale.reference,
    41: '10000001',
    42: '100000000000001',
    49: '156',
    52: sale.pinBlock,
    53: '2600000000000000',
    60: '22000001000',
    64: sale.mac,
  };
}
/** The same as a list by field number, as the host collects its answers. */
function listOf(sale: (typeof SALES)[number]): string[] {
  const list = new Array<string>(65);
  list[2] = sale.pan;
  list[3] = '000000';
  list[4] = sale.amount;
  list[11] = sale.trace;
  list[12] = sale.time;
  list[13] = '1122';
  list[14] = '3012';
  list[22] = '021';
  list[25] = '00';
  list[26] = '12';
  list[35] = sale.track;
  list[37] = sale.reference;
  list[41] = '10000001';
  list[42] = '100000000000001';
  list[49] = '156';
  list[52] = sale.pinBlock;
  list[53] = '2600000000000000';
  list[60] = '22000001000';
  list[64] = sale.mac;
  return list;
}
const MESSAGES = SALES.map(fieldsOf);
const NUMBERS = Object.keys(MESSAGES[0] ?? {}).map(Number);

/** The same characters as a string of its own, not put together of others. */
function fresh(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** Gives one after the other, for ever. */
function inTurn<T>(items: readonly T[]): () => T {
  let next = 0;
  return () => items[next++ % items.length] as T;
}

/** What `iso_8583` offers, as far as it is used here. */
interface Iso8583 {
  getBufferMessage(): Buffer;
  getIsoJSON(incoming: Buffer): Record<string, string>;
}

export function bench(): Promise<Metric[]> {
  const rates = measureInTurn({ ...ourWays(), ...theirWays() });
  const times = (ours: string, theirs: string) => ({
    name: `${ours}.vs_iso_8583`,
    value: medianOf(ratios(rates.get(ours), rates.get(theirs))),
    unit: 'times',
  });
  const perSecond = [...rates].map(([name, values]) => ({
    name,
    value: medianOf(values),
    unit: 'messages/s of CPU',
  }));
  return Promise.resolve([
    times('codec.pack', 'iso_8583.pack'),
    times('codec.pack.list', 'iso_8583.pack'),
    times('codec.unpack', 'iso_8583.unpack'),
    ...perSecond,
  ]);
}

/** Asserts that ours does what it is timed for. */
function ourWays(): Record<string, () => unknown> {
  const bodies = MESSAGES.map((fields) => codec.encode({ mti: '0200', fields }));
  assert.equal(NUMBERS.length, 19);
  for (const [index, body] of bodies.entries()) {
    assert.equal(body.length, 132);
    assert.deepEqual(codec.decode(body).toObject(), { mti: '0200', fields: MESSAGES[index] });
  }
  for (const [index, sale] of SALES.entries()) {
    assert.deepEqual(codec.encode({ mti: '0200', fields: listOf(sale) }), bodies[index]);
  }
  const sale = inTurn(SALES);
  const body = inTurn(bodies);
  return {
    'codec.pack': () => codec.encode({ mti: '0200', fields: fieldsOf(sale()) }),
    'codec.pack.list': () => codec.encode({ mti: '0200', fields: listOf(sale()) }),
    'codec.unpack': () => {
      const message = codec.decode(body());
      let length = 0;
      for (const field of NUMBERS) length += message.get(field)?.length ?? 0;
      return length;
    },
    'codec.unpack.four_fields': () => {
      const message = codec.decode(body());
      return [message.get(3), message.get(4), message.get(11), message.get(41)];
    },
    'codec.judge': () => codec.decode(body()),
  };
}

function theirWays(): Record<string, () => unknown> {
  const Iso = createRequire(import.meta.url)('iso_8583') as new (
    fields?: object,
    formats?: object,
  ) => Iso8583;
  // Its own rows for these two have other lengths.
  const formats = {
    53: { ContentType: 'n', Label: 'security control', LenType: 'fixed', MaxLen: 16 },
    64: { ContentType: 'b', Label: 'MAC', LenType: 'fixed', MaxLen: 16 },
  };
  const pack = (fields: Record<number, string>) =>
    new Iso({ 0: '0200', ...fields }, formats).getBufferMessage();
  const bodies = MESSAGES.map(pack);
  for (const [index, body] of bodies.entries()) {
    const read = new Iso(undefined, formats).getIsoJSON(body);
    for (const field of NUMBERS) assert.equal(read[field]?.toUpperCase(), MESSAGES[index]?.[field]);
  }
  const sale = inTurn(SALES);
  const body = inTurn(bodies);
  return {
    'iso_8583.pack': () => pack(fieldsOf(sale())),
    'iso_8583.unpack': () => new Iso(undefined, formats).getIsoJSON(body()),
  };
}

const ROUNDS = 41;
const ROUND_MS = 20;

/**
 * Calls a second of CPU, round by round. The contenders take turns of a few milliseconds, so that what else the
 * machine does meets all of them alike: of two contenders the rounds are compared one by one.
 */
function measureInTurn(ways: Readonly<Record<string, () => unknown>>): Map<string, number[]> {
  const samples = new Map<string, number[]>(Object.keys(ways).map((name) => [name, []]));
  for (let round = -5; round < ROUNDS; round += 1) {
    for (const [name, act] of Object.entries(ways)) {
      const rate = callsPerSecond(act);
      if (round >= 0) samples.get(name)?.push(rate); // the first rounds warm up
    }
  }
  return samples;
}

function ratios(ours: readonly number[] = [], theirs: readonly number[] = []): number[] {
  return ours.map((rate, round) => rate / (theirs[round] ?? Number.NaN));
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** By the CPU time of this process, so that other work on the machine does not count. */
function callsPerSecond(act: () => unknown): number {
  const start = process.cpuUsage();
  const until = performance.now() + ROUND_MS;
  let calls = 0;
  let kept: unknown;
  while (performance.now() < until) {
    for (let call = 0; call < 50; call += 1) kept = act();
    calls += 50;
  }
  assert.notEqual(kept, undefined);
  const { user, system } = process.cpuUsage(start);
  return (calls * 1_000_000) / (user + system);
}
