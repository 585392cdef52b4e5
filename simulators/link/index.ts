/** The bad line between terminal and host. */
export { type LinkProxy, startLinkProxy } from './tcp-link-proxy.ts';
