import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { balanceFrame, openFixture, saleFrame } from '../acquiring/node-acquiring.fixture.ts';
import { office, PAN, PIN } from '../admin/office.fixture.ts';
import { MarkedStore } from '../store/commit-mark.ts';
import { MeasuredStore } from './measured-store.ts';
import { COUNTERS, type CounterName } from './metric-table.ts';
import { Metrics } from './metrics.ts';
import { Standing } from './standing.ts';

/** Series and values of a text in Prometheus' exposition format 0.0.4, read by its own grammar. */
function parsed(text: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
    const match = /^([a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$/.exec(line);
    if (match === null) throw new Error(`not in the format: ${line}`);
    assert.not.ok(series.has(match[1] ?? ''), `twice: ${match[1]}`);
    series.set(match[1] ?? '', Number(match[2]));
  }
  return series;
}

const counting = suite('metrics');

counting('show what was counted under the names of the table, a label split into its parts', async () => {
  const metrics = new Metrics({ about: { store: 'sqlite' } });
  metrics.count('refused', '51 balance');
  metrics.count('refused', '51 balance', 2);
  metrics.count('refused', '55 wrong PIN');
  metrics.count('engine', 'queue full');
  const series = parsed(await metrics.registry.metrics());
  assert.is(series.get('zunka_refusals_total{code="51",check="balance",store="sqlite"}'), 3);
  assert.is(series.get('zunka_refusals_total{code="55",check="wrong PIN",store="sqlite"}'), 1);
  assert.is(series.get('zunka_engine_events_total{event="queue full",store="sqlite"}'), 1);
});

counting('show a histogram whose last bucket is its count', async () => {
  const metrics = new Metrics();
  for (const seconds of [0.001, 0.004, 0.3, 70]) metrics.observe('answer', seconds);
  const series = parsed(await metrics.registry.metrics());
  assert.is(series.get('zunka_answer_seconds_bucket{le="0.001"}'), 1);
  assert.is(series.get('zunka_answer_seconds_bucket{le="0.005"}'), 2);
  assert.is(series.get('zunka_answer_seconds_bucket{le="10"}'), 3);
  assert.is(series.get('zunka_answer_seconds_bucket{le="+Inf"}'), 4);
  assert.is(series.get('zunka_answer_seconds_count'), 4);
});

counting('only ever grow, whatever is counted between two scrapes', async () => {
  const names = Object.keys(COUNTERS) as CounterName[];
  const event = fc.tuple(
    fc.constantFrom(...names),
    fc.string({ maxLength: 12 }),
    fc.integer({ min: 1, max: 9 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(event), fc.array(event), async (first, second) => {
      const metrics = new Metrics();
      for (const [name, label, by] of first) metrics.count(name, label, by);
      const before = parsed(await metrics.registry.metrics());
      for (const [name, label, by] of second) metrics.count(name, label, by);
      const after = parsed(await metrics.registry.metrics());
      for (const [series, value] of before) assert.ok((after.get(series) ?? -1) >= value, series);
      for (const name of names) {
        const told = [...first, ...second]
          .filter((one) => one[0] === name)
          .reduce((sum, one) => sum + one[2], 0);
        assert.is(metrics.value(name), told);
      }
    }),
    { numRuns: 40 },
  );
});

counting(
  'show no label that looks like a card number, a track, a key or a PIN block, nor ever more than 200',
  async () => {
    const metrics = new Metrics();
    const secrets = [PAN, `${PAN}=3112`, PIN, '0123456789ABCDEF', 'a"}\n# HELP', '中文'];
    for (const secret of secrets) metrics.count('dropped', secret);
    for (let at = 0; at < 300; at += 1) metrics.count('unknown field', String(at));
    const text = await metrics.registry.metrics();
    for (const secret of secrets) assert.not.match(text, secret);
    const series = parsed(text);
    assert.is(series.get('zunka_frames_dropped_total{reason="other"}'), secrets.length);
    assert.is(series.get('zunka_unknown_fields_total{field="other"}'), 100);
    assert.is([...series.keys()].filter((one) => one.startsWith('zunka_unknown_fields_total')).length, 201);
  },
);

counting.run();

const figures = suite('the figures of a host at work');

figures(
  'are those of the requests that it answered, and hold nothing of card, track, PIN and keys',
  async () => {
    let elapsed = 0;
    const metrics = new Metrics({ elapsedMs: () => (elapsed += 1) });
    const slots = new Map<number, Buffer>();
    const marks = {
      read: async (slot: 0 | 1) => slots.get(slot) ?? null,
      write: async (slot: 0 | 1, bytes: Buffer) => void slots.set(slot, bytes),
    };
    let marked: MarkedStore | undefined;
    const host = await openFixture((store) => {
      marked = new MarkedStore({ store, stream: 'host-1', slots: marks, failed: () => undefined });
      return new MeasuredStore(marked, metrics);
    }, metrics);
    try {
      await host.signIn(host.shop);
      const card = await host.card();
      for (let sale = 0; sale < 3; sale += 1) await host.answer(saleFrame(host.shop, card, 1_00));
      const refused = await host.answer(saleFrame(host.shop, card, 9_999_999_00));
      await host.answer(balanceFrame(host.shop, card));
      const mark = () =>
        marked?.standing ?? { committed: 0, marked: 0, isFailing: true, settled: Promise.resolve() };
      const standing = new Standing({
        ...host.deps,
        mark,
        waiting: () => host.deps.engine.waiting,
        connections: () => 7,
        inFlight: () => 0,
      });
      const text = await metrics.registry.metrics();
      const series = parsed(text);
      assert.is(series.get('zunka_answers_total{code="00"}'), 5);
      assert.is.not(refused.fields[39], '00');
      assert.is(series.get(`zunka_answers_total{code="${refused.fields[39]}"}`), 1);
      assert.is(series.get('zunka_answer_seconds_count'), 6);
      assert.is(series.get('zunka_judged_total{kind="sale"}'), 3);
      assert.is(series.get('zunka_commits_total{outcome="done"}'), series.get('zunka_commit_seconds_count'));
      assert.ok((series.get('zunka_commit_seconds_count') ?? 0) >= 5);
      assert.is(series.get('zunka_connections_open'), 7);
      assert.is(series.get('zunka_queue_depth'), 0);
      assert.is(series.get('zunka_batches_open'), (await host.rows('batches')).length);
      assert.is(series.get('zunka_owed_reversals_open'), 0);
      const [head] = await host.deps.store.journalHeads();
      assert.is(series.get('zunka_journal_sequence'), head?.sequence);
      assert.is(series.get('zunka_journal_unmarked_records'), 0);
      assert.is(series.has('zunka_database_log_bytes'), false, 'there is no file');
      assert.is(series.get('zunka_draining'), 0);
      standing.drain();
      assert.is(parsed(await metrics.registry.metrics()).get('zunka_draining'), 1);
      for (const secret of [card.pan, card.pan.slice(0, 12), card.pan.slice(-10)])
        assert.not.match(text, secret);
      // Figures may be long; what a label says may not.
      for (const name of series.keys()) assert.not.match(name, /\d{6}/);
    } finally {
      await host.close();
    }
  },
);

figures.run();

const scraping = suite('GET /metrics');

scraping('is for whoever may read the metrics, in the text format that Prometheus reads', async () => {
  const it = await office();
  assert.is((await it.call(null, 'GET', '/metrics')).status, 403);
  const answer = await it.call('monitor', 'GET', '/metrics');
  assert.is(answer.status, 200);
  assert.match(String(answer.headers['content-type']), 'text/plain; version=0.0.4');
  assert.is(parsed(answer.text).get('zunka_queue_depth'), 0);
  assert.is((await it.call('monitor', 'GET', '/v1/balances')).status, 403);
});

scraping.run();
