import { rejects, throws } from 'node:assert/strict';
import { createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import {
  formatKeyFile,
  type KeyFileContent,
  type KeyFileLock,
  newKeyFileLock,
  openKeyFile,
  SCRYPT_COST,
  sealMasterKeys,
} from './key-file.ts';
import { MasterKey } from './master-key.ts';
import { nodeKeyFile } from './node-key-file.ts';
import { fromBase64, sealBytes, unsealBytes } from './sealed-text.ts';

const PASSPHRASE = Buffer.from('three cups of tea before noon');
const MASTER = Buffer.alloc(32, 9);
const CONTENT: KeyFileContent = {
  masters: [{ checkValue: new MasterKey(MASTER).checkValue, created: 1, from: 'generated' }],
  custodians: [],
  log: { records: 1, head: 'ab'.repeat(32) },
  destroyed: [],
  blocks: ['D0144K0TB00E0200LB09tmk:1', 'D0144K0TB00E0200LB09tmk:3'],
};

const sealedFile = suite('the sealed key file');

sealedFile('its header says scrypt N = 2^15, r = 8, p = 1, so that the cost can grow', async () => {
  const [header] = (await newFile()).toString().split('\n');
  const { N, r, p, kdf, cipher } = JSON.parse(header as string) as Record<string, unknown>;
  assert.equal({ N, r, p, kdf, cipher }, { N: 32768, r: 8, p: 1, kdf: 'scrypt', cipher: 'aes-256-gcm' });
});

sealedFile(
  'the master key opens by the documented form alone: scrypt, then AES-256-GCM with the header bound',
  async () => {
    const [header = '', sealed = ''] = (await newFile()).toString().split('\n');
    const { salt } = JSON.parse(header) as { salt: string };
    const key = scryptSync(PASSPHRASE, Buffer.from(salt, 'base64'), 32, {
      N: 32768,
      r: 8,
      p: 1,
      maxmem: 2 ** 26,
    });
    const bytes = Buffer.from(sealed, 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 13));
    decipher.setAAD(Buffer.from(`zunka seal 1\0${header}`));
    decipher.setAuthTag(bytes.subarray(-16));
    assert.equal(Buffer.concat([decipher.update(bytes.subarray(13, -16)), decipher.final()]), MASTER);
  },
);

sealedFile('a file of higher cost opens by its own header', async () => {
  const lock = await newKeyFileLock(PASSPHRASE, randomBytes, { ...SCRYPT_COST, N: 2 ** 16 });
  assert.equal((await openKeyFile(fileUnder(lock), PASSPHRASE)).content, CONTENT);
});

sealedFile('a wrong or empty passphrase is refused with what to do', async () => {
  const file = await newFile();
  await rejects(
    openKeyFile(file, Buffer.from('three cups of tea')),
    isKeyFile(/check the passphrase.*restore/),
  );
  await rejects(openKeyFile(file, Buffer.alloc(0)), isKeyFile(/passphrase is empty/));
});

sealedFile('a flipped bit in any part of the file is refused', async () => {
  const file = await newFile();
  // Deriving the key costs a tenth of a second: some twenty bytes, spread evenly.
  const step = Math.ceil(file.length / 20);
  for (let at = 0; at < file.length; at += step) {
    const changed = Buffer.from(file);
    changed[at] = (changed[at] as number) ^ 1;
    await rejects(openKeyFile(changed, PASSPHRASE), isKeyFile(), `byte ${at}`);
  }
});

// biome-ignore format: a table is read by column
for (const [from, to, why] of [
  ['"N":32768',            '"N":16384',              'a lowered cost'],
  ['"N":32768',            '"N":32769',              'a cost that is no power of two'],
  ['"N":32768',            '"N":1073741824',         'a cost that would eat the memory'],
  ['"r":8',                '"r":9',                  'another block size'],
  ['"p":1',                '"p":"1"',                'a cost that is no number'],
  ['"version":2',          '"version":3',            'a later version'],
  ['"kdf":"scrypt"',       '"kdf":"pbkdf2"',         'another derivation'],
  ['"salt":"',             '"salt":"A',              'a longer salt'],
  ['"salt":',              '"sal":',                 'no salt'],
  ['{',                    '[',                      'a header that is not JSON'],
  ['{"format"',            '7\n{"format"',           'a line before it'],
  ['"format":"zunka-key-file"', '"format":"other"',  'another format'],
] as const) {
  sealedFile(`${why} in the header is refused before any key is derived`, async () => {
    const changed = (await newFile()).toString().replace(from, to);
    await rejects(openKeyFile(Buffer.from(changed), PASSPHRASE), isKeyFile(/restore the file from its copy/));
  });
}

sealedFile(
  'a header that is JSON but no object, a file cut anywhere and an empty file are refused',
  async () => {
    const text = (await newFile()).toString();
    const body = text.slice(text.indexOf('\n'));
    for (const wrong of ['', '\n', '\n\n', `7${body}`, `null${body}`, text.slice(0, -1), text.slice(0, 40)]) {
      await rejects(openKeyFile(Buffer.from(wrong), PASSPHRASE), isKeyFile());
    }
  },
);

sealedFile.run();

const body = suite('what the key file holds');

body('comes back as it was, line by line', async () => {
  const { masters, content } = await openKeyFile(await newFile(), PASSPHRASE);
  assert.equal(content, CONTENT);
  assert.is(masters.length, 1);
  assert.equal(masters[0]?.copyKey(), MASTER);
});

