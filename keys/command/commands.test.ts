/** Commands of `npm run keys` about custodians, at a desk whose keyboard is a list. */
import { rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PosError } from '../../protocol/index.ts';
import { newCustodian } from '../ceremony/custodians.ts';
import type { Desk } from '../ceremony/desk.ts';
import type { KeyEvent, KeyLogPort } from '../vault/key-log.ts';
import { KeyOffice } from '../vault/key-office.ts';
import { openKeyStore } from '../vault/open-vault.ts';
import { code, memoryFile } from '../vault/vault.fixture.ts';
import { type CommandName, type CommandOptions, runCommand } from './commands.ts';

const NOON = Date.UTC(2026, 10, 22, 12);
const PASSWORDS = {
  alice: 'alice has three cats',
  bob: 'bob rows on sundays',
  carol: 'carol bakes rye bread',
};
type Person = keyof typeof PASSWORDS;
const proof = (name: Person) => [name, PASSWORDS[name]];
const enrols = (name: Person) => [name, PASSWORDS[name], PASSWORDS[name]];

/** A key file with these custodians, and the commands that are run over it; each opens the file anew. */
async function keyRoom(...enrolled: readonly Person[]) {
  const file = memoryFile();
  const events: KeyEvent[] = [];
  const log: KeyLogPort = {
    append: async (added) => ({ records: events.push(...added), head: '0'.repeat(64) }),
    behind: async () => [],
  };
  const open = () =>
    openKeyStore({
      random: randomBytes,
      file,
      log,
      passphrase: Buffer.from('a passphrase of the test'),
      now: () => NOON,
    });
  const store = await open();
  const office = new KeyOffice(store, randomBytes);
  for (const name of enrolled)
    office.enrol(await newCustodian(name, Buffer.from(PASSWORDS[name]), randomBytes), 'ceremony');
  await office.saved();
  store.close();
  const run = async (
    name: CommandName,
    typed: readonly string[],
    subject = '',
    options: CommandOptions = {},
  ): Promise<{ readonly custodians: readonly string[]; readonly said: readonly string[] }> => {
    const opened = await open();
    const said: string[] = [];
    try {
      const parts = { office: new KeyOffice(opened, randomBytes), options, subject, log, now: () => NOON };
      const desk = deskOf(typed, said);
      await runCommand(
        name,
        {
          ...parts,
          desk: () => desk,
          random: randomBytes,
          testMode: false,
          say: (line) => void said.push(line),
        },
        'somebody',
      );
      return { custodians: parts.office.custodians.map((one) => one.name), said };
    } finally {
      opened.close();
    }
  };
  return { run, events };
}

/** @throws CANCELLED when nothing is left to type */
function deskOf(typed: readonly string[], said: string[]): Desk {
  const left = [...typed];
  const next = async (): Promise<string> => {
    const answer = left.shift();
    if (answer === undefined) throw new PosError('CANCELLED', 'nobody types any more');
    return answer;
  };
  return {
    say: (line) => void said.push(line),
    ask: next,
    askHidden: async () => Buffer.from(await next()),
    clear: () => undefined,
  };
}

const custodians = suite('custodians come and go');

custodians('two of them enrol a third, who can act from then on; the log names all three', async () => {
  const { run, events } = await keyRoom('alice', 'bob');
  const after = await run('enrol', [...proof('alice'), ...proof('bob'), ...enrols('carol')]);
  assert.equal(after.custodians, ['alice', 'bob', 'carol']);
  const { act, subject, by } = events.at(-1) as KeyEvent;
  assert.equal([act, subject, by], ['custodian enrolled', 'carol', 'alice, bob']);
  await run('generate', proof('carol'), 'tmk:1', { use: 'tmk', algorithm: '3des' });
  assert.is(events.at(-1)?.by, 'carol');
});

