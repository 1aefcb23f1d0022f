/**
 * Expressions, one row at a time, straight from the rules in `expressions/node.ts`, in the plainest JavaScript: bigints for
 * integers and times, numbers for floats. Slow, and meant to be read beside the rules.
 */
import { PipelineError } from '../../errors.ts';
import type { ExpressionNode } from '../../expressions/node.ts';
import { type NodeType, typeOfNode } from '../../expressions/typing.ts';
import { isFloat, isInteger, isNumeric, isText, isTimestamp, parseType } from '../../schema/parse-type.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import { castValue, NANOS, parseTime, unitOf } from './casts.ts';
import { datePart } from './dates.ts';
import { integerRange, type Row, type Value } from './values.ts';

/** Value of an expression in one row. @throws ERR_INTEGER_OVERFLOW, ERR_VALUE */
export function interpret(node: ExpressionNode, row: Row, fields: Fields): Value {
  const value = (child: ExpressionNode): Value => interpret(child, row, fields);
  const type = (child: ExpressionNode): NodeType => typeOfNode(child, fields);
  switch (node.kind) {
    case 'col':
      return row[fields.findIndex((field) => field.name === node.name)] as Value;
    case 'lit':
      return literal(node);
    case 'unary':
      return unary(node.fn, value(node.arg), type(node.arg));
    case 'binary':
      if (node.fn === 'and' || node.fn === 'or') return logic(node.fn, value(node.left), () => value(node.right));
      return binary(node, value(node.left), value(node.right), fields);
    case 'cast':
      return value(node.arg) === null
        ? null
        : castValue(value(node.arg), type(node.arg) as TypeText, node.to as TypeText);
    case 'coalesce': {
      for (const arg of node.args) {
        const found = value(arg);
        if (found !== null) return widen(found, type(arg), type(node));
      }
      return null;
    }
    case 'when': {
      const branch = value(node.condition) === true ? node.then : node.otherwise;
      return widen(value(branch), type(branch), type(node));
    }
    case 'dt':
      return value(node.arg) === null
        ? null
        : BigInt(datePart(node.part, value(node.arg) as bigint, type(node.arg) as TypeText));
    case 'string':
      return value(node.arg) === null ? null : text(node, value(node.arg) as string);
  }
}

function literal(node: Extract<ExpressionNode, { kind: 'lit' }>): Value {
  if (node.value === null || node.type === 'utf8' || node.type === 'bool') return node.value;
  return isFloat(node.type as TypeText) ? Number(node.value) : BigInt(node.value);
}

/** To the common type of `coalesce` and `when`. */
function widen(value: Value, from: NodeType, to: NodeType): Value {
  if (value === null || from === to || from === 'null' || to === 'null' || isText(to)) return value;
  return castValue(value, from, to);
}

function logic(fn: 'and' | 'or', left: Value, right: () => Value): Value {
  const decides = fn === 'or';
  if (left === decides) return decides;
  const other = right();
  if (other === decides) return decides;
  return left === null || other === null ? null : !decides;
}

function unary(fn: Extract<ExpressionNode, { kind: 'unary' }>['fn'], value: Value, type: NodeType): Value {
  if (fn === 'isNull') return value === null;
  if (fn === 'isNotNull') return value !== null;
  if (value === null) return null;
  switch (fn) {
    case 'not':
      return !(value as boolean);
    case 'isNaN':
      return Number.isNaN(value);
    case 'sqrt':
      return Math.sqrt(Number(value));
    case 'neg':
      return typeof value === 'number'
        ? -value
        : inRange(-(value as bigint), type.startsWith('duration') ? (type as TypeText) : 'int64', fn);
    case 'abs':
      return typeof value === 'number' ? Math.abs(value) : absolute(value as bigint, type as TypeText);
    case 'floor':
      return typeof value === 'number' ? Math.floor(value) : value;
    case 'ceil':
      return typeof value === 'number' ? Math.ceil(value) : value;
    case 'round':
      return typeof value === 'number' ? roundAway(value) : value;
  }
}

function absolute(value: bigint, type: TypeText): bigint {
  return inRange(value < 0n ? -value : value, type === 'uint64' || type.startsWith('duration') ? type : 'int64', 'abs');
}

/** Halves away from zero. The fraction is exact, so no sum can round. */
function roundAway(value: number): number {
  const whole = Math.trunc(value);
  const rounded = Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole;
  return rounded === 0 && (value < 0 || Object.is(value, -0)) ? -0 : rounded;
}

function inRange(value: bigint, type: TypeText, fn: string): bigint {
  const [least, most] = integerRange(type.startsWith('timestamp') || type.startsWith('duration') ? 'int64' : type);
  if (value >= least && value <= most) return value;
  throw new PipelineError('ERR_INTEGER_OVERFLOW', `${fn} gives ${value}, which does not fit ${type}`, {
    value: String(value),
    hint: "cast to 'float64' before",
  });
}

type Binary = Extract<ExpressionNode, { kind: 'binary' }>;

