/**
 * The history of the benchmarks as pictures: one SVG for each family of metrics (what stands before the first
 * dot or blank of its name), one panel for each metric, one dot for each run. Pure: text in, texts out.
 */

export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** One line of bench-history.jsonl; lines from before the machine was noted have none. */
export interface BenchRun {
  readonly commit: string;
  /** YYYY-MM-DD. */
  readonly date: string;
  readonly node: string;
  readonly machine?: { readonly cpu: string; readonly cores: number; readonly load: number };
  readonly metrics: readonly Metric[];
}

const TITLES: Readonly<Record<string, string>> = {
  codec: '报文编解码 · ISO 8583 codec',
  mac: '报文鉴别码 · message authentication code',
  host: '主机 · host',
  ledger: '账簿 · ledger',
  iso_8583: '对照:npm iso_8583 · the peer, npm iso_8583',
};

/** Where a metric should be; a ratio to a peer is at least so, a time or a cost at most. */
interface Goal {
  readonly least?: number;
  readonly most?: number;
}

/** Source: the facts sheet «performance», section 9; that of two hosts is this project's own. */
const GOALS: Readonly<Record<string, Goal>> = {
  'codec.pack.vs_iso_8583': { least: 80 },
  'codec.unpack.vs_iso_8583': { least: 18 },
  'mac.vs_cipher_per_message': { least: 1.9 },
  'ledger units, batch 64 to naive': { least: 9 },
  'host.sqlite.vs_naive': { least: 7 },
  'host.sqlite.vs_pgbench': { least: 1.3 },
  'host.postgres.vs_pgbench': { least: 2.5 },
  'host.hosts2.cpu_per_txn_vs_hosts1': { most: 1.1 },
  'host.frontend.vs_echo': { least: 0.35 },
  'host.at500.p50_vs_fdatasync': { most: 4 },
  'host.at500.p99_ms': { most: 3 },
  'host.at500.cores': { most: 0.2 },
  'host.saturated.p99_ms': { most: 20 },
  'host.rules1000.ratio': { least: 0.9 },
};

const WIDTH = 760;
const PANEL = 132;
const HEAD = 62;
const FOOT = 34;
const PLOT = { left: 76, right: 24, top: 34, height: 78 };

/** Lines of JSON as runs. Throws SyntaxError for a line that is none. */
export function readHistory(text: string): BenchRun[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as BenchRun);
}

/** File name → SVG. A metric appears in the runs that measured it. */
export function curves(runs: readonly BenchRun[]): Map<string, string> {
  const families = new Map<string, Set<string>>();
  for (const { name } of runs.flatMap((run) => run.metrics)) {
    const family = familyOf(name);
    families.set(family, (families.get(family) ?? new Set()).add(name));
  }
  return new Map(
    [...families].map(([family, names]) => [`${family}.svg`, pictureOf(family, [...names], runs)]),
  );
}

function familyOf(name: string): string {
  return (/^[\w-]+/.exec(name)?.[0] ?? 'other').toLowerCase();
}

function pictureOf(family: string, names: readonly string[], runs: readonly BenchRun[]): string {
  const measured = runs.filter((run) => run.metrics.some((metric) => names.includes(metric.name)));
  const height = HEAD + names.length * PANEL + FOOT;
  const first = measured[0];
  const last = measured.at(-1);
  const machine = last?.machine === undefined ? '' : ` · ${last.machine.cpu}, ${last.machine.cores} cores`;
  const span = `${measured.length} 次 runs · ${first?.date ?? ''} … ${last?.date ?? ''} · Node ${last?.node ?? ''}${machine}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="'Noto Sans SC','PingFang SC','Microsoft YaHei',sans-serif">`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    words(24, 32, 18, '#1f2937', TITLES[family] ?? family, 'font-weight="600"'),
    words(24, 52, 11, '#6b7280', span),
    ...byGoal(names).map((name, index) => panelOf(name, measured, HEAD + index * PANEL)),
    words(24, height - 14, 10, '#6b7280', '提交 commit'),
    ...measured.map((run, index) =>
      isLabelled(index, measured.length)
        ? words(xOf(index, measured.length), height - 14, 10, '#6b7280', run.commit, 'text-anchor="middle"')
        : '',
    ),
    '</svg>\n',
  ].join('\n');
}

/** What has a goal stands first, each kind in the order in which it was first measured. */
function byGoal(names: readonly string[]): readonly string[] {
  return [...names.filter((name) => name in GOALS), ...names.filter((name) => !(name in GOALS))];
}

function panelOf(name: string, runs: readonly BenchRun[], top: number): string {
  const points = runs.flatMap((run, index) => {
    const metric = run.metrics.find((one) => one.name === name);
    return metric === undefined ? [] : [{ index, run, metric }];
  });
  const { least, most: atMost } = GOALS[name] ?? {};
  const goal = least ?? atMost;
  const most = Math.max(...points.map(({ metric }) => metric.value), goal ?? 0) * 1.08;
  const floor = top + PLOT.top + PLOT.height;
  const y = (value: number) => floor - (most > 0 ? value / most : 0) * PLOT.height;
  const at = points.map(({ index, metric }) => `${xOf(index, runs.length)},${round(y(metric.value))}`);
  const latest = points.at(-1)?.metric;
  const end = WIDTH - PLOT.right;
  return [
    words(24, top + 20, 13, '#1f2937', name),
    words(
      end,
      top + 20,
      13,
      '#1d4ed8',
      `${short(latest?.value ?? 0)} ${latest?.unit ?? ''}`,
      'text-anchor="end"',
    ),
    ...[0, most / 1.08].flatMap((value) => [
      `<line x1="${PLOT.left}" x2="${end}" y1="${round(y(value))}" y2="${round(y(value))}" stroke="#e5e7eb"/>`,
      words(PLOT.left - 8, y(value) + 4, 10, '#6b7280', short(value), 'text-anchor="end"'),
    ]),
    goal === undefined
      ? ''
      : `<line x1="${PLOT.left}" x2="${end}" y1="${round(y(goal))}" y2="${round(y(goal))}" stroke="#d97706" stroke-dasharray="5 4"/>${words(WIDTH / 2, top + 20, 12, '#b45309', `目标 goal ${least === undefined ? '≤' : '≥'} ${goal}`, 'text-anchor="middle"')}`,
    `<polyline points="${at.join(' ')}" fill="none" stroke="#1d4ed8" stroke-width="1.8" stroke-linejoin="round"/>`,
    ...points.map(({ index, run, metric }) => {
      const tip = `${run.date} ${run.commit}: ${short(metric.value)} ${metric.unit}`;
      return `<circle cx="${xOf(index, runs.length)}" cy="${round(y(metric.value))}" r="3" fill="#1d4ed8"><title>${escaped(tip)}</title></circle>`;
    }),
  ].join('\n');
}

function xOf(index: number, count: number): number {
  const room = WIDTH - PLOT.left - PLOT.right - 60;
  return round(PLOT.left + 30 + (count === 1 ? room / 2 : (index * room) / (count - 1)));
}

/** As many commits as can be read side by side, the last one always. */
function isLabelled(index: number, count: number): boolean {
  return (count - 1 - index) % Math.ceil(count / 10) === 0;
}

function words(x: number, y: number, size: number, fill: string, text: string, more = ''): string {
  return `<text x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}" ${more}>${escaped(text)}</text>`;
}

function short(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: value >= 1_000 ? 4 : 3 });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
