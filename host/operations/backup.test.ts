import { rejects } from 'node:assert/strict';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { handleFrame } from '../acquiring/handle-frame.ts';
import { type Fixture, openFixture, saleFrame } from '../acquiring/node-acquiring.fixture.ts';
import { parseAnswer } from '../acquiring/wire-terminal.fixture.ts';
import { assembleHost } from '../deps.ts';
import { proveBooks } from '../ledger/proofs.ts';
import { proveDatabase } from '../store/node-database.ts';
import { nodeMarkSlots } from '../store/node-mark-slots.ts';
import { openSqlite } from '../store/sqlite-driver.ts';
import { openSqliteStore } from '../store/sqlite-store.ts';
import { RRN_SKIPPED } from './backup.ts';
import { backUp, restoreBackup } from './node-backup.ts';
import { startChild } from './node-child-host.fixture.ts';

const backup = suite('backup and restore of the SQLite store');

const codeIs = (code: string) => (error: unknown) => error instanceof PosError && error.code === code;

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'zunka-backup-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
/** The fixture's database under the name and beside the key file that a data folder has. */
async function dataOf(host: Fixture, folder: string): Promise<string> {
  const data = join(folder, 'data');
  mkdirSync(data);
  for (const end of ['', '-wal', '-shm']) {
    if (existsSync(`${host.path}${end}`)) copyFileSync(`${host.path}${end}`, join(data, `host.sqlite${end}`));
  }
  writeFileSync(join(data, 'keys.sealed'), 'sealed');
  return data;
}

backup('a copy that is taken while terminals trade is one moment of the books, and they go on with it', () =>
  inFolder(async (folder) => {
    const host = await openFixture();
    try {
      await host.signIn(host.shop);
      const card = await host.card({ principal: 1_000_000_00 });
      // The host writes into the very file that is copied.
      const data = join(folder, 'data');
      mkdirSync(data);
      symlinkSync(host.path, join(data, 'host.sqlite'));
      writeFileSync(join(data, 'keys.sealed'), 'sealed');
      writeFileSync(join(data, 'keys.log'), 'what was done\n');
      let trading = true;
      let sold = 0;
      const trade = (async () => {
        while (trading) {
          const answers = await Promise.all(
            Array.from({ length: 16 }, () => host.answer(saleFrame(host.shop, card, 1_00))),
          );
          sold += answers.filter(({ fields }) => fields[39] === '00').length;
        }
      })();
      while (sold < 64) await new Promise((resolve) => setTimeout(resolve, 5));
      const manifest = await backUp({ dataFolder: data, to: join(folder, 'backup'), stream: '01' });
      const soldAtEnd = sold;
      trading = false;
      await trade;
      assert.ok(sold >= soldAtEnd);
      assert.ok(manifest.entries > 64 && manifest.entries <= (await host.rows('entries')).length);
      assert.equal(readdirSync(folder).sort(), ['backup', 'data']);
      for (const name of ['host.sqlite', 'keys.sealed', 'keys.log', 'backup.json'])
        assert.is(statSync(join(folder, 'backup', name)).mode & 0o777, 0o600);

      // Restored, proven at the start, and the terminal sells on under its old working keys.
      const restored = join(folder, 'restored');
      const by = { person: '王运维', reason: '演练 drill' };
      await restoreBackup({ from: join(folder, 'backup'), dataFolder: restored, stream: '01', ...by });
      assert.is(readFileSync(join(restored, 'keys.log'), 'utf8'), 'what was done\n');
      const marks = nodeMarkSlots(join(restored, 'acknowledged-01.mark'));
      assert.is(
        await proveDatabase(join(restored, 'host.sqlite'), {
          depth: 'full',
          marks: nodeMarkSlots(join(restored, 'acknowledged-1.mark')),
        }),
        'unmarked',
      );
      assert.is(await proveDatabase(join(restored, 'host.sqlite'), { depth: 'full', marks }), 'marked');
      const highest = (await host.deps.store.highest()).rrn ?? '';
      const store = await openSqliteStore({
        driver: await openSqlite(join(restored, 'host.sqlite')),
        stream: 'host-01',
        clock: host.clock,
        initialBusinessDate: '20000101',
      });
      try {
        const deps = await assembleHost({ ...host.deps, store });
        const frame = await handleFrame(deps, { id: 1, remote: 'test' }, saleFrame(host.shop, card, 1_00));
        const answer = parseAnswer(frame ?? Buffer.alloc(0));
        assert.is(answer.fields[39], '00');
        // No number that was given after the backup is given again.
        assert.ok(Number(answer.fields[37]?.slice(2)) >= Number(highest.slice(2)) + RRN_SKIPPED / 2);
        assert.ok((await proveBooks(store)).ok);
        const acts: string[] = [];
        for await (const page of store.scanJournal()) acts.push(...page.map(({ body }) => body));
        assert.is(acts.filter((body) => body.includes('store.restore') && body.includes('王运维')).length, 1);
      } finally {
        await store.close();
        await marks.close();
      }
    } finally {
      await host.close();
    }
  }),
);

