/** `and or not`, null tests, `isNaN`, `coalesce` and `when`: everything with nulls of its own rules, lazily by rows. */
import type { Column } from '../batch/contract.ts';
import type { Ptr } from '../memory/contract.ts';
import { parseType } from '../schema/parse-type.ts';
import type { TypeText } from '../schema/types.ts';
import { bitAt, bitmapBytes } from './bitmap.ts';
import { decodeDictionary, encodeDictionary } from './dictionary.ts';
import type { Frame } from './frame.ts';
import { convert } from './numbers.ts';
import { classOf, kernelTypeOf, mapStep, type Step } from './step.ts';

/** Kleene `and` / `or`; the right side raises no errors where the left decides. */
export function kleeneStep(fn: 'and' | 'or', left: Step, right: Step): Step {
  return {
    type: 'bool',
    isFallible: left.isFallible || right.isFallible,
    run: (frame) => {
      const a = left.run(frame);
      const b = right.isFallible ? runUndecided(frame, fn, a, right) : right.run(frame);
      const hasValidity = a.validity !== 0 || b.validity !== 0;
      const out = frame.allocateBits(hasValidity);
      frame.kernels.kleene(fn, a.values, a.validity, b.values, b.validity, frame.rows, out.values, out.validity);
      if (hasValidity) frame.countNulls(out);
      frame.drop(a, b);
      return out;
    },
  };
}

/** `and` is decided where the left side is false (and there), `or` where it is true. */
function runUndecided(frame: Frame, fn: 'and' | 'or', decided: Column, right: Step): Column {
  if (fn === 'or') return frame.within(decided.values, decided.validity, true, () => right.run(frame));
  const isFalse = frame.allocateBits();
  frame.kernels.bitmapNot(decided.values, frame.rows, isFalse.values);
  const result = frame.within(isFalse.values, decided.validity, true, () => right.run(frame));
  frame.drop(isFalse);
  return result;
}

export function notStep(arg: Step): Step {
  return mapStep(arg, 'bool', false, (frame, column) => {
    const out = frame.allocateBits(column.validity !== 0);
    frame.kernels.bitmapNot(column.values, frame.rows, out.values);
    frame.copyValidity(out, column);
    frame.drop(column);
    return out;
  });
}

export function nullTestStep(isNull: boolean, arg: Step): Step {
  return mapStep(arg, 'bool', false, (frame, given) => {
    // An entry of a dictionary can itself be null.
    const column =
      given.child?.validity === undefined || given.child.validity === 0 ? given : decodeDictionary(frame, given);
    const out = frame.allocateBits();
    if (column.validity === 0) frame.kernels.fillBits(out.values, 0, frame.rows, isNull ? 0 : 1);
    else if (isNull) frame.kernels.bitmapNot(column.validity, frame.rows, out.values);
    else frame.kernels.copyBits(column.validity, 0, frame.rows, out.values, 0);
    frame.drop(column);
    return out;
  });
}

export function isNaNStep(arg: Step): Step {
  const isFloat = classOf(arg.type) === 'float';
  return mapStep(arg, 'bool', false, (frame, column) => {
    const out = frame.allocateBits(column.validity !== 0);
    frame.copyValidity(out, column);
    const operand = { ptr: column.values, isScalar: false };
    if (isFloat) frame.kernels.compare('ne', kernelTypeOf(arg.type), operand, operand, frame.rows, out.values);
    else frame.kernels.fillBits(out.values, 0, frame.rows, 0);
    frame.drop(column);
    return out;
  });
}

/** `mask` set ? whenSet : whenUnset, row by row; consumes both, which have one type. */
function choose(frame: Frame, mask: Ptr, whenSet: Column, whenUnset: Column): Column {
  const { physical, byteWidth } = parseType(whenSet.type);
  if (physical === 'variable') return chooseVariable(frame, mask, whenSet, whenUnset);
  const hasValidity = whenSet.validity !== 0 || whenUnset.validity !== 0;
  const isBits = physical === 'bits';
  const out = frame.allocate(
    whenSet.type,
    frame.rows,
    isBits ? bitmapBytes(frame.rows) : frame.rows * byteWidth,
    hasValidity,
  );
  if (isBits) chooseBits(frame, mask, whenSet.values, whenUnset.values, out.values);
  else if ([1, 2, 4, 8, 16].includes(byteWidth)) {
    const [a, b] = [
      { ptr: whenSet.values, isScalar: false },
      { ptr: whenUnset.values, isScalar: false },
    ];
    frame.kernels.choose(byteWidth, mask, a, b, frame.rows, out.values);
  } else chooseWide(frame, mask, whenSet, whenUnset, out, byteWidth);
  chooseValidity(frame, mask, whenSet, whenUnset, out);
  frame.drop(whenSet, whenUnset);
  return out;
}

/** (whenSet & mask) | (whenUnset & ~mask); 0 stands for all ones. */
function chooseBits(frame: Frame, mask: Ptr, whenSet: Ptr, whenUnset: Ptr, out: Ptr): void {
  const rest = frame.allocateBits();
  frame.kernels.bitmap('andNot', whenUnset, mask, frame.rows, rest.values);
  frame.kernels.bitmap('and', whenSet, mask, frame.rows, out);
  frame.kernels.bitmap('or', out, rest.values, frame.rows, out);
  frame.drop(rest);
}

