import { rejects } from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, PosError } from '../../protocol/index.ts';
import { nodeClock } from '../node-clock.ts';
import { MarkedStore, type MarkSlots, markedRecord, readMark, SLOT_BYTES, slotOf } from './commit-mark.ts';
import { nodeMarkSlots } from './node-mark-slots.ts';
import type { StorePort } from './port.ts';
import { BUSINESS_DATE, item, provisioned, saleItem, saleKey } from './sample-rows.ts';
import { openSqlite } from './sqlite-driver.ts';
import { openSqliteStore } from './sqlite-store.ts';

const HEAD = 'ab'.repeat(32);
const mark = (sequence: number) => ({ stream: 'host-01', sequence, head: HEAD });

/** Slots of memory that note what was written, and fail or wait when told to. */
function memorySlots() {
  const slots: (Buffer | null)[] = [null, null];
  const written: number[] = [];
  const memory = {
    fails: false,
    written,
    slots,
    read: async (slot: 0 | 1) => slots[slot] ?? null,
    write: async (slot: 0 | 1, bytes: Buffer) => {
      if (memory.fails) throw new Error('the disk is gone');
      slots[slot] = bytes;
      written.push(slot);
    },
  };
  return memory satisfies MarkSlots;
}

async function withStore(
  act: (
    store: StorePort,
    marked: (slots: MarkSlots) => Promise<MarkedStore>,
    failures: unknown[],
  ) => Promise<void>,
) {
  const store = await openSqliteStore({
    driver: await openSqlite(':memory:'),
    stream: 'host-01',
    clock: nodeClock,
    initialBusinessDate: BUSINESS_DATE,
  });
  const failures: unknown[] = [];
  const marked = async (slots: MarkSlots) => {
    const failed = (error: unknown) => void failures.push(error);
    const opened = new MarkedStore({ store, stream: 'host-01', slots, failed });
    await opened.begin();
    return opened;
  };
  try {
    await store.commit([provisioned('A1')]);
    await act(store, marked, failures);
  } finally {
    await store.close();
  }
}
const sale = (serial: number) => saleItem(serial, 'A1', serial + 1, fen(1_000_00 - serial));

const slots = suite('the mark of what is acknowledged');

slots('is one sector of text, the newer of two counts', async () => {
  const memory = memorySlots();
  assert.is(await readMark(memory), null);
  assert.is(slotOf(mark(7)).length, SLOT_BYTES);
  memory.slots[1] = slotOf(mark(7));
  assert.equal(await readMark(memory), mark(7));
  memory.slots[0] = slotOf(mark(8));
  assert.equal(await readMark(memory), mark(8));
});

slots('counts for nothing when it is torn at any byte; then the other one does', async () => {
  const memory = memorySlots();
  memory.slots[0] = slotOf(mark(7));
  const [whole, other] = [slotOf(mark(8)), slotOf({ ...mark(6), head: 'cd'.repeat(32) })];
  const said = whole.toString().trimEnd().length;
  for (let cut = 0; cut <= SLOT_BYTES; cut += 1) {
    memory.slots[1] = Buffer.concat([whole.subarray(0, cut), other.subarray(cut)]);
    const read = await readMark(memory);
    // The newer one counts as soon as all that it says is there.
    assert.equal(read, cut >= said ? mark(8) : mark(7), `cut at ${cut}`);
  }
});

slots('is written after the commit and before its outcome is told, in turn to either slot', async () => {
  await withStore(async (store, marked) => {
    const memory = memorySlots();
    const books = await marked(memory);
    for (let serial = 1; serial <= 4; serial += 1) {
      const [outcome] = await books.commit([sale(serial)]);
      assert.ok(outcome?.committed);
      const [head] = await store.journalHeads();
      assert.equal(await readMark(memory), head);
    }
    assert.equal(memory.written, [0, 1, 0, 1, 0]);
    // The next process begins with the slot that is older, whichever that is.
    await (await marked(memory)).commit([sale(5)]);
    assert.equal(memory.written.slice(5), [1, 0]);
  });
});

slots(
  'is made before there is a record, and vouches for none: one that is missing later was lost',
  async () => {
    await withStore(async (_store, marked) => {
      const memory = memorySlots();
      const { standing } = await marked(memory);
      const start = await readMark(memory);
      assert.is(start?.sequence, 0);
      assert.is(markedRecord(start), null);
      assert.equal([standing.committed, standing.marked], [0, 0]);
      // Again, and the first commit: the other slot each time, so that one is whole whatever tears.
      await (await marked(memory)).commit([sale(1)]);
      assert.equal(memory.written, [0, 1, 0]);
      assert.equal(markedRecord(await readMark(memory)), await readMark(memory));
    });
  },
);

