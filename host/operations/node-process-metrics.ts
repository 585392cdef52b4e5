/** What Node says of its own process: memory, processor time, garbage collection, the event loop's delay. */
import { collectDefaultMetrics, type Registry } from 'prom-client';

/** Adds the process's own figures, under the names that Prometheus' client libraries share. */
export function measureProcess(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
}