body(
  'a line taken out, put in, doubled, exchanged or changed is refused: the last line binds all',
  async () => {
    const lines = (await newFile()).toString().split('\n');
    const [one = '', two = ''] = CONTENT.blocks;
    const at = lines.indexOf(one);
    const changes = [
      lines.toSpliced(at, 1),
      lines.toSpliced(at, 0, two),
      lines.toSpliced(at, 2, two, one),
      lines.with(at, one.replace('tmk:1', 'tmk:2')),
      lines.with(2, (lines[2] ?? '').replace('"custodians":[]', '"custodians":[{"name":"eve","proof":""}]')),
      lines.toSpliced(-2, 1),
      lines.with(-2, '0'.repeat(64)),
    ];
    for (const changed of changes)
      await rejects(openKeyFile(Buffer.from(changed.join('\n')), PASSPHRASE), isKeyFile());
  },
);

body('a file of version 1, from before key blocks, is refused and told what it is', async () => {
  const old = (await newFile()).toString().replace('"version":2', '"version":1');
  await rejects(
    openKeyFile(Buffer.from(old), PASSPHRASE),
    isKeyFile(/version 1.*begin with a new data folder/),
  );
});

body.run();

const seals = suite('sealed texts');

seals('any flipped bit, any other context and any other key is refused', () => {
  const key = Buffer.alloc(32, 5);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(), fc.nat(7), (clear, place, bit) => {
      const sealed = sealBytes(key, Buffer.from(clear), 'card:1', randomBytes);
      assert.equal(unsealBytes(key, sealed, 'card:1'), Buffer.from(clear));
      throws(() => unsealBytes(key, sealed, 'card:2'), isBroken);
      throws(() => unsealBytes(Buffer.alloc(32, 6), sealed, 'card:1'), isBroken);
      const at = place % sealed.length;
      sealed[at] = (sealed[at] as number) ^ (1 << bit);
      throws(() => unsealBytes(key, sealed, 'card:1'), isBroken);
    }),
    { verbose: fc.VerbosityLevel.Verbose },
  );
});

seals('a text too short to hold a tag, or of loose base64, is refused', () => {
  throws(() => unsealBytes(Buffer.alloc(32, 5), Buffer.alloc(28, 1), 'c'), isBroken);
  for (const text of ['AA', 'A A=', 'AB==', 'A-_=']) throws(() => fromBase64(text), isBroken);
  assert.equal(fromBase64('AAE='), Buffer.from([0, 1]));
});

seals.run();

const disk = suite('the key file on a real disk');

disk('is absent, then whole, readable by its owner only, and leaves nothing beside it', async () => {
  await inFolder(async (folder) => {
    const file = nodeKeyFile(join(folder, 'vault.key'));
    assert.is(await file.read(), undefined);
    await file.write(Buffer.from('first'));
    await file.write(Buffer.from('second'));
    assert.is((await file.read())?.toString(), 'second');
    assert.is((await stat(join(folder, 'vault.key'))).mode & 0o777, 0o600);
    assert.equal(await readdir(folder), ['vault.key']);
  });
});

disk('a half-written file of a crash before does no harm', async () => {
  await inFolder(async (folder) => {
    const file = nodeKeyFile(join(folder, 'vault.key'));
    await file.write(Buffer.from('first'));
    await writeFile(join(folder, '.vault.key.new'), 'half');
    assert.is((await file.read())?.toString(), 'first');
    await file.write(Buffer.from('second'));
    assert.is(await readFile(join(folder, 'vault.key'), 'utf8'), 'second');
    assert.equal(await readdir(folder), ['vault.key']);
  });
});

disk('of two vaults on one file, the second to write is refused: no key of the first is lost', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'vault.key');
    await nodeKeyFile(path).write(Buffer.from('first'));
    const [one, other] = [nodeKeyFile(path), nodeKeyFile(path)];
    await Promise.all([one.read(), other.read()]);
    await one.write(Buffer.from('second, by one'));
    await rejects(other.write(Buffer.from('second, by the other')), isKeyFile(/another process changed it/));
    assert.is(await readFile(path, 'utf8'), 'second, by one');
    await one.write(Buffer.from('third, by one'));
    await other.read();
    await other.write(Buffer.from('fourth, by the other'));
    assert.is(await readFile(path, 'utf8'), 'fourth, by the other');
  });
});

disk('a file that came between the look and the first write is not replaced', async () => {
  await inFolder(async (folder) => {
    const file = nodeKeyFile(join(folder, 'vault.key'));
    assert.is(await file.read(), undefined);
    await writeFile(join(folder, 'vault.key'), 'of another start');
    await rejects(file.write(Buffer.from('mine')), isKeyFile(/another process changed it/));
    assert.is(await readFile(join(folder, 'vault.key'), 'utf8'), 'of another start');
  });
});

disk(
  'a folder that is not there, or a folder in the place of the file, is told with what to check',
  async () => {
    await inFolder(async (folder) => {
      await rejects(
        nodeKeyFile(join(folder, 'none', 'vault.key')).write(Buffer.from('x')),
        isKeyFile(/ENOENT.*check the folder/),
      );
      await mkdir(join(folder, 'vault.key'));
      await rejects(nodeKeyFile(join(folder, 'vault.key')).read(), isKeyFile(/EISDIR/));
    });
  },
);

disk.run();

async function newFile(): Promise<Buffer> {
  return fileUnder(await newKeyFileLock(PASSPHRASE, randomBytes));
}

function fileUnder(lock: KeyFileLock): Buffer {
  const master = new MasterKey(MASTER);
  return formatKeyFile(lock, sealMasterKeys(lock, [master], randomBytes), master, CONTENT);
}

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'zunka-keys-'));
  try {
    await act(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function isKeyFile(detail = /./): (error: unknown) => boolean {
  return (error) => error instanceof PosError && error.code === 'KEY_FILE' && detail.test(error.detail);
}

function isBroken(error: unknown): boolean {
  return error instanceof PosError && error.code === 'SEAL_BROKEN';
}
