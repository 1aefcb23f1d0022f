/** The times of two streams in one unit, in which a join compares them. */
import { PipelineError } from '../../errors.ts';
import type { JoinSpec } from '../../plan/logical.ts';
import type { Fields, TypeText } from '../../schema/types.ts';
import { unitNsOf } from '../aggregate/value-type.ts';

/** How the times of both sides are compared: each multiplied, then as int64; bounds in that common unit. */
export interface JoinTimes {
  scales: readonly [bigint, bigint];
  tolerance: bigint | undefined;
  /** Bounds of an `interval`. */
  from: bigint;
  to: bigint;
}

/** Works out the common unit of two sides. @throws ERR_OPTIONS for a bound with a unit where the columns are plain numbers */
export function joinTimes(spec: JoinSpec, inputs: readonly Fields[]): JoinTimes {
  const types = spec.sides.map(
    (side, index) => inputs[index]?.find((field) => field.name === side.on)?.type ?? 'int64',
  ) as [TypeText, TypeText];
  const units = types.map((type) => unitNsOf(type) ?? 1n) as [bigint, bigint];
  const unit = units[0] < units[1] ? units[0] : units[1];
  const steps = (bound: { ns: string; text: string } | undefined, name: string): bigint | undefined =>
    bound === undefined ? undefined : stepsOf(bound, name, types[0], unit);
  return {
    scales: [units[0] / unit, units[1] / unit],
    tolerance: steps(spec.tolerance, 'tolerance'),
    from: steps(spec.interval?.from, 'interval.from') ?? 0n,
    to: steps(spec.interval?.to, 'interval.to') ?? 0n,
  };
}

function stepsOf({ ns, text }: { ns: string; text: string }, name: string, type: TypeText, unit: bigint): bigint {
  if (!/^u?int/.test(type)) {
    const steps = BigInt(ns) / unit;
    const rest = BigInt(ns) % unit;
    // A bound between two steps: the next one inside. Division rounds towards zero.
    if (name === 'interval.from') return rest > 0n ? steps + 1n : steps;
    return rest < 0n ? steps - 1n : steps;
  }
  if (/^[-+]?\d+$/.test(text)) return BigInt(text);
  throw new PipelineError('ERR_OPTIONS', `${name} is ${text}, but the ordered column is ${type}, not a time`, {
    value: text,
    hint: `give ${name} as a plain number, or cast the column to a timestamp`,
  });
}
