/** `npm run host` as a process of its own, for tests. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Token } from '../admin/tokens.ts';

const ROOT = new URL('../../', import.meta.url).pathname;

export interface ChildHost {
  readonly child: ReturnType<typeof spawn>;
  /** The exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** All that it has said on both streams. */
  text(): string;
  /** Resolves when it has said this, rejects when it ends before. */
  until(part: string): Promise<void>;
  acquirerPort(): number;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
}

/** @param words of the command line @param env settings beside data folder and free ports */
export function startChild(dataFolder: string, words: readonly string[] = [], env: object = {}): ChildHost {
  const child = spawn(process.execPath, ['--import', 'tsx', 'host/main.ts', ...words], {
    cwd: ROOT,
    env: {
      ...process.env,
      ZUNKA_DATA_FOLDER: dataFolder,
      ZUNKA_ACQUIRER_PORT: '0',
      ZUNKA_ADMIN_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  let isOver = false;
  const waiting = new Set<() => void>();
  const wake = () => {
    for (const look of waiting) look();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (part: Buffer) => {
      said += part.toString('utf8');
      wake();
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  void ended.then(() => {
    isOver = true;
    wake();
  });
  const port = (after: RegExp) => Number(after.exec(said)?.[1]);
  return {
    child,
    ended,
    text: () => said,
    until: (part) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!said.includes(part) && !isOver) return;
          waiting.delete(look);
          if (said.includes(part)) resolve();
          else reject(new Error(`it ended without "${part}":\n${said}`));
        };
        waiting.add(look);
        look();
      }),
    acquirerPort: () => port(/收单 acquirer\s+\S+:(\d+)/),
    async get(path) {
      const [token] = JSON.parse(readFileSync(join(dataFolder, 'admin-tokens.json'), 'utf8')) as Token[];
      const answer = await fetch(`http://127.0.0.1:${port(/管理 admin\s+\S+:(\d+)/)}${path}`, {
        headers: { authorization: `Bearer ${token?.token ?? ''}`, connection: 'close' },
      });
      return { status: answer.status, text: await answer.text() };
    },
  };
}
