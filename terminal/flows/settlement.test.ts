import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fen, parseUpload } from '../../protocol/index.ts';
import { type Mischief, TestHost } from '../host.fixture.ts';
import { openShopForBusiness, PAN } from '../shop.fixture.ts';

const settlements = suite('settlement: 0500, 0320');

settlements(
  'sends own-card totals of sales, voids and refunds, gross, with result 0, and no MAC',
  async () => {
    const host = new TestHost();
    const { terminal } = await openShopForBusiness({ host });
    for (const line of ['sale 128', 'sale 5', 'void 2', 'refund 64 ref=R00000000002 date=1122']) {
      assert.is((await terminal.command(line)).code, '00', line);
    }
    const result = await terminal.command('settle');
    assert.equal([result.code, result.facts['balanced']], ['00', true]);
    const request = host.received.find(({ mti }) => mti === '0500');
    const own = `${'000000013300'}${'002'}${'000000019200'}${'002'}0`;
    assert.is(request?.get(48), `${own}${'0'.repeat(31)}`);
    assert.equal([request?.get(49), request?.get(60), request?.get(63)], ['156', '00000007201', '01 ']);
    assert.is(request?.has(64), false);
    assert.is(host.received.filter(({ mti }) => mti === '0320').length, 0);
    assert.is(terminal.state.batch, 8);
  },
);

settlements(
  'uploads every item, up to eight a message, when the totals differ, then ends with 202',
  async () => {
    const host = new TestHost();
    const { terminal, prints } = await openShopForBusiness({ host });
    for (let count = 1; count <= 11; count += 1) await terminal.command(`sale ${count}`);
    host.totalsOverride = { ...host.totals(), debitCount: 12, debitAmount: fen(9_900) };
    const result = await terminal.command('settle');
    assert.equal([result.facts['balanced'], result.facts['uploaded']], [false, 11]);
    const items = host.uploaded.slice(0, -1).map((de48) => parseUpload(de48).items);
    assert.equal(
      items.map((part) => part.length),
      [8, 3],
    );
    assert.equal(
      items.flat().map(({ amount }) => amount),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((yuan) => yuan * 100),
    );
    assert.ok(items.flat().every(({ pan }) => pan.replace(/^0+/, '') === PAN));
    assert.is(host.uploaded.at(-1), '0011');
    assert.is(host.received.filter(({ mti }) => mti === '0500').length, 1, 'a real difference is believed');
    const codes = host.received
      .filter(({ mti }) => mti === '0320')
      .map((message) => message.get(60)?.slice(8));
    assert.equal(codes, ['201', '201', '202']);
    assert.ok(prints.at(-1)?.includes('99.00'), "the host's figures stand on the slip");
  },
);

/** One sale of 1.40 in batch 7, as the 0500 says it and as one changed digit makes it. */
const NOTHING = '0'.repeat(31);
const DEBIT = { sent: '000000000140001000000000000000', changed: '000000010140001000000000000000' };

/** One digit, in the 0500 on its way or in the 0510 on its way back. */
// biome-ignore format: a table is read by column
const CHANGED: Readonly<Record<string, Omit<Mischief, 'mti'>>> = {
  'the figures on the way to the host':     { arrives: { 48: `${DEBIT.changed}0${NOTHING}` } },
  'the foreign figures, which are zeros':   { arrives: { 48: `${DEBIT.sent}0${NOTHING.slice(0, 11)}1${NOTHING.slice(12)}` } },
  'the batch, into one that never was':     { arrives: { 60: '00000107201' } },
  'the batch, into the one closed before':  { arrives: { 60: '00000006201' } },
  'the batch in the answer':                { fields: { 60: '00000006201' } },
  'the result, into unbalanced':            { fields: { 48: `${DEBIT.sent}2${NOTHING.slice(1)}1` } },
  'the result, into what cannot be read':   { fields: { 48: `${DEBIT.sent}1` } },
  "the host's figures":                     { fields: { 57: `HT060${DEBIT.changed}${'0'.repeat(30)}` } },
};

