/** `npm run build`: the host as one file, see host/operations/machine. */
import { bundleHost } from '../host/operations/machine/bundle.ts';

console.log(await bundleHost());
