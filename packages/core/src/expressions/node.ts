/** An expression as plain data: what `col('price').mul(2)` describes, what crosses threads and compiles to kernels. */
export type ExpressionNode =
  | { kind: 'col'; name: string }
  /** `type` is the column type of the literal; int64 and timestamps carry their value as decimal text. */
  | { kind: 'lit'; type: string; value: number | string | boolean | null }
  | { kind: 'unary'; fn: UnaryFn; arg: ExpressionNode }
  | { kind: 'binary'; fn: BinaryFn; left: ExpressionNode; right: ExpressionNode }
  | { kind: 'cast'; to: string; arg: ExpressionNode }
  /** First argument that is not null. */
  | { kind: 'coalesce'; args: ExpressionNode[] }
  | { kind: 'when'; condition: ExpressionNode; then: ExpressionNode; otherwise: ExpressionNode }
  /** A part of a timestamp, in its time zone. */
  | { kind: 'dt'; part: DatePart; arg: ExpressionNode }
  | { kind: 'string'; fn: StringFn; arg: ExpressionNode; argument?: string; from?: number; to?: number };

export type UnaryFn = 'neg' | 'abs' | 'not' | 'isNull' | 'isNotNull' | 'isNaN' | 'floor' | 'ceil' | 'round' | 'sqrt';
export type BinaryFn =
  | 'add' | 'sub' | 'mul' | 'div' | 'mod'
  | 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'
  | 'and' | 'or';
export type DatePart = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'millisecond' | 'weekday' | 'dayOfYear';
export type StringFn = 'length' | 'lower' | 'upper' | 'trim' | 'contains' | 'startsWith' | 'endsWith' | 'slice' | 'concat';
