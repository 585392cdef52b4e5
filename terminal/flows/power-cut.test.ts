import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TestHost } from '../host.fixture.ts';
import { readJournalFrom } from '../journal/read-back.ts';
import { approvedAmount, countedTransactions, totalsOf } from '../journal/state.ts';
import { Power } from '../machine.fixture.ts';
import { openShop, openShopForBusiness, type Shop } from '../shop.fixture.ts';

const cuts = suite('power cuts: whatever the moment, money resolves exactly once');

/** Runs `first` with the power cut at act `cutAt`; undefined when the power outlived it. */
async function cutDuring(
  prepare: readonly string[],
  first: string,
  cutAt: number,
  mode: 'before' | 'after' | 'torn',
): Promise<{ host: TestHost; shop: Shop } | undefined> {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host });
  for (const line of prepare) await shop.terminal.command(line);
  const power = new Power(cutAt, mode);
  const restarted = await openShop({ ...kept(shop, host), power });
  await restarted.terminal.command(first);
  if (power.isOn) return undefined;
  return { host, shop: await openShop(kept(restarted, host)) };
}

/** What survives a power cut: disk, PIN pad, paper, the clerk. */
function kept(shop: Shop, host: TestHost) {
  const { disk, pad, printer, clock, clerk } = shop;
  return { host, disk, pad, printer, clock, clerk };
}

for (const mode of ['before', 'after', 'torn'] as const) {
  cuts(`a sale cut at any act (${mode}): the next sale and the settlement agree with the host`, async () => {
    let moments = 0;
    for (let cutAt = 1; ; cutAt += 1) {
      const scene = await cutDuring([], 'sale 128', cutAt, mode);
      if (scene === undefined) break;
      moments += 1;
      const { host, shop } = scene;
      const { terminal } = shop;
      assert.is((await terminal.command('sale 5')).code, '00', `act ${cutAt}: the next sale goes through`);
      assertAgrees(host, shop, `act ${cutAt}`);
      await terminal.command('paper');
      assertOneOriginal(shop, `act ${cutAt}`);
      const settled = await terminal.command('settle');
      assert.equal([settled.code, settled.facts['balanced']], ['00', true], `act ${cutAt}: it settles`);
    }
    assert.ok(moments >= 9, `${moments} moments were tried`);
  });
}

cuts('a void cut at any act: the sale stands or is voided, at both ends alike', async () => {
  for (let cutAt = 1; ; cutAt += 1) {
    const scene = await cutDuring(['sale 128'], 'void 2', cutAt, 'after');
    if (scene === undefined) break;
    const { host, shop } = scene;
    await shop.terminal.command('sale 5');
    assertAgrees(host, shop, `act ${cutAt}`);
    const [sale, voiding] = shop.terminal.state.transactions;
    const isVoided = voiding?.kind === 'void' && voiding.state === 'approved';
    assert.is(sale?.state, isVoided ? 'voided' : 'approved', `act ${cutAt}`);
  }
});

cuts(
  'a refund cut at any act is repeated with the card by number and the same entry mode, and counts once',
  async () => {
    for (let cutAt = 1; ; cutAt += 1) {
      const scene = await cutDuring(['sale 128'], 'refund 64 ref=R00000000002 date=1122', cutAt, 'after');
      if (scene === undefined) break;
      const { host, shop } = scene;
      await shop.terminal.command('sale 5');
      assertAgrees(host, shop, `act ${cutAt}`);
      const refunds = host.received.filter(({ mti }) => mti === '0220');
      if (refunds.length < 2) continue;
      const [first, second] = refunds;
      const differing = [...new Set([...(first?.fields() ?? []), ...(second?.fields() ?? [])])].filter(
        (field) => first?.get(field) !== second?.get(field),
      );
      assert.equal(
        differing.sort((a, b) => a - b),
        [2, 14, 35, 64],
      );
      assert.is(second?.get(22), '022');
    }
  },
);

