/** `npm run build`: the host as one file, for units and containers (host/operations/machine). */
import { bundleHost } from '../simulators/office/index.ts';

console.log(await bundleHost());