for (const [what, mischief] of Object.entries(CHANGED)) {
  settlements(`is sent once more, the same bytes, where the line changed ${what}: it balances`, async () => {
    const host = new TestHost();
    host.batch = 6;
    const { terminal, said, logged } = await openShopForBusiness({ host });
    assert.is((await terminal.command('settle')).facts['balanced'], true);
    await terminal.command('sale 1.40');
    host.mischief = [{ mti: '0500', ...mischief }];
    const result = await terminal.command('settle');
    assert.equal([result.facts['batch'], result.facts['balanced'], result.facts['uploaded']], [7, true, 0]);
    const [, first, second, ...more] = host.bodies.filter((body) => body.readUInt16BE(0) === 0x0500);
    assert.is(first?.equals(second ?? Buffer.alloc(0)), true);
    assert.equal(more, []);
    assert.equal([terminal.state.batch, host.batch], [8, 8]);
    assert.ok(said.some((line) => line.includes('they are sent once more')));
    assert.is(logged.filter((line) => line.includes('settling once more')).length, 1);
  });
}

settlements('that the line changes twice uploads, and the clerk reads why', async () => {
  const host = new TestHost();
  const { terminal, said, logged } = await openShopForBusiness({ host });
  await terminal.command('sale 1.40');
  host.mischief = [1, 2].map(() => ({ mti: '0500', arrives: { 48: `${DEBIT.changed}0${NOTHING}` } }));
  const result = await terminal.command('settle');
  assert.equal([result.facts['balanced'], result.facts['uploaded']], [false, 1]);
  assert.is(host.received.filter(({ mti }) => mti === '0500').length, 2);
  assert.ok(said.some((line) => line.includes('changed on the line: every item is uploaded')));
  assert.ok(logged.some((line) => line.includes('it is about other totals than were sent')));
  assert.equal([terminal.state.batch, host.batch], [8, 8]);
});

// biome-ignore format: a table is read by column
for (const [what, second, code] of [
  ['is refused',          { code: '96' }, '96'],
  ['is not answered',     { lose: true }, 'HOST_SILENT'],
] as const) {
  settlements(`of which the second sending ${what} waits, and the next try ends it`, async () => {
    const host = new TestHost();
    const { terminal } = await openShopForBusiness({ host });
    await terminal.command('sale 1.40');
    host.mischief = [
      { mti: '0500', arrives: { 48: `${DEBIT.changed}0${NOTHING}` } },
      { mti: '0500', ...second },
    ];
    assert.is((await terminal.command('settle')).code, code);
    assert.is((await terminal.command('sale 2')).code, 'NOT_ALLOWED_NOW');
    assert.is((await terminal.command('settle')).facts['balanced'], true);
    assert.equal([terminal.state.batch, host.batch], [8, 8]);
  });
}

settlements('with a host that tells no figures of its own is believed at once', async () => {
  const host = new TestHost();
  host.speaksDe57 = false;
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('sale 1.40');
  host.mischief = [{ mti: '0500', arrives: { 48: `${DEBIT.changed}0${NOTHING}` } }];
  assert.is((await terminal.command('settle')).facts['balanced'], false);
  assert.is(host.received.filter(({ mti }) => mti === '0500').length, 1);
});

settlements('sends 207 after a balanced answer only when its profile says so', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host, settings: { endMessageWhenBalanced: true } });
  await terminal.command('sale 1');
  await terminal.command('settle');
  const end = host.received.find(({ mti }) => mti === '0320');
  assert.equal([end?.get(60)?.slice(8), end?.get(48)], ['207', '0000']);
  assert.is(host.batch, 8, 'for a batch that is closed it has no effect');
});

