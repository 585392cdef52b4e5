import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Shelf } from './shelf.ts';

const shelf = suite('the latest documents of a kind');

const id = fc.string({ unit: fc.constantFrom('A', 'b', '-', '1', '中'), minLength: 1, maxLength: 3 });

shelf('lie in id order, each once, in whatever order they were put there', () => {
  fc.assert(
    fc.property(fc.array(id, { maxLength: 60 }), id, fc.nat(5), (ids, from, max) => {
      const one = new Shelf();
      const known = new Map<string, number>();
      for (const [version, name] of ids.entries()) {
        one.put(name, { version, body: name });
        known.set(name, version);
        assert.equal(one.get(name), { version, body: name });
      }
      const inOrder = [...known.keys()].sort();
      assert.equal(
        one.values(),
        inOrder.map((name) => ({ version: known.get(name), body: name })),
      );
      for (const begin of [from, '', ...ids])
        assert.equal(
          one.behind(begin, max).map(({ body }) => body),
          inOrder.filter((name) => name > begin).slice(0, max),
        );
      assert.is(one.get(`${from}?`), undefined);
    }),
  );
});

shelf.run();
