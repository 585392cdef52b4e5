/** The bad line between terminal and host. */
export type { Side, WireRecord } from './pcap.ts';
export { type Direction, type LinkOptions, type LinkProxy, startLinkProxy } from './tcp-link-proxy.ts';