settlements('sends what must be repeated before the 0500, the same bytes but for DE64', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('sale 128');
  host.mischief = [{ mti: '0220', lose: true }];
  const refund = await terminal.command('refund 64 ref=R00000000002 date=1122');
  assert.is(refund.ok, false);
  assert.is(terminal.state.transactions.at(-1)?.state, 'repeatDue');
  assert.is((await terminal.command('settle')).facts['balanced'], true);
  assert.equal(
    host.received.slice(-3).map(({ mti }) => mti),
    ['0220', '0220', '0500'],
  );
  const [first, second] = host.bodies.slice(-3);
  assert.is(first?.subarray(0, -8).equals(second?.subarray(0, -8) ?? Buffer.alloc(0)), true);
});

settlements('does not begin while a repeat is unanswered', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('sale 128');
  host.mischief = [1, 2, 3, 4].map(() => ({ mti: '0220', wrongMac: true }));
  await terminal.command('refund 64 ref=R00000000002 date=1122');
  assert.is((await terminal.command('settle')).code, 'NOT_ALLOWED_NOW');
  assert.equal(
    host.received.filter(({ mti }) => mti === '0500'),
    [],
  );
});

settlements(
  'that stays unanswered holds up sales, and is sent again with the same trace and figures',
  async () => {
    const host = new TestHost();
    const { terminal } = await openShopForBusiness({ host });
    await terminal.command('sale 1');
    host.mischief = [{ mti: '0500', lose: true }];
    assert.is((await terminal.command('settle')).code, 'HOST_SILENT');
    assert.is((await terminal.command('sale 2')).code, 'NOT_ALLOWED_NOW');
    assert.is((await terminal.command('settle')).code, '00');
    const [first, second] = host.bodies.slice(-2);
    assert.is(first?.equals(second ?? Buffer.alloc(0)), true);
    assert.equal([terminal.state.batch, host.batch], [8, 8]);
  },
);

for (const [nth, name] of ['first items', 'last items', 'end message'].entries()) {
  settlements(
    `repeats its upload (${name}) with the same bytes when the answer was lost, and goes on`,
    async () => {
      const host = new TestHost();
      const { terminal } = await openShopForBusiness({ host });
      for (let count = 1; count <= 9; count += 1) await terminal.command(`sale ${count}`);
      host.totalsOverride = { ...host.totals(), debitCount: 1 };
      const untouched = Array.from({ length: nth }, () => ({ mti: '0320' }));
      host.mischief = [...untouched, { mti: '0320', lose: true }];
      assert.is((await terminal.command('settle')).code, 'HOST_SILENT');
      assert.is((await terminal.command('settle')).code, '00');
      const uploads = host.bodies.filter((body) => body.readUInt16BE(0) === 0x0320);
      assert.is(uploads.length, 4);
      assert.ok(uploads[nth]?.equals(uploads[nth + 1] ?? Buffer.alloc(0)));
      assert.equal([terminal.state.batch, host.batch], [8, 8]);
    },
  );
}

settlements('whose upload is answered 94 takes a new trace for the next try, and ends', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('sale 1');
  host.totalsOverride = { ...host.totals(), debitCount: 2 };
  host.mischief = [{ mti: '0320', code: '94' }];
  assert.is((await terminal.command('settle')).code, '94');
  assert.is((await terminal.command('settle')).code, '00');
  const traces = host.received.filter(({ mti }) => mti === '0320').map((message) => message.get(11));
  assert.is(new Set(traces).size, 3);
});

settlements('that the host refuses closes nothing, and sales go on', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('sale 1');
  host.mischief = [{ mti: '0500', code: '12', unjudged: true }];
  assert.is((await terminal.command('settle')).code, '12');
  assert.equal([terminal.state.batch, terminal.state.settlement], [7, null]);
  assert.is((await terminal.command('sale 2')).code, '00');
});

