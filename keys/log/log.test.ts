import { throws } from 'node:assert/strict';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { fromHex, toHex } from '../hex.ts';
import {
  consistencyProof,
  inclusionProof,
  merkleLeaf,
  merkleRoot,
  verifyConsistency,
  verifyInclusion,
} from './merkle-tree.ts';
import { verifySignedNote } from './signed-note.ts';

const tree = suite('RFC 9162, 2.1: hash trees');

/** The reference leaves of Certificate Transparency. */
const RECORDS = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696A6B6C6D6E6F',
];
const LEAVES = RECORDS.map((record) => merkleLeaf(fromHex(record, 'record')));
const ROOT = '5DC9DA79A70659A9AD559CB701DED9A2AB9D823AAD2F4960CFE370EFF4604328';

tree('the roots of no, one, two and eight leaves (transparency-dev/merkle)', () => {
  assert.is(toHex(merkleRoot([])), 'E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855');
  assert.is(
    toHex(merkleRoot(LEAVES.slice(0, 1))),
    '6E340B9CFFB37A989CA544E6BB780A2C78901D3FB33738768511A30617AFA01D',
  );
  assert.is(
    toHex(merkleRoot(LEAVES.slice(0, 2))),
    'FAC54203E7CC696CF0DFCB42C92A1D9DBAF70AD9E621F4BD8D98662F00E3C125',
  );
  assert.is(toHex(merkleRoot(LEAVES)), ROOT);
});

tree('the proof of the first leaf', () => {
  assert.equal(inclusionProof(LEAVES, 0).map(toHex), [
    '96A296D224F285C67BEE93C30F8A309157F0DAA35DC5B87E410B78630A09CFC7',
    '5F083F0A1A33CA076A95279832580DB3E0EF4584BDFF1F54C8A360F50DE3031E',
    '6B47AAF29EE3C2AF9AF889BC1FB9254DABD31177F16232DD6AAB035CA39BF6E4',
  ]);
});

tree('a leaf that is not there, a tree that is not inside, and the empty one have no proof', () => {
  for (const index of [-1, 8, 0.5]) throws(() => inclusionProof(LEAVES, index), code('INVARIANT'));
  for (const size of [0, 9, 1.5]) throws(() => consistencyProof(LEAVES, size), code('INVARIANT'));
  assert.not(verifyInclusion(merkleRoot([]), 0, LEAVES[0] as Buffer, 0, []));
  assert.not(verifyConsistency(0, 8, merkleRoot([]), merkleRoot(LEAVES), []));
});

const anyTree = fc
  .integer({ min: 1, max: 40 })
  .map((count) => Array.from({ length: count }, (_, at) => merkleLeaf(Buffer.from([at]))));

tree('every leaf of a tree of any size is proven, under its own index, root and proof only', () => {
  fc.assert(
    fc.property(anyTree, fc.nat(), fc.nat(), (leaves, which, bit) => {
      const index = which % leaves.length;
      const [root, leaf, proof] = [
        merkleRoot(leaves),
        leaves[index] as Buffer,
        inclusionProof(leaves, index),
      ];
      assert.ok(verifyInclusion(root, leaves.length, leaf, index, proof));
      assert.not(verifyInclusion(flipped(root, bit), leaves.length, leaf, index, proof));
      assert.not(verifyInclusion(root, leaves.length, flipped(leaf, bit), index, proof));
      assert.not(verifyInclusion(root, leaves.length, leaf, index, [...proof, root]));
      assert.not(verifyInclusion(root, leaves.length, leaf, leaves.length, proof));
      if (leaves.length > 1)
        assert.not(verifyInclusion(root, leaves.length, leaf, (index + 1) % leaves.length, proof));
      if (proof.length > 0) assert.not(verifyInclusion(root, leaves.length, leaf, index, proof.slice(1)));
    }),
    { verbose: fc.VerbosityLevel.Verbose },
  );
});

tree('every beginning of a tree is proven, and no other tree passes for it', () => {
  fc.assert(
    fc.property(anyTree, fc.nat(), fc.nat(), (leaves, which, bit) => {
      const size = 1 + (which % leaves.length);
      const [old, root, proof] = [
        merkleRoot(leaves.slice(0, size)),
        merkleRoot(leaves),
        consistencyProof(leaves, size),
      ];
      assert.ok(verifyConsistency(size, leaves.length, old, root, proof));
      assert.not(verifyConsistency(size, leaves.length, flipped(old, bit), root, proof));
      assert.not(verifyConsistency(size, leaves.length, old, flipped(root, bit), proof));
      assert.not(verifyConsistency(size, leaves.length, old, root, [...proof, root]));
      if (proof.length > 0) assert.not(verifyConsistency(size, leaves.length, old, root, proof.slice(1)));
    }),
    { verbose: fc.VerbosityLevel.Verbose },
  );
});

tree.run();

const notes = suite('C2SP signed notes');

const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const NOTE =
  'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';

notes('the example of the specification verifies, also with a signature of somebody else below', () => {
  assert.ok(verifySignedNote(VKEY, NOTE));
  assert.ok(verifySignedNote(VKEY, `${NOTE}— witness.example AAAAAAAA\n`));
});

// biome-ignore format: a table is read by column
for (const [what, note] of [
  ['a changed text',              NOTE.replace('example message', 'exemple message')],
  ['a changed signature',         NOTE.replace('Uw2QOkn8', 'Uw2QOkn9')],
  ['another signer',              NOTE.replace('— example.com/foo', '— example.com/bar')],
  ['no signature',                'This is an example message.\n\n'],
  ['no empty line',               NOTE.replace('\n\n', '\n')],
  ['no line end',                 NOTE.slice(0, -1)],
  ['a line that is no signature', `${NOTE}hello\n`],
] as const) {
  notes(`${what} does not`, () => assert.not(verifySignedNote(VKEY, note)));
}

notes('a verifier key that is none is refused', () => {
  throws(() => verifySignedNote('example.com/foo', NOTE), code('KEY_BAD'));
  throws(() => verifySignedNote(VKEY.replace('530d903a', '530d903b'), NOTE), code('KEY_BAD'));
  throws(() => verifySignedNote(VKEY.replace('+Ae', '+Ba'), NOTE), code('KEY_BAD'));
});

notes.run();

function flipped(bytes: Buffer, bit: number): Buffer {
  const out = Buffer.from(bytes);
  const at = (bit >> 3) % out.length;
  out[at] = (out[at] as number) ^ (1 << (bit & 7));
  return out;
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === expected;
}