slots('is waited for by the answer, not by the next commit', async () => {
  await withStore(async (store, marked) => {
    const memory = memorySlots();
    const books = await marked(memory);
    const { write } = memory;
    const held: (() => void)[] = [];
    memory.write = async (slot, bytes) => {
      await new Promise<void>((resolve) => held.push(resolve));
      await write(slot, bytes);
    };
    const told: string[] = [];
    const commit = (serial: number) =>
      new Promise<void>((resolve) => {
        const done = books.commit([sale(serial)], {
          landed: ([outcome]) => {
            assert.ok(outcome?.committed);
            told.push(`${serial} landed`);
            resolve();
          },
        });
        void done.then(() => told.push(`${serial} done`));
      });
    await commit(1);
    await commit(2);
    assert.equal(told, ['1 landed', '2 landed']);
    assert.is((await store.journalHeads())[0]?.sequence, 2);
    assert.is((await readMark(memory))?.sequence, 0);
    held.shift()?.();
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(told, ['1 landed', '2 landed', '1 done']);
    held.shift()?.();
    while (told.length < 4) await new Promise((resolve) => setImmediate(resolve));
    assert.is((await readMark(memory))?.sequence, 2);
  });
});

slots('after a commit of unknown outcome is written before anybody reads what it did', async () => {
  await withStore(async (store, marked) => {
    const memory = memorySlots();
    const books = await marked(memory);
    await books.commit([sale(1)]);
    const { commit } = store;
    store.commit = async (...what) => {
      await commit.apply(store, what);
      throw new PosError('STORE_UNKNOWN', 'its answer was lost');
    };
    await rejects(books.commit([sale(2)]), /STORE_UNKNOWN/);
    store.commit = commit;
    assert.is((await readMark(memory))?.sequence, 1);
    const found = await books.read({ identities: [saleKey(2)] });
    assert.is(found.identities.length, 1);
    assert.is((await readMark(memory))?.sequence, 2);
  });
});

slots('leaves a doubt that came while another was being settled', async () => {
  await withStore(async (store, marked) => {
    const memory = memorySlots();
    const books = await marked(memory);
    const { commit } = store;
    const lose = async (serial: number) => {
      store.commit = async (...what) => {
        await commit.apply(store, what);
        throw new PosError('STORE_UNKNOWN', 'its answer was lost');
      };
      await rejects(books.commit([sale(serial)]), /STORE_UNKNOWN/);
      store.commit = commit;
    };
    await lose(1);
    const { write } = memory;
    let isFirst = true;
    memory.write = async (slot, bytes) => {
      if (isFirst) {
        isFirst = false;
        await lose(2);
      }
      await write(slot, bytes);
    };
    await books.read({});
    assert.is((await readMark(memory))?.sequence, 1);
    assert.is(books.kept({}), null);
    assert.is((await books.read({ identities: [saleKey(2)] })).identities.length, 1);
    assert.is((await readMark(memory))?.sequence, 2, 'marked before anybody was told');
    assert.is.not(books.kept({}), null);
  });
});

slots('is not written for what has no record, and not for what was refused', async () => {
  await withStore(async (_store, marked) => {
    const memory = memorySlots();
    const books = await marked(memory);
    await books.commit([item({})]);
    const [outcome] = await books.commit([saleItem(1, 'A1', 9, fen(1))]);
    assert.not.ok(outcome?.committed);
    assert.equal(memory.written, [0], 'only where it began');
  });
});

slots(
  'that cannot be written fails nothing: the commit stands and is told, the failure is shown',
  async () => {
    await withStore(async (_store, marked, failures) => {
      const memory = memorySlots();
      const books = await marked(memory);
      await books.commit([sale(1)]);
      memory.fails = true;
      const [outcome] = await books.commit([sale(2)]);
      assert.ok(outcome?.committed);
      assert.is(failures.length, 1);
      assert.is((await readMark(memory))?.sequence, 1);
      memory.fails = false;
      await books.commit([sale(3)]);
      assert.is((await readMark(memory))?.sequence, 3);
    });
  },
);

slots('lies in a private file of two sectors, made at the first write', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-mark-'));
  try {
    const path = join(folder, 'acknowledged-01.mark');
    const file = nodeMarkSlots(path);
    assert.is(await readMark(file), null);
    assert.throws(() => statSync(path));
    await file.write(1, slotOf(mark(3)));
    assert.is(statSync(path).mode & 0o777, 0o600);
    assert.is(readFileSync(path).length, 2 * SLOT_BYTES);
    assert.equal(await readMark(file), mark(3));
    await file.close();
    const again = nodeMarkSlots(path);
    await again.write(0, slotOf(mark(4)));
    assert.equal(await readMark(again), mark(4));
    await again.close();
    await rejects(nodeMarkSlots(join(folder, 'absent', 'a')).write(0, slotOf(mark(1))));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

slots.run();
