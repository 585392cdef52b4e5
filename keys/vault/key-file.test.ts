import { rejects, throws } from 'node:assert/strict';
import { createDecipheriv, randomBytes, scryptSync } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { newKeyFileLock, openKeyFile, SCRYPT_COST, sealKeyFile } from './key-file.ts';
import { decodeBody, encodeBody, type StoredKey } from './key-file-body.ts';
import { nodeKeyFile } from './node-key-file.ts';
import { fromBase64, sealBytes, unsealBytes } from './sealed-text.ts';

const PASSPHRASE = Buffer.from('three cups of tea before noon');
const BODY = Buffer.from('what the vault keeps');

const sealedFile = suite('the sealed key file');

sealedFile('its header says scrypt N = 2^15, r = 8, p = 1, so that the cost can grow', async () => {
  const [header] = (await newFile()).toString().split('\n');
  const { N, r, p, kdf, cipher } = JSON.parse(header as string) as Record<string, unknown>;
  assert.equal({ N, r, p, kdf, cipher }, { N: 32768, r: 8, p: 1, kdf: 'scrypt', cipher: 'aes-256-gcm' });
});

sealedFile(
  'it opens by the documented form alone: scrypt, then AES-256-GCM with the header as additional data',
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
    assert.is(
      Buffer.concat([decipher.update(bytes.subarray(13, -16)), decipher.final()]).toString(),
      BODY.toString(),
    );
  },
);

sealedFile('a file of higher cost opens by its own header', async () => {
  const lock = await newKeyFileLock(PASSPHRASE, randomBytes, { ...SCRYPT_COST, N: 2 ** 16 });
  const opened = await openKeyFile(sealKeyFile(lock, BODY, randomBytes), PASSPHRASE);
  assert.is(opened.body.toString(), BODY.toString());
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
  ['"version":1',          '"version":2',            'a later version'],
  ['"kdf":"scrypt"',       '"kdf":"pbkdf2"',         'another derivation'],
  ['"salt":"',             '"salt":"A',              'a longer salt'],
  ['"salt":',              '"sal":',                 'no salt'],
  ['{',                    '[',                      'a header that is not JSON'],
  ['{"format"',            '7\n{"format"',           'a third line'],
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

const KEYS: readonly StoredKey[] = [
  { name: 'tmk:00000001', use: 'tmk', algorithm: '3des', bytes: Buffer.alloc(16, 1) },
  { name: 'data', use: 'data', algorithm: 'aes-256', bytes: Buffer.alloc(32, 2) },
];

body('keys come back as they were, in order', () => {
  const decoded = decodeBody(encodeBody(Buffer.alloc(32, 9), KEYS));
  assert.equal(decoded.masterKey, Buffer.alloc(32, 9));
  assert.equal(decoded.keys, KEYS);
  assert.equal(decodeBody(encodeBody(Buffer.alloc(32, 9), [])).keys, []);
});

body('content of another form is refused at every cut, with bytes behind it, and with an unknown use', () => {
  const good = encodeBody(Buffer.alloc(32, 9), KEYS);
  for (let cut = 0; cut < good.length; cut += 1) throws(() => decodeBody(good.subarray(0, cut)), isKeyFile());
  throws(() => decodeBody(Buffer.concat([good, Buffer.alloc(1)])), isKeyFile());
  throws(
    () => decodeBody(Buffer.from(good.toString('latin1').replace('tmk\x04', 'tmx\x04'), 'latin1')),
    isKeyFile(),
  );
  throws(
    () => decodeBody(Buffer.from(good.toString('latin1').replace('3des', '4des'), 'latin1')),
    isKeyFile(),
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
  return sealKeyFile(await newKeyFileLock(PASSPHRASE, randomBytes), BODY, randomBytes);
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
