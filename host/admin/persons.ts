/** Two persons of the administration are told apart by the name on their tokens, not by the tokens. */

/** One person under two spellings is one person. */
export function isSamePerson(one: string, other: string): boolean {
  const plain = (name: string) => name.normalize('NFKC').trim().toLowerCase();
  return plain(one) === plain(other);
}
