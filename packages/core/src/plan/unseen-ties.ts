/**
 * Where nobody can tell in which order an aggregate by keys gives the rows of one bin: everybody who takes them is an aggregate again, over the
 * same order, whose functions give the same bits whatever order values come in. Then nothing has to be sorted by key.
 */
import type { AggregateColumn, AggregateSpec, AggregationSpec } from './logical.ts';
import type { ResolvedNode } from './resolved.ts';

/** Sums are exact, so their order does not show; of equal extremes there is one that counts. */
const ORDERLESS: ReadonlySet<AggregateColumn['fn']> = new Set(['count', 'sum', 'mean', 'var', 'std', 'min', 'max']);

function isOrderless({ bins, snapshots, columns }: AggregationSpec): boolean {
  if (bins.kind === 'rows' || snapshots !== undefined) return false;
  return columns.every(({ fn, custom }) => custom === undefined && ORDERLESS.has(fn));
}

function ignoresTies({ spec }: ResolvedNode, { orderedOn }: AggregateSpec): boolean {
  if (spec.kind !== 'aggStream') return false;
  return spec.orderedOn === orderedOn && !spec.emitOpen && spec.aggregations.every(isOrderless);
}

/** Sets `tiesUnseen` where it holds. */
export function markUnseenTies(nodes: readonly ResolvedNode[]): void {
  for (const node of nodes) {
    const { spec } = node;
    if (spec.kind !== 'aggStream' || spec.by.length === 0) continue;
    const users = nodes.filter(({ inputs }) => inputs.some((input) => input.node === node.id));
    if (users.length > 0 && users.every((user) => ignoresTies(user, spec))) node.tiesUnseen = true;
  }
}
