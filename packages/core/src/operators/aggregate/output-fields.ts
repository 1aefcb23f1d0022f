/** The columns that an aggregate makes, and the refusals that can be given before anything runs. */
import { PipelineError } from '../../errors.ts';
import { typeOfExpression } from '../../expressions/typing.ts';
import type { AggregateColumn, AggregateSpec, AggregationSpec } from '../../plan/logical.ts';
import type { FieldSpec, Fields, TypeText } from '../../schema/types.ts';
import { isFloat, isUnsigned, unitNsOf, valueTypeOf } from './value-type.ts';

/**
 * Fields of the planner's own edge between the halves of an aggregate. A packet is one block of 8-byte words whose layout
 * only the two halves know (`packet.ts`); it is counted and credited like any batch, and no other operator sees it.
 */
export const PARTIAL_FIELDS: Fields = [{ name: 'states', type: 'fixed[8]', nullable: false }];

/** Fields of the edge between the halves of this aggregate (the same for all of them, see `PARTIAL_FIELDS`). */
export function partialFields(spec: AggregateSpec, inputFields: Fields): Fields {
  aggregateOutputFields(spec, inputFields);
  return PARTIAL_FIELDS;
}

/**
 * The output columns of each named aggregation: the bin's label under the name and type of `orderedOn`, the `by`
 * columns, then the aggregation's columns in the order written. Snapshots are outputs of their own, with the same columns.
 *
 * `count`, `nUnique` and `nUniqueApprox` are int64 and never null; `sum` of integers and bools is int64 (uint64 of unsigned ones), of floats float64;
 * `mean`, `wmean`, quantiles, `var` and `std` (of the sample, null below two values) are float64; `first`, `last`, `min`, `max`, `argMin` and `argMax` keep
 * the type; custom ones say theirs. All but the counts are null where a bin has no value.
 *
 * @throws ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED, ERR_EXPRESSION, ERR_OPTIONS naming column, function and aggregation.
 */
export function aggregateOutputFields(spec: AggregateSpec, inputFields: Fields): Record<string, Fields> {
  if (spec.emitOpen) {
    throw new PipelineError('ERR_OPTIONS', 'emitOpen is not supported', {
      hint: 'leave emitOpen out: a flush emits the bins that later rows cannot change',
    });
  }
  const ordered = fieldNamed(inputFields, spec.orderedOn, 'orderedOn');
  const unitNs = unitNsOf(ordered.type);
  if (unitNs === undefined) {
    throw unsupported(
      `cannot order on "${ordered.name}" of type ${ordered.type}`,
      ordered,
      'a timestamp, date or number column',
    );
  }
  const keys = spec.by.map((name) => keyField(inputFields, name));
  const outputs: Record<string, Fields> = {};
  for (const aggregation of spec.aggregations) {
    checkBins(aggregation, ordered, unitNs);
    checkFilter(aggregation, inputFields);
    const columns = aggregation.columns.map((column) => columnField(column, inputFields));
    const fields = [{ ...ordered, nullable: false }, ...keys, ...columns];
    checkNames(aggregation.name, fields);
    outputs[aggregation.name] = fields;
    if (aggregation.snapshots !== undefined) outputs[aggregation.snapshots.port] = fields;
  }
  return outputs;
}

function checkFilter({ name, filter }: AggregationSpec, inputFields: Fields): void {
  if (filter === undefined) return;
  const type = typeOfExpression(filter, inputFields);
  if (type === 'bool') return;
  throw new PipelineError('ERR_EXPRESSION', `the filter of aggregation "${name}" is ${type}, not bool`, {
    hint: "compare: filter: col('price').gt(0)",
  });
}

function fieldNamed(fields: Fields, name: string, role: string): FieldSpec {
  const field = fields.find((candidate) => candidate.name === name);
  if (field !== undefined) return field;
  throw new PipelineError('ERR_COLUMN_UNKNOWN', `${role} names the column "${name}", which is not there`, {
    column: name,
    hint: `the columns are ${fields.map((candidate) => candidate.name).join(', ')}`,
  });
}

function unsupported(problem: string, field: FieldSpec, expected: string): PipelineError {
  return new PipelineError('ERR_TYPE_UNSUPPORTED', problem, {
    column: field.name,
    value: field.type,
    expected,
    hint: `cast "${field.name}" to ${expected} before aggStream`,
  });
}

function keyField(fields: Fields, name: string): FieldSpec {
  const field = fieldNamed(fields, name, 'by');
  const value = valueTypeOf(field.type);
  if (value.class === 'opaque' || isFloat(value.kernel)) {
    throw unsupported(
      `cannot group by "${name}" of type ${field.type}`,
      field,
      'a utf8, integer, bool, date or timestamp column',
    );
  }
  return field;
}

function checkBins(aggregation: AggregationSpec, ordered: FieldSpec, unitNs: bigint): void {
  const { name, bins, snapshots, closed } = aggregation;
  checkSteps(name, bins, ordered, unitNs);
  if (snapshots !== undefined) checkSteps(name, snapshots.at, ordered, unitNs);
  const isFloats = ordered.type === 'float32' || ordered.type === 'float64';
  if (isFloats && (closed === 'right' || snapshots !== undefined || bins.kind === 'rows' || bins.kind === 'sessions'))
    throw unsupported(
      `aggregation "${name}": bins closed on the right, of rows, by gaps or with snapshots cannot be laid over "${ordered.name}" of type ${ordered.type}`,
      ordered,
      'int64',
    );
}

