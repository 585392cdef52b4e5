/** The small programme without a host; that a host accepts it is shown by every whole-system test. */
import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isLuhnValid, parseTrack1, parseTrack2 } from '../../protocol/index.ts';
import { Bureau, CARDS, MERCHANTS, numberedCard, programmeOf } from './index.ts';

/** Bytes that come again with the same seed. */
function seeded(seed: string) {
  let count = 0;
  return (bytes: number) => {
    count += 1;
    return createHash('shake256', { outputLength: bytes }).update(`${seed} ${count}`).digest();
  };
}

async function cardsOf(seed: string) {
  const bureau = await Bureau.open({ random: seeded(seed) });
  const cards = [...CARDS.map((spec) => bureau.personalise(spec)), bureau.card(0), bureau.card(1)];
  bureau.close();
  return { cards, components: bureau.shared.flatMap(({ components }) => components) };
}

const programme = suite('the small programme');

programme(
  'makes the same cards and shared keys from the same randomness, and others from other',
  async () => {
    assert.equal(await cardsOf('a'), await cardsOf('a'));
    const [one, other] = [await cardsOf('a'), await cardsOf('b')];
    assert.not.equal(one.components, other.components);
    assert.not.equal(
      one.cards.map(({ pinBlock }) => pinBlock),
      other.cards.map(({ pinBlock }) => pinBlock),
    );
  },
);

programme('makes tracks that a terminal reads, with one number on both', async () => {
  for (const { pan, track1, track2, name } of (await cardsOf('a')).cards) {
    assert.ok(isLuhnValid(pan));
    assert.equal([parseTrack2(track2).pan, parseTrack1(track1).pan], [pan, pan]);
    assert.is(parseTrack1(track1).name.trim(), name);
  }
});

programme('gives no card, account or number twice, named or numbered', () => {
  const all = [...CARDS, ...Array.from({ length: 500 }, (_, index) => numberedCard(index))];
  for (const field of ['cardId', 'accountId', 'stem'] as const)
    assert.is(new Set(all.map((card) => card[field])).size, all.length, field);
  for (const { pin } of all) assert.match(pin, /^\d{6}$/);
});

programme('names in each document only what stands before it', () => {
  const { all } = programmeOf(['hotel', 'farm', 'hotel']);
  const written = new Set<string>();
  for (const [kind, documents] of all) {
    for (const document of documents) {
      for (const [key, named] of Object.entries(document)) {
        if (key.endsWith('Id') && key !== 'acquirerId')
          assert.ok(written.has(named), `${kind} ${document.id}: ${key}`);
      }
    }
    for (const { id } of documents) written.add(id);
  }
});

programme('has the shops that have a terminal, with their terms, and no others', () => {
  const { merchants, terminals, all } = programmeOf(['hotel', 'farm', 'hotel']);
  const { hotel, farm } = MERCHANTS;
  assert.equal(merchants, [hotel, farm]);
  assert.equal(
    terminals.map(({ id, merchantId, branchId }) => [id, merchantId, branchId]),
    [
      ['41010001', hotel.id, 'hotel-lobby'],
      ['41010002', farm.id, 'farm-gate'],
      ['41010003', hotel.id, 'hotel-lobby'],
    ],
  );
  const ids = new Map(all.map(([kind, documents]) => [kind, documents.map(({ id }) => id)]));
  assert.equal(ids.get('contract'), ['hotel-80', 'farm-95']);
  assert.equal(ids.get('rule'), ['D-HOTEL-10', 'D-FARM-8', 'R-BLUE-1']);
});

programme.run();
