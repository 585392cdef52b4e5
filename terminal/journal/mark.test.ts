import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { ManualClock, MemoryDisk } from '../machine.fixture.ts';
import { openJournal } from './journal.ts';
import { MARK_NAMES } from './mark.ts';

const IDENTITY = { terminalId: '12345678', merchantId: '898410000000001' };
const FIRST = 'segment-000001-batch-000001.journal';
const LAST = 'segment-000002-batch-000002.journal';

type Disk = ReadonlyMap<string, Buffer>;

async function opened(files: Disk) {
  const disk = new MemoryDisk(new Map(files));
  const { journal, repair } = await openJournal({ disk, clock: new ManualClock(), ...IDENTITY });
  return { disk, journal, repair };
}

/** Two segments; in the last one its opening and three records, noted after each. */
async function written(): Promise<Disk> {
  const { disk, journal } = await opened(new Map());
  await journal.note();
  await journal.append({ type: 'batch adopted', batch: 2 });
  for (let count = 0; count < 3; count += 1) {
    await journal.append({ type: 'trace taken', kind: 'signIn', trace: journal.state.nextTrace });
    await journal.note();
  }
  return disk.files;
}

const bytesOf = (files: Disk, name: string) => files.get(name) ?? Buffer.alloc(0);
const changed = (files: Disk, changes: Readonly<Record<string, Buffer | null>>): Disk =>
  new Map(
    [...files, ...Object.entries(changes)].filter(
      (entry): entry is [string, Buffer] => entry[1] !== null && changes[entry[0]] !== null,
    ),
  );

/** The report of a start that is refused and has changed nothing. */
async function refusal(files: Disk): Promise<string> {
  const disk = new MemoryDisk(new Map(files));
  let report = '';
  await rejects(openJournal({ disk, clock: new ManualClock(), ...IDENTITY }), (error: unknown) => {
    assert.instance(error, PosError);
    report = `${(error as PosError).code} ${(error as PosError).detail}`;
    return true;
  });
  assert.equal([...disk.files], [...files], 'a refused start has changed nothing');
  return report;
}

/** Ends of the lines of a segment, as byte offsets. */
function lineEnds(bytes: Buffer): readonly number[] {
  return [...bytes.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at + 1);
}

const marks = suite('journal: an end that is gone is noticed by the mark beside it');

marks('whole records cut off the last segment are refused, with what is sound and what to do', async () => {
  const files = await written();
  const bytes = bytesOf(files, LAST);
  const [opening = 0, first = 0, second = 0, third = 0] = lineEnds(bytes);
  assert.is(third, bytes.length);
  const report = await refusal(changed(files, { [LAST]: bytes.subarray(0, second) }));
  assert.match(report, /^JOURNAL_DAMAGED segment-000002-batch-000002\.journal: records 1 to 3 are sound/);
  assert.match(report, /record 4 of segment 2 was acknowledged: the end is gone/);
  assert.match(report, /whole journal directory back from its copy.*compare with the host/);
  for (const end of [0, opening, first])
    assert.match(await refusal(changed(files, { [LAST]: bytes.subarray(0, end) })), /^JOURNAL_DAMAGED /);
});

marks('a cut at any byte of what was acknowledged is refused', async () => {
  const files = await written();
  const bytes = bytesOf(files, LAST);
  for (let end = 0; end < bytes.length; end += 1)
    await refusal(changed(files, { [LAST]: bytes.subarray(0, end) }));
});

marks('a last segment that is gone is refused, and so are all of them', async () => {
  const files = await written();
  assert.match(await refusal(changed(files, { [LAST]: null })), /segment-000001.*record 4 of segment 2/);
  assert.match(await refusal(changed(files, { [LAST]: null, [FIRST]: null })), /no segment is there/);
});

marks('another journal of as many records is refused', async () => {
  const files = await written();
  const { disk, journal } = await opened(changed(files, { [LAST]: null, ...without() }));
  for (let count = 0; count < 3; count += 1)
    await journal.append({ type: 'trace taken', kind: 'sale', trace: journal.state.nextTrace });
  const other = changed(
    disk.files,
    Object.fromEntries(MARK_NAMES.map((name) => [name, bytesOf(files, name)])),
  );
  assert.match(await refusal(other), /with another hash: this is another journal/);
});

marks('what was written behind the mark is taken, whole or torn', async () => {
  const files = await written();
  const { disk, journal } = await opened(files);
  await journal.append({ type: 'trace taken', kind: 'signIn', trace: journal.state.nextTrace });
  assert.is((await opened(disk.files)).journal.head, journal.head);
  const bytes = bytesOf(disk.files, LAST);
  const torn = await opened(changed(disk.files, { [LAST]: bytes.subarray(0, bytes.length - 10) }));
  assert.is(torn.repair?.segment, LAST);
});

marks(
  'one mark that is torn, empty or gone leaves the other; without any the journal is taken as it is',
  async () => {
    const files = await written();
    const bytes = bytesOf(files, LAST);
    const cut = { [LAST]: bytes.subarray(0, lineEnds(bytes)[1]) };
    for (const name of MARK_NAMES) {
      for (const left of [null, Buffer.alloc(0), bytesOf(files, name).subarray(0, 20)]) {
        await opened(changed(files, { [name]: left }));
        await refusal(changed(files, { ...cut, [name]: left }));
      }
    }
    await opened(changed(files, { ...cut, ...without() }));
  },
);

marks('a start goes on noting in the place of the older mark', async () => {
  const { disk, journal } = await opened(await written());
  await journal.append({ type: 'trace taken', kind: 'signIn', trace: journal.state.nextTrace });
  const before = MARK_NAMES.map((name) => bytesOf(disk.files, name).toString());
  await journal.note();
  const after = MARK_NAMES.map((name) => bytesOf(disk.files, name).toString());
  const records = (text: string) => Number(text.split(' ')[1]);
  assert.is(before.filter((text, at) => text !== after[at]).length, 1, 'one of the two');
  assert.equal([...after.map(records)].sort(), [4, 5]);
});

function without(): Record<string, null> {
  return Object.fromEntries(MARK_NAMES.map((name) => [name, null]));
}

marks.run();
