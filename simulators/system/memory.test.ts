/**
 * What host and terminal hold in memory after a day: a heap snapshot (what is live) and the image of all their
 * memory (what was ever there and is not overwritten), searched for what the test planted. What is tolerated
 * stands in a table, with its reason; a PIN is tolerated nowhere.
 */
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Till } from '../hardship/till.ts';
import { type LinkProxy, startLinkProxy } from '../link/index.ts';
import { Office, pause } from '../office/index.ts';
import { terminalId } from '../programme/index.ts';
import { type Planted, searchParts } from './leak-search.fixture.ts';
import { planted, plantedOnTheLine, refusedCalls, strangeFrames, throwAt, xor } from './planted.fixture.ts';
import { memoryOf } from './process-memory.fixture.ts';
import { softHsmHost } from './soft-hsm.fixture.ts';

const SNAPSHOT_MS_MAX = 60_000;

type Part = 'host' | 'host on a token' | 'terminal';

interface Tolerated {
  readonly parts: readonly Part[];
  readonly what: RegExp;
  readonly why: string;
}

/** In the image of the memory. In the snapshot nothing is tolerated. */
// biome-ignore format: a table is read by column
const TOLERATED: readonly Tolerated[] = [
  { parts: ['host', 'host on a token', 'terminal'], what: /^(PAN|track|track 1|track 2|discretionary data) of /, why: 'a card and a message are read into texts, which cannot be wiped: no longer used, and not overwritten yet' },
  { parts: ['host', 'host on a token', 'terminal'], what: /^looks like /,                                        why: 'the same, and numbers near to them' },
  { parts: ['host', 'host on a token', 'terminal'], what: /^(zone )?PIN block/,                                  why: 'enciphered' },
  { parts: ['host', 'host on a token', 'terminal'], what: /^wrapped working key/,                                why: 'enciphered' },
  { parts: ['host', 'host on a token'],             what: /^(component \d of .*|a key that was refused), bytes/, why: 'the administration takes components as JSON text' },
  { parts: ['host', 'host on a token'],             what: /^PIN of a stranger/,                                  why: 'the test wrote it into a JSON text, where no PIN belongs' },
  { parts: ['host'],                                what: /^(key .*|working key), bytes$/,                       why: 'the vault is software: keys/README.md' },
];

/** Found in every memory: it shows that the search looks where it should. */
const CONTROL: Planted = { name: 'control', text: terminalId(0) };

const memory = suite('leaks: what memory holds');

memory('no PIN, clear PIN block or key of the pad is in any memory; nothing secret is live', () =>
  afterABadDay({}, async ({ host, terminal, secrets }) => {
    for (const [part, child, dumps] of [
      ['host', host.child, host.dumps],
      ['terminal', terminal.child, terminal.dumps],
    ] as const) {
      // The image comes first: a snapshot collects the garbage, and the garbage is what is looked at.
      assert.equal(await untolerated(part, child, secrets), [], `image of the ${part}'s memory`);
      const live = await searchParts([await snapshot(child, dumps)], secrets);
      assert.ok(live.has('control, characters'), 'the snapshot is one of this process');
      assert.equal(
        [...live.keys()].filter((what) => !what.startsWith('control')),
        [],
        `live in the ${part}`,
      );
    }
  }),
);

