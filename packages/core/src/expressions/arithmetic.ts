/** `add sub mul div mod`, `neg abs floor ceil round sqrt`, after the rules in `node.ts`. Types have been checked. */
import type { Column } from '../batch/contract.ts';
import type { Operand } from '../kernels/vector-contract.ts';
import type { TimeUnitText, TypeText } from '../schema/types.ts';
import type { Frame } from './frame.ts';
import { literalColumn } from './literal.ts';
import type { BinaryFn, UnaryFn } from './node.ts';
import { convert, inRange, numberAt, resultLike, widen } from './numbers.ts';
import { classOf, isUnsigned, kernelTypeOf, mapStep, type Step, unitOf } from './step.ts';
import { rescaleStep } from './temporal-scale.ts';

export type ArithmeticFn = Extract<BinaryFn, 'add' | 'sub' | 'mul' | 'div' | 'mod'>;
type WholeFn = Exclude<ArithmeticFn, 'div'>;

const SIGNS: Record<ArithmeticFn, string> = { add: '+', sub: '-', mul: '*', div: '/', mod: '%' };

/** A step as one side of an element-wise kernel: one value for a literal, its column else. */
export function sideOf(
  frame: Frame,
  step: Step,
  prepare: (column: Column) => Column,
): { column: Column; operand: Operand } {
  const isScalar = step.literal !== undefined && step.literal !== null;
  const made = isScalar ? literalColumn(frame, step.type, step.literal, 1) : step.run(frame);
  const column = prepare(made);
  return { column, operand: { ptr: column.values, isScalar } };
}

function overflow(
  frame: Frame,
  fn: ArithmeticFn,
  type: TypeText,
  row: number,
  x: number | bigint,
  y: number | bigint,
): Error {
  const value = `${x} ${SIGNS[fn]} ${y}`;
  if (fn === 'mod')
    return frame.refuse('ERR_VALUE', row, `remainder by zero: ${value}`, {
      value,
      hint: 'guard it with when(), or filter such rows',
    });
  return frame.refuse('ERR_INTEGER_OVERFLOW', row, `${value} does not fit ${type}`, {
    value,
    expected: type,
    hint: "cast one side to 'float64' if rounding is welcome, or filter such rows",
  });
}

function binary(
  type: TypeText,
  isFallible: boolean,
  left: Step,
  right: Step,
  prepare: (frame: Frame, column: Column) => Column,
  loop: (
    frame: Frame,
    a: { column: Column; operand: Operand },
    b: { column: Column; operand: Operand },
    out: Column,
  ) => void,
): Step {
  return {
    type,
    isFallible: isFallible || left.isFallible || right.isFallible,
    run: (frame) => {
      const a = sideOf(frame, left, (column) => prepare(frame, column));
      const b = sideOf(frame, right, (column) => prepare(frame, column));
      const out = frame.allocate(type, frame.rows, frame.rows * 8, a.column.validity !== 0 || b.column.validity !== 0);
      frame.intersectValidity(out, a.column.validity, b.column.validity);
      loop(frame, a, b, out);
      frame.drop(a.column, b.column);
      return out;
    },
  };
}

function floatStep(fn: ArithmeticFn, left: Step, right: Step): Step {
  return binary(
    'float64',
    false,
    left,
    right,
    (frame, column) => convert(frame, column, 'float64'),
    (frame, a, b, out) => {
      frame.kernels.arithmetic(fn, 'f64', a.operand, b.operand, out.validity, frame.rows, out.values);
    },
  );
}

function valueOf(frame: Frame, side: { column: Column; operand: Operand }, row: number): bigint {
  return BigInt(numberAt(frame, side.column, side.operand.isScalar ? 0 : row));
}

