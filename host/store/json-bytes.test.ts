import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isFaithful, JsonBytes } from './json-bytes.ts';

const jsonBytes = suite('JSON written straight into bytes');

const written = (value: unknown) => {
  // Room for little, so that it must grow.
  const bytes = new JsonBytes(4);
  bytes.value(value);
  return { text: bytes.between(0, bytes.length).toString(), unfaithful: bytes.unfaithful > 0 };
};

/** A list, because JSON.stringify by itself gives nothing for what has no form. */
function checkAsStringify(value: unknown): void {
  const text = JSON.stringify([value]);
  assert.equal(written([value]), { text: Buffer.from(text).toString(), unfaithful: !isFaithful(text) });
}

jsonBytes('is what JSON.stringify spells, of any value', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
  );
  const whole = fc.oneof(fc.maxSafeInteger(), fc.integer({ min: -1_000, max: 1_000 }));
  const leaf = fc.oneof(
    texts,
    whole,
    fc.double(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, 1e9, 999_999_999, 2 ** 53, Symbol('s'), () => 1, new Date(0)),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: 'small', maxDepth: 4 }, leaf, tie('list'), tie('object')),
    list: fc.array(tie('value')),
    object: fc.dictionary(fc.oneof(texts, fc.constantFrom('12', '4', '__proto__', 'toJSON')), tie('value')),
  }));
  fc.assert(fc.property(value, checkAsStringify), { numRuns: 1_000 });
});

jsonBytes('leaves to JSON.stringify what wants to be written in its own way, and what lies deep', () => {
  class Named {
    readonly name = 'n';
    toJSON() {
      return { is: this.name };
    }
  }
  let deep: unknown = 'x"';
  for (let depth = 0; depth < 40; depth += 1) deep = depth % 2 === 0 ? [deep] : { deep };
  for (const value of [new Named(), { before: 1, toJSON: () => 'own' }, deep, Object.create(null), new Map()])
    checkAsStringify(value);
  // What it hides is not written, so it need not be kept.
  assert.equal(written([{ hidden: '\0', toJSON: () => 1 }]), { text: '[1]', unfaithful: false });
});

jsonBytes('throws where JSON.stringify throws', () => {
  const circle: unknown[] = [];
  circle.push(circle);
  for (const value of [circle, 1n, [{ deep: 1n }]])
    assert.throws(() => new JsonBytes(4).value(value), TypeError);
});

jsonBytes('copies few and many bytes from one place to another', () => {
  const from = new JsonBytes(4);
  from.plain('0123456789'.repeat(100));
  for (const [first, last] of [
    [3, 3],
    [1, 12],
    [7, 980],
  ] as const) {
    const to = new JsonBytes(1);
    to.raw('é');
    to.copy(from, first, last);
    assert.is(to.between(0, to.length).toString(), `é${'0123456789'.repeat(100).slice(first, last)}`);
  }
});

jsonBytes('what was taken out stays as it is when more is written', () => {
  const bytes = new JsonBytes(8);
  bytes.text('first');
  const taken = bytes.between(0, bytes.length);
  for (let at = 0; at < 50; at += 1) bytes.whole(at);
  assert.is(taken.toString(), '"first"');
});

jsonBytes.run();