backup('of a host whose keys are in a token has no key file; any other is not made without one', () =>
  inFolder(async (folder) => {
    const host = await openFixture();
    try {
      const data = await dataOf(host, folder);
      rmSync(join(data, 'keys.sealed'));
      const to = join(folder, 'backup');
      await rejects(backUp({ dataFolder: data, to, stream: '01' }), codeIs('NOT_FOUND'));
      assert.not(existsSync(to));
      const manifest = await backUp({ dataFolder: data, to, stream: '01', keysInToken: true });
      assert.is(manifest.keys, 'token');
      const restored = join(folder, 'restored');
      const by = { person: '王运维', reason: '演练 drill' };
      await restoreBackup({ from: to, dataFolder: restored, stream: '01', ...by });
      assert.equal(readdirSync(restored).sort(), ['acknowledged-01.mark', 'host.sqlite']);
    } finally {
      await host.close();
    }
  }),
);

backup(
  'nothing that lies there is overwritten, and no copy is believed that is not what its manifest says',
  () =>
    inFolder(async (folder) => {
      const host = await openFixture();
      const data = await dataOf(host, folder);
      await host.close();
      const to = join(folder, 'backup');
      const by = { stream: '01', person: '王运维', reason: '演练 drill' };
      await backUp({ dataFolder: data, to, stream: '01' });
      await rejects(backUp({ dataFolder: data, to, stream: '01' }), codeIs('ALREADY_EXISTS'));
      await rejects(restoreBackup({ from: to, dataFolder: data, ...by }), codeIs('ALREADY_EXISTS'));
      await rejects(
        backUp({ dataFolder: join(folder, 'none'), to: join(folder, 'b2'), stream: '01' }),
        codeIs('NOT_FOUND'),
      );
      appendFileSync(join(to, 'host.sqlite'), '\0');
      await rejects(
        restoreBackup({ from: to, dataFolder: join(folder, 'fresh'), ...by }),
        codeIs('FILE_DAMAGED'),
      );
      assert.equal(readdirSync(join(folder, 'fresh')), []);
      writeFileSync(join(to, 'backup.json'), '{}');
      await rejects(
        restoreBackup({ from: to, dataFolder: join(folder, 'fresh'), ...by }),
        codeIs('FILE_DAMAGED'),
      );
    }),
);

backup('a database whose books or rows are wrong becomes no backup, and leaves nothing behind', () =>
  inFolder(async (folder) => {
    const host = await openFixture();
    await host.card();
    const data = await dataOf(host, folder);
    await host.close();
    const driver = await openSqlite(join(data, 'host.sqlite'));
    // As somebody would who can write the file: the trigger that guards lots is taken away and put back.
    const [trigger] = await driver.all(
      `SELECT "name", "sql" FROM sqlite_master WHERE type = 'trigger' LIMIT 1`,
      [],
    );
    await driver.exec(`DROP TRIGGER "${String(trigger?.['name'])}"`);
    await driver.close();
    await rejects(
      backUp({ dataFolder: data, to: join(folder, 'backup'), stream: '01' }),
      codeIs('STORE_DAMAGED'),
    );
    assert.equal(readdirSync(folder), ['data']);
  }),
);

backup('by the command line: while the host serves, into an empty folder, and the host starts from it', () =>
  inFolder(async (folder) => {
    const [data, to, fresh] = [join(folder, 'data'), join(folder, 'backup'), join(folder, 'fresh')];
    const host = startChild(data);
    await host.until('the host is running');
    const saved = startChild(data, ['backup', to]);
    assert.is(await saved.ended, 0, saved.text());
    assert.match(saved.text(), '已备份并核对 backed up and proven');
    host.child.kill('SIGKILL');
    await host.ended;
    const nameless = startChild(fresh, ['restore', to]);
    assert.is(await nameless.ended, 1);
    assert.match(nameless.text(), '--person');
    const restored = startChild(fresh, ['restore', to, '--person', '王运维', '--reason', '演练 drill']);
    assert.is(await restored.ended, 0, restored.text());
    copyFileSync(join(data, 'vault-passphrase'), join(fresh, 'vault-passphrase'));
    const again = startChild(fresh);
    await again.until('the host is running');
    assert.match((await again.get('/v1/proof')).text, '"ok":true');
    assert.match((await again.get('/v1/journal')).text, 'store.restore');
    assert.not.match(again.text(), 'nothing beside the database');
    again.child.kill('SIGTERM');
    assert.is(await again.ended, 0);
    assert.ok(readFileSync(join(to, 'backup.json'), 'utf8').includes('zunka backup 1'));
  }),
);

backup.run();
