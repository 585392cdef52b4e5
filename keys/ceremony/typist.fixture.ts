/**
 * Somebody at a real pseudo-terminal with one of our programs: waits for what it says, types, and keeps all that was on
 * the screen. node-pty's `open()` and `destroy()` are never called: their kill goes to every process.
 */
import { fileURLToPath } from 'node:url';
import { spawn } from '@lydell/node-pty';

export interface Typed {
  /** Wait until this is on the screen, behind what was there at the step before. */
  readonly at: string;
  readonly type: string;
}

/**
 * Runs the program there, and answers its questions in turn.
 * @param program where its source is
 * @returns everything that was shown
 */
export function typeAt(
  program: URL,
  args: readonly string[],
  script: readonly Typed[],
): Promise<{ readonly screen: string; readonly exitCode: number }> {
  const terminal = spawn(process.execPath, ['--import', 'tsx', fileURLToPath(program), ...args], {
    cols: 200,
    rows: 50,
  });
  let screen = '';
  let from = 0;
  let step = 0;
  terminal.onData((text) => {
    screen += text;
    for (let next = script[step]; next !== undefined; next = script[step]) {
      const found = screen.indexOf(next.at, from);
      if (found < 0) return;
      from = found + next.at.length;
      step += 1;
      terminal.write(next.type);
    }
  });
  return new Promise((resolve) => {
    terminal.onExit(({ exitCode }) => resolve({ screen, exitCode }));
  });
}
