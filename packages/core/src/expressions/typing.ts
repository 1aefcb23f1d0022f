/**
 * The type of an expression over given columns, by the rules in `node.ts`. Every wrong column and every operation that
 * has no meaning for its operands is refused here, before anything runs; evaluation may then assume that types fit.
 */
import { PipelineError } from '../errors.ts';
import { nameHint } from '../schema/nearest-name.ts';
import { isFloat, isInteger, isNumeric, isText, isTimestamp, parseType, tryParseType } from '../schema/parse-type.ts';
import type { FieldSpec, Fields, TimeUnitText, TypeText } from '../schema/types.ts';
import { describeExpression } from './describe.ts';
import type { BinaryFn, ExpressionNode } from './node.ts';

/** A column type, or that of a literal null, which takes the type of its partner. */
export type NodeType = TypeText | 'null';

/**
 * Type of an expression.
 * @throws ERR_COLUMN_UNKNOWN with the nearest name; ERR_EXPRESSION where operands do not fit or a null literal stands alone
 */
export function typeOfExpression(node: ExpressionNode, fields: Fields): TypeText {
  const type = typeOfNode(node, fields);
  if (type !== 'null') return type;
  throw refuse(node, 'a null literal alone has no type', "give it one: lit(null).cast('float64')");
}

/** The field that a computed column makes: its metadata survives only when it is a plain column. */
export function fieldOfExpression(name: string, node: ExpressionNode, fields: Fields): FieldSpec {
  const type = typeOfExpression(node, fields);
  if (node.kind === 'col') return { ...findColumn(node.name, fields), name };
  return { name, type, nullable: isNullable(node, fields) };
}

/** False only when no row can make the expression null. */
export function isNullable(node: ExpressionNode, fields: Fields): boolean {
  switch (node.kind) {
    case 'col':
      return findColumn(node.name, fields).nullable;
    case 'lit':
      return node.value === null;
    case 'unary':
      return node.fn !== 'isNull' && node.fn !== 'isNotNull' && isNullable(node.arg, fields);
    case 'binary':
      return isNullable(node.left, fields) || isNullable(node.right, fields);
    case 'coalesce':
      return node.args.every((arg) => isNullable(arg, fields));
    case 'when':
      return isNullable(node.then, fields) || isNullable(node.otherwise, fields);
    case 'cast':
    case 'dt':
    case 'string':
      return isNullable(node.arg, fields);
  }
}

/** As `typeOfExpression`, but a literal null alone gives `'null'`. */
export function typeOfNode(node: ExpressionNode, fields: Fields): NodeType {
  switch (node.kind) {
    case 'col':
      return findColumn(node.name, fields).type;
    case 'lit':
      return typeOfLiteral(node);
    case 'unary':
      return typeOfUnary(node, fields);
    case 'binary':
      return typeOfBinary(node, fields);
    case 'cast':
      return typeOfCast(node, fields);
    case 'coalesce':
      return typeOfChoice(node, node.args, fields);
    case 'when':
      return typeOfWhen(node, fields);
    case 'dt':
      return typeOfPart(node, fields);
    case 'string':
      return typeOfString(node, fields);
  }
}

function findColumn(name: string, fields: Fields): FieldSpec {
  const found = fields.find((field) => field.name === name);
  if (found !== undefined) return found;
  throw new PipelineError('ERR_COLUMN_UNKNOWN', `there is no column "${name}"`, {
    column: name,
    hint: nameHint(
      name,
      fields.map((field) => field.name),
    ),
  });
}

function refuse(node: ExpressionNode, problem: string, hint: string): PipelineError {
  return new PipelineError('ERR_EXPRESSION', `${describeExpression(node)}: ${problem}`, {
    value: describeExpression(node),
    hint,
  });
}

function typeOfLiteral(node: Extract<ExpressionNode, { kind: 'lit' }>): NodeType {
  if (node.type === 'null') return 'null';
  const parsed = tryParseType(node.type);
  if (parsed === undefined)
    throw refuse(
      node,
      `"${node.type}" is not a column type`,
      "write lit(5), lit('text'), lit(5n), lit(true) or lit(new Date())",
    );
  return parsed.text;
}

