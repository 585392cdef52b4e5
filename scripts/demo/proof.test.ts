/** The demo's proof can fail: one byte changed anywhere makes the right statement false. */
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROOT } from '../files.ts';
import { PLACES, proveOutputs } from './proof.ts';

const proofs = suite('the proof of the demo');

const root = mkdtempSync(join(tmpdir(), 'zunka-proof-'));
const whole = join(root, 'whole');

proofs.before(() => {
  const demo = spawnSync(
    process.execPath,
    ['--import', 'tsx', 'scripts/demo.ts', '--quiet', '--out', whole],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  );
  if (demo.status !== 0) throw new Error(demo.stdout + demo.stderr);
});

proofs.after(() => rmSync(root, { recursive: true }));

/** The statements that are false once a copy of the outputs was changed. */
async function falseAfter(change: (folder: string) => void): Promise<readonly string[]> {
  const folder = join(root, 'changed');
  rmSync(folder, { recursive: true, force: true });
  cpSync(whole, folder, { recursive: true, filter: (path) => !path.endsWith('/devices') });
  change(folder);
  return (await proveOutputs(folder)).filter(({ ok }) => !ok).map(({ en }) => en);
}

/** Changes the first match in one file. */
function edit(path: string, from: RegExp, to: string): void {
  const before = readFileSync(path, 'utf8');
  const after = before.replace(from, to);
  assert.is.not(after, before, `nothing to change in ${path}`);
  writeFileSync(path, after);
}

const fileLike = (folder: string, pattern: RegExp) => {
  const name = readdirSync(join(folder, PLACES.settlement)).find((one) => pattern.test(one));
  return join(folder, PLACES.settlement, name ?? 'missing');
};

proofs('holds for the outputs as they were written', async () => {
  assert.equal(await falseAfter(() => undefined), []);
});

proofs('sees one fen changed in the books', async () => {
  const wrong = await falseAfter((folder) => edit(join(folder, PLACES.books), /102\.40 CNY/, '102.41 CNY'));
  assert.ok(wrong.includes('every entry balances'));
  assert.ok(wrong.includes('accounts sum to zero'));
});

proofs('sees an entry left out of the books', async () => {
  const wrong = await falseAfter((folder) =>
    edit(join(folder, PLACES.books), /\n\d{4}-\d\d-\d\d \([^)]*\) [^\n]*sale[^\n]*\n(?: {4}[^\n]*\n)+/, '\n'),
  );
  assert.ok(wrong.includes('merchant payable in the books = net in the files'), wrong.join());
  assert.ok(wrong.includes('what holders were told = what the books hold'), wrong.join());
});

proofs('sees one byte changed in the audit journal', async () => {
  const wrong = await falseAfter((folder) => edit(join(folder, PLACES.audit), /approved|sale/, 'declined'));
  assert.equal(wrong, ['the audit journal verifies']);
});

proofs('sees a row changed in a settlement file', async () => {
  const wrong = await falseAfter((folder) => edit(fileLike(folder, /detail/), /,91\.15,/, ',91.16,'));
  assert.ok(wrong.includes('terminal totals = file totals'), wrong.join());
});

proofs('sees a terminal journal that was edited', async () => {
  const wrong = await falseAfter((folder) => {
    const journal = join(folder, 'terminal-41010001/journal');
    const segment = readdirSync(journal).find((name) => name.startsWith('segment-')) ?? 'missing';
    edit(join(journal, segment), /12800/, '12900');
  });
  assert.ok(wrong.includes('terminal journals are whole'), wrong.join());
});

proofs('sees a difference that is not named any more', async () => {
  const wrong = await falseAfter((folder) => rmSync(fileLike(folder, /differences/)));
  assert.equal(wrong, ['terminal totals = host totals']);
});

proofs('sees a balance on a slip that the books do not hold', async () => {
  const wrong = await falseAfter((folder) => {
    for (const name of readdirSync(join(folder, PLACES.slips)).filter((one) => one.endsWith('.txt'))) {
      const path = join(folder, PLACES.slips, name);
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, text.replace(/^(余额 BALANCE +)\d+\.\d\d/m, '$10.01'));
    }
  });
  assert.equal(wrong, ['what holders were told = what the books hold']);
});

proofs('sees a full card number in any file, also as packed digits', async () => {
  const pan = '6277880000000008';
  for (const leak of [
    Buffer.from(pan),
    Buffer.from(pan, 'hex'),
    Buffer.from(Buffer.from(pan).toString('hex')),
  ]) {
    const wrong = await falseAfter((folder) => appendFileSync(join(folder, 'host/host.log'), leak));
    assert.equal(wrong, ['no full card number in any file']);
  }
});

proofs.run();
