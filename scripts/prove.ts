/** Proves the outputs of a demo run again, from its folder alone: `npm run prove -- out/demo`. */
import { proveOutputs, tellProof } from './demo/proof.ts';

const checks = await proveOutputs(process.argv[2] ?? 'out/demo');
const proven = tellProof(checks);
console.log(
  proven ? `已证明 PROVEN: ${checks.length} of ${checks.length} statements hold` : '未能证明 NOT PROVEN',
);
process.exitCode = proven ? 0 : 1;
