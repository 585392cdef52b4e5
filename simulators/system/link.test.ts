/** A bad line between real terminals and a real host: whatever it does, both say the same afterwards. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parseDe57 } from '../../protocol/index.ts';
import type { CommandResult } from '../../terminal/index.ts';
import { type LinkProxy, startLinkProxy, type WireRecord } from '../link/index.ts';
import { Office } from '../office/index.ts';
import { assertAgreement, assertSameNow, assertSettles } from './agreement.fixture.ts';
import { Counter, type Customer } from './counter.fixture.ts';

/** More than the terminal's time-out of one second. */
const LATE_MS = 1_300;

/** One terminal behind a line of its own, and a customer of its own. */
interface Till {
  readonly counter: Counter;
  readonly link: LinkProxy;
  readonly holder: Customer;
}

// biome-ignore format: a table is read by column
const FAULTS: Readonly<Record<string, (link: LinkProxy) => void>> = {
  'a request is lost':                      (link) => link.dropNextRequest(),
  'an answer is lost':                      (link) => link.dropNextAnswer(),
  'an answer comes later than the time-out':  (link) => link.delayNext(LATE_MS, 'answer'),
  'a request comes later than the time-out':  (link) => link.delayNext(LATE_MS, 'request'),
  'a request comes twice':                  (link) => link.duplicateNext('request'),
  'an answer comes twice':                  (link) => link.duplicateNext('answer'),
  'a bit in the middle of a request is turned': (link) => link.corruptNext(60, 'request'),
  'a bit in the middle of an answer is turned': (link) => link.corruptNext(60, 'answer'),
  'the last bit of a request is turned':    (link) => link.corruptNext(-1, 'request'),
  'the last bit of an answer is turned':    (link) => link.corruptNext(-1, 'answer'),
};

/** What is done while the fault is armed. Each begins with what it needs, over a good line. */
// biome-ignore format: a table is read by column
const DEEDS: Readonly<Record<string, (till: Till, arm: () => void) => Promise<unknown>>> = {
  sale: (till, arm) => { arm(); return till.counter.type('sale 3', till.holder); },
  void: async (till, arm) => {
    const sale = await sold(till, 'sale 5');
    arm();
    return till.counter.type(`void ${String(sale.facts['trace'])}`, till.holder);
  },
  refund: async (till, arm) => {
    const { facts } = await sold(till, 'sale 7');
    arm();
    return till.counter.type(`refund 2 ref=${String(facts['rrn'])} date=${String(facts['date'])}`, till.holder);
  },
  settlement: async (till, arm) => {
    await sold(till, 'sale 9');
    arm();
    return till.counter.type('settle');
  },
};

const KINDS = Object.keys(DEEDS);
const STEP_BYTES = 47;
/** Longer than every request and answer of these deeds. */
const FRAME_BYTES_MAX = 420;

/** Length 2, TPDU 5, header 6: then the MTI. */
const MTI_OFFSET = 13;

function isSignIn(record: WireRecord): boolean {
  return (
    record.kind === 'bytes' && record.from === 'terminal' && record.bytes.readUInt16BE(MTI_OFFSET) === 0x0800
  );
}

let office: Office;
let tills: readonly Till[] = [];

async function openTill(index: number): Promise<Till> {
  const link = await startLinkProxy({
    listenPort: 0,
    targetHost: '127.0.0.1',
    targetPort: office.acquirerPort,
  });
  const counter = await Counter.open({
    office,
    index,
    hostPort: link.port,
    settings: { reversalTries: 6, repeatTries: 6 },
  });
  const card = office.cards[index];
  assert.ok(card);
  return { counter, link, holder: { card } };
}

/** All tills at once; a failure of one is told after the others have ended. */
async function atAllTills(work: (till: Till, kind: string) => Promise<void>): Promise<void> {
  const ended = await Promise.allSettled(tills.map((till, index) => work(till, KINDS[index] ?? '')));
  for (const one of ended) if (one.status === 'rejected') throw one.reason;
}

/** How often a sale on a whole line may be unlucky. */
const BUSY_TRIES = 5;

