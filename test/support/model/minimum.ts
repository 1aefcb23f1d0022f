/**
 * The admission minimum of the model, in rows. It is the formula of `packages/core/src/plan/minimum.ts` without what only
 * real threads and libraries cost (codecs, heaps, scratch):
 *
 *     minimum = Σ edges (largest batch × (producing lanes + consuming lanes))
 *             + Σ windows: all that they hold (unspillable)
 *             + Σ aggregates: the open bin
 *             + Σ buffers: one batch of their input, for reading back what was spilled
 *             + Σ joins: the last row of the right side, and of each input one batch at work; where lanes share one, for each lane the
 *               last row and one batch of the right side
 *
 * Buffers and joins have besides one batch of each input for writing to disk. It comes from a pool of its own, is nobody's to
 * borrow, and so is no part of what the model hands out; a real minimum has to add it (`spillBufferRows`).
 */
import type { ModelEdge, ModelNode, ModelPlan } from './plan.ts';

/** Floor of an edge. */
export function edgeFloor({ nodes }: ModelPlan, edge: ModelEdge): number {
  const producers = (nodes[edge.from] as ModelNode).lanes;
  const consumers = consumersOf(nodes[edge.to] as ModelNode, edge);
  return edge.batchRows * (producers + consumers);
}

/** Lanes that take from an edge: each lane of a shared join has one of its own for the right side. */
export function consumersOf({ kind, lanes }: ModelNode, { port }: ModelEdge): number {
  return kind === 'shared' && port > 0 ? 1 : lanes;
}

/** What an operator cannot do without, beside the batches at work of its inputs. */
export function stateFloor({ kind, size, lanes }: ModelNode): number {
  if (kind === 'window') return size;
  if (kind === 'shared') return lanes;
  return kind === 'aggregate' || kind === 'asof' ? 1 : 0;
}

/** Whether an operator takes batches of an input into what it holds, and needs room to have one of them back. */
export function holdsInput({ kind }: ModelNode, port: number): boolean {
  return kind === 'buffer' || kind === 'asof' || kind === 'union' || (kind === 'shared' && port > 0);
}

export function minimumRows(plan: ModelPlan): number {
  const edges = plan.edges.reduce((sum, edge) => sum + edgeFloor(plan, edge), 0);
  return edges + plan.nodes.reduce((sum, node) => sum + stateFloor(node), 0) + spillBufferRows(plan);
}

/** Batches at work of inputs that can be held; as much again is needed for writing them to disk. */
export function spillBufferRows(plan: ModelPlan): number {
  return plan.edges.reduce((sum, edge) => {
    return sum + (holdsInput(plan.nodes[edge.to] as ModelNode, edge.port) ? edge.batchRows : 0);
  }, 0);
}
