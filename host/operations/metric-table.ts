/**
 * What is measured: one row each. The first word of a row is its name in the code, `name` the one that a
 * scraper sees. Names follow Prometheus: base units, `_total` for what only grows.
 */

interface CounterRow {
  readonly name: string;
  /** Parts of the label in the code, which are separated by its first blanks: `51 balance` is code and check. */
  readonly labels: readonly string[];
  readonly help: string;
}

// biome-ignore format: a table is read by column
export const COUNTERS = {
  'connection':        { name: 'zunka_connections_total',         labels: ['event'],         help: 'Connections of terminals, accepted.' },
  'closed connection': { name: 'zunka_connections_closed_total',  labels: ['reason'],        help: 'Connections that this host refused or closed, by reason.' },
  'dropped':           { name: 'zunka_frames_dropped_total',      labels: ['reason'],        help: 'Frames without an answer: nothing in them can be answered.' },
  'tolerated':         { name: 'zunka_frames_tolerated_total',    labels: ['what'],          help: 'Frames that were served although a part of them is unusual.' },
  'unknown field':     { name: 'zunka_unknown_fields_total',      labels: ['field'],         help: 'Fields outside of the table, by number.' },
  'answered':          { name: 'zunka_answers_total',             labels: ['code'],          help: 'Answers by DE39: 00 is an approval.' },
  'judged':            { name: 'zunka_judged_total',              labels: ['kind'],          help: 'Requests that passed all checks, by kind of transaction.' },
  'refused':           { name: 'zunka_refusals_total',            labels: ['code', 'check'], help: 'Refusals by DE39 and the check that refused.' },
  'answered again':    { name: 'zunka_answers_remembered_total',  labels: ['kind'],          help: 'Repeats that got the answer of the first time.' },
  'silent':            { name: 'zunka_requests_unanswered_total', labels: ['reason'],        help: 'Requests without an answer: it is not certain what was committed.' },
  'engine':            { name: 'zunka_engine_events_total',       labels: ['event'],         help: 'What befell the commit engine; queue full is an answer of 96 (HOST_BUSY).' },
  'commit':            { name: 'zunka_commits_total',             labels: ['outcome'],       help: 'Commits by outcome: done, or the code of the failure.' },
  'owed reversals':    { name: 'zunka_owed_reversals_total',      labels: ['event'],         help: 'What terminals told of reversals that they owe.' },
  'admin refusal':     { name: 'zunka_admin_refusals_total',      labels: ['code'],          help: 'Requests of the administration that were refused, by code.' },
  'log':               { name: 'zunka_log_failures_total',        labels: ['what'],          help: 'Writes of the log that failed, and lines that were given up.' },
  'scrape':            { name: 'zunka_scrape_failures_total',     labels: ['what'],          help: 'Gauges that could not be read.' },
} as const satisfies Record<string, CounterRow>;
export type CounterName = keyof typeof COUNTERS;

const SECONDS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const ITEMS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

// biome-ignore format: a table is read by column
export const HISTOGRAMS = {
  'answer':       { name: 'zunka_answer_seconds', buckets: SECONDS, help: 'From the frame in to the answer out.' },
  'commit':       { name: 'zunka_commit_seconds', buckets: SECONDS, help: 'One durable commit, the mark included.' },
  'commit items': { name: 'zunka_commit_items',   buckets: ITEMS,   help: 'Items that rode in one commit.' },
  'read':         { name: 'zunka_read_seconds',   buckets: SECONDS, help: 'One read of a snapshot from the store.' },
} as const satisfies Record<string, { readonly name: string; readonly buckets: readonly number[]; readonly help: string }>;
export type HistogramName = keyof typeof HISTOGRAMS;

// biome-ignore format: a table is read by column
export const GAUGES = {
  connections:       { name: 'zunka_connections_open',           help: 'Terminals connected now.' },
  waiting:           { name: 'zunka_queue_depth',                help: 'Requests that wait for the next commit.' },
  committed:         { name: 'zunka_journal_sequence',           help: 'The last record of this process in the audit journal.' },
  unmarked:          { name: 'zunka_journal_unmarked_records',   help: 'Committed records that the mark does not vouch for yet: the journal lag.' },
  owedOpen:          { name: 'zunka_owed_reversals_open',        help: 'Reversals that terminals owe; looked up once a minute.' },
  batchesOpen:       { name: 'zunka_batches_open',               help: 'Batches that are open or being uploaded; looked up once a minute.' },
  logBytes:          { name: 'zunka_database_log_bytes',         help: 'The file of SQLite\'s write-ahead log; far above 200 MB while a reader, a backup, keeps it from being folded.' },
  daysBehind:        { name: 'zunka_business_days_behind',       help: 'Calendar days (UTC+8) since the open business date: 1 between midnight and the cut-over, more where the day was not closed.' },
  draining:          { name: 'zunka_draining',                   help: '1 from the moment in which the host was told to stop.' },
} as const satisfies Record<string, { readonly name: string; readonly help: string }>;
export type GaugeName = keyof typeof GAUGES;

/** The table for the README. */
export function metricsTable(): string {
  const rows = [
    ...Object.values(COUNTERS).map((row) => [row.name, 'counter', row.labels.join(', '), row.help]),
    ...Object.values(HISTOGRAMS).map((row) => [row.name, 'histogram', '', row.help]),
    ...Object.values(GAUGES).map((row) => [row.name, 'gauge', '', row.help]),
  ].map((cells) => `| \`${cells[0]}\` | ${cells.slice(1).join(' | ')} |`);
  return ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
}