/** Every bin and point has to lie on a step of the ordered column. */
function checkSteps(
  name: string,
  bins: AggregationSpec['bins'] | NonNullable<AggregationSpec['snapshots']>['at'],
  ordered: FieldSpec,
  unitNs: bigint,
): void {
  for (const ns of stepsOf(bins)) {
    if (BigInt(ns) % unitNs === 0n) continue;
    throw new PipelineError(
      'ERR_OPTIONS',
      `aggregation "${name}": bins of ${bins.text} cannot start on whole steps of "${ordered.name}" (${ordered.type})`,
      {
        column: ordered.name,
        value: bins.text,
        hint: `choose a width and origin that are multiples of the step of ${ordered.type}, or cast the column to a finer unit`,
      },
    );
  }
}

function stepsOf(bins: Parameters<typeof checkSteps>[1]): string[] {
  switch (bins.kind) {
    case 'fixed':
      return [bins.everyNs, bins.originNs, bins.periodNs ?? '0'];
    case 'edges':
      return bins.edgesNs;
    case 'points':
      return bins.pointsNs;
    case 'calendar':
    case 'rows':
    case 'sessions':
      return [];
  }
}

/** The column of one function. @throws as `aggregateOutputFields` */
export function columnField(column: AggregateColumn, inputFields: Fields): FieldSpec {
  const { name, fn, other, custom } = column;
  if (custom !== undefined) {
    for (const input of custom.columns) fieldNamed(inputFields, input, `${custom.ref.name} of "${name}"`);
    if (valueTypeOf(custom.output).class === 'opaque')
      throw new PipelineError('ERR_TYPE_UNSUPPORTED', `aggregate "${custom.ref.name}" gives ${custom.output}`, {
        column: name,
        value: custom.output,
        expected: 'a number, bool, utf8, binary or temporal type',
        hint: 'give another output to defineAggregate',
      });
    return { name, type: custom.output, nullable: true };
  }
  if (column.column === undefined) {
    if (fn === 'count') return { name, type: 'int64', nullable: false };
    throw new PipelineError('ERR_OPTIONS', `${fn} of "${name}" needs a column`, {
      hint: `write agg.${fn}('column')`,
    });
  }
  const input = fieldNamed(inputFields, column.column, `${fn} of "${name}"`);
  if (fn === 'count') return { name, type: 'int64', nullable: false };
  if (other !== undefined) checkOther(fn, fieldNamed(inputFields, other, `${fn} of "${name}"`));
  return {
    name,
    type: resultType(column, input),
    nullable: fn !== 'nUnique' && fn !== 'nUniqueApprox',
    ...(keepsType(fn) && input.metadata ? { metadata: input.metadata } : {}),
  };
}

/** What is compared, and weights. */
function checkOther(fn: AggregateColumn['fn'], field: FieldSpec): void {
  const value = valueTypeOf(field.type);
  if (fn === 'wmean' ? value.summable : value.class !== 'opaque' && field.type !== 'binary') return;
  throw unsupported(
    `${fn} by "${field.name}" has no meaning for ${field.type}`,
    field,
    fn === 'wmean' ? 'an integer, float or bool column' : 'a number, utf8 or temporal column',
  );
}

function keepsType(fn: AggregateColumn['fn']): boolean {
  return fn === 'first' || fn === 'last' || fn === 'min' || fn === 'max' || fn === 'argMin' || fn === 'argMax';
}

function resultType({ fn, overflow }: AggregateColumn, input: FieldSpec): TypeText {
  const value = valueTypeOf(input.type);
  if (value.class === 'opaque')
    throw unsupported(
      `${fn} of "${input.name}" cannot be computed on ${input.type}`,
      input,
      'a number, utf8 or temporal column',
    );
  if (keepsType(fn)) {
    if ((fn === 'min' || fn === 'max') && input.type === 'binary')
      throw unsupported(`${fn} of "${input.name}" has no meaning for binary`, input, 'utf8');
    return input.type;
  }
  if (fn === 'nUnique' || fn === 'nUniqueApprox') return 'int64';
  if (!value.summable)
    throw unsupported(
      `${fn} of "${input.name}" has no meaning for ${input.type}`,
      input,
      'an integer, float or bool column',
    );
  if (fn !== 'sum' || overflow === 'float64') return 'float64';
  if (isFloat(value.kernel)) return 'float64';
  return isUnsigned(value.kernel) && input.type !== 'bool' ? 'uint64' : 'int64';
}

function checkNames(aggregation: string, fields: Fields): void {
  const seen = new Set<string>();
  for (const { name } of fields) {
    if (seen.has(name)) {
      throw new PipelineError('ERR_OPTIONS', `aggregation "${aggregation}" has two output columns named "${name}"`, {
        column: name,
        hint: 'the names of orderedOn and by are taken; rename the other column',
      });
    }
    seen.add(name);
  }
}