function binary(node: Binary, left: Value, right: Value, fields: Fields): Value {
  if (left === null || right === null) return null;
  const leftType = typeOfNode(node.left, fields) as TypeText;
  const rightType = typeOfNode(node.right, fields) as TypeText;
  if (['eq', 'ne', 'lt', 'le', 'gt', 'ge'].includes(node.fn)) return compare(node, left, right, leftType, rightType);
  const type = typeOfNode(node, fields) as TypeText;
  if (type === 'float64') return floatArithmetic(node.fn, Number(left), Number(right));
  if (!isInteger(type)) return timeArithmetic(node.fn, left as bigint, right as bigint, { leftType, rightType, type });
  return inRange(integerArithmetic(node.fn, left as bigint, right as bigint), type, node.fn);
}

function floatArithmetic(fn: Binary['fn'], left: number, right: number): number {
  switch (fn) {
    case 'add':
      return left + right;
    case 'sub':
      return left - right;
    case 'mul':
      return left * right;
    case 'div':
      return left / right;
    default:
      return left % right;
  }
}

function integerArithmetic(fn: Binary['fn'], left: bigint, right: bigint): bigint {
  switch (fn) {
    case 'add':
      return left + right;
    case 'sub':
      return left - right;
    case 'mul':
      return left * right;
    default:
      if (right === 0n) throw new PipelineError('ERR_VALUE', `mod of ${left} by zero`, { value: '0' });
      return left % right;
  }
}

function timeArithmetic(
  fn: Binary['fn'],
  left: bigint,
  right: bigint,
  types: { leftType: TypeText; rightType: TypeText; type: TypeText },
): bigint {
  const { leftType, rightType, type } = types;
  if (fn === 'mul') return inRange(left * right, type, fn);
  // To the finer unit, which is the result's.
  const scale = (value: bigint, from: TypeText): bigint => inRange((value * unitOf(from)) / unitOf(type), type, fn);
  const [a, b] = [scale(left, leftType), scale(right, rightType)];
  return inRange(fn === 'add' ? a + b : a - b, type, fn);
}

function compare(node: Binary, left: Value, right: Value, leftType: TypeText, rightType: TypeText): boolean {
  const sign = order(
    temporalText(node.left, left, rightType),
    temporalText(node.right, right, leftType),
    comparedAs(node.left, leftType, rightType),
    comparedAs(node.right, rightType, leftType),
  );
  if (sign === undefined) return node.fn === 'ne';
  switch (node.fn) {
    case 'eq':
      return sign === 0;
    case 'ne':
      return sign !== 0;
    case 'lt':
      return sign < 0;
    case 'le':
      return sign <= 0;
    case 'gt':
      return sign > 0;
    default:
      return sign >= 0;
  }
}

function isTemporal(type: TypeText): boolean {
  return parseType(type).domain === 'temporal';
}

/** A utf8 literal beside a temporal operand is read as that operand's type. */
function temporalText(node: ExpressionNode, value: Value, other: TypeText): Value {
  return node.kind === 'lit' && typeof value === 'string' && isTemporal(other) ? parseTime(value, other) : value;
}

function comparedAs(node: ExpressionNode, own: TypeText, other: TypeText): TypeText {
  return node.kind === 'lit' && isText(own) && isTemporal(other) ? other : own;
}

/** Sign of the comparison; undefined where a NaN is in it. */
function order(left: Value, right: Value, leftType: TypeText, rightType: TypeText): number | undefined {
  if (isNumeric(leftType) && !(isInteger(leftType) && isInteger(rightType))) {
    const [a, b] = [Number(left), Number(right)];
    return Number.isNaN(a) || Number.isNaN(b) ? undefined : Math.sign(a < b ? -1 : a > b ? 1 : 0);
  }
  if (isText(leftType)) return Buffer.compare(Buffer.from(left as string), Buffer.from(right as string));
  const scaled = (value: Value, type: TypeText): bigint =>
    typeof value === 'boolean'
      ? BigInt(value)
      : isTemporal(type)
        ? (value as bigint) * instantUnit(type)
        : (value as bigint);
  const [a, b] = [scaled(left, leftType), scaled(right, rightType)];
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Nanoseconds of a unit of a type; days for dates. */
function instantUnit(type: TypeText): bigint {
  return isTimestamp(type) || type.startsWith('date') ? unitOf(type) : (NANOS[parseType(type).unit ?? 'ns'] as bigint);
}

function text(node: Extract<ExpressionNode, { kind: 'string' }>, value: string): Value {
  const { fn, argument = '', from = 0, to } = node;
  const points = [...value];
  switch (fn) {
    case 'length':
      return BigInt(points.length);
    case 'lower':
      return value.toLowerCase();
    case 'upper':
      return value.toUpperCase();
    case 'trim':
      return value.trim();
    case 'contains':
      return value.includes(argument);
    case 'startsWith':
      return value.startsWith(argument);
    case 'endsWith':
      return value.endsWith(argument);
    case 'slice':
      return points.slice(from, to).join('');
    case 'concat':
      return value + argument;
  }
}