function chooseValidity(
  frame: Frame,
  mask: Ptr,
  whenSet: Column,
  whenUnset: Column,
  out: ReturnType<Frame['allocate']>,
): void {
  if (whenSet.validity === 0 && whenUnset.validity === 0) return;
  chooseBits(frame, mask, whenSet.validity, whenUnset.validity, out.validity);
  frame.countNulls(out);
}

function chooseWide(frame: Frame, mask: Ptr, whenSet: Column, whenUnset: Column, out: Column, width: number): void {
  for (let row = 0; row < frame.rows; row++) {
    const from = (bitAt(frame.arena, mask, row) ? whenSet.values : whenUnset.values) + row * width;
    frame.arena.u8.copyWithin(out.values + row * width, from, from + width);
  }
}

function chooseVariable(frame: Frame, mask: Ptr, whenSet: Column, whenUnset: Column): Column {
  const { arena, rows } = frame;
  const offsetsOf = (column: Column): Int32Array => new Int32Array(arena.buffer, column.offsets, rows + 1);
  const [setOffsets, unsetOffsets] = [offsetsOf(whenSet), offsetsOf(whenUnset)];
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const offsets = bitAt(arena, mask, row) ? setOffsets : unsetOffsets;
    total += (offsets[row + 1] as number) - (offsets[row] as number);
  }
  const out = frame.allocate(whenSet.type, rows, total, whenSet.validity !== 0 || whenUnset.validity !== 0, true);
  const outOffsets = offsetsOf(out);
  let at = 0;
  outOffsets[0] = 0;
  for (let row = 0; row < rows; row++) {
    const isSet = bitAt(arena, mask, row);
    const offsets = isSet ? setOffsets : unsetOffsets;
    const base = isSet ? whenSet.values : whenUnset.values;
    const [start, end] = [offsets[row] as number, offsets[row + 1] as number];
    arena.u8.copyWithin(out.values + at, base + start, base + end);
    at += end - start;
    outOffsets[row + 1] = at;
  }
  chooseValidity(frame, mask, whenSet, whenUnset, out);
  frame.drop(whenSet, whenUnset);
  return out;
}

/** Dictionaries are chosen from as texts: their codes mean nothing to each other. */
function plain(step: Step): Step {
  return step.type === 'dictionary<utf8>' ? mapStep(step, 'utf8', false, decodeDictionary) : step;
}

function encoded(step: Step, type: TypeText): Step {
  return type === 'dictionary<utf8>' ? mapStep(step, type, false, encodeDictionary) : step;
}

/** The branches have the type given. A null condition takes `otherwise`. */
export function whenStep(type: TypeText, condition: Step, then: Step, otherwise: Step): Step {
  const [whenSet, whenUnset] = [plain(then), plain(otherwise)];
  const step: Step = {
    type: whenSet.type,
    isFallible: condition.isFallible || then.isFallible || otherwise.isFallible,
    run: (frame) => {
      const test = condition.run(frame);
      const mask = frame.allocateBits();
      frame.kernels.bitmap('and', test.values, test.validity, frame.rows, mask.values);
      frame.drop(test);
      const run = (branch: Step, negate: boolean): Column =>
        branch.isFallible ? frame.within(mask.values, 0, negate, () => branch.run(frame)) : branch.run(frame);
      const a = run(whenSet, false);
      const b = run(whenUnset, true);
      const out = choose(frame, mask.values, a, b);
      frame.drop(mask);
      return out;
    },
  };
  return encoded(step, type);
}

/** The arguments have the type given. */
export function coalesceStep(type: TypeText, args: readonly Step[]): Step {
  const steps = args.map(plain);
  const [first, ...others] = steps;
  if (first === undefined) throw new Error('coalesce of nothing');
  const step: Step = {
    type: first.type,
    isFallible: args.some((arg) => arg.isFallible),
    run: (frame) => {
      let result = first.run(frame);
      for (const other of others) {
        if (result.validity === 0) break;
        const mask = result.validity;
        const next = other.isFallible ? frame.within(mask, 0, true, () => other.run(frame)) : other.run(frame);
        result = choose(frame, mask, result, next);
      }
      return result;
    },
  };
  return encoded(step, type);
}

/** `bool` columns as numbers. */
export function bitsToNumber(frame: Frame, column: Column, type: TypeText): Column {
  const out = frame.allocate(type, column.length, column.length * parseType(type).byteWidth, column.validity !== 0);
  frame.kernels.castBits(column.values, kernelTypeOf(type), column.length, out.values);
  frame.copyValidity(out, column);
  frame.drop(column);
  return out;
}

/** Numbers as `bool`: 0 is false, all else, NaN too, is true. */
export function numberToBits(frame: Frame, given: Column): Column {
  const column = classOf(given.type) === 'float' ? given : convert(frame, given, given.type);
  const out = frame.allocate('bool', column.length, bitmapBytes(column.length), column.validity !== 0);
  frame.copyValidity(out, column);
  const zero = frame.allocate(column.type, 1, 8, false);
  frame.arena.u8.fill(0, zero.values, zero.values + 8);
  frame.kernels.compare(
    'ne',
    kernelTypeOf(column.type),
    { ptr: column.values, isScalar: false },
    { ptr: zero.values, isScalar: true },
    column.length,
    out.values,
  );
  frame.drop(zero, column);
  return out;
}