custodians('the first alone enrols the second; from then on it takes two', async () => {
  const { run } = await keyRoom('alice');
  assert.equal((await run('enrol', [...proof('alice'), ...enrols('bob')])).custodians, ['alice', 'bob']);
  const alone = [1, 2, 3, 4].flatMap(() => proof('alice'));
  await rejects(run('enrol', [...alone, ...enrols('carol')]), code('FOUR_EYES'));
});

custodians('where nobody is enrolled, whoever is logged on enrols the first, and is named', async () => {
  const { run, events } = await keyRoom();
  assert.equal((await run('enrol', enrols('alice'))).custodians, ['alice']);
  assert.is(events.at(-1)?.by, 'somebody');
});

const AGREED = [...proof('alice'), ...proof('bob')];

// biome-ignore format: a table is read by column
const NOT_ENROLLED: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  'by a wrong password':               ['NOT_AUTHORISED', ['alice', 'not her password', 'alice', 'wrong again', 'alice', 'and again']],
  'by one person twice':               ['FOUR_EYES',      [...proof('alice'), ...proof('alice'), ...proof('alice'), ...proof('alice')]],
  'under a name that is taken':        ['ALREADY_EXISTS', [...AGREED, 'bob', 'bob', 'bob']],
  'with a password that is too short': ['INPUT_BAD',      [...AGREED, ...['carol', 'short', 'short'], ...['carol', 'short', 'short'], ...['carol', 'short', 'short']]],
  'when the two passwords differ':     ['INPUT_BAD',      [...AGREED, ...['carol', 'a password of hers', 'another one'], ...['carol', 'a password of hers', 'another one'], ...['carol', 'a password of hers', 'another one']]],
};

for (const [how, [wanted, typed]] of Object.entries(NOT_ENROLLED)) {
  custodians(`nobody is enrolled ${how}: ${wanted}, and nothing changed`, async () => {
    const { run, events } = await keyRoom('alice', 'bob');
    const before = events.length;
    await rejects(run('enrol', typed), code(wanted));
    assert.is(events.length, before);
    assert.match((await run('inventory', [])).said.join('\n'), '- alice\n- bob\n\n');
  });
}

custodians('two dismiss a third, whose password opens nothing any more', async () => {
  const { run, events } = await keyRoom('alice', 'bob', 'carol');
  assert.equal((await run('dismiss', AGREED, 'carol')).custodians, ['alice', 'bob']);
  const { act, subject, by } = events.at(-1) as KeyEvent;
  assert.equal([act, subject, by], ['custodian dismissed', 'carol', 'alice, bob']);
  const spec = { use: 'tmk', algorithm: '3des' };
  await rejects(
    run('generate', [...proof('carol'), ...proof('carol'), ...proof('carol')], 'tmk:1', spec),
    code('NOT_AUTHORISED'),
  );
});

// biome-ignore format: a table is read by column
const NOT_DISMISSED: Readonly<Record<string, readonly [string, readonly Person[], readonly string[], string]>> = {
  'by one person alone':            ['CANCELLED',       ['alice', 'bob', 'carol'], proof('alice'), 'carol'],
  'by one person twice':            ['FOUR_EYES',       ['alice', 'bob', 'carol'], [...proof('bob'), ...proof('bob'), ...proof('bob'), ...proof('bob')], 'carol'],
  'who is none':                    ['NOT_FOUND',       ['alice', 'bob', 'carol'], AGREED, 'dave'],
  'when fewer than two would stay': ['NOT_ALLOWED_NOW', ['alice', 'bob'],          AGREED, 'bob'],
};

for (const [how, [wanted, enrolled, typed, subject]] of Object.entries(NOT_DISMISSED)) {
  custodians(`nobody is dismissed ${how}: ${wanted}, and nothing changed`, async () => {
    const { run, events } = await keyRoom(...enrolled);
    const before = events.length;
    await rejects(run('dismiss', typed, subject), code(wanted));
    assert.is(events.length, before);
    assert.match(
      (await run('inventory', [])).said.join('\n'),
      `${enrolled.map((one) => `- ${one}`).join('\n')}\n\n`,
    );
  });
}

custodians.run();
