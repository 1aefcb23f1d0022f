/** What every sink has to get, computed list by list in the order of the plan: no channels, no memory, no time. */
import { besideRight } from './operators.ts';
import type { ModelNode, ModelPlan } from './plan.ts';
import { mapped, mix, passes, type Row, rowOf, timeOf, valueOf } from './rows.ts';

/** Rows of a source, from numbers that follow from its place in the plan. */
export function sourceRows({ id, size, step }: ModelNode): Row[] {
  let time = 0;
  return Array.from({ length: size }, (_, index) => {
    const value = mix(id, index);
    time += value % (step + 1);
    return rowOf(time, value);
  });
}

/** Rows that arrive at each node, by its id; of a sink that is all. */
export function expectedRows(plan: ModelPlan): Row[][] {
  const made: Row[][] = [];
  for (const node of plan.nodes) {
    const inputs = node.inputs.map((edge) => made[plan.edges[edge]?.from as number] as Row[]);
    made.push(rowsOf(node, inputs));
  }
  return made;
}

function rowsOf(node: ModelNode, [left = [], right = []]: readonly Row[][]): Row[] {
  const { kind, size } = node;
  if (kind === 'source') return sourceRows(node);
  if (kind === 'map') return left.map((row) => mapped(row, size)).filter((row) => row !== undefined);
  if (kind === 'window') {
    return left.map((row, index) => rowOf(timeOf(row), mix(valueOf(row), valueOf(left[index - size] ?? 0))));
  }
  if (kind === 'aggregate') return bins(left, size);
  if (kind === 'asof' || kind === 'shared') {
    const kept = kind === 'asof' ? left : left.filter((row) => passes(row, size));
    return kept.map((row) =>
      besideRight(
        row,
        right.findLast((other) => timeOf(other) <= timeOf(row)),
      ),
    );
  }
  // A stable sort by time: of equal rows the left ones come first.
  if (kind === 'union') return [...left, ...right].sort((one, other) => timeOf(one) - timeOf(other));
  return left;
}

function bins(rows: readonly Row[], size: number): Row[] {
  const values = new Map<number, number>();
  for (const row of rows) {
    const bin = Math.floor(timeOf(row) / size);
    const open = values.get(bin);
    values.set(bin, open === undefined ? valueOf(row) : mix(open, valueOf(row)));
  }
  return [...values].map(([bin, value]) => rowOf(bin * size, value));
}
