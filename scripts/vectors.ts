/**
 * Runs every vector of ../shared/vectors and prints passed/total by kind. A kind that nothing runs is
 * named and fails, so that nothing is left out silently.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runCryptoVectors } from '../keys/vectors/crypto-vectors.ts';
import { runMessageVectors } from '../protocol/message-vectors.ts';
import { ROOT } from './files.ts';

const folder = join(ROOT, '../shared/vectors');
if (existsSync(folder)) {
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown[];
  const messages = read('messages.json');
  const crypto = read('crypto.json');
  const results = [...runMessageVectors(messages), ...runCryptoVectors([...crypto, ...messages])];
  const run = new Set(results.map((r) => r.kind));
  for (const { kind, passed, total, failures } of results) {
    console.log(`${passed === total ? 'ok  ' : 'FAIL'} ${kind.padEnd(32)} ${passed}/${total}`);
    for (const failure of failures) console.log(`       ${failure}`);
  }
  const kinds = new Set([...crypto, ...messages].map((v) => (v as { kind: string }).kind));
  const left = [...kinds].filter((kind) => !run.has(kind)).sort();
  if (left.length > 0) console.log(`FAIL kinds that nothing runs: ${left.join(', ')}`);
  const passed = results.reduce((sum, r) => sum + r.passed, 0);
  const total = results.reduce((sum, r) => sum + r.total, 0);
  console.log(`${passed} passed, ${total - passed} failed`);
  process.exitCode = passed === total && total > 0 && left.length === 0 ? 0 : 1;
} else {
  console.log('../shared/vectors is not here: the tests run over the known answers that they quote.');
}
