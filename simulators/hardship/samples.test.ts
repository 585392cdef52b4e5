import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { conclude, MIB, type Sample, slopeAnHour } from './samples.ts';

const MINUTE_MS = 60_000;

/** One sample a minute. @param grow bytes of heap and handles that the next minute adds */
function life(minutes: number, pid: number, from: number, grow: { heap: number; handles: number }): Sample[] {
  return Array.from({ length: minutes }, (_, minute) => ({
    who: 'host',
    at: (from + minute) * MINUTE_MS,
    pid,
    rss: 100 * MIB,
    heapUsed: 20 * MIB + minute * grow.heap,
    external: 0,
    handles: 30 + Math.floor(minute * grow.handles),
    loopDelayMs: 5,
  }));
}

const judging = suite('soak: memory is bounded and no handle leaks');

judging('the slope of a straight line is its rise in an hour', () => {
  const points = [0, 1, 2, 3].map((minute) => ({ at: minute * MINUTE_MS, value: 7 + 2 * minute }));
  assert.is(slopeAnHour(points), 120);
});

judging('a process that holds what it held has nothing to complain of', () => {
  assert.equal(conclude('host', 'host', life(40, 1, 0, { heap: 0, handles: 0 })).complaints, []);
});

judging('a heap that grows by half a MiB a minute is complained of, by name and figure', () => {
  const { complaints } = conclude('host', 'host', life(40, 1, 0, { heap: MIB / 2, handles: 0 }));
  assert.equal(complaints, ['host: heapMiBAnHour 30, at most 12']);
});

judging('a handle every ten minutes is complained of, and connections that come and go are not', () => {
  const { complaints } = conclude('host', 'host', life(40, 1, 0, { heap: 0, handles: 0.1 }));
  assert.equal(complaints, ['host: handlesRise 2, at most 1']);
  const coming = life(40, 1, 0, { heap: 0, handles: 0 }).map((one, at) => ({
    ...one,
    handles: 30 + (at % 7),
  }));
  assert.equal(conclude('host', 'host', coming).complaints, []);
});

judging('a restart is no leak: the longest life is judged, by its second half', () => {
  const samples = [
    ...life(10, 1, 0, { heap: MIB, handles: 1 }),
    ...life(30, 2, 10, { heap: 0, handles: 0 }),
    ...life(5, 3, 40, { heap: MIB, handles: 1 }),
  ];
  const { complaints, minutes } = conclude('host', 'host', samples);
  assert.equal([complaints, minutes], [[], 14]);
});

judging('the first look at a process, which may fall into its start, does not count', () => {
  const [first, ...rest] = life(40, 1, 0, { heap: 0, handles: 0 });
  assert.ok(first);
  assert.equal(conclude('host', 'host', [{ ...first, handles: 138 }, ...rest]).complaints, []);
});

judging('no sample at all is a complaint', () => {
  assert.equal(conclude('host', 'host', []).complaints, ['host: no sample was taken']);
});

judging.run();
