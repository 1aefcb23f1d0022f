/** Tells user code at the ends of a pipeline how its run ended, also when it never began. */
import type { Sink } from '@spillway/core';
import type { SourceSpec } from '@spillway/core/internal';
import { callbackOf, feederOf } from '@spillway/core/planner';

type GraphNode = Sink['node'];

/** Ends or fails the sinks that deliver to functions and loops. */
export function settleSinks(sinks: readonly Sink[], error: unknown): void {
  for (const sink of new Set(sinks)) {
    const spec = sink?.node?.spec;
    if (spec?.kind !== 'sink' || (spec.sink.type !== 'callback' && spec.sink.type !== 'iterate')) continue;
    const callback = callbackOf(spec.sink.id);
    if (error === undefined) callback.end?.();
    else callback.fail?.(error);
  }
}

/** Rejects what waits in push sources of a run that has failed: nobody will take it any more. */
export async function refusePushes(sinks: readonly Sink[], error: unknown): Promise<void> {
  const aborted = AbortSignal.abort(error);
  const feeders = [...fedSources(sinks)].map((source) => feederOf(source.id)).filter((feeder) => 'emit' in feeder);
  await Promise.allSettled(feeders.map((feeder) => feeder.feed(() => Promise.resolve(), aborted)));
}

function fedSources(sinks: readonly Sink[]): Set<Extract<SourceSpec, { type: 'fed' }>> {
  const found = new Set<Extract<SourceSpec, { type: 'fed' }>>();
  const seen = new Set<GraphNode>();
  const visit = (node: GraphNode): void => {
    if (seen.has(node)) return;
    seen.add(node);
    if (node.spec.kind === 'source' && node.spec.source.type === 'fed') found.add(node.spec.source);
    for (const input of node.inputs) visit(input.node);
  };
  for (const sink of sinks) if (sink?.node !== undefined) visit(sink.node);
  return found;
}