cuts('a settlement cut at any act resumes its phase and closes the batch once, balanced or not', async () => {
  for (const isBalanced of [true, false]) {
    for (const mode of ['before', 'after'] as const) {
      for (let cutAt = 1; ; cutAt += 1) {
        const host = new TestHost();
        const opened = await openShopForBusiness({ host });
        for (const amount of [1, 2, 3]) await opened.terminal.command(`sale ${amount}`);
        if (!isBalanced) host.totalsOverride = { ...host.totals(), debitCount: 9 };
        const power = new Power(cutAt, mode);
        const cut = await openShop({ ...kept(opened, host), power });
        await cut.terminal.command('settle');
        if (power.isOn) break;
        const { terminal, disk } = await openShop(kept(cut, host));
        if (terminal.state.batch === 7)
          assert.is((await terminal.command('settle')).code, '00', `act ${cutAt}`);
        assert.equal(
          [terminal.state.batch, host.batch, terminal.state.settlement],
          [8, 8, null],
          `act ${cutAt}`,
        );
        const report = await readJournalFrom(disk);
        const closed = report.batches.find(({ batch }) => batch === 7);
        assert.equal([closed?.closed, closed?.totals.debitAmount], [true, 600]);
      }
    }
  }
});

cuts.run();

const full = suite('a disk that is full: whatever the record, money resolves exactly once');

/** Runs a command on a disk that does not take its `nth` record; undefined when there are fewer. */
async function fullAt(nth: number, isTorn: boolean, prepare: readonly string[], line: string) {
  const host = new TestHost();
  const shop = await openShopForBusiness({ host });
  for (const before of prepare) await shop.terminal.command(before);
  let records = 0;
  const append = shop.disk.append.bind(shop.disk);
  shop.disk.append = async (name, bytes) => {
    records += 1;
    if (records !== nth) return append(name, bytes);
    const half = bytes.subarray(0, isTorn ? bytes.length >> 1 : 0);
    shop.disk.files.set(name, Buffer.concat([await shop.disk.read(name), half]));
    throw new Error('ENOSPC');
  };
  await shop.terminal.command(line);
  return records < nth ? undefined : { host, shop };
}

for (const [line, prepare] of [
  ['sale 128', []],
  ['void 2', ['sale 128']],
  ['refund 64 ref=R00000000002 date=1122', ['sale 128']],
  ['complete 50 auth=A12345', ['preauth 100']],
] as const) {
  full(`${line}: nothing is sent behind the journal's back, and a restart settles it`, async () => {
    for (const isTorn of [false, true]) {
      for (let nth = 1; ; nth += 1) {
        const scene = await fullAt(nth, isTorn, prepare, line);
        if (scene === undefined) break;
        const { host, shop } = scene;
        const money = () => host.received.filter(({ mti }) => mti === '0200' || mti === '0100').length;
        const before = money();
        assert.is((await shop.terminal.command('sale 7')).code, 'JOURNAL_WRITE', `record ${nth}`);
        assert.is(money(), before, `record ${nth}: until it is restarted it sells nothing`);
        const again = await openShop(kept(shop, host));
        assert.is((await again.terminal.command('sale 5')).code, '00', `record ${nth}`);
        assertAgrees(host, again, `record ${nth}`);
        assert.is((await again.terminal.command('settle')).facts['balanced'], true, `record ${nth}`);
      }
    }
  });
}

full.run();

function assertAgrees(host: TestHost, shop: Shop, where: string): void {
  const { state } = shop.terminal;
  assert.equal(totalsOf(countedTransactions(state, state.batch)), host.totals(), `${where}: totals`);
  for (const one of state.transactions) {
    assert.ok(
      ['approved', 'voided', 'declined', 'reversed'].includes(one.state),
      `${where}: ${one.kind} ${one.state}`,
    );
    assert.ok(approvedAmount(one) > 0);
  }
}

/** Of each copy of each slip at most one print has no mark, and a whole one exists. */
function assertOneOriginal(shop: Shop, where: string): void {
  for (const { trace } of shop.terminal.state.transactions.filter((one) => one.state === 'approved')) {
    for (const label of ['MERCHANT COPY', 'CARDHOLDER COPY']) {
      const prints = shop.prints.filter((text) => text.includes(trace) && text.includes(label));
      const originals = prints.filter((text) => !text.includes('DUPLICATED'));
      assert.ok(prints.length >= 1, `${where}: ${trace} ${label} was printed`);
      assert.ok(originals.length <= 1, `${where}: ${trace} ${label} has one original`);
    }
  }
}
