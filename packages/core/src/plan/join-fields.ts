/** The columns that a join gives, and what keeps two streams from being joined. */
import { PipelineError } from '../errors.ts';
import { isFloat, unitNsOf, valueTypeOf } from '../operators/aggregate/value-type.ts';
import { joinTimes } from '../operators/join/join-times.ts';
import { isText } from '../schema/parse-type.ts';
import type { FieldSpec, Fields, TypeText } from '../schema/types.ts';
import type { JoinSide, JoinSpec } from './logical.ts';
import { type StepFields, unknownColumn } from './node-fields.ts';

/**
 * All columns of the left side, then, but for `semi` and `anti`, those of the right side that are not compared (for an `interval` also
 * what it ascends on); these are nullable where a left row may have no match, and left ones where a right row may have none. Rows
 * stay in the order of the left side.
 *
 * @throws ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED, ERR_SCHEMA, ERR_OPTIONS
 */
export function joinFields(spec: JoinSpec, inputs: readonly Fields[]): StepFields {
  const [left, right] = spec.sides as [JoinSide, JoinSide];
  const [leftFields, rightFields] = inputs as [Fields, Fields];
  const on = [orderField(left, leftFields), orderField(right, rightFields)] as const;
  checkSameClock(left, on[0], right, on[1]);
  if (spec.strategy === 'full') checkWidest(left, on[0], right, on[1]);
  for (const [index, name] of left.by.entries()) {
    const rightName = right.by[index] as string;
    const isExact = spec.strategy === 'full';
    checkSameType(left, keyField(left, name, leftFields), right, keyField(right, rightName, rightFields), isExact);
  }
  joinTimes(spec, inputs);
  const rightColumns = spec.rightColumns ?? namedColumns(spec, leftFields, rightFields);
  const added = rightColumns.flatMap(({ column, as }): FieldSpec[] => {
    const field = rightFields.find((candidate) => candidate.name === column);
    // Not there when nothing behind the join reads it.
    return field === undefined ? [] : [{ ...field, name: as, nullable: field.nullable || keepsLeftRows(spec) }];
  });
  return {
    spec: { ...spec, rightColumns },
    outputs: { out: [...leftOutput(spec, leftFields, rightFields), ...added] },
    ordered: { out: left.on },
  };
}

/** Whether a left row without a match is in the output. */
function keepsLeftRows({ strategy }: JoinSpec): boolean {
  return strategy === 'asof' || strategy === 'left' || strategy === 'full';
}

/** Left columns of the output: of a right row without a match only those that are compared are known. */
function leftOutput({ strategy, sides }: JoinSpec, left: Fields, right: Fields): Fields {
  if (strategy !== 'full') return left;
  const [{ on, by }, rightSide] = sides as [JoinSide, JoinSide];
  return left.map((field) => {
    const isNullableKey = right.find(({ name }) => name === rightSide.by[by.indexOf(field.name)])?.nullable === true;
    const isCompared = field.name === on || by.includes(field.name);
    return { ...field, nullable: field.nullable || (isCompared ? isNullableKey : true) };
  });
}

/** Right columns of the output, under the names that they get. @throws ERR_SCHEMA when a name is taken */
function namedColumns(spec: JoinSpec, left: Fields, right: Fields): { column: string; as: string }[] {
  const [leftSide, rightSide] = spec.sides as [JoinSide, JoinSide];
  if (spec.strategy === 'semi' || spec.strategy === 'anti') return [];
  const compared = new Set([...(spec.strategy === 'interval' ? [] : [rightSide.on]), ...rightSide.by]);
  const taken = new Set(left.map((field) => field.name));
  return right
    .filter((field) => !compared.has(field.name))
    .map(({ name }) => {
      const as = taken.has(name) ? `${name}${spec.suffix ?? ''}` : name;
      if (taken.has(as))
        throw new PipelineError('ERR_SCHEMA', `"${leftSide.name}" and "${rightSide.name}" both have a column "${as}"`, {
          column: as,
          hint: `say what the one of "${rightSide.name}" is called: { suffix: '_${rightSide.name}' }, or leave it out before the join`,
        });
      taken.add(as);
      return { column: name, as };
    });
}

