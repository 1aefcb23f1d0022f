/** Columns of a step as users give them: names, and expressions under the names of what they give. */
import { Expression } from '../../expressions/builder.ts';
import { refuseOptions } from './column-checks.ts';

/** A column that a step computes. */
interface ComputedColumn {
  name: string;
  expression: Expression['node'];
}

/** @throws ERR_OPTIONS */
export function nodeOf(value: unknown, step: string, hint: string): Expression['node'] {
  if (value instanceof Expression) return value.node;
  throw refuseOptions(
    step,
    `${typeof value === 'function' ? 'a function' : JSON.stringify(value)} is not an expression`,
    hint,
  );
}

/** @throws ERR_OPTIONS */
export function namedColumn(name: unknown): ComputedColumn {
  if (typeof name !== 'string')
    throw refuseOptions('select', `${JSON.stringify(name)} is not a column name`, "write select('ts', 'price')");
  return { name, expression: { kind: 'col', name } };
}

/** @throws ERR_OPTIONS where there are none, or one is no expression */
export function computedColumns(columns: unknown, step: string): ComputedColumn[] {
  const entries = typeof columns === 'object' && columns !== null ? Object.entries(columns) : [];
  if (entries.length === 0)
    throw refuseOptions(step, 'there are no columns', `write ${step}({ notional: col('price').mul(col('qty')) })`);
  return entries.map(([name, value]) => ({
    name,
    expression: nodeOf(
      value,
      `${step}: column "${name}"`,
      `write ${step}({ ${name}: col('…') }), or lit(…) for a constant`,
    ),
  }));
}
