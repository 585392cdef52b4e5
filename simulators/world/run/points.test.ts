/** The points of a sale and of a sign-in, and some pairs; all by `npm run world -- --points --pairs`. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cutAt, differentCuts, effectsOf, type Point, pairsOf, singlePoints } from './points.ts';

const points = suite('the power goes before each effect of a transaction, on either side');

async function survived(all: readonly Point[]): Promise<number> {
  for (const point of all) {
    const { about, violations, timeline } = await cutAt(point);
    if (violations.length > 0) console.log(timeline.join('\n'));
    assert.equal(violations, [], about);
  }
  return all.length;
}

points('a frame on a serial line is three points: before, in the middle, behind', async () => {
  const serial = (await effectsOf('balance', 'terminal')).filter(({ kind }) => kind === 'serial byte');
  const byPlace = (place: string) => serial.filter(({ detail }) => detail.endsWith(place)).length;
  assert.ok(serial.length > 0 && serial.length === 3 * byPlace('first'));
  assert.is(byPlace('first'), byPlace('middle'));
  assert.is(byPlace('first'), byPlace('last'));
});

points('a journal write, its sync and a socket write are points; the host has its own', async () => {
  const kinds = async (side: 'terminal' | 'host') =>
    new Set((await effectsOf('sale', side)).map(({ kind }) => kind));
  assert.equal([...(await kinds('terminal'))].sort(), [
    'disk sync',
    'disk write',
    'serial byte',
    'socket byte',
  ]);
  assert.equal([...(await kinds('host'))].sort(), ['disk sync', 'disk write', 'socket byte']);
});

points('a sign-in is survived at each effect of the terminal: each frame in three places', async () => {
  const all = await singlePoints('sign-in', 'terminal', 'lose everything un-synced');
  console.log(`sign-in, terminal: ${await survived(all)} points, all survived`);
});

points('a sale is survived at each effect of the terminal: each frame in its middle', async () => {
  const effects = await effectsOf('sale', 'terminal');
  const all = (await singlePoints('sale', 'terminal', 'lose everything un-synced')).filter(({ effect }) => {
    const { kind, detail = '' } = effects[effect - 1] ?? {};
    return kind !== 'serial byte' || detail.endsWith('middle');
  });
  assert.ok(all.length > effects.length / 3);
  console.log(`sale, terminal: ${await survived(all)} points, all survived`);
});

points('a sale is survived at each effect of the host that leaves something else behind', async () => {
  const different = differentCuts(await effectsOf('sale', 'host'), 'lose everything un-synced');
  const all = (await singlePoints('sale', 'host', 'lose everything un-synced')).filter(({ effect }) =>
    different.includes(effect),
  );
  assert.is(all.length, different.length);
  console.log(`sale, host: ${await survived(all)} points, all survived`);
});

points('a second cut is survived in the recovery from each cut of the terminal in a sign-in', async () => {
  const pairs = await pairsOf('sign-in', 'terminal', 'lose everything un-synced');
  assert.ok(pairs.length > 10);
  console.log(`sign-in, terminal: ${await survived(pairs)} pairs, all survived`);
});

points.run();
