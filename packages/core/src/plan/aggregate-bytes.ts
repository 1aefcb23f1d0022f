/** What aggregates cannot do without. */
import { isLattice } from '../operators/windows/columns.ts';
import type { AggregateSpec } from './logical.ts';

/** One level of an aggregate: some thousand closed bins that wait to be a batch, the open ones, and room to grow. */
export const STATE_BYTES: number = 2 * 2 ** 20;
/** State of an open window, twice while there are more of them. */
const OPEN_WINDOW_BYTES = 512;
/** Keys of a packet of states, those that lanes name by number, and blocks of runs on disk. */
const KEYED_BYTES = 4 * 2 ** 20;
/** What turns a batch into states, in one lane. */
export const SCRATCH_BYTES: number = 2 ** 20;

/** The least that merging states can do with, its share where it can spill. */
export function mergingBytes({ aggregations, by }: Pick<AggregateSpec, 'aggregations' | 'by'>): number {
  const windows = aggregations.filter((aggregation) => !isLattice(aggregation));
  const open = windows.reduce((sum, { bins }) => sum + OPEN_WINDOW_BYTES * openWindows(bins), 0);
  return (aggregations.length + windows.length) * STATE_BYTES + open + (by.length === 0 ? 0 : KEYED_BYTES);
}

/** Windows that hold a row. */
function openWindows(bins: AggregateSpec['aggregations'][number]['bins']): number {
  if (bins.kind !== 'fixed' || bins.periodNs === undefined) return 1;
  return Math.ceil(Number(bins.periodNs) / Number(bins.everyNs));
}