memory('no key is in the memory of a host whose keys are in a token', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'zunka-token-'));
  try {
    const env = await softHsmHost(folder);
    if (env === null) return;
    await afterABadDay(env, async ({ host, secrets }) => {
      assert.equal(await untolerated('host on a token', host.child, secrets), []);
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

memory.run();

interface Told {
  readonly child: ChildProcess | undefined;
  /** Where node writes what it is asked to tell of itself. */
  readonly dumps: string;
}

interface Evening {
  readonly host: Told;
  readonly terminal: Told;
  readonly secrets: readonly Planted[];
}

/** Host and terminal in processes of their own, after everything that can go wrong in a day. */
async function afterABadDay(
  env: Readonly<Record<string, string>>,
  look: (evening: Evening) => Promise<void>,
): Promise<void> {
  if (!existsSync('/proc/self/pagemap')) {
    console.log('left out: /proc/PID/pagemap is not there: no memory was searched');
    return;
  }
  const dumps = await mkdtemp(join(tmpdir(), 'zunka-dumps-'));
  const place = { host: join(dumps, 'host'), terminal: join(dumps, 'terminal') };
  for (const folder of Object.values(place)) await mkdir(folder);
  const told = (folder: string, program: string) => ({
    command: process.execPath,
    args: ['--heapsnapshot-signal=SIGUSR2', `--diagnostic-dir=${folder}`, '--import', 'tsx', program],
  });
  const program = { ...told(place.host, 'host/main.ts'), env };
  const office = await Office.open({ terminals: 1, cards: 3, process: 'child', program });
  const target = { targetHost: '127.0.0.1', targetPort: office.acquirerPort };
  const link = await startLinkProxy({ listenPort: 0, ...target });
  const terminal = told(place.terminal, 'simulators/hardship/terminal-child.ts');
  const till = await Till.open({ office, index: 0, hostPort: link.port, program: terminal });
  try {
    await badDay(office, till, link);
    const onTheLine = plantedOnTheLine(link, xor(office.tmkComponents[0] ?? []));
    await look({
      host: { child: office.child, dumps: place.host },
      terminal: { child: till.child, dumps: place.terminal },
      secrets: [CONTROL, ...planted(office), ...onTheLine],
    });
  } finally {
    await till.close();
    await link.stop();
    await office.close();
    await rm(dumps, { recursive: true });
  }
}

/** Sales, declines, a wrong PIN, a lost answer, garbage, refused bodies. */
async function badDay(office: Office, till: Till, link: LinkProxy): Promise<void> {
  const [first, second, third] = office.cards;
  assert.ok(first && second && third);
  assert.is(await till.start(), 'started');
  await till.openShop();
  await till.must('balance', first);
  await till.must('sale 128', first);
  await till.must('preauth 300', second);
  await till.type('sale 9999999', first);
  await till.type('sale 5', { ...third, pin: '111111' });
  link.dropNextAnswer();
  await till.type('sale 45', second);
  for (const frame of strangeFrames()) await throwAt(office.acquirerPort, frame);
  await refusedCalls(office, first);
  await till.must('sale 12', third);
}

/** What stands in a process's memory and in no row of the table. */
async function untolerated(
  part: Part,
  child: ChildProcess | undefined,
  secrets: readonly Planted[],
): Promise<readonly string[]> {
  assert.ok(child?.pid !== undefined);
  const found = await searchParts(memoryOf(child.pid), secrets);
  assert.ok(found.has('control, characters'), `the image is the ${part}'s memory`);
  const rows = TOLERATED.filter(({ parts }) => parts.includes(part));
  for (const { what, why } of rows) {
    const kinds = [...found].filter(([kind]) => what.test(kind));
    const times = kinds.reduce((sum, [, one]) => sum + one, 0);
    if (times > 0) console.log(`tolerated in the ${part}: ${what.source}: ${times} times: ${why}`);
  }
  return [...found.keys()].filter(
    (kind) => !kind.startsWith('control') && !rows.some(({ what }) => what.test(kind)),
  );
}

/** Asks a process for a heap snapshot; node writes it into its diagnostic folder, and collects garbage before. */
async function snapshot(child: ChildProcess | undefined, folder: string): Promise<Buffer> {
  child?.kill('SIGUSR2');
  const until = Date.now() + SNAPSHOT_MS_MAX;
  let before = -1;
  while (Date.now() < until) {
    await pause(500);
    const name = (await readdir(folder)).find((one) => one.endsWith('.heapsnapshot'));
    if (name === undefined) continue;
    const path = join(folder, name);
    const { size } = await stat(path);
    // Whole when it ends as JSON does, and grows no more.
    if (size > 0 && size === before) {
      const bytes = await readFile(path);
      if (bytes.subarray(-16).toString('latin1').trimEnd().endsWith('}')) return bytes;
    }
    before = size;
  }
  throw new Error(`no heap snapshot within ${SNAPSHOT_MS_MAX} ms`);
}
