/** Prints the Wireshark dissector that the field table generates: `npm run -s dissector > zunka.lua`. */
import { luaDissector } from '../protocol/index.ts';

process.stdout.write(luaDissector());
