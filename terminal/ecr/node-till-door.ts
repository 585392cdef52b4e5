/**
 * The till's interface over HTTP: one JSON envelope in, one JSON answer out, progress as server-sent events.
 *
 * Bound to loopback unless the settings say otherwise; beyond loopback it does not open without a token.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import fastify, { type FastifyInstance } from 'fastify';
import { PosError } from '../../protocol/index.ts';
import { refusal } from './answers.ts';
import { httpStatusOf } from './codes.ts';
import type { TillAnswer } from './model.ts';
import type { Till } from './till.ts';

/** An envelope is some hundred bytes. */
const BODY_BYTES_MAX = 8_192;
/** A till watches the request that it made; more than a few streams are a defect of the till. */
const STREAMS_MAX = 16;
/** A reader that has stopped reading is let go. */
const STREAM_BYTES_MAX = 65_536;
const TOKEN_CHARACTERS_MIN = 32;
const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/;
/** What a browser names in `Host` when a page of this machine calls; with or without a port. */
const LOOPBACK_HOST = /^(127(\.\d{1,3}){3}|\[::1\]|localhost)(:\d{1,5})?$/;

export interface TillDoorOptions {
  readonly address: string;
  /** 0: any free port. */
  readonly port: number;
  /** At least 32 characters; empty: none is asked for, on loopback only. */
  readonly token: string;
}

export interface TillDoor {
  readonly port: number;
  /** Ends the streams too; a request that is running goes on at the terminal. */
  close(): Promise<void>;
}

/** The routes without a socket: tests call them with `inject`. @throws CONFIG_BAD */
export function buildTillDoor(till: Till, options: Omit<TillDoorOptions, 'port'>): FastifyInstance {
  checkOptions(options);
  const server = fastify({ logger: false, bodyLimit: BODY_BYTES_MAX, forceCloseConnections: true });
  // A page in a browser may send text without asking; JSON it may not.
  server.removeContentTypeParser('text/plain');
  server.setErrorHandler(async (error: { statusCode?: number; code?: string }, _request, reply) => {
    const status = error.statusCode ?? 500;
    const answer =
      status < 500 ? refusal({}, 'REQUEST_BAD', { detail: error.code ?? '' }) : refusal({}, 'DEFECT');
    await reply.code(status).send(answer);
  });
  server.setNotFoundHandler(async (_request, reply) => {
    await reply
      .code(404)
      .send(refusal({}, 'NOT_FOUND', { detail: 'POST /v1/till, see terminal/ecr/README.md' }));
  });
  server.addHook('onRequest', async ({ headers }, reply) => {
    const code = isAllowed(headers, options.token) ? null : 'NOT_AUTHORISED';
    if (code !== null) await reply.code(httpStatusOf(code)).send(refusal({}, code));
  });
  server.post('/v1/till', async ({ body }, reply) => {
    const answer = await till.handle(body);
    await reply.code(statusOf(answer)).send(answer);
  });
  server.get<{ Params: { requestId: string } }>('/v1/till/requests/:requestId', async ({ params }, reply) => {
    const answer = await till.handle({ v: 1, op: 'status', requestId: params.requestId });
    await reply.code(statusOf(answer)).send(answer);
  });
  streamRoute(server, till);
  return server;
}

/** Opens the door. @throws CONFIG_BAD, also when the port is taken */
export async function openTillDoor(till: Till, options: TillDoorOptions): Promise<TillDoor> {
  const server = buildTillDoor(till, options);
  const { address, port } = options;
  try {
    await server.listen({ host: address, port });
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new PosError('CONFIG_BAD', `tillAddress ${address}, tillPort ${port}: ${why}`, { cause: error });
  }
  const bound = server.server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : port,
    close: () => server.close(),
  };
}

/** Each change of one request as an event named by its state, until the answer is final. */
function streamRoute(server: FastifyInstance, till: Till): void {
  const open = new Set<ServerResponse>();
  server.addHook('preClose', async () => {
    for (const stream of open) stream.end();
  });
  server.get<{ Params: { requestId: string } }>(
    '/v1/till/requests/:requestId/events',
    async ({ params: { requestId } }, reply) => {
      const now = await till.handle({ v: 1, op: 'status', requestId });
      if (now.state === 'refused') return reply.code(statusOf(now)).send(now);
      if (open.size >= STREAMS_MAX) return reply.code(503).send(refusal({ requestId }, 'BUSY'));
      reply.hijack();
      const stream = reply.raw;
      open.add(stream);
      stream.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
      });
      const send = (answer: TillAnswer) => {
        if (answer.requestId !== requestId || stream.writableEnded) return;
        stream.write(`event: ${answer.state}\ndata: ${JSON.stringify(answer)}\n\n`);
        if (answer.final) stream.end();
        else if (stream.writableLength > STREAM_BYTES_MAX) stream.destroy();
      };
      const unwatch = till.watch(send);
      stream.on('close', () => {
        unwatch();
        open.delete(stream);
      });
      send(now);
      return reply;
    },
  );
}

function statusOf(answer: TillAnswer): number {
  return answer.state === 'refused' ? httpStatusOf(answer.code) : 200;
}

/**
 * With a token: who shows it. Without: programs of this machine only, and no page in its browser: pages
 * name their origin, and a page of a name that was bent to this machine names it in `Host`.
 */
function isAllowed({ authorization, origin, host }: IncomingHttpHeaders, token: string): boolean {
  if (token === '') return origin === undefined && LOOPBACK_HOST.test(host ?? '');
  const given = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '';
  return timingSafeEqual(digestOf(given), digestOf(token));
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

function checkOptions({ address, token }: Omit<TillDoorOptions, 'port'>): void {
  if (token !== '' && token.length < TOKEN_CHARACTERS_MIN)
    throw new PosError('CONFIG_BAD', `tillToken: at least ${TOKEN_CHARACTERS_MIN} characters, or none`);
  if (token === '' && !LOOPBACK.test(address))
    throw new PosError('CONFIG_BAD', `tillAddress ${address} is not loopback: set tillToken`);
}
