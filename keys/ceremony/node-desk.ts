/** Keyboard and screen of this process. Secrets are read byte by byte, never as text, and never shown. */
import type { ReadStream } from 'node:tty';
import { PosError } from '../../protocol/index.ts';
import { secretBuffer } from '../secret-buffer.ts';
import type { Desk } from './desk.ts';

const TYPED_MAX = 512;
const ENTER = [0x0a, 0x0d];
const BACKSPACE = [0x08, 0x7f];
/** Ctrl-C and Ctrl-D. */
const CANCEL = [0x03, 0x04];
/** Screen, scrolled lines, cursor home. */
const CLEAR = '\u001b[2J\u001b[3J\u001b[H';

/** @throws INPUT_BAD standard input or output is no terminal: a secret must not come through a pipe or a file */
export function nodeDesk(): Desk & { close(): void } {
  const { stdin, stdout } = process;
  if (stdin.isTTY !== true || stdout.isTTY !== true)
    throw new PosError(
      'INPUT_BAD',
      '须在终端上进行 this is done at a terminal: a pipe or a file may keep what is typed',
    );
  const waiting: number[] = [];
  let wake: (() => void) | null = null;
  const take = (chunk: Buffer) => {
    waiting.push(...chunk);
    chunk.fill(0);
    wake?.();
  };
  const keyboard: ReadStream = stdin;
  keyboard.setRawMode(true);
  keyboard.on('data', take);
  keyboard.resume();

  async function nextByte(): Promise<number> {
    while (waiting.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return waiting.shift() as number;
  }

  async function line(question: string, isShown: boolean): Promise<Buffer> {
    stdout.write(`${question}: `);
    const typed = secretBuffer(TYPED_MAX);
    for (let length = 0; ; ) {
      const byte = await nextByte();
      if (ENTER.includes(byte)) {
        stdout.write('\n');
        const out = Buffer.from(typed.subarray(0, length));
        typed.fill(0);
        return out;
      }
      if (CANCEL.includes(byte)) {
        typed.fill(0);
        stdout.write('\n');
        throw new PosError('CANCELLED', '已取消 cancelled at the keyboard');
      }
      if (BACKSPACE.includes(byte)) {
        if (length > 0 && isShown) stdout.write('\b \b');
        length = Math.max(0, length - 1);
      } else if (byte >= 0x20 && length < TYPED_MAX) {
        typed[length] = byte;
        length += 1;
        if (isShown) stdout.write(Buffer.from([byte]));
      }
    }
  }

  return {
    say: (text) => void stdout.write(`${text}\n`),
    ask: async (question) => (await line(question, true)).toString('utf8').trim(),
    askHidden: (question) => line(question, false),
    clear: () => void stdout.write(CLEAR),
    close() {
      keyboard.off('data', take);
      keyboard.setRawMode(false);
      keyboard.pause();
      waiting.fill(0);
    },
  };
}
