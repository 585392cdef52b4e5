import { createCipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codec } from './codec.ts';
import { FIELDS } from './fields.ts';
import { openFrame } from './frame.ts';
import { EXAMPLE_FRAME, protocolTables } from './tables.ts';
import { TRANSACTIONS } from './transactions.ts';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');

const tables = suite('the tables of the README');

tables('stand in it, each in its place', () => {
  for (const name of Object.keys(protocolTables())) assert.match(readme, `<!-- table:${name} -->`);
});

tables('have a row for every field and every transaction', () => {
  const { fields = '', transactions = '', presence = '' } = protocolTables();
  for (const [field, spec] of Object.entries(FIELDS)) assert.match(fields, `| ${field} | ${spec.nameZh} |`);
  for (const { nameZh } of Object.values(TRANSACTIONS)) assert.match(transactions + presence, nameZh);
});

tables('have as many cells in every row as in their head', () => {
  for (const [name, table] of Object.entries(protocolTables())) {
    const widths = new Set(table.split('\n').map((line) => line.replaceAll('\\|', '').split('|').length));
    assert.is(widths.size, 1, name);
  }
});

tables.run();

// ---- The worked example, computed again with nothing of ours but the bytes -----------------------------

const example = suite('the worked example of the README');

/** One block, or several without chaining; a key of 8 bytes is single DES. */
function encrypt(keyHex: string, data: Buffer): Buffer {
  const key = Buffer.from(keyHex, 'hex');
  const triple = key.length === 8 ? Buffer.concat([key, key, key]) : Buffer.concat([key, key.subarray(0, 8)]);
  const cipher = createCipheriv('des-ede3-ecb', triple, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, index) => byte ^ (b[index] ?? 0)));
}

const message = codec.decode(openFrame(EXAMPLE_FRAME.subarray(2)).body);

example('the PIN block is 123456 for the card, under the published test PIK', () => {
  const clear = xor(Buffer.from('06123456FFFFFFFF', 'hex'), Buffer.from('0000788000000001', 'hex'));
  assert.match(readme, clear.toString('hex').toUpperCase());
  const block = encrypt('4567C298FB0B045DAB54BF499E10EFCD', clear).toString('hex').toUpperCase();
  assert.is(message.get(52), block);
  assert.match(readme, block);
});

example('DE64 is the MAC of its 96 bytes, under the published test MAK', () => {
  const data = message.macData() ?? Buffer.alloc(0);
  assert.is(data.length, 96);
  let fold: Buffer = Buffer.alloc(8);
  for (let at = 0; at < data.length; at += 8) fold = xor(fold, data.subarray(at, at + 8));
  const text = fold.toString('hex').toUpperCase();
  const first = encrypt('7F52E3201FDF045E', Buffer.from(text.slice(0, 8)));
  const second = encrypt('7F52E3201FDF045E', xor(first, Buffer.from(text.slice(8))));
  for (const step of [text, first.toString('hex'), second.toString('hex')])
    assert.match(readme, step.toUpperCase());
  assert.is(
    Buffer.from(message.get(64) ?? '', 'hex').toString(),
    second.toString('hex').toUpperCase().slice(0, 8),
  );
});

example('LEN counts what follows it', () => {
  assert.is(EXAMPLE_FRAME.readUInt16BE(0), EXAMPLE_FRAME.length - 2);
});

example.run();
