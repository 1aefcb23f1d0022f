/** Where rows of an ordered column stop ascending. Apart from `ordered-value.ts`, which runs without kernels too. */
import type { Column } from '../batch/contract.ts';
import { instantiateKernels } from '../kernels/compiled-kernels.ts';
import type { Arena } from '../memory/contract.ts';
import { isWide, numbers, textComparer } from './ordered-value.ts';

/** The first row that is before its predecessor, or -1. The column has no nulls. */
export function firstDisorder(arena: Arena, column: Column): number {
  const { type, values, length } = column;
  if (isWide(type))
    return instantiateKernels(arena).firstUnordered(type === 'uint64' ? 'u64' : 'i64', values, length, undefined);
  if (type === 'utf8') return firstTextDisorder(arena, column);
  return firstNumberDisorder(numbers(arena, column));
}

function firstNumberDisorder(values: ArrayLike<number>): number {
  let last = values[0] ?? 0;
  // Written so that NaN is out of order.
  for (let row = 0; row < values.length; row += 1) {
    const value = values[row] ?? 0;
    if (!(value >= last)) return row;
    last = value;
  }
  return -1;
}

function firstTextDisorder(arena: Arena, column: Column): number {
  const compare = textComparer(arena, column);
  for (let row = 1; row < column.length; row += 1) if (compare(row - 1, row) > 0) return row;
  return -1;
}
