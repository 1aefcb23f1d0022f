/** Instants, spans and dates from one unit to another: finer with a check of the range, coarser by the floor. */
import type { Column } from '../batch/contract.ts';
import type { TimeUnitText, TypeText } from '../schema/types.ts';
import { SECONDS_PER_DAY, TICKS_PER_SECOND } from './calendar.ts';
import type { Frame } from './frame.ts';
import { literalStep } from './literal.ts';
import { convert, inRange, numberAt, resultLike } from './numbers.ts';
import { classOf, mapStep, type Step, timestampType, unitOf, zoneNameOf } from './step.ts';

function nanosPerTick(unit: TimeUnitText | 'day'): bigint {
  return unit === 'day' ? BigInt(SECONDS_PER_DAY) * 1_000_000_000n : BigInt(1e9 / TICKS_PER_SECOND[unit]);
}

/**
 * A temporal column as 64-bit ticks of another unit; consumes the column. `type` is the result's.
 * @throws ERR_INTEGER_OVERFLOW, or the code given, naming the row
 */
export function rescale(
  frame: Frame,
  column: Column,
  unit: TimeUnitText | 'day',
  type: TypeText,
  code: 'ERR_INTEGER_OVERFLOW' | 'ERR_VALUE' = 'ERR_INTEGER_OVERFLOW',
): Column {
  const from = nanosPerTick(unitOf(column.type));
  const to = nanosPerTick(unit);
  // Convert by the stored width only: the unit is dealt with below.
  const wide = convert(frame, column, 'int64');
  if (from === to) return frame.replace(wide, { ...wide, type });
  const out = resultLike(frame, wide, type);
  const multiply = from > to ? from / to : 1n;
  const divide = from > to ? 1n : to / from;
  const bad = frame.withRelevant(wide.validity, (relevant) =>
    frame.kernels.scaleInt64(wide.values, relevant, wide.length, multiply, divide, out.values),
  );
  if (bad >= 0) {
    const value = `${numberAt(frame, wide, bad)} ${column.type}`;
    throw frame.refuse(code, bad, `${value} does not fit ${type}`, {
      value,
      expected: type,
      hint: 'use a coarser unit for the finer side',
    });
  }
  frame.drop(wide);
  return out;
}

/** The value of a temporal literal in another unit, if it is exact and in range there. */
export function rescaleLiteral(
  value: bigint,
  from: TimeUnitText | 'day',
  to: TimeUnitText | 'day',
): bigint | undefined {
  const nanos = value * nanosPerTick(from);
  const scaled = nanos / nanosPerTick(to);
  return scaled * nanosPerTick(to) === nanos && inRange(scaled, false) ? scaled : undefined;
}

/** Ticks of `fine` in one tick of `coarse`. */
export function unitRatio(coarse: TimeUnitText | 'day', fine: TimeUnitText | 'day'): bigint {
  return nanosPerTick(coarse) / nanosPerTick(fine);
}

/** Type of the same kind and zone in another unit; times become what stores their ticks, dates naive timestamps. */
function typeInUnit(type: TypeText, unit: TimeUnitText): TypeText {
  const kind = classOf(type);
  if (kind === 'timestamp' || kind === 'date') return timestampType(unit, zoneNameOf(type));
  return `duration[${unit}]`;
}

/** A step in another, finer unit; a literal stays one. */
export function rescaleStep(step: Step, unit: TimeUnitText): Step {
  const from = unitOf(step.type);
  const type = typeInUnit(step.type, unit);
  if (type === step.type) return step;
  if (step.literal === null) return literalStep(type, null);
  if (typeof step.literal === 'bigint') {
    const scaled = rescaleLiteral(step.literal, from, unit);
    if (scaled !== undefined) return literalStep(type, scaled);
  }
  return mapStep(step, type, true, (frame, column) => rescale(frame, column, unit, type));
}