/** Integers of one signedness in 64 bits; `type` may be a duration or timestamp, which compute as their ticks. */
function integerStep(fn: WholeFn, type: TypeText, left: Step, right: Step): Step {
  const isMixed =
    isUnsigned(left.type) !== isUnsigned(right.type) && (left.type === 'uint64' || right.type === 'uint64');
  if (isMixed) return mixedStep(fn, type, left, right);
  const common: TypeText = type === 'uint64' ? 'uint64' : 'int64';
  return binary(
    type,
    true,
    left,
    right,
    (frame, column) => convert(frame, column, common),
    (frame, a, b, out) => {
      const bad = frame.withRelevant(out.validity, (relevant) =>
        frame.kernels.arithmetic(
          fn,
          common === 'uint64' ? 'u64' : 'i64',
          a.operand,
          b.operand,
          relevant,
          frame.rows,
          out.values,
        ),
      );
      if (bad >= 0) throw overflow(frame, fn, type, bad, valueOf(frame, a, bad), valueOf(frame, b, bad));
    },
  );
}

function apply(fn: WholeFn, x: bigint, y: bigint): bigint | undefined {
  switch (fn) {
    case 'add':
      return x + y;
    case 'sub':
      return x - y;
    case 'mul':
      return x * y;
    case 'mod':
      return y === 0n ? undefined : x % y;
  }
}

/** uint64 with a signed side: values of neither type hold both, so this rare pair goes through BigInts. */
function mixedStep(fn: WholeFn, type: TypeText, left: Step, right: Step): Step {
  return binary(type, true, left, right, widen, (frame, a, b, out) => {
    const target = new BigInt64Array(frame.arena.buffer, out.values, frame.rows);
    for (let row = 0; row < frame.rows; row++) {
      const [x, y] = [valueOf(frame, a, row), valueOf(frame, b, row)];
      const result = apply(fn, x, y);
      const fits = result !== undefined && inRange(result, false);
      if (!fits && frame.matters(row, out.validity)) throw overflow(frame, fn, type, row, x, y);
      target[row] = fits ? result : 0n;
    }
  });
}

/** `type` is what `typing.ts` gives for the two sides. */
export function arithmeticStep(fn: ArithmeticFn, type: TypeText, left: Step, right: Step): Step {
  if (type === 'float64') return floatStep(fn, left, right);
  const whole = fn as WholeFn; // div always gives float64
  if (classOf(type) === 'int' || whole === 'mul') return integerStep(whole, type, left, right);
  const unit = unitOf(type) as TimeUnitText;
  return integerStep(whole, type, rescaleStep(left, unit), rescaleStep(right, unit));
}

/** `neg abs floor ceil round sqrt`. `type` is what `typing.ts` gives. */
export function numericUnaryStep(
  fn: Extract<UnaryFn, 'neg' | 'abs' | 'floor' | 'ceil' | 'round' | 'sqrt'>,
  type: TypeText,
  arg: Step,
): Step {
  const isWhole = classOf(type) !== 'float';
  if (isWhole && fn !== 'neg' && fn !== 'abs') return { ...arg, type };
  if (isWhole && isUnsigned(arg.type)) return unsignedSign(fn === 'neg', type, arg);
  return mapStep(arg, type, isWhole, (frame, given) => {
    const column = convert(frame, given, type);
    const out = resultLike(frame, column, type);
    const bad = frame.withRelevant(column.validity, (relevant) =>
      frame.kernels.unaryArithmetic(
        fn,
        kernelTypeOf(type) === 'f64' ? 'f64' : 'i64',
        column.values,
        relevant,
        frame.rows,
        out.values,
      ),
    );
    if (bad >= 0) throw overflow(frame, 'sub', type, bad, 0n, numberAt(frame, column, bad));
    frame.drop(column);
    return out;
  });
}

/** abs of unsigned integers is a widening; neg is 0 − x, which mixes signs. */
function unsignedSign(isNegation: boolean, type: TypeText, arg: Step): Step {
  if (!isNegation) return mapStep(arg, type, false, (frame, column) => convert(frame, column, type));
  const zero: Step = {
    type: 'int64',
    literal: 0n,
    isFallible: false,
    run: (frame) => literalColumn(frame, 'int64', 0n, frame.rows),
  };
  return integerStep('sub', type, zero, arg);
}
