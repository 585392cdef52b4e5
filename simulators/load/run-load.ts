/** Starts the load as a process of its own, so that it and the host do not share a thread. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LoadJob, PhaseResult } from './job.ts';

/** What it throws away is thrown away while no clock runs: a pause of its own would count as the host's. */
const LOAD_FLAGS = ['--expose-gc', '--max-semi-space-size=128'];

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param watch told when a phase begins, and when it has ended
 * @throws when the load process fails: an answer that is none, a MAC that is wrong
 */
export async function runLoad(
  job: LoadJob,
  watch: { readonly begun: (phase: string) => void; readonly ended: (result: PhaseResult) => void },
): Promise<void> {
  const child = spawn(process.execPath, [...LOAD_FLAGS, '--import', 'tsx', 'simulators/load/main.ts'], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const end = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  child.stdin.end(JSON.stringify(job));
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line) as { readonly ready: string } | PhaseResult;
    if ('ready' in said) watch.begun(said.ready);
    else watch.ended(said);
  }
  const code = await end;
  if (code !== 0) throw new Error(`the load ended with ${code ?? 'a signal'}`);
}