function fieldOf(side: JoinSide, name: string, fields: Fields, role: string): FieldSpec {
  const field = fields.find((candidate) => candidate.name === name);
  if (field !== undefined) return field;
  throw unknownColumn(name, fields, `"${side.name}" has no column "${name}", which ${role} names`);
}

function orderField(side: JoinSide, fields: Fields): FieldSpec {
  const field = fieldOf(side, side.on, fields, 'on');
  const value = valueTypeOf(field.type);
  if (unitNsOf(field.type) !== undefined && !isFloat(value.kernel) && value.kernel !== 'u64') return field;
  throw new PipelineError(
    'ERR_TYPE_UNSUPPORTED',
    `"${side.name}" cannot be joined on "${field.name}" of type ${field.type}`,
    {
      column: field.name,
      value: field.type,
      expected: 'a timestamp, date, time or integer column',
      hint: `cast it before: withColumns({ ${field.name}: col('${field.name}').cast('int64') })`,
    },
  );
}

function keyField(side: JoinSide, name: string, fields: Fields): FieldSpec {
  const field = fieldOf(side, name, fields, 'by');
  const value = valueTypeOf(field.type);
  if (value.class !== 'opaque' && !isFloat(value.kernel)) return field;
  throw new PipelineError(
    'ERR_TYPE_UNSUPPORTED',
    `"${side.name}" cannot be joined by "${name}" of type ${field.type}`,
    {
      column: name,
      value: field.type,
      expected: 'a text, integer, bool, date or timestamp column',
      hint: `cast it before: withColumns({ ${name}: col('${name}').cast('int64') })`,
    },
  );
}

/** Texts are compared as texts, whether with a dictionary or without; `isExact`: unless values of both become one column. */
function checkSameType(left: JoinSide, one: FieldSpec, right: JoinSide, other: FieldSpec, isExact: boolean): void {
  if (one.type === other.type || (!isExact && isText(one.type) && isText(other.type))) return;
  throw new PipelineError(
    'ERR_SCHEMA',
    `"${one.name}" of "${left.name}" is ${one.type}, "${other.name}" of "${right.name}" is ${other.type}`,
    {
      column: other.name,
      value: other.type,
      expected: one.type,
      hint: `cast one of them before: withColumns({ ${other.name}: col('${other.name}').cast('${one.type}') })`,
    },
  );
}

/** What a column of times means, beside its unit: instants, times of some place, steps. */
function clockOf(type: TypeText): string {
  if (type.startsWith('timestamp[')) return type.includes(',') ? 'instants' : 'times without a zone';
  if (type.startsWith('date')) return 'times without a zone';
  return /^u?int/.test(type) ? 'numbers' : type.startsWith('time') ? 'times of day' : 'durations';
}

/** Units and zones may differ: times are compared in the finer unit, instants as instants. */
function checkSameClock(left: JoinSide, one: FieldSpec, right: JoinSide, other: FieldSpec): void {
  const clock = clockOf(one.type);
  const otherClock = clockOf(other.type);
  if (clock === otherClock) return;
  throw new PipelineError(
    'ERR_SCHEMA',
    `"${one.name}" of "${left.name}" is ${one.type} (${clock}), "${other.name}" of "${right.name}" is ${other.type} (${otherClock})`,
    {
      column: other.name,
      value: other.type,
      expected: one.type,
      hint: `cast one of them before: withColumns({ ${other.name}: col('${other.name}').cast('${one.type}') })`,
    },
  );
}

/** In a `full` join right times become left ones. */
function checkWidest(left: JoinSide, one: FieldSpec, right: JoinSide, other: FieldSpec): void {
  if (valueTypeOf(one.type).byteWidth === 8 && (unitNsOf(one.type) as bigint) <= (unitNsOf(other.type) as bigint))
    return;
  if (one.type === other.type) return;
  throw new PipelineError(
    'ERR_SCHEMA',
    `a full join puts "${other.name}" of "${right.name}" (${other.type}) into "${one.name}" of "${left.name}", which is ${one.type}`,
    {
      column: one.name,
      value: one.type,
      expected: other.type,
      hint: `cast "${one.name}" to ${other.type} before, or make "${right.name}" the left side`,
    },
  );
}
