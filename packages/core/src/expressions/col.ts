import { PipelineError } from '../errors.ts';
import { type AstOf, Expression, literalNode, type Operand, toNode } from './builder.ts';

/**
 * A column by name. Whether there is one is seen when the plan is made.
 *
 * @throws ERR_EXPRESSION for what is no text
 * @example
 * ```ts
 * stream.filter(col('price').gt(0)).withColumns({ notional: col('price').mul(col('qty')) });
 * ```
 */
export function col<const N extends string>(name: N): Expression<{ k: 'col'; n: N }> {
  if (typeof name !== 'string')
    throw new PipelineError('ERR_EXPRESSION', `col() takes a column name, this is ${String(name)}`, {
      hint: "write col('price')",
    });
  return new Expression({ kind: 'col', name });
}

/** A constant: whole numbers and bigints are int64, other numbers float64, a Date is an instant in UTC. @throws ERR_EXPRESSION for what no column can hold */
export function lit<const V extends Exclude<Operand, Expression>>(value: V): Expression<AstOf<V>> {
  return new Expression(literalNode(value));
}

/** `then` where the condition is true, else (also where it is null) `otherwise`; what is not taken raises no error. @throws ERR_EXPRESSION */
export function when<C, const T extends Operand, const O extends Operand>(
  condition: Expression<C>,
  then: T,
  otherwise: O,
): Expression<{ k: 'when'; c: C; l: AstOf<T>; r: AstOf<O> }> {
  return new Expression({
    kind: 'when',
    condition: toNode(condition),
    then: toNode(then),
    otherwise: toNode(otherwise),
  });
}

type CommonOf<V extends readonly Operand[]> = V extends readonly [infer One]
  ? AstOf<One>
  : V extends readonly [infer First, ...infer Rest extends readonly Operand[]]
    ? { k: 'common'; l: AstOf<First>; r: CommonOf<Rest> }
    : { k: 'is'; t: '?' };

/** The first value that is not null; those behind it raise no error. @throws ERR_EXPRESSION */
export function coalesce<const V extends readonly [Operand, ...Operand[]]>(...values: V): Expression<CommonOf<V>> {
  return new Expression({ kind: 'coalesce', args: values.map(toNode) });
}
