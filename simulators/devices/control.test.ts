import { rejects } from 'node:assert/strict';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { PAN, TRACK2, withDevices } from './bench.fixture.ts';
import { helpText, obey } from './control.ts';
import { readTestCards } from './test-cards.ts';

const hands = suite('typed commands: a person at the counter');
const CARDS = readTestCards(JSON.stringify({ blue: { zh: '蓝卡', track2: TRACK2 } }));

// biome-ignore format: a table is read by column
for (const [line, said] of [
  ['type 246810',            '手放在键盘上'],
  ['press cancel',           '已按'],
  ['按 5',                   '已按'],
  ['tear paper',             '缺纸'],
  ['换纸',                   '新纸卷'],
  ['cover open',             '盖子已开'],
  ['cover close',            '盖子已合'],
  ['jam on',                 '已卡'],
  ['jam off',                '已清'],
  ['answer printer garbage', 'printer: garbage'],
  ['answer pinpad silent',   'pinpad: silent'],
  ['show pad',               '欢迎使用尊卡'],
  ['show cards',             'blue 蓝卡 627788******0016'],
  ['show state',             'slips 0'],
  ['save pictures',          'pictures/slip-001.svg'],
  [`swipe ${TRACK2}`,        '已刷'],
  ['帮助',                   'swipe CARD'],
] as const) {
  hands(`are obeyed: ${line.startsWith('swipe') ? 'swipe with a track' : line}`, () =>
    withDevices(async ({ simulated }) => {
      const savePictures = async (dir: string) => [`${dir}/slip-001.svg`];
      assert.match(await obey({ devices: simulated, cards: CARDS, savePictures }, line), said);
    }),
  );
}

hands('show slips as text, torn ones marked', () =>
  withDevices(async ({ simulated, devices }) => {
    const bench = { devices: simulated, cards: CARDS, savePictures: undefined };
    // Three for the strip before a life's first slip, two for the slip.
    await obey(bench, 'paper 5');
    await devices.printer
      .print({ cut: true, lines: Array(9).fill({ text: '消费 SALE' }) })
      .catch(() => undefined);
    await obey(bench, 'refill');
    assert.match(await obey(bench, 'show slips'), '消费 SALE\n消费 SALE\n≈≈≈ 撕断 torn ≈≈≈');
  }),
);

// biome-ignore format: a table is read by column
for (const line of ['press x', 'paper x', 'cover', 'jam', 'unplug x', 'answer reader well', 'answer printer', 'show', 'save', `swipe ${PAN}`, 'dance']) {
  hands(`explain themselves instead of guessing: ${line.split(' ')[0]}`, () =>
    withDevices(async ({ simulated }) => {
      await rejects(obey({ devices: simulated, cards: CARDS, savePictures: undefined }, line), (error: unknown) => {
        assert.ok(error instanceof PosError && error.code === 'INPUT_BAD');
        assert.not.match(String(error), PAN);
        return true;
      });
    }),
  );
}

hands('are all in the help, in Chinese and English', () => {
  const rows = helpText().split('\n');
  assert.is(rows.length, 16);
  for (const row of rows) assert.match(row, /^[a-z]+.*\p{Script=Han}.* · [a-z]/u);
});

hands.run();
