/** Which columns the kernels' states are enough for, and what follows for how an aggregation runs. */
import type { AggregateColumn, AggregationSpec, KernelFn } from '../../plan/logical.ts';

const KERNEL_FNS: readonly string[] = [
  'first',
  'last',
  'min',
  'max',
  'sum',
  'count',
  'mean',
  'std',
  'var',
] satisfies KernelFn[];

/** True where the states that kernels keep are all a column needs. */
export function isKernelColumn({ fn }: AggregateColumn): boolean {
  return KERNEL_FNS.includes(fn);
}

/** Bins of one width, their columns all from kernels' states: made and rolled up without windows. */
export function isLattice(aggregation: AggregationSpec): boolean {
  const { bins, closed, label, empty, filter, snapshots, columns } = aggregation;
  const isPlain = [closed, label, empty, filter, snapshots].every((option) => option === undefined);
  return bins.kind === 'fixed' && bins.periodNs === undefined && isPlain && columns.every(isKernelColumn);
}

/** True where partial states of batches can be merged in the order of the rows, so that several lanes may make them. */
export function isMergeable(aggregation: AggregationSpec): boolean {
  return aggregation.bins.kind !== 'rows' && aggregation.columns.every(isKernelColumn);
}