function typeOfUnary(node: Extract<ExpressionNode, { kind: 'unary' }>, fields: Fields): NodeType {
  const arg = typeOfNode(node.arg, fields);
  const isNull = arg === 'null';
  switch (node.fn) {
    case 'isNull':
    case 'isNotNull':
      return 'bool';
    case 'not':
      if (isNull || arg === 'bool') return 'bool';
      throw refuse(node, `not takes a bool, this is ${arg}`, 'compare first: col(…).eq(…)');
    case 'isNaN':
      if (isNull || isNumeric(arg)) return 'bool';
      break;
    case 'sqrt':
      if (isNull || isNumeric(arg)) return 'float64';
      break;
    case 'floor':
    case 'ceil':
    case 'round':
      if (isNull || isInteger(arg)) return arg;
      if (isFloat(arg)) return 'float64';
      break;
    case 'neg':
    case 'abs':
      if (isNull || arg.startsWith('duration[')) return arg;
      if (isInteger(arg)) return node.fn === 'abs' && arg === 'uint64' ? 'uint64' : 'int64';
      if (isFloat(arg)) return 'float64';
      break;
  }
  throw refuse(node, `${node.fn} takes a number, this is ${arg}`, "cast it first: col(…).cast('float64')");
}

function typeOfBinary(node: Extract<ExpressionNode, { kind: 'binary' }>, fields: Fields): NodeType {
  const left = typeOfNode(node.left, fields);
  const right = typeOfNode(node.right, fields);
  if (node.fn === 'and' || node.fn === 'or') {
    if ((left === 'bool' || left === 'null') && (right === 'bool' || right === 'null')) return 'bool';
    throw refuse(node, `${node.fn} takes bools, these are ${left} and ${right}`, 'compare first: col(…).gt(…)');
  }
  if (COMPARISONS.has(node.fn)) {
    if (
      left === 'null' ||
      right === 'null' ||
      isComparable(left, right) ||
      isTemporalText(node.left, right) ||
      isTemporalText(node.right, left)
    )
      return 'bool';
    throw refuse(node, `${left} does not compare with ${right}`, "cast one of them: col(…).cast('float64')");
  }
  const type = arithmeticType(node.fn, left === 'null' ? right : left, right === 'null' ? left : right);
  if (type !== undefined) return type;
  throw refuse(
    node,
    `${node.fn} has no meaning for ${left} and ${right}`,
    "cast to numbers first: col(…).cast('float64')",
  );
}

const COMPARISONS: ReadonlySet<BinaryFn> = new Set(['eq', 'ne', 'lt', 'le', 'gt', 'ge']);

/** A utf8 literal beside a temporal operand is read as that operand's type. */
function isTemporalText(literal: ExpressionNode, other: NodeType): boolean {
  if (literal.kind !== 'lit' || literal.type !== 'utf8' || other === 'null') return false;
  return isTimestamp(other) || isDate(other);
}

function isDate(type: TypeText): boolean {
  return type === 'date32' || type === 'date64';
}

