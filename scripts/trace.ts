/**
 * `npm run trace -- ID FILES…`: every line about one transaction. ID is a `ut`, a `transactionId` or a reference
 * number; FILES are logs, terminal journals, exported audit journals, host databases (`.sqlite`) and settlement files.
 */
import { traceSource } from '../host/operations/node-trace-source.ts';
import { traceOf } from '../host/operations/trace.ts';
import { toldFailure } from '../host/told-failure.ts';

async function main(): Promise<void> {
  const [id, ...files] = process.argv.slice(2);
  if (id === undefined || files.length === 0) {
    console.error('npm run trace -- ID FILES…    ID: ut、transactionId 或参考号 or a reference number');
    process.exitCode = 2;
    return;
  }
  const { names, lines } = await traceOf(id, await Promise.all(files.map(traceSource)));
  console.log(`名称 names: ${names.join(' ')}`);
  for (const { source, line, text } of lines) console.log(`${source}:${line}: ${text}`);
  if (lines.length > 0) return;
  console.error(`这些文件中没有 in none of these files: ${id}`);
  process.exitCode = 1;
}

// Whoever reads on in `head` has read enough.
process.stdout.on('error', () => process.exit(0));
main().catch((error: unknown) => {
  console.error(`未完成 not done · ${toldFailure(error)}`);
  process.exitCode = 2;
});
