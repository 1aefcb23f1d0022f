/** TypeScript twins of arithmetic, comparisons and casts. */
import type { Ptr } from '../memory/contract.ts';
import { KERNEL_TYPE_BYTES } from '../schema/number-types.ts';
import type { KernelType } from './aggregate-contract.ts';
import { isFloatType, isSet, readValue, writeValue } from './reference-column.ts';
import type { Twin } from './reference-twin.ts';
import type { ArithmeticFn, CompareFn, Operand, UnaryArithmeticFn } from './vector-contract.ts';

/** Address of row `row` of an operand. */
function at(operand: Operand, width: number, row: number): Ptr {
  return operand.isScalar ? operand.ptr : operand.ptr + width * row;
}

/** True when an integer lies in the range of its type. */
function fits(type: KernelType, value: bigint): boolean {
  const bits = 8 * KERNEL_TYPE_BYTES[type];
  return (type.startsWith('u') ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value)) === value;
}

function floatResult(fn: ArithmeticFn, a: number, b: number): number {
  switch (fn) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'div':
      return a / b;
    case 'mod':
      return a % b;
  }
}

/** Undefined for `mod` by zero. */
function integerResult(fn: Exclude<ArithmeticFn, 'div'>, a: bigint, b: bigint): bigint | undefined {
  switch (fn) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'mod':
      return b === 0n ? undefined : a % b;
  }
}

export const arithmetic: Twin<'arithmetic'> = (view, fn, type, left, right, validity, rows, out) => {
  const width = KERNEL_TYPE_BYTES[type];
  for (let row = 0; row < rows; row++) {
    const a = readValue(view, type, at(left, width, row));
    const b = readValue(view, type, at(right, width, row));
    if (fn === 'div') {
      view.setFloat64(out + 8 * row, Number(a) / Number(b), true);
    } else if (isFloatType(type)) {
      writeValue(view, type, out + width * row, floatResult(fn, a as number, b as number));
    } else {
      const result = integerResult(fn, BigInt(a), BigInt(b));
      if ((result === undefined || !fits(type, result)) && isSet(view, validity, row)) return row;
      writeValue(view, type, out + width * row, result ?? 0n);
    }
  }
  return -1;
};

/** Half away from zero. */
function roundAway(value: number): number {
  const whole = Math.trunc(value);
  return Math.abs(value - whole) >= 0.5 ? whole + Math.sign(value) : whole;
}

function floatUnary(fn: UnaryArithmeticFn, value: number): number {
  switch (fn) {
    case 'neg':
      return -value;
    case 'abs':
      return Math.abs(value);
    case 'floor':
      return Math.floor(value);
    case 'ceil':
      return Math.ceil(value);
    case 'round':
      return roundAway(value);
    case 'sqrt':
      return Math.sqrt(value);
  }
}

export const unaryArithmetic: Twin<'unaryArithmetic'> = (view, fn, type, values, validity, rows, out) => {
  const width = KERNEL_TYPE_BYTES[type];
  for (let row = 0; row < rows; row++) {
    const value = readValue(view, type, values + width * row);
    if (isFloatType(type)) {
      writeValue(view, type, out + width * row, floatUnary(fn, value as number));
      continue;
    }
    const integer = BigInt(value);
    const result = fn === 'neg' || (fn === 'abs' && integer < 0n) ? -integer : integer;
    if (!fits(type, result) && isSet(view, validity, row)) return row;
    writeValue(view, type, out + width * row, result);
  }
  return -1;
};

function compares(fn: CompareFn, a: number | bigint, b: number | bigint): boolean {
  switch (fn) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
  }
}

export const compare: Twin<'compare'> = (view, fn, type, left, right, rows, out) => {
  const width = KERNEL_TYPE_BYTES[type];
  for (let byte = 0; byte < Math.ceil(rows / 8); byte++) {
    let bits = 0;
    for (let row = 8 * byte; row < Math.min(rows, 8 * byte + 8); row++) {
      const a = readValue(view, type, at(left, width, row));
      if (compares(fn, a, readValue(view, type, at(right, width, row)))) bits |= 1 << (row & 7);
    }
    view.setUint8(out + byte, bits);
  }
};

/** What `value` is as `to`, or undefined when it cannot be. */
function converted(to: KernelType, value: number | bigint): number | bigint | undefined {
  if (isFloatType(to)) return Number(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return undefined;
  const integer = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
  return fits(to, integer) ? integer : undefined;
}

export const cast: Twin<'cast'> = (view, from, to, values, validity, rows, out) => {
  for (let row = 0; row < rows; row++) {
    const value = converted(to, readValue(view, from, values + KERNEL_TYPE_BYTES[from] * row));
    if (value === undefined && isSet(view, validity, row)) return row;
    writeValue(view, to, out + KERNEL_TYPE_BYTES[to] * row, value ?? 0);
  }
  return -1;
};

export function castBits(view: DataView, bits: Ptr, to: KernelType, rows: number, out: Ptr): void {
  for (let row = 0; row < rows; row++)
    writeValue(view, to, out + KERNEL_TYPE_BYTES[to] * row, isSet(view, bits, row) ? 1 : 0);
}

export const scaleInt64: Twin<'scaleInt64'> = (view, values, validity, rows, multiply, divide, out) => {
  for (let row = 0; row < rows; row++) {
    const product = view.getBigInt64(values + 8 * row, true) * multiply;
    const quotient = product / divide;
    const result = product % divide < 0n ? quotient - 1n : quotient;
    if (!fits('i64', result) && isSet(view, validity, row)) return row;
    view.setBigInt64(out + 8 * row, BigInt.asIntN(64, result), true);
  }
  return -1;
};
