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

/**
 * Bins that follow each other, one open at a time, their columns all from kernels' states: made, rolled up and spilled without windows.
 */
export function isLattice(aggregation: AggregationSpec): boolean {
  const { bins, empty, filter, snapshots, columns } = aggregation;
  const isPlain = [empty, filter, snapshots].every((option) => option === undefined);
  const isTumbling =
    (bins.kind === 'fixed' && bins.periodNs === undefined) || (bins.kind === 'calendar' && bins.period === undefined);
  return isTumbling && isPlain && columns.every(isKernelColumn);
}

/** True where partial states of batches can be merged in the order of the rows, so that several lanes may make them. */
export function isMergeable(aggregation: AggregationSpec): boolean {
  return aggregation.bins.kind !== 'rows' && aggregation.columns.every(isKernelColumn);
}
