/** What tells rows of an aggregate apart, for sinks that keep the last of equal ones. */
import type { PlanNode } from './logical.ts';
import type { ResolvedNode } from './resolved.ts';

/**
 * The bin and the keys of the aggregate whose rows a node gets, or undefined when it gets other rows. Filters leave rows as
 * they are.
 */
export function aggregateIdentity(node: PlanNode, before: readonly ResolvedNode[]): string[] | undefined {
  const [input] = node.inputs;
  const producer = before.find((candidate) => candidate.id === input?.node);
  if (input === undefined || producer === undefined) return undefined;
  if (producer.spec.kind === 'filter') return aggregateIdentity(producer, before);
  const bin = producer.ordered[input.port];
  if (producer.spec.kind !== 'aggStream' || bin === undefined) return undefined;
  return [bin, ...producer.spec.by];
}
