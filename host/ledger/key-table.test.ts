import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KeyTable } from './key-table.ts';

const tables = suite('numbers for keys');

const key = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', ':'), maxLength: 4 }),
  fc.string({ maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.integer({ min: 16_380, max: 16_390 }).map((length) => 'k'.repeat(length)),
);

tables('are given in the order of their coming, and a key has one for ever', () => {
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200 }), fc.array(key, { maxLength: 20 }), (keys, others) => {
      const table = new KeyTable();
      const known = new Map<string, number>();
      for (const one of keys) {
        if (!known.has(one)) known.set(one, known.size);
        assert.is(table.numberOf(one), known.get(one));
        assert.is(table.size, known.size);
      }
      for (const one of [...keys, ...others]) assert.is(table.find(one), known.get(one));
      const pairs = [...table.shards()].flatMap((shard) => [...shard]);
      assert.is(pairs.length, known.size);
      for (const [one, number] of pairs) assert.is(known.get(one), number);
    }),
  );
});

tables('hold many keys that differ in a digit', () => {
  const table = new KeyTable();
  const count = 300_000;
  const name = (at: number) => `fen purse:principal:z${String(at).padStart(9, '0')} L${at % 7}`;
  for (let at = 0; at < count; at += 1) assert.is(table.numberOf(name(at)), at);
  for (let at = 0; at < count; at += 1) assert.is(table.find(name(at)), at);
  assert.is(table.find(name(count)), undefined);
  let told = 0;
  for (const shard of table.shards())
    for (const [one, number] of shard) {
      assert.is(one, name(number));
      told += 1;
    }
  assert.is(told, count);
});

tables('are cut the same way for the same keys, in whatever order they came', () => {
  fc.assert(
    fc.property(fc.uniqueArray(key, { maxLength: 50 }), fc.nat(), (keys, turn) => {
      const cut = (some: readonly string[]) => {
        const table = new KeyTable();
        for (const one of some) table.numberOf(one);
        return [...table.shards()].map((shard) => [...shard].map(([one]) => one).sort());
      };
      const at = turn % (keys.length + 1);
      assert.equal(cut([...keys.slice(at), ...keys.slice(0, at)]), cut(keys));
    }),
  );
});

tables.run();
