/** `eq ne lt le gt ge`, after the rules in `node.ts`. Types have been checked to be comparable. */
import type { Column } from '../batch/contract.ts';
import type { KernelType } from '../kernels/aggregate-contract.ts';
import type { CompareFn } from '../kernels/vector-contract.ts';
import type { TypeText } from '../schema/types.ts';
import { sideOf } from './arithmetic.ts';
import { writeBits } from './bitmap.ts';
import { castStep } from './cast.ts';
import { parseTemporalLiteral } from './cast-text.ts';
import { decodeDictionary, takeByCode } from './dictionary.ts';
import type { Frame } from './frame.ts';
import { literalColumn, literalStep } from './literal.ts';
import { convert, numberView, widen } from './numbers.ts';
import { classOf, isUnsigned, kernelTypeOf, type LiteralValue, type Step, unitOf } from './step.ts';
import { rescaleLiteral, unitRatio } from './temporal-scale.ts';

function holds(fn: CompareFn, order: number): boolean {
  switch (fn) {
    case 'eq':
      return order === 0;
    case 'ne':
      return order !== 0;
    case 'lt':
      return order < 0;
    case 'le':
      return order <= 0;
    case 'gt':
      return order > 0;
    case 'ge':
      return order >= 0;
  }
}

const MIRRORED: Record<CompareFn, CompareFn> = { eq: 'eq', ne: 'ne', lt: 'gt', le: 'ge', gt: 'lt', ge: 'le' };

type Sided = ReturnType<typeof sideOf>;

function comparison(
  left: Step,
  right: Step,
  prepare: (frame: Frame, column: Column) => Column,
  loop: (frame: Frame, a: Sided, b: Sided, out: Column) => void,
): Step {
  return {
    type: 'bool',
    isFallible: left.isFallible || right.isFallible,
    run: (frame) => {
      const a = sideOf(frame, left, (column) => prepare(frame, column));
      const b = sideOf(frame, right, (column) => prepare(frame, column));
      const out = frame.allocateBits(a.column.validity !== 0 || b.column.validity !== 0);
      frame.intersectValidity(out, validityOf(a), validityOf(b));
      loop(frame, a, b, out);
      frame.drop(a.column, b.column);
      return out;
    },
  };
}

function validityOf(side: Sided): number {
  return side.operand.isScalar ? 0 : side.column.validity;
}

function byKernel(fn: CompareFn, type: TypeText, left: Step, right: Step): Step {
  const kernelType: KernelType = kernelTypeOf(type);
  return comparison(
    left,
    right,
    (frame, column) => convert(frame, column, type),
    (frame, a, b, out) => frame.kernels.compare(fn, kernelType, a.operand, b.operand, frame.rows, out.values),
  );
}

/** Integers whose types no one kernel type holds, and instants in different units: exact, through BigInts. */
function byBigInt(fn: CompareFn, left: Step, right: Step, leftFactor: bigint, rightFactor: bigint): Step {
  return comparison(left, right, widen, (frame, a, b, out) => {
    const x = numberView(frame, a.column.type, a.column.values, a.column.length);
    const y = numberView(frame, b.column.type, b.column.values, b.column.length);
    writeBits(frame.arena, out.values, frame.rows, (row) => {
      const difference =
        BigInt(x[a.operand.isScalar ? 0 : row] as bigint) * leftFactor -
        BigInt(y[b.operand.isScalar ? 0 : row] as bigint) * rightFactor;
      return holds(fn, difference < 0n ? -1 : difference > 0n ? 1 : 0);
    });
  });
}

function compareNumbers(fn: CompareFn, left: Step, right: Step): Step {
  if (classOf(left.type) === 'float' || classOf(right.type) === 'float') return byKernel(fn, 'float64', left, right);
  if (left.type === right.type) return byKernel(fn, left.type, left, right);
  const narrowed = literalInType(left, right.type) ?? literalInType(right, left.type);
  if (narrowed !== undefined)
    return narrowed.type === left.type
      ? byKernel(fn, left.type, left, narrowed)
      : byKernel(fn, right.type, narrowed, right);
  if (left.type !== 'uint64' && right.type !== 'uint64') return byKernel(fn, 'int64', left, right);
  if (isUnsigned(left.type) && isUnsigned(right.type)) return byKernel(fn, 'uint64', left, right);
  return byBigInt(fn, left, right, 1n, 1n);
}

/** An integer literal in the (narrower) type of the column beside it, so that the column need not be widened. */
function literalInType(step: Step, type: TypeText): Step | undefined {
  if (typeof step.literal !== 'bigint' || step.type === type) return undefined;
  const bits = Number(kernelTypeOf(type).slice(1));
  const wrapped = isUnsigned(type) ? BigInt.asUintN(bits, step.literal) : BigInt.asIntN(bits, step.literal);
  return wrapped === step.literal ? literalStep(type, step.literal) : undefined;
}

