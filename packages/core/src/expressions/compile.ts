/**
 * Expressions compiled to steps over whole columns. A compiled expression reads a batch and gives one column: a fresh
 * slab, or for a plain column the batch's own, without copying.
 */
import type { Batch, Column } from '../batch/contract.ts';
import { PipelineError } from '../errors.ts';
import { fieldIndex } from '../schema/fields.ts';
import { parseType } from '../schema/parse-type.ts';
import type { Fields, TypeText } from '../schema/types.ts';
import { arithmeticStep, numericUnaryStep } from './arithmetic.ts';
import { castStep } from './cast.ts';
import { comparisonStep } from './comparison.ts';
import { datePartStep } from './dates.ts';
import { describeExpression } from './describe.ts';
import { type EvaluationContext, Frame } from './frame.ts';
import { literalStep, literalValue } from './literal.ts';
import { coalesceStep, isNaNStep, kleeneStep, notStep, nullTestStep, whenStep } from './logic.ts';
import type { ExpressionNode } from './node.ts';
import type { Step } from './step.ts';
import { stringStep } from './text.ts';
import { typeOfExpression, typeOfNode } from './typing.ts';

/** An expression bound to the columns of its input. */
export interface CompiledExpression {
  readonly type: TypeText;
  /** Names of the input columns it reads, each once. */
  readonly reads: readonly string[];
  /** Index of the input column when the expression is just that column. */
  readonly passes: number | undefined;
  /**
   * The values for all rows of a batch. The caller owns one reference on each slab of the column and of its child
   * (`releaseColumn`). `label` is the column that errors name.
   * @throws ERR_INTEGER_OVERFLOW, ERR_VALUE with row, column and value; ERR_MEMORY_EXHAUSTED
   */
  evaluate(batch: Batch, context: EvaluationContext, label: string): Column;
}

/** A literal null takes the type of its partner. */
function typed(node: ExpressionNode, fields: Fields, otherwise: TypeText): Step {
  const type = typeOfNode(node, fields);
  return type === 'null' ? literalStep(otherwise, null) : compileNode(node, fields);
}

function binaryStep(node: Extract<ExpressionNode, { kind: 'binary' }>, fields: Fields): Step {
  const { fn, left, right } = node;
  const types = [typeOfNode(left, fields), typeOfNode(right, fields)];
  const partner = types.find((type) => type !== 'null') ?? 'bool';
  const [a, b] = [typed(left, fields, partner as TypeText), typed(right, fields, partner as TypeText)];
  switch (fn) {
    case 'and':
    case 'or':
      return kleeneStep(fn, a, b);
    case 'add':
    case 'sub':
    case 'mul':
    case 'div':
    case 'mod':
      return arithmeticStep(fn, typeOfExpression(node, fields), a, b);
    default:
      return comparisonStep(fn, a, b);
  }
}

function unaryStep(node: Extract<ExpressionNode, { kind: 'unary' }>, fields: Fields): Step {
  switch (node.fn) {
    case 'isNull':
    case 'isNotNull':
      return nullTestStep(node.fn === 'isNull', typed(node.arg, fields, 'bool'));
    case 'not':
      return notStep(typed(node.arg, fields, 'bool'));
    case 'isNaN':
      return isNaNStep(typed(node.arg, fields, 'float64'));
    default:
      return numericUnaryStep(node.fn, typeOfExpression(node, fields), typed(node.arg, fields, 'float64'));
  }
}

function refuseList(node: ExpressionNode, type: TypeText): void {
  if (parseType(type).physical !== 'list') return;
  throw new PipelineError('ERR_EXPRESSION', `${describeExpression(node)}: lists are passed through, never computed`, {
    hint: 'use the list column by itself',
  });
}

function choiceStep(node: Extract<ExpressionNode, { kind: 'coalesce' | 'when' }>, fields: Fields): Step {
  const type = typeOfExpression(node, fields);
  refuseList(node, type);
  const branch = (arg: ExpressionNode): Step => castStep(typed(arg, fields, type), type);
  if (node.kind === 'coalesce') return coalesceStep(type, node.args.map(branch));
  return whenStep(type, typed(node.condition, fields, 'bool'), branch(node.then), branch(node.otherwise));
}

function compileNode(node: ExpressionNode, fields: Fields): Step {
  switch (node.kind) {
    case 'col': {
      const index = fieldIndex(fields, node.name);
      const type = (fields[index] as Fields[number]).type;
      return { type, isFallible: false, run: (frame) => frame.borrow(frame.batch.columns[index] as Column) };
    }
    case 'lit': {
      const type = typeOfExpression(node, fields);
      const stored: TypeText = type === 'dictionary<utf8>' ? 'utf8' : type;
      return castStep(literalStep(stored, literalValue(stored, node.value)), type);
    }
    case 'unary':
      return unaryStep(node, fields);
    case 'binary':
      return binaryStep(node, fields);
    case 'cast':
      return castStep(typed(node.arg, fields, parseType(node.to).text), parseType(node.to).text);
    case 'coalesce':
    case 'when':
      return choiceStep(node, fields);
    case 'dt':
      return datePartStep(node.part, typed(node.arg, fields, 'date32'));
    case 'string':
      return stringStep(node, typed(node.arg, fields, 'utf8'));
  }
}

/** Input columns of an expression, each once. */
export function columnsOf(node: ExpressionNode): string[] {
  const names = new Set<string>();
  const visit = (part: ExpressionNode): void => {
    switch (part.kind) {
      case 'col':
        names.add(part.name);
        break;
      case 'lit':
        break;
      case 'binary':
        visit(part.left);
        visit(part.right);
        break;
      case 'coalesce':
        part.args.forEach(visit);
        break;
      case 'when':
        visit(part.condition);
        visit(part.then);
        visit(part.otherwise);
        break;
      default:
        visit(part.arg);
    }
  };
  visit(node);
  return [...names];
}

/**
 * Binds an expression to the columns of its input.
 * @throws ERR_COLUMN_UNKNOWN with the nearest name; ERR_EXPRESSION where types do not fit
 */
export function compileExpression(node: ExpressionNode, fields: Fields): CompiledExpression {
  const type = typeOfExpression(node, fields);
  const step = compileNode(node, fields);
  return {
    type,
    reads: columnsOf(node),
    passes: node.kind === 'col' ? fieldIndex(fields, node.name) : undefined,
    evaluate: (batch, context, label) => {
      const frame = new Frame(context, batch, label);
      try {
        return frame.take(step.run(frame));
      } finally {
        frame.close();
      }
    },
  };
}
