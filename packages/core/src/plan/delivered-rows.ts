/** How many rows at most a function or loop of users is given at once. */
import type { ResolvedNode } from './resolved.ts';

/** Some megabytes of most tables: all of it is held at once, and counted in the minimum. */
const MOST_ROWS = 16_384;

/**
 * A flush of an aggregate has as many rows as bins closed before it, and nothing bounds them: it is given in so many rows at a time, the last
 * part with the rest. Whatever else is flushed was gathered by triggers of users, or is one batch, and is given whole: undefined.
 */
export function mostDeliveredRows(nodes: readonly ResolvedNode[], sinkId: number): number | undefined {
  let node = nodes.find(({ id }) => id === sinkId);
  do {
    // What a join gives is cut as its left input is.
    const input = node?.inputs[0]?.node;
    node = nodes.find(({ id }) => id === input);
  } while (node !== undefined && keepsRows(node));
  return node?.spec.kind === 'aggStream' ? MOST_ROWS : undefined;
}

function keepsRows({ spec }: ResolvedNode): boolean {
  return spec.kind === 'filter' || spec.kind === 'select' || spec.kind === 'withColumns' || spec.kind === 'joinStream';
}
