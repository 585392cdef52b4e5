/**
 * The administration's HTTP door: bound to loopback, every call but health and readiness under a token. Nothing
 * of a request is logged but its method, route and outcome.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify from 'fastify';
import { within } from '../clock.ts';
import { cardRoutes } from './card-routes.ts';
import { certificateRoutes } from './certificate-routes.ts';
import { clearingRoutes } from './clearing-routes.ts';
import { documentRoutes } from './document-routes.ts';
import { type AdminDeps, type AdminServer, UnderWay } from './door.ts';
import { failureAnswer } from './failure-answer.ts';
import { healthRoutes } from './health-routes.ts';
import { keyRoutes } from './key-routes.ts';
import { LongWorks } from './long-work.ts';
import { owedRoutes } from './owed-routes.ts';
import { queryRoutes } from './query-routes.ts';
import { type Token, Tokens } from './tokens.ts';

/** A rule or a document is a few kilobytes. */
const BODY_BYTES_MAX = 65_536;

/** The routes without a socket: tests call them with `inject`. */
export function buildAdmin(
  deps: AdminDeps,
  tokens: readonly Token[],
  longWorks = new LongWorks(deps),
): AdminServer {
  const server: AdminServer = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    // Told by the hook below, as all else is told.
    return503OnClosing: false,
    // As written: a number in quotes is no number, a field that is not known is an error.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: false } },
  }).withTypeProvider<TypeBoxTypeProvider>();
  // What came in before the stop is done; what only now is complete is not begun.
  server.addHook('preHandler', async () => longWorks.demandServing());
  server.addHook('onRoute', (route) => {
    const { handler } = route;
    // A look is ended: its answer may be read slowly, or not at all.
    if (route.method === 'GET') return;
    route.handler = function handled(request, reply) {
      // It gives a body, not the reply: of that the end would be its delivery, which nobody can be made to take.
      return longWorks.counted(request, async () => handler.call(this, request, reply));
    };
  });
  // Whoever keeps his connection would keep the server from closing.
  server.addHook('onSend', async (_request, reply) => {
    if (longWorks.isStopping) reply.header('connection', 'close');
  });
  server.setErrorHandler(async (error, request, reply) => {
    const { status, body } = failureAnswer(error);
    const about = { method: request.method, route: request.routeOptions.url ?? '', code: body.code };
    if (status >= 500 && body.code !== 'HOST_STOPPING')
      deps.log.error({ ...about, err: error }, '管理请求失败 an admin request failed');
    else deps.log.warn(about, '管理请求被拒 an admin request was refused');
    deps.metrics.count('admin refusal', body.code);
    // A download that fails before its first byte has said already what it would be.
    await reply.code(status).type('application/json; charset=utf-8').send(body);
  });
  server.setNotFoundHandler(async (_request, reply) => {
    const { en, zh } = {
      en: 'See host/admin/README.md for the routes.',
      zh: '接口清单见 host/admin/README.md。',
    };
    await reply.code(404).send({ code: 'NOT_FOUND', detail: '无此接口 no such route', hint: { zh, en } });
  });
  const door = { deps, server, tokens: new Tokens(tokens), issuing: new UnderWay(), longWorks };
  healthRoutes(door);
  queryRoutes(door);
  documentRoutes(door);
  keyRoutes(door);
  certificateRoutes(door);
  cardRoutes(door);
  clearingRoutes(door);
  owedRoutes(door);
  return server;
}

/**
 * Opens the door.
 * @param options.host loopback only: whoever needs it from elsewhere comes through a tunnel
 */
export async function startAdmin(
  deps: AdminDeps,
  options: { readonly host: '127.0.0.1'; readonly port: number; readonly tokens: readonly Token[] },
): Promise<{ readonly port: number; stop(): Promise<void> }> {
  const longWorks = new LongWorks(deps);
  const server = buildAdmin(deps, options.tokens, longWorks);
  server.server.on('connection', (socket) => longWorks.opened(socket));
  await server.listen({ host: options.host, port: options.port });
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  deps.log.info({ port }, '管理端口已开放 the administration listens');
  return {
    port,
    async stop() {
      longWorks.stop();
      const closed = server.close();
      if ((await within(deps.clock, LAST_ANSWERS_MS, closed)) === 'late') cutOff(deps, longWorks);
      // An act goes on without its caller; one that hangs is for whoever gave the stop its time.
      await longWorks.ended();
      if ((await within(deps.clock, LAST_ANSWERS_MS, closed)) === 'late') cutOff(deps, longWorks);
      await closed;
    },
  };
}

/** Long work that was ended is told so by then; who takes no answer, or asks nothing, is not waited for. */
const LAST_ANSWERS_MS = 5_000;

/** All connections but those on which an act is being done. */
function cutOff({ log }: AdminDeps, longWorks: LongWorks): void {
  const idle = [...longWorks.sockets].filter((socket) => !longWorks.isWorkedFor(socket));
  if (idle.length > 0) log.warn({ connections: idle.length }, CUT_OFF);
  for (const socket of idle) socket.destroy();
}
const CUT_OFF = '停机时仍开着的管理连接已断开 connections that were still open were cut off by the stop';
