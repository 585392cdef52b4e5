import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { curves, readHistory } from './bench-curves.ts';

const run = (commit: string, metrics: Record<string, number>) => ({
  commit,
  date: '2026-11-22',
  node: '20.20.2',
  machine: { cpu: 'A & B', cores: 2, load: 0.5 },
  metrics: Object.entries(metrics).map(([name, value]) => ({ name, value, unit: 'times' })),
});

const drawing = suite('the history of the benchmarks is drawn');

drawing(
  'one picture for each family, one panel for each metric, one dot for each run that measured it',
  () => {
    const pictures = curves([
      run('aaaaaaa', { 'codec.pack.vs_iso_8583': 35, 'mac.one': 2 }),
      run('bbbbbbb', { 'codec.pack.vs_iso_8583': 40, 'codec.judge': 7 }),
      run('ccccccc', { 'mac.one': 3 }),
    ]);
    assert.equal([...pictures.keys()], ['codec.svg', 'mac.svg']);
    const codec = pictures.get('codec.svg') ?? '';
    assert.is(codec.match(/<polyline/g)?.length, 2);
    assert.is(codec.match(/<circle/g)?.length, 3);
    assert.match(codec, '报文编解码 · ISO 8583 codec');
    assert.not.match(codec, 'ccccccc');
  },
);

drawing('a higher value stands higher, and a goal is shown where there is one', () => {
  const svg = curves([
    run('a', { 'codec.pack.vs_iso_8583': 20 }),
    run('b', { 'codec.pack.vs_iso_8583': 60 }),
  ]);
  const heights = [...(svg.get('codec.svg') ?? '').matchAll(/cy="([\d.]+)"/g)].map((found) =>
    Number(found[1]),
  );
  assert.is(heights.length, 2);
  assert.ok((heights[0] as number) > (heights[1] as number));
  assert.match(svg.get('codec.svg') ?? '', '目标 goal ≥ 80');
});

drawing('what has a goal stands first, and a cost has one that it should stay below', () => {
  const svg = curves([run('a', { 'host.rss': 268, 'host.at500.p99_ms': 7 })]).get('host.svg') ?? '';
  assert.ok(svg.indexOf('host.at500.p99_ms') < svg.indexOf('host.rss'));
  assert.match(svg, '目标 goal ≤ 3');
  assert.is(svg.match(/目标 goal/g)?.length, 1);
});

drawing('names of machines are text, not markup', () => {
  const svg = curves([run('a', { 'x.y': 1 })]).get('x.svg') ?? '';
  assert.match(svg, 'A &amp; B');
  assert.not.match(svg, 'A & B');
});

drawing('a history is read line by line, and a broken line is not passed over', () => {
  assert.is(readHistory(`${JSON.stringify(run('a', {}))}\n\n`).length, 1);
  assert.throws(() => readHistory('{"commit":'), SyntaxError);
});

drawing.run();
