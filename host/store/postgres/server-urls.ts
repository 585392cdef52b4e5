/** The address of one or several PostgreSQL servers, as one setting gives it. Pure. */

const SHAPE = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?@]+)(\/[^/?@]+(?:\?.*)?)$/;
const SERVER = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._%-]+)(?::(\d{1,5}))?$/;

/** One server of them. */
export interface ServerUrl {
  /** With user, password and database: a secret. */
  readonly url: string;
  /** Host and port, as they may be shown. */
  readonly server: string;
}

/** In the order in which they are tried; null for a text that is no such address. */
export function serverUrls(text: string): readonly ServerUrl[] | null {
  const [, before, hosts, after] = SHAPE.exec(text) ?? [];
  if (before === undefined || hosts === undefined || after === undefined) return null;
  const servers = hosts.split(',');
  return servers.every(isServer) ? servers.map((server) => ({ url: before + server + after, server })) : null;
}

function isServer(text: string): boolean {
  const found = SERVER.exec(text);
  if (found === null) return false;
  const port = Number(found[1] ?? 5432);
  return port >= 1 && port <= 65_535;
}