/** Timestamps, dates, times and durations: ticks as they are in one unit, else scaled exactly. */
function compareTemporal(fn: CompareFn, left: Step, right: Step): Step {
  const [leftUnit, rightUnit] = [unitOf(left.type), unitOf(right.type)];
  if (leftUnit === rightUnit)
    return byKernel(fn, kernelTypeOf(left.type) === kernelTypeOf(right.type) ? left.type : 'int64', left, right);
  for (const [literal, other, inOrder] of [
    [right, left, true],
    [left, right, false],
  ] as const) {
    if (typeof literal.literal !== 'bigint') continue;
    const scaled = rescaleLiteral(literal.literal, unitOf(literal.type), unitOf(other.type));
    const fits = scaled !== undefined && (kernelTypeOf(other.type) === 'i64' || BigInt.asIntN(32, scaled) === scaled);
    if (fits) return byKernel(inOrder ? fn : MIRRORED[fn], other.type, other, literalStep(other.type, scaled));
  }
  const finer = unitRatio(leftUnit, rightUnit) > 0n ? rightUnit : leftUnit;
  return byBigInt(fn, left, right, unitRatio(leftUnit, finer), unitRatio(rightUnit, finer));
}

/** Order of two byte ranges: UTF-8 orders by bytes as by code points. */
function compareBytes(u8: Uint8Array, a: number, aLength: number, b: number, bLength: number): number {
  const shared = Math.min(aLength, bLength);
  for (let i = 0; i < shared; i++) {
    const difference = (u8[a + i] as number) - (u8[b + i] as number);
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}

function compareTextColumns(
  frame: Frame,
  fn: CompareFn,
  left: Column,
  right: Column,
  isRightScalar: boolean,
  out: Column,
): void {
  const { i32, u8 } = frame.arena;
  const [aOffsets, bOffsets] = [left.offsets >>> 2, right.offsets >>> 2];
  const isEquality = fn === 'eq' || fn === 'ne';
  writeBits(frame.arena, out.values, left.length, (row) => {
    const i = aOffsets + row;
    const j = bOffsets + (isRightScalar ? 0 : row);
    const aStart = i32[i] as number;
    const bStart = i32[j] as number;
    const aLength = (i32[i + 1] as number) - aStart;
    const bLength = (i32[j + 1] as number) - bStart;
    if (isEquality && aLength !== bLength) return fn === 'ne';
    return holds(fn, compareBytes(u8, left.values + aStart, aLength, right.values + bStart, bLength));
  });
}

/** Text beside a literal: a dictionary column compares its dictionary once and looks the answers up by code. */
function compareWithText(fn: CompareFn, arg: Step, literal: LiteralValue): Step {
  return {
    type: 'bool',
    isFallible: arg.isFallible,
    run: (frame) => {
      const column = arg.run(frame);
      const text = literalColumn(frame, 'utf8', literal, 1);
      const result = takeByCode(frame, column, (texts) => {
        const out = frame.allocate('bool', texts.length, (texts.length + 7) >>> 3, texts.validity !== 0);
        frame.copyValidity(out, texts);
        compareTextColumns(frame, fn, texts, text, true, out);
        return out;
      });
      frame.drop(text);
      return result;
    },
  };
}

function compareTexts(fn: CompareFn, left: Step, right: Step): Step {
  if (typeof right.literal === 'string' && left.literal === undefined) return compareWithText(fn, left, right.literal);
  if (typeof left.literal === 'string' && right.literal === undefined)
    return compareWithText(MIRRORED[fn], right, left.literal);
  const column = (step: Step): Step => ({ type: step.type, isFallible: step.isFallible, run: step.run }); // not as a scalar
  return comparison(column(left), column(right), decodeDictionary, (frame, a, b, out) =>
    compareTextColumns(frame, fn, a.column, b.column, false, out),
  );
}

/** A text literal beside a temporal operand is read as its type. @throws ERR_EXPRESSION when it cannot be */
function readAs(step: Step, other: Step): Step {
  const isText = classOf(step.type) === 'text' && classOf(other.type) !== 'text';
  return isText && typeof step.literal === 'string'
    ? literalStep(other.type, parseTemporalLiteral(step.literal, other.type))
    : step;
}

export function comparisonStep(fn: CompareFn, left: Step, right: Step): Step {
  const [a, b] = [readAs(left, right), readAs(right, left)];
  const kind = classOf(a.type);
  if (kind === 'int' || kind === 'float') return compareNumbers(fn, a, b);
  if (kind === 'text') return compareTexts(fn, a, b);
  // false < true, as the numbers 0 and 1.
  if (kind === 'bool') return byKernel(fn, 'uint8', castStep(a, 'uint8'), castStep(b, 'uint8'));
  return compareTemporal(fn, a, b);
}
