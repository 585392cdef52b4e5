import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LineConsole } from './console.ts';
import type { CommandResult } from './flows/result.ts';
import type { Terminal } from './terminal.ts';

const consoles = suite('console: every line has its mark, so that a script can wait for it');

function bench() {
  const lines: string[] = [];
  const console = new LineConsole((line) => lines.push(line));
  return { console, lines };
}

function terminalThat(act: (line: string) => Promise<CommandResult>): Terminal {
  return { command: act, state: { operator: null } } as unknown as Terminal;
}

function result(ok: boolean, code: string): CommandResult {
  return { ok, code, zh: '好', en: 'good', hint: ok ? '' : 'do this', facts: {} };
}

consoles('shows > when ready, = for success, ! for failure with the hint', async () => {
  const { console, lines } = bench();
  console.feed('one');
  console.feed('two');
  console.end();
  const allGood = await console.run(
    terminalThat(async (line) => result(line === 'one', line === 'one' ? '00' : '51')),
  );
  assert.is(allGood, false);
  assert.equal(
    lines.map((line) => line.slice(0, 4)),
    ['> 就绪', '= 00', '> 就绪', '! 51', '> 就绪'],
  );
  assert.ok(lines[3]?.endsWith('— do this'));
});

consoles('a question is a line of its own, and lines typed ahead answer it', async () => {
  const { console, lines } = bench();
  console.feed('sale');
  console.feed('128');
  console.end();
  let heard = '';
  await console.run(
    terminalThat(async () => {
      heard = await console.ask('amount');
      return result(true, '00');
    }),
  );
  assert.is(heard, '128');
  assert.ok(lines.some((line) => line.startsWith('? amount 请输入金额')));
});

consoles('a question that is withdrawn takes no line: what is typed next is a command again', async () => {
  const { console, lines } = bench();
  const withdrawn = new AbortController();
  const commands: string[] = [];
  const ended = console.run(
    terminalThat(async (line) => {
      commands.push(line);
      return result(true, '00');
    }),
  );
  const answer = console.ask('supervisor', undefined, withdrawn.signal).then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );
  withdrawn.abort();
  assert.is(await answer, 'CANCELLED');
  console.feed('status');
  console.end();
  await ended;
  assert.equal(commands, ['status']);
  assert.ok(lines.includes('~ 不再等待输入 / the question is withdrawn'));
});

consoles('an empty line, cancel, and nobody there are CANCELLED', async () => {
  for (const typed of ['', 'cancel', '取消']) {
    const { console } = bench();
    const answer = console.ask('amount').then(
      () => 'answered',
      (error: { code: string }) => error.code,
    );
    console.feed(typed);
    assert.is(await answer, 'CANCELLED');
  }
  const { console } = bench();
  console.end();
  assert.is(await console.ask('amount').catch((error: { code: string }) => error.code), 'CANCELLED');
});

consoles('cancel while a device is waited for aborts the signal', async () => {
  const { console } = bench();
  console.feed('sale 1');
  const ended = console.run(
    terminalThat(async () => {
      console.begin();
      const { signal } = console;
      setImmediate(() => console.feed('cancel'));
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return result(false, 'CANCELLED');
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 10));
  console.end();
  assert.is(await ended, false);
});

consoles('keys on the PIN pad confirm, refuse, or cancel a swipe', async () => {
  const { console } = bench();
  const confirmed = console.ask('confirm');
  console.padKey('confirm');
  assert.is(await confirmed, '1');
  const refused = console.ask('confirm').catch(() => 'cancelled');
  console.padKey('cancel');
  assert.is(await refused, '0');
  console.begin();
  console.padKey('cancel');
  assert.is(console.signal.aborted, true);
});

consoles('a script runs its commands and what is typed only answers questions', async () => {
  const { console } = bench();
  console.script(['one', 'two']);
  console.feed('128');
  const heard: string[] = [];
  const terminal = terminalThat(async (line) => {
    heard.push(line === 'one' ? await console.ask('amount') : line);
    return result(true, '00');
  });
  assert.is(await console.run(terminal), true);
  assert.equal(heard, ['128', 'two']);
});

consoles.run();
