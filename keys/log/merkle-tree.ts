/**
 * Hash trees over a log: who holds a root can be shown that one record is under it, and that a later
 * root only added to it. Source: RFC 9162 (and RFC 6962), section 2.1.
 *
 * Hashes are SHA-256, 32 bytes. A leaf and a node are hashed behind different first bytes, without which
 * a node could be shown as a record.
 */
import { createHash } from 'node:crypto';
import { ensure } from '../../protocol/index.ts';

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);
const HASH_BYTES = 32;

/**
 * @example no bytes: 6E340B9CFFB37A989CA544E6BB780A2C78901D3FB33738768511A30617AFA01D (transparency-dev/merkle)
 */
export function merkleLeaf(record: Buffer): Buffer {
  return createHash('sha256').update(LEAF).update(record).digest();
}

/**
 * Root of the tree over these leaf hashes.
 *
 * @param leaves of merkleLeaf, in the log's order; none gives the hash of nothing
 */
export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return createHash('sha256').digest();
  const [only] = leaves;
  if (leaves.length === 1 && only !== undefined) return only;
  const split = splitOf(leaves.length);
  return node(merkleRoot(leaves.slice(0, split)), merkleRoot(leaves.slice(split)));
}

/**
 * The neighbours on the way from one leaf up to the root.
 *
 * @param index from 0
 * @throws INVARIANT there is no such leaf
 */
export function inclusionProof(leaves: readonly Buffer[], index: number): readonly Buffer[] {
  ensure(Number.isSafeInteger(index) && index >= 0 && index < leaves.length, `no leaf ${index} in the tree`);
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...inclusionProof(left, index), merkleRoot(right)]
    : [...inclusionProof(right, index - split), merkleRoot(left)];
}

/**
 * What shows that the tree over the first `size` leaves is the beginning of the tree over all.
 *
 * @param size 1 up to the number of leaves
 * @throws INVARIANT there is no such tree; the empty one is the beginning of everything and proves nothing
 */
export function consistencyProof(leaves: readonly Buffer[], size: number): readonly Buffer[] {
  ensure(
    Number.isSafeInteger(size) && size >= 1 && size <= leaves.length,
    `no tree of ${size} leaves in this one`,
  );
  return subProof(leaves, size, true);
}

/**
 * RFC 9162, 2.1.3.2: whether the leaf is at this index under the root.
 *
 * False for an empty tree, an index outside of it, a proof of another length and hashes of another one.
 */
export function verifyInclusion(
  root: Buffer,
  treeSize: number,
  leaf: Buffer,
  index: number,
  proof: readonly Buffer[],
): boolean {
  if (!isCount(treeSize) || !isCount(index) || index >= treeSize) return false;
  if (![root, leaf, ...proof].every(isHash)) return false;
  let at = index;
  let last = treeSize - 1;
  let hash = leaf;
  for (const neighbour of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = node(neighbour, hash);
      // A leaf without a right neighbour rises until it has one on its left.
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      hash = node(hash, neighbour);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && hash.equals(root);
}

/**
 * RFC 9162, 2.1.4.2: whether the tree of `size2` leaves begins with the tree of `size1`.
 *
 * False for an empty first tree, which would prove nothing.
 */
export function verifyConsistency(
  size1: number,
  size2: number,
  root1: Buffer,
  root2: Buffer,
  proof: readonly Buffer[],
): boolean {
  if (!isCount(size1) || !isCount(size2) || size1 === 0 || size1 > size2) return false;
  if (size1 === size2) return proof.length === 0 && root1.equals(root2);
  if (![root1, root2, ...proof].every(isHash)) return false;
  // A first tree that is a whole subtree of the second is its own beginning, and left out of the proof.
  const path = Number.isInteger(Math.log2(size1)) ? [root1, ...proof] : [...proof];
  const [first, ...rest] = path;
  if (first === undefined || proof.length === 0) return false;
  let [at, last] = [size1 - 1, size2 - 1];
  while (at % 2 === 1) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  let [old, whole] = [first, first];
  for (const neighbour of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      old = node(neighbour, old);
      whole = node(neighbour, whole);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      whole = node(whole, neighbour);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && old.equals(root1) && whole.equals(root2);
}

function subProof(leaves: readonly Buffer[], size: number, isWhole: boolean): readonly Buffer[] {
  if (size === leaves.length) return isWhole ? [] : [merkleRoot(leaves)];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return size <= split
    ? [...subProof(left, size, isWhole), merkleRoot(right)]
    : [...subProof(right, size - split, false), merkleRoot(left)];
}

/** The largest power of two below the count, which is two or more. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

function node(left: Buffer, right: Buffer): Buffer {
  return createHash('sha256').update(NODE).update(left).update(right).digest();
}

function isHash(bytes: Buffer): boolean {
  return bytes.length === HASH_BYTES;
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
