import type { ResolvedNode } from './resolved.ts';
import { hasTraits, traitsOf } from './steps/traits.ts';

/** Steps that keep rows in the order they come. Registered ops are not among them: they may do as they like. */
const KEEPING = new Set(['filter', 'select', 'withColumns', 'memoryBuffer']);

/** Sources that compare every row with the one before, or were told to trust the order. */
const VERIFYING = new Set(['parquet', 'text', 'arrow', 'shared', 'generated']);

/**
 * Tells the aggregates whose rows were found in order at the source, and could not lose it since, not to compare each row
 * again. They still compare batch with batch.
 */
export function trustVerifiedOrder(nodes: ResolvedNode[]): void {
  for (const node of nodes) {
    if (node.spec.kind === 'aggStream' && isVerified(node, node.spec.orderedOn, nodes)) {
      node.spec = { ...node.spec, orderTrusted: true };
    }
  }
}

function keepsOrder({ spec }: ResolvedNode): boolean {
  return hasTraits(spec) ? traitsOf(spec).keepsOrder : KEEPING.has(spec.kind);
}

/** Whether the rows of a node's first input were found ascending on a column before, at their source or in a join. */
export function isVerified(node: ResolvedNode, column: string, nodes: readonly ResolvedNode[]): boolean {
  const [input] = node.inputs;
  const producer = nodes.find((candidate) => candidate.id === input?.node);
  if (input === undefined || producer?.ordered[input.port] !== column) return false;
  let at: ResolvedNode | undefined = producer;
  while (at !== undefined && keepsOrder(at)) {
    const from: number | undefined = at.inputs[0]?.node;
    at = nodes.find((candidate) => candidate.id === from);
  }
  // A join compares the rows of its left input, whose order it keeps.
  if (at?.spec.kind === 'joinStream') return at.spec.sides[0]?.on === column;
  return at?.spec.kind === 'source' && VERIFYING.has(at.spec.source.type);
}
