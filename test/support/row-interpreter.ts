/**
 * A second opinion on expressions: one row at a time, in plain JavaScript, straight from the rules in `node.ts`.
 * Integers and temporal values are bigints in the unit of their type.
 */
import type { Fields, TypeText } from '@spillway/core';
import { type ExpressionNode, type NodeType, parseType, typeOfNode } from '@spillway/core/internal';

export type Value = bigint | number | boolean | string | null;
export type Row = Record<string, Value>;

const NANOS: Record<string, bigint> = { s: 10n ** 9n, ms: 10n ** 6n, us: 1000n, ns: 1n, day: 86_400n * 10n ** 9n };

const nanosOf = (type: NodeType): bigint => NANOS[parseType(type).unit ?? 'ns'] as bigint;
const isFloat = (type: NodeType): boolean => type === 'float32' || type === 'float64';
const isTemporal = (type: NodeType): boolean => type !== 'null' && parseType(type).domain === 'temporal';

function inRange(value: bigint, type: TypeText): bigint {
  const bits = parseType(type).byteWidth * 8;
  const wrapped = parseType(type).domain === 'uint' ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
  if (wrapped !== value) throw new RangeError(`${value} does not fit ${type}`);
  return value;
}

function floorDivide(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

/** Value of a node in one row. @throws where the rules raise an error */
export function interpret(node: ExpressionNode, row: Row, fields: Fields): Value {
  const typeOf = (part: ExpressionNode): NodeType => typeOfNode(part, fields);
  const value = (part: ExpressionNode): Value => interpret(part, row, fields);
  switch (node.kind) {
    case 'col':
      return row[node.name] as Value;
    case 'lit': {
      if (node.value === null || typeof node.value === 'boolean' || node.type === 'utf8') return node.value;
      return isFloat(node.type as TypeText) ? Number(node.value) : BigInt(node.value);
    }
    case 'coalesce':
      for (const arg of node.args) {
        const found = value(arg);
        if (found !== null) return convertTo(found, typeOf(arg), typeOf(node));
      }
      return null;
    case 'when': {
      const branch = value(node.condition) === true ? node.then : node.otherwise;
      return convertTo(value(branch), typeOf(branch), typeOf(node));
    }
    case 'unary':
      return unary(node.fn, value(node.arg), typeOf(node.arg), typeOf(node));
    case 'binary':
      if (node.fn === 'and' || node.fn === 'or')
        return kleene(node.fn, value(node.left) as boolean | null, () => value(node.right) as boolean | null);
      return binary(node, value(node.left), value(node.right), typeOf(node.left), typeOf(node.right), typeOf(node));
    case 'cast':
      return cast(value(node.arg), typeOf(node.arg), parseType(node.to).text);
    case 'dt':
      return datePart(node.part, value(node.arg), typeOf(node.arg));
    case 'string':
      return text(node, value(node.arg) as string | null);
  }
}

function convertTo(value: Value, from: NodeType, to: NodeType): Value {
  if (value === null || from === to) return value;
  if (isFloat(to)) return Number(value);
  if (isTemporal(to)) return inRange((BigInt(value as bigint) * nanosOf(from)) / nanosOf(to), to as TypeText);
  return parseType(to).domain === 'utf8' ? value : inRange(BigInt(value as bigint), to as TypeText);
}

function kleene(fn: 'and' | 'or', left: boolean | null, right: () => boolean | null): boolean | null {
  const decides = fn === 'or';
  if (left === decides) return decides;
  const other = right();
  if (other === decides) return decides;
  return left === null || other === null ? null : !decides;
}

function unary(fn: string, value: Value, type: NodeType, result: NodeType): Value {
  if (fn === 'isNull') return value === null;
  if (fn === 'isNotNull') return value !== null;
  if (value === null) return null;
  if (fn === 'not') return !value;
  if (fn === 'isNaN') return Number.isNaN(value);
  if (fn === 'sqrt') return Math.sqrt(Number(value));
  if (isFloat(type)) {
    const number = value as number;
    if (fn === 'neg') return -number;
    if (fn === 'abs') return Math.abs(number);
    if (fn === 'floor') return Math.floor(number);
    if (fn === 'ceil') return Math.ceil(number);
    const fraction = Math.abs(number) - Math.floor(Math.abs(number));
    const magnitude = fraction >= 0.5 ? Math.ceil(Math.abs(number)) : Math.floor(Math.abs(number));
    return number < 0 || Object.is(number, -0) ? -magnitude : magnitude;
  }
  const integer = value as bigint;
  if (fn === 'neg' || (fn === 'abs' && integer < 0n)) return inRange(-integer, result as TypeText);
  return integer;
}

function compare(fn: string, left: Value, right: Value, leftType: NodeType, rightType: NodeType): boolean {
  const holds = (order: number): boolean =>
    fn === 'eq'
      ? order === 0
      : fn === 'ne'
        ? order !== 0
        : fn === 'lt'
          ? order < 0
          : fn === 'le'
            ? order <= 0
            : fn === 'gt'
              ? order > 0
              : order >= 0;
  if (typeof left === 'string' && typeof right === 'string')
    return holds(Buffer.compare(Buffer.from(left), Buffer.from(right)));
  if (isTemporal(leftType) && isTemporal(rightType)) {
    const difference = BigInt(left as bigint) * nanosOf(leftType) - BigInt(right as bigint) * nanosOf(rightType);
    return holds(difference < 0n ? -1 : difference > 0n ? 1 : 0);
  }
  if (isFloat(leftType) || isFloat(rightType)) {
    const [a, b] = [Number(left), Number(right)];
    return fn === 'ne' ? a !== b : !Number.isNaN(a) && !Number.isNaN(b) && holds(a < b ? -1 : a > b ? 1 : 0);
  }
  const [a, b] = [BigInt(left as bigint), BigInt(right as bigint)];
  return holds(a < b ? -1 : a > b ? 1 : 0);
}

function binary(
  node: Extract<ExpressionNode, { kind: 'binary' }>,
  left: Value,
  right: Value,
  leftType: NodeType,
  rightType: NodeType,
  type: NodeType,
): Value {
  if (left === null || right === null) return null;
  const { fn } = node;
  if (['eq', 'ne', 'lt', 'le', 'gt', 'ge'].includes(fn)) return compare(fn, left, right, leftType, rightType);
  if (type === 'float64') {
    const [a, b] = [Number(left), Number(right)];
    return fn === 'add' ? a + b : fn === 'sub' ? a - b : fn === 'mul' ? a * b : fn === 'div' ? a / b : a % b;
  }
  const scaled = (value: Value, from: NodeType): bigint =>
    isTemporal(type) && isTemporal(from) && fn !== 'mul'
      ? inRange((BigInt(value as bigint) * nanosOf(from)) / nanosOf(type), 'int64')
      : BigInt(value as bigint);
  const [a, b] = [scaled(left, leftType), scaled(right, rightType)];
  if (fn === 'mod' && b === 0n) throw new RangeError('mod by zero');
  const result = fn === 'add' ? a + b : fn === 'sub' ? a - b : fn === 'mul' ? a * b : a % b;
  return inRange(result, type as TypeText);
}

function cast(value: Value, from: NodeType, to: TypeText): Value {
  if (value === null || from === to) return value;
  const { domain } = parseType(to);
  if (domain === 'bool')
    return typeof value === 'string' ? value.toLowerCase() === 'true' : value !== 0 && value !== 0n && value !== false;
  if (domain === 'utf8') return typeof value === 'string' ? value : String(value);
  if (domain === 'float') return to === 'float32' ? Math.fround(Number(value)) : Number(value);
  if (isTemporal(to) && isTemporal(from))
    return inRange(floorDivide(BigInt(value as bigint) * nanosOf(from), nanosOf(to)), to);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new RangeError('not finite');
    return inRange(BigInt(Math.trunc(value)), to);
  }
  return inRange(BigInt(value), to);
}

function datePart(part: string, value: Value, type: NodeType): Value {
  if (value === null) return null;
  const zone = parseType(type).timeZone ?? 'UTC';
  const millis = Number(floorDivide(BigInt(value as bigint) * nanosOf(type), 1_000_000n));
  if (part === 'millisecond') return BigInt(((millis % 1000) + 1000) % 1000);
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    weekday: 'short',
  });
  const parts = Object.fromEntries(format.formatToParts(millis).map((item) => [item.type, item.value]));
  if (part === 'weekday')
    return BigInt(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'].indexOf(parts['weekday'] as string) + 1);
  if (part === 'dayOfYear') {
    const year = Number(parts['year']);
    return BigInt(
      (Date.UTC(year, Number(parts['month']) - 1, Number(parts['day'])) - Date.UTC(year, 0, 1)) / 86_400_000 + 1,
    );
  }
  return BigInt(parts[part] as string);
}

function text(node: Extract<ExpressionNode, { kind: 'string' }>, value: string | null): Value {
  if (value === null) return null;
  const argument = node.argument ?? '';
  switch (node.fn) {
    case 'length':
      return BigInt([...value].length);
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
      return [...value].slice(node.from, node.to).join('');
    case 'concat':
      return value + argument;
  }
}