/** What says nothing of the same request, sent before or delivered twice. Source: dialect, Order of judgement. */
const SAYS_NOTHING = ['03', '30', '40', '58', '77', '96', '97', 'A0'] as const;
const settled = (host: TestHost) => host.bodies.filter((body) => body.readUInt16BE(0) === 0x0500);

for (const code of SAYS_NOTHING) {
  settlements(
    `that was not judged (${code}): the host is asked which batch is open, and sales go on in it`,
    async () => {
      const host = new TestHost();
      const { terminal } = await openShopForBusiness({ host });
      await terminal.command('sale 1');
      host.mischief = [{ mti: '0500', code, unjudged: true }];
      assert.is((await terminal.command('settle')).code, code);
      assert.equal([terminal.state.batch, terminal.state.settlement], [7, null]);
      assert.is((await terminal.command('sale 2')).code, '00');
      assert.is((await terminal.command('settle')).code, '00');
      assert.equal([terminal.state.batch, host.batch], [8, 8]);
    },
  );

  settlements(
    `that was not judged (${code}) while its twin closed the batch is sent again at once, and ends`,
    async () => {
      const host = new TestHost();
      const { terminal } = await openShopForBusiness({ host });
      await terminal.command('sale 1');
      host.mischief = [{ mti: '0500', code }];
      assert.is((await terminal.command('settle')).code, '00');
      const bodies = settled(host);
      assert.is(bodies.length, 2);
      assert.ok(bodies[0]?.equals(bodies[1] ?? Buffer.alloc(0)));
      assert.equal([terminal.state.batch, host.batch], [8, 8]);
    },
  );

  settlements(
    `whose answer was lost and whose repeat was not judged (${code}) ends all the same`,
    async () => {
      const host = new TestHost();
      const { terminal } = await openShopForBusiness({ host });
      await terminal.command('sale 1');
      host.mischief = [
        { mti: '0500', lose: true },
        { mti: '0500', code, unjudged: true },
      ];
      assert.is((await terminal.command('settle')).code, 'HOST_SILENT');
      assert.is((await terminal.command('settle')).code, '00');
      const bodies = settled(host);
      assert.is(bodies.length, 3);
      assert.ok(bodies.every((body) => body.equals(bodies[0] ?? Buffer.alloc(0))));
      assert.equal([terminal.state.batch, host.batch], [8, 8]);
    },
  );
}

settlements('waits where the host does not tell which batch is open', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('sale 1');
  host.mischief = [
    { mti: '0500', code: '96', unjudged: true },
    { mti: '0800', code: '96' },
  ];
  assert.is((await terminal.command('settle')).code, '96');
  assert.is((await terminal.command('sale 2')).code, 'NOT_ALLOWED_NOW');
  assert.is((await terminal.command('settle')).code, '00');
  assert.equal([terminal.state.batch, host.batch], [8, 8]);
});

settlements('waits where the host has closed the batch and does not judge the repeat either', async () => {
  const host = new TestHost();
  const { terminal } = await openShopForBusiness({ host });
  await terminal.command('sale 1');
  host.mischief = [
    { mti: '0500', code: '96' },
    { mti: '0500', code: '96', unjudged: true },
  ];
  assert.is((await terminal.command('settle')).code, '96');
  assert.is((await terminal.command('sale 2')).code, 'NOT_ALLOWED_NOW');
  assert.is((await terminal.command('settle')).code, '00');
  assert.equal([terminal.state.batch, host.batch], [8, 8]);
});

settlements('opens the next batch in a segment of its own and keeps the old one', async () => {
  const host = new TestHost();
  const { terminal, disk } = await openShopForBusiness({ host });
  await terminal.command('sale 1');
  await terminal.command('settle');
  assert.equal(
    [...disk.files.keys()].filter((name) => name.startsWith('segment')),
    [
      'segment-000001-batch-000001.journal',
      'segment-000002-batch-000007.journal',
      'segment-000003-batch-000008.journal',
    ],
  );
});

settlements.run();
