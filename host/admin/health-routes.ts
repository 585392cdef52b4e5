/** For machines that watch the host: is it alive, may it be given work, what do its figures say. */
import { type Door, reader } from './door.ts';

export function healthRoutes(door: Door): void {
  const { server, deps } = door;

  // Without a token: they say nothing but that the host lives, which day it is, and why it wants no work.
  // Alive is a host that answers: one whose database is slow is not helped by a restart.
  server.get('/v1/health', async () => ({
    status: 'ok',
    businessDate: await deps.standing.businessDate(),
    at: deps.clock.now(),
    ...(deps.testMode && { testMode: true }),
  }));

  server.get('/v1/ready', async (_request, reply) => {
    const readiness = await deps.standing.readiness();
    return reply.code(readiness.ready ? 200 : 503).send(readiness);
  });

  // The counters as JSON, for scripts; all of it in Prometheus' text format, for scrapers.
  server.get('/v1/metrics', async (request) => {
    reader(door, request, 'metrics.read');
    return deps.metrics.snapshot();
  });

  server.get('/metrics', async (request, reply) => {
    reader(door, request, 'metrics.read');
    const { registry } = deps.metrics;
    return reply.type(registry.contentType).send(await registry.metrics());
  });
}