/** A machine that is busy with other things may keep the host from answering in time: that sale is undone, and tried again. */
async function sold({ counter, holder }: Till, command: string, where = command): Promise<CommandResult> {
  let result = await counter.type(command, holder);
  for (let tries = 1; result.code === 'HOST_SILENT' && tries < BUSY_TRIES; tries += 1)
    result = await counter.type(command, holder);
  assert.is(result.code, '00', `${where}: ${result.en}`);
  return result;
}

/** The deed under the fault, then business as usual: the next sale goes through, and both sides agree. */
async function endure(till: Till, kind: string, fault: string, arm: () => void): Promise<void> {
  const deed = DEEDS[kind];
  assert.ok(deed);
  await deed(till, arm);
  // A cut behind the end of what was sent has not come: it is not meant for the next transaction.
  for (const direction of ['request', 'answer'] as const)
    till.link.cutAfter(Number.POSITIVE_INFINITY, direction);
  const where = `${kind}, ${fault}`;
  // A settlement that was interrupted is taken up; one that is done needs no second.
  if (till.counter.terminal.state.settlement !== null) {
    const again = await till.counter.type('settle');
    assert.is(again.code, '00', `${where}: the settlement is taken up: ${again.en}`);
  }
  await sold(till, 'sale 1', `${where}: the next sale goes through`);
  await assertSameNow(office, till.counter, where);
}

const line = suite('link: terminal and host agree whatever the line does, with one effect each');

line.before(async () => {
  office = await Office.open({ terminals: KINDS.length, cards: KINDS.length });
  tills = await Promise.all(KINDS.map((_, index) => openTill(index)));
});

for (const [fault, arm] of Object.entries(FAULTS)) {
  line(`${fault}: a sale, a void, a refund and a settlement each count once or not at all`, async () => {
    await atAllTills((till, kind) => endure(till, kind, fault, () => arm(till.link)));
  });
}

for (const direction of ['request', 'answer'] as const) {
  line(`the line is cut at byte n of the ${direction}, n from 0 to behind its end`, async () => {
    await atAllTills(async (till, kind) => {
      for (let bytes = 0; bytes <= FRAME_BYTES_MAX; bytes += STEP_BYTES) {
        const arm = () => till.link.cutAfter(bytes, direction);
        await endure(till, kind, `${direction} cut at ${bytes}`, arm);
      }
    });
  });
}

/** Behind `V1` in an 0810: `HH` (tag and length 5, 64 hex); DE60 (length 2, eleven digits in 6 bytes), DE62 (length 2, two keys of 20 bytes with their KCV). */
const BEHIND_V1_BYTES = 69 + 8 + 42;
const V1_ITEM_BYTES = 'V1011ZUNKA 0.1.0'.length;

line(
  'one bit of the tag V1 in an 0810 is turned: the terminal signs in once more, and sends UT',
  async () => {
    await atAllTills(async ({ counter, link, holder }, kind) => {
      const signIns = () => link.capture().filter((one) => isSignIn(one)).length;
      const before = signIns();
      link.corruptNext(-(BEHIND_V1_BYTES + V1_ITEM_BYTES), 'answer');
      await counter.must('signin');
      assert.is(signIns() - before, 2, `${kind}: sign-ins`);
      assert.ok(counter.terminal.state.peerSpeaksDe57);
      const { facts } = await counter.must('sale 2', holder);
      const sale = counter.terminal.state.transactions.find(({ trace }) => trace === facts['trace']);
      assert.ok(parseDe57(sale?.request.fields['57'] ?? '').some(([tag]) => tag === 'UT'));
    });
  },
);

line('at the end every terminal settles balanced, and the books hold what the terminals hold', async () => {
  for (const [index, { counter }] of tills.entries()) await assertSettles(counter, index);
  await Promise.all(tills.map(({ counter }) => counter.stop()));
  const standing = await assertAgreement(
    office,
    tills.map(({ counter }) => counter),
  );
  assert.ok(standing > 100, `${standing} transactions stand`);
});

line.after(async () => {
  for (const { counter, link } of tills) {
    await counter.close();
    await link.stop();
  }
  await office.close();
});

line.run();
