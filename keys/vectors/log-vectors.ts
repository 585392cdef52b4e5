/** Vectors of hash trees and signed notes. */
import { toHex } from '../hex.ts';
import {
  consistencyProof,
  inclusionProof,
  merkleLeaf,
  merkleRoot,
  verifyConsistency,
  verifyInclusion,
} from '../log/merkle-tree.ts';
import { verifySignedNote } from '../log/signed-note.ts';
import { type Answers, hex, hexes, type Runners, text, type Values } from './vector-inputs.ts';

// biome-ignore format: a table is read by column
export const LOG_RUNNERS: Runners = {
  'merkle.leafhash':          (v) => toHex(merkleLeaf(hex(v, 'data'))),
  'merkle.root':              (v) => toHex(merkleRoot(leaves(v))),
  'merkle.inclusion':         (v) => verifyInclusion(hex(v, 'root'), Number(v['treeSize']), hex(v, 'leafHash'), Number(v['leafIndex']), hexes(v, 'proof')),
  'merkle.consistency':       (v) => verifyConsistency(Number(v['size1']), Number(v['size2']), hex(v, 'root1'), hex(v, 'root2'), hexes(v, 'proof')),
  'merkle.inclusion-proof':   (v) => ({ proof: joined(inclusionProof(leaves(v), Number(v['index']))), root: toHex(merkleRoot(leaves(v))) }),
  'merkle.consistency-proof': consistency,
  'note.ed25519':             (v) => verifySignedNote(text(v, 'vkey'), text(v, 'note')),
};

function consistency(v: Values): Answers {
  const size = Number(v['size1']);
  return {
    proof: joined(consistencyProof(leaves(v), size)),
    root1: toHex(merkleRoot(leaves(v).slice(0, size))),
    root2: toHex(merkleRoot(leaves(v))),
  };
}

function leaves(v: Values): Buffer[] {
  return hexes(v, 'leaves').map(merkleLeaf);
}

function joined(proof: readonly Buffer[]): string {
  return proof.map(toHex).join(',');
}
