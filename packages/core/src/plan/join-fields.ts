/** The columns that a join gives, and what keeps two streams from being joined. */
import { PipelineError } from '../errors.ts';
import { isFloat, unitNsOf, valueTypeOf } from '../operators/aggregate/value-type.ts';
import { isText } from '../schema/parse-type.ts';
import type { FieldSpec, Fields } from '../schema/types.ts';
import type { JoinSide, OperatorSpec } from './logical.ts';
import { type StepFields, unknownColumn } from './node-fields.ts';

/** A join's specification. */
export type JoinSpec = Extract<OperatorSpec, { kind: 'joinStream' }>;

/**
 * All columns of the left side, then those of the right side that are not compared; these are nullable in an `asof`. Rows stay in
 * the order of the left side.
 *
 * @throws ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED, ERR_SCHEMA, ERR_OPTIONS
 */
export function joinFields(spec: JoinSpec, inputs: readonly Fields[]): StepFields {
  const [left, right] = spec.sides as [JoinSide, JoinSide];
  const [leftFields, rightFields] = inputs as [Fields, Fields];
  const on = [orderField(left, leftFields), orderField(right, rightFields)] as const;
  checkSameType(left, on[0], right, on[1]);
  for (const [index, name] of left.by.entries()) {
    const rightName = right.by[index] as string;
    checkSameType(left, keyField(left, name, leftFields), right, keyField(right, rightName, rightFields));
  }
  toleranceSteps(spec, leftFields);
  const rightColumns = spec.rightColumns ?? namedColumns(spec, leftFields, rightFields);
  const added = rightColumns.flatMap(({ column, as }): FieldSpec[] => {
    const field = rightFields.find((candidate) => candidate.name === column);
    // Not there when nothing behind the join reads it.
    return field === undefined ? [] : [{ ...field, name: as, nullable: field.nullable || spec.strategy === 'asof' }];
  });
  return {
    spec: { ...spec, rightColumns },
    outputs: { out: [...leftFields, ...added] },
    ordered: { out: left.on },
  };
}

/** Right columns of the output, under the names that they get. @throws ERR_SCHEMA when a name is taken */
function namedColumns(spec: JoinSpec, left: Fields, right: Fields): { column: string; as: string }[] {
  const [leftSide, rightSide] = spec.sides as [JoinSide, JoinSide];
  const compared = new Set([rightSide.on, ...rightSide.by]);
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

/** Texts are compared as texts, whether with a dictionary or without. */
function checkSameType(left: JoinSide, one: FieldSpec, right: JoinSide, other: FieldSpec): void {
  if (one.type === other.type || (isText(one.type) && isText(other.type))) return;
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

/** How far back a match may lie, in steps of the ordered column; undefined for any distance. @throws ERR_OPTIONS */
export function toleranceSteps({ tolerance, sides }: JoinSpec, left: Fields): bigint | undefined {
  if (tolerance === undefined) return undefined;
  const type = left.find((field) => field.name === sides[0]?.on)?.type ?? 'int64';
  const isTime = !/^u?int/.test(type);
  if (isTime) return BigInt(tolerance.ns) / (unitNsOf(type) ?? 1n);
  if (/^\d+$/.test(tolerance.text)) return BigInt(tolerance.text);
  throw new PipelineError(
    'ERR_OPTIONS',
    `tolerance is ${tolerance.text}, but the ordered column is ${type}, not a time`,
    {
      value: tolerance.text,
      hint: 'give tolerance as a plain number, or cast the column to a timestamp',
    },
  );
}
