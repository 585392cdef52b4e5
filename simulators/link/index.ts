/** The bad line between terminal and host. */

export type { WireRecord } from './pcap.ts';
export { type LinkProxy, startLinkProxy } from './tcp-link-proxy.ts';
