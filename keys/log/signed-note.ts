/**
 * Signed notes: a text, an empty line, and signatures, each behind a dash with its signer's name. The form
 * of a log's checkpoints. Source: C2SP signed-note.md; Ed25519 (type 01) only.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';
import { PosError } from '../../protocol/index.ts';

const ED25519 = 0x01;
const ED25519_KEY_BYTES = 32;
const ED25519_SIGNATURE_BYTES = 64;
const KEY_ID_BYTES = 4;
/** SubjectPublicKeyInfo of an Ed25519 key, up to the key itself. */
const SPKI_HEAD = Buffer.from('302A300506032B6570032100', 'hex');

/**
 * Whether the holder of this key signed the note. Signatures of others, and of types that are not known,
 * are passed over; one that carries the key's name and id must be right.
 *
 * @param vkey verifier key: `name+id+key`, id 8 hex digits, key base64 of the type and the public key
 * @param note text, empty line, signature lines
 * @throws KEY_BAD the verifier key is malformed, or its id is not that of its name and key
 */
export function verifySignedNote(vkey: string, note: string): boolean {
  const { name, id, key } = parseVerifierKey(vkey);
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) return false;
  const signed = Buffer.from(note.slice(0, split + 1), 'utf8');
  const lines = note.slice(split + 2, -1).split('\n');
  if (!lines.every((line) => /^— [^\s+]+ [A-Za-z0-9+/]+={0,2}$/.test(line))) return false;
  const ours = lines
    .map((line) => line.split(' '))
    .filter(([, signer]) => signer === name)
    .map(([, , blob = '']) => Buffer.from(blob, 'base64'))
    .filter((blob) => blob.subarray(0, KEY_ID_BYTES).equals(id));
  return (
    ours.length > 0 &&
    ours.every(
      (blob) =>
        blob.length === KEY_ID_BYTES + ED25519_SIGNATURE_BYTES &&
        verify(null, signed, key, blob.subarray(KEY_ID_BYTES)),
    )
  );
}

function parseVerifierKey(vkey: string) {
  const [, name = '', idText = '', keyText = ''] =
    /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(vkey) ?? [];
  const bytes = Buffer.from(keyText, 'base64');
  if (name === '' || bytes[0] !== ED25519 || bytes.length !== 1 + ED25519_KEY_BYTES)
    throw new PosError('KEY_BAD', 'a verifier key is name+id+key, the key of type Ed25519');
  const id = createHash('sha256')
    .update(`${name}\n`, 'utf8')
    .update(bytes)
    .digest()
    .subarray(0, KEY_ID_BYTES);
  if (id.toString('hex') !== idText)
    throw new PosError('KEY_BAD', 'a verifier key whose id is not that of its name and key');
  const der = Buffer.concat([SPKI_HEAD, bytes.subarray(1)]);
  return { name, id, key: createPublicKey({ key: der, format: 'der', type: 'spki' }) };
}