/** Which types compare with each other. */
export function isComparable(left: TypeText, right: TypeText): boolean {
  if (isNumeric(left)) return isNumeric(right);
  if (isText(left)) return isText(right);
  if (left === 'bool') return right === 'bool';
  if (isTimestamp(left) || isDate(left)) return isTimestamp(right) || isDate(right);
  const family = /^(time(?:32|64)|duration)\[/.exec(left)?.[1]?.slice(0, 4);
  return family !== undefined && family === /^(time(?:32|64)|duration)\[/.exec(right)?.[1]?.slice(0, 4);
}

const UNITS: readonly TimeUnitText[] = ['s', 'ms', 'us', 'ns'];

function finerUnit(left: TypeText, right: TypeText): TimeUnitText {
  const rank = (type: TypeText): number => UNITS.indexOf(parseType(type).unit as TimeUnitText);
  return UNITS[Math.max(rank(left), rank(right))] as TimeUnitText;
}

function timestampOf(unit: TimeUnitText, like: TypeText): TypeText {
  const zone = parseType(like).timeZone;
  return zone === undefined ? `timestamp[${unit}]` : `timestamp[${unit}, ${zone}]`;
}

/** Result of `add sub mul div mod`; undefined when it has no meaning. */
export function arithmeticType(fn: BinaryFn, left: NodeType, right: NodeType): TypeText | undefined {
  if (left === 'null' || right === 'null') return undefined;
  if (isNumeric(left) && isNumeric(right)) {
    if (fn === 'div' || isFloat(left) || isFloat(right)) return 'float64';
    return integerType(left, right);
  }
  const isLeftDuration = left.startsWith('duration[');
  const isRightDuration = right.startsWith('duration[');
  if (fn === 'mul') {
    if (isLeftDuration && isInteger(right)) return left;
    return isRightDuration && isInteger(left) ? right : undefined;
  }
  if (fn !== 'add' && fn !== 'sub') return undefined;
  if (isTimestamp(left) && isRightDuration) return timestampOf(finerUnit(left, right), left);
  if (fn === 'add' && isLeftDuration && isTimestamp(right)) return timestampOf(finerUnit(left, right), right);
  if (fn === 'sub' && isTimestamp(left) && isTimestamp(right)) return `duration[${finerUnit(left, right)}]`;
  return isLeftDuration && isRightDuration ? `duration[${finerUnit(left, right)}]` : undefined;
}

function integerType(left: TypeText, right: TypeText): TypeText {
  const areUnsigned = left.startsWith('u') && right.startsWith('u');
  return areUnsigned && (left === 'uint64' || right === 'uint64') ? 'uint64' : 'int64';
}

/** The type that `coalesce` and `when` give to values of two types; undefined when there is none. */
export function commonType(left: NodeType, right: NodeType): NodeType | undefined {
  if (left === right || right === 'null') return left;
  if (left === 'null') return right;
  if (isText(left) && isText(right)) return 'utf8';
  if (isNumeric(left) && isNumeric(right))
    return isInteger(left) && isInteger(right) ? integerType(left, right) : 'float64';
  if (left.startsWith('duration[') && right.startsWith('duration[')) return `duration[${finerUnit(left, right)}]`;
  const haveSameZone =
    isTimestamp(left) && isTimestamp(right) && parseType(left).timeZone === parseType(right).timeZone;
  return haveSameZone ? timestampOf(finerUnit(left, right), left) : undefined;
}

function typeOfChoice(node: ExpressionNode, branches: readonly ExpressionNode[], fields: Fields): NodeType {
  let type: NodeType = 'null';
  for (const branch of branches) {
    const next = typeOfNode(branch, fields);
    const common = commonType(type, next);
    if (common === undefined)
      throw refuse(node, `${type} and ${next} have no common type`, 'cast all values to one type');
    type = common;
  }
  return type;
}

function typeOfWhen(node: Extract<ExpressionNode, { kind: 'when' }>, fields: Fields): NodeType {
  const condition = typeOfNode(node.condition, fields);
  if (condition !== 'bool' && condition !== 'null')
    throw refuse(node, `the condition is ${condition}, not bool`, 'compare first: when(col(…).gt(…), …)');
  return typeOfChoice(node, [node.then, node.otherwise], fields);
}

function typeOfPart(node: Extract<ExpressionNode, { kind: 'dt' }>, fields: Fields): NodeType {
  const arg = typeOfNode(node.arg, fields);
  if (arg === 'null' || isTimestamp(arg) || isDate(arg)) return 'int32';
  throw refuse(
    node,
    `dt.${node.part} takes a timestamp or a date, this is ${arg}`,
    "cast it first: col(…).cast('timestamp[us]')",
  );
}

const STRING_RESULTS: Readonly<Record<string, TypeText>> = {
  length: 'int32',
  contains: 'bool',
  startsWith: 'bool',
  endsWith: 'bool',
};

function typeOfString(node: Extract<ExpressionNode, { kind: 'string' }>, fields: Fields): NodeType {
  const arg = typeOfNode(node.arg, fields);
  if (arg === 'null' || isText(arg)) return STRING_RESULTS[node.fn] ?? 'utf8';
  throw refuse(node, `str.${node.fn} takes text, this is ${arg}`, "cast it first: col(…).cast('utf8')");
}

function typeOfCast(node: Extract<ExpressionNode, { kind: 'cast' }>, fields: Fields): NodeType {
  const to = tryParseType(node.to)?.text;
  if (to === undefined)
    throw refuse(
      node,
      `"${node.to}" is not a column type`,
      "write a type such as 'float64', 'int64', 'utf8', 'timestamp[us]'",
    );
  const from = typeOfNode(node.arg, fields);
  if (from === 'null' || canCast(from, to)) return to;
  throw refuse(
    node,
    `${from} cannot be cast to ${to}`,
    'see the casts that exist in the guide to expressions; some need two steps',
  );
}

/** Whether `cast` goes from one type to another at all; single values may still be refused. */
export function canCast(from: TypeText, to: TypeText): boolean {
  if (from === to) return true;
  if (isText(from)) return isText(to) || isNumeric(to) || to === 'bool' || isTimestamp(to) || isDate(to);
  if (isText(to)) return parseType(from).domain !== 'opaque';
  if (isNumeric(from) || from === 'bool')
    return isNumeric(to) || to === 'bool' ? true : isInteger(from) && parseType(to).domain === 'temporal';
  if (parseType(from).domain !== 'temporal') return false;
  if (isInteger(to)) return true;
  const isFromDay = isTimestamp(from) || isDate(from);
  const isToDay = isTimestamp(to) || isDate(to);
  return (isFromDay && isToDay) || (from.startsWith('duration[') && to.startsWith('duration['));
}
