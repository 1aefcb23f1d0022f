/** Columns that each step gives for the columns it gets. */
import { PipelineError, type PipelineErrorDetail } from '../errors.ts';
import { fieldOfExpression, typeOfExpression } from '../expressions/typing.ts';
import { aggregateOutputFields } from '../operators/aggregate/output-fields.ts';
import { type FoldDefinition, resolveFold } from '../operators/fold-definition.ts';
import { type OpDefinition, resolveOp } from '../operators/op-definition.ts';
import { resolveSource } from '../operators/source-definition.ts';
import { fieldsFromShape } from '../schema/fields.ts';
import { nameHint } from '../schema/nearest-name.ts';
import { isNumeric, isTemporal, isText, parseType } from '../schema/parse-type.ts';
import type { FieldSpec, Fields, Shape, TypeText } from '../schema/types.ts';
import { binsFor, snapshotsFor } from './bound-bins.ts';
import type { OperatorSpec } from './logical.ts';
import type { StepSpec } from './steps/specs.ts';

/** What a step gives, and its spec with what only its input could tell. */
export interface StepFields {
  spec: OperatorSpec;
  outputs: Record<string, Fields>;
  /** By port. */
  ordered: Record<string, string>;
}

type SpecOf<K extends OperatorSpec['kind']> = Extract<OperatorSpec, { kind: K }>;

/** Columns of every step but sources, joins and those with traits. @throws ERR_COLUMN_UNKNOWN, ERR_EXPRESSION, ERR_SCHEMA, ERR_OP_IMPORT, ERR_OP_OUTPUT, ERR_OPTIONS */
export async function stepFields(
  spec: Exclude<OperatorSpec, { kind: 'source' | 'joinStream' } | StepSpec>,
  input: Fields,
  ordered: string | undefined,
): Promise<StepFields> {
  switch (spec.kind) {
    case 'filter':
      return filterFields(spec, input, ordered);
    case 'select':
      return one(spec, columnFields(spec.columns, input), ordered && selectedName(spec, ordered));
    case 'withColumns':
      return one(
        spec,
        addColumns(input, columnFields(spec.columns, input)),
        keepsColumn(spec, ordered) ? ordered : undefined,
      );
    case 'op':
      return opFields(spec, input, ordered);
    case 'memoryBuffer':
      return one(spec, input, ordered);
    case 'memoryAccumulate':
      return foldFields(spec, input);
    case 'aggStream':
      return aggregateFields(spec, input);
    case 'sort':
      return sortFields(spec, input);
    case 'sink':
      return { spec: sinkSpec(spec, input, ordered), outputs: {}, ordered: {} };
  }
}

/** Refuses a source that workers cannot import. @throws ERR_OP_IMPORT */
export async function checkGenerated(spec: SpecOf<'source'>['source']): Promise<void> {
  if (spec.type === 'generated') await resolveSource(spec.source);
}

/** Refuses an order column that is not there or cannot be compared. @throws ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED */
export function checkOrderedOn(name: string, fields: Fields): void {
  const field = fields.find((candidate) => candidate.name === name);
  if (field === undefined)
    throw unknownColumn(name, fields, `orderedOn names the column "${name}", which is not there`);
  if (isNumeric(field.type) || isTemporal(field.type)) return;
  throw new PipelineError('ERR_TYPE_UNSUPPORTED', `rows cannot be ordered on "${name}" of type ${field.type}`, {
    column: name,
    value: field.type,
    expected: 'a timestamp, date, time or number column',
    hint:
      field.type === 'utf8'
        ? 'order on a column of time or of numbers; where types were guessed (text, where there are no rows), name them in schema'
        : 'order on a column of time or of numbers',
  });
}

function one(spec: OperatorSpec, fields: Fields, ordered: string | undefined): StepFields {
  return { spec, outputs: { out: fields }, ordered: ordered === undefined ? {} : { out: ordered } };
}

export function unknownColumn(name: string, fields: Fields, message: string): PipelineError {
  return new PipelineError('ERR_COLUMN_UNKNOWN', message, {
    column: name,
    hint: nameHint(
      name,
      fields.map((field) => field.name),
    ),
  });
}

function filterFields(spec: SpecOf<'filter'>, input: Fields, ordered: string | undefined): StepFields {
  const type = typeOfExpression(spec.predicate, input);
  if (type === 'bool') return one(spec, input, ordered);
  throw new PipelineError('ERR_EXPRESSION', `the condition is ${type}, not bool`, { hint: 'compare: col(…).gt(0)' });
}

function columnFields(columns: SpecOf<'select'>['columns'], input: Fields): FieldSpec[] {
  return columns.map(({ name, expression }) => {
    try {
      return fieldOfExpression(name, expression, input);
    } catch (error) {
      throw withPlace(error, `column "${name}"`, { column: name });
    }
  });
}

function addColumns(input: Fields, added: readonly FieldSpec[]): FieldSpec[] {
  const replaced = input.map((field) => added.find((candidate) => candidate.name === field.name) ?? field);
  return [...replaced, ...added.filter((field) => !input.some((candidate) => candidate.name === field.name))];
}

function selectedName(spec: SpecOf<'select'>, ordered: string): string | undefined {
  return spec.columns.find(({ expression }) => expression.kind === 'col' && expression.name === ordered)?.name;
}

function keepsColumn(spec: SpecOf<'withColumns'>, ordered: string | undefined): boolean {
  const replacement = spec.columns.find((column) => column.name === ordered);
  return (
    replacement === undefined || (replacement.expression.kind === 'col' && replacement.expression.name === ordered)
  );
}

/** Text is text, whether with a dictionary or without. */
function fits(asked: TypeText, given: TypeText): boolean {
  return asked === given || (isText(asked) && isText(given));
}

function checkInput(definition: OpDefinition | FoldDefinition, input: Fields, what: string): void {
  if (definition.input === undefined) return;
  for (const asked of fieldsFromShape(definition.input)) {
    const field = input.find((candidate) => candidate.name === asked.name);
    if (field === undefined)
      throw unknownColumn(
        asked.name,
        input,
        `${what} needs a column "${asked.name}" of type ${asked.type}, which is not there`,
      );
    if (fits(asked.type, field.type)) continue;
    throw new PipelineError('ERR_SCHEMA', `${what} needs "${asked.name}" as ${asked.type}, it is ${field.type}`, {
      column: asked.name,
      expected: asked.type,
      value: field.type,
      hint: `cast it before: withColumns({ ${asked.name}: col('${asked.name}').cast('${asked.type}') })`,
    });
  }
}

async function opFields(spec: SpecOf<'op'>, input: Fields, ordered: string | undefined): Promise<StepFields> {
  const definition = await resolveOp(spec.op);
  checkInput(definition, input, `op "${spec.op.name}"`);
  const fields = opOutputFields(definition, input, spec.options, spec.op.name);
  const before = input.find((field) => field.name === ordered);
  const isKept = fields.some((field) => field.name === ordered && field.type === before?.type);
  return one(spec, fields, isKept ? ordered : undefined);
}

/** The columns that an op gives for the columns it gets. @throws ERR_OP_OUTPUT when the op's own function is wrong */
export function opOutputFields(definition: OpDefinition, input: Fields, options: unknown, name: string): Fields {
  const shape = Object.fromEntries(input.map((field) => [field.name, field.type])) as Shape;
  let output: 'same' | Shape;
  try {
    output = typeof definition.output === 'function' ? definition.output(shape, options as never) : definition.output;
    if (output === 'same')
      return definition.adds === undefined ? input : addColumns(input, fieldsFromShape(definition.adds) as FieldSpec[]);
    return fieldsFromShape(output);
  } catch (cause) {
    throw new PipelineError(
      'ERR_OP_OUTPUT',
      `op "${name}" does not say what it gives: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        hint: "output has to be 'same', a schema, or a function that gives one of these",
        cause,
      },
    );
  }
}

async function foldFields(spec: SpecOf<'memoryAccumulate'>, input: Fields): Promise<StepFields> {
  const definition = await resolveFold(spec.fold);
  checkInput(definition, input, `fold "${spec.fold.name}"`);
  return one(spec, fieldsFromShape(definition.output), undefined);
}

function aggregateFields(given: SpecOf<'aggStream'>, input: Fields): StepFields {
  const orderedType = input.find((field) => field.name === given.orderedOn)?.type;
  const aggregations = given.aggregations.map((aggregation) => {
    if (orderedType === undefined) return aggregation;
    const { name, bins, snapshots } = aggregation;
    return {
      ...aggregation,
      bins: binsFor(bins, orderedType, name),
      ...(snapshots !== undefined && { snapshots: snapshotsFor(snapshots, orderedType, name) }),
    };
  });
  const spec = { ...given, aggregations };
  const outputs = aggregateOutputFields(spec, input);
  return { spec, outputs, ordered: Object.fromEntries(Object.keys(outputs).map((port) => [port, spec.orderedOn])) };
}

function sortFields(spec: SpecOf<'sort'>, input: Fields): StepFields {
  for (const { column } of spec.by) {
    const field = input.find((candidate) => candidate.name === column);
    if (field === undefined) throw unknownColumn(column, input, `there is no column "${column}" to sort by`);
    const { domain, precision } = parseType(field.type);
    if (domain === 'opaque' && precision === undefined && field.type !== 'binary')
      throw new PipelineError('ERR_TYPE_UNSUPPORTED', `rows cannot be sorted by "${column}" of type ${field.type}`, {
        column,
        value: field.type,
        expected: 'numbers, times, texts, booleans or binary',
        hint: 'sort by another column',
      });
  }
  const [first] = spec.by;
  const type = input.find((field) => field.name === first?.column)?.type;
  const isAscending = first !== undefined && type !== undefined && !first.descending;
  return one(spec, input, isAscending && (isNumeric(type) || isTemporal(type)) ? first.column : undefined);
}

function sinkSpec(spec: SpecOf<'sink'>, input: Fields, ordered: string | undefined): SpecOf<'sink'> {
  if (spec.sink.type !== 'store') return spec;
  const orderedOn = spec.sink.orderedOn === '' ? ordered : spec.sink.orderedOn;
  if (orderedOn === undefined) {
    throw new PipelineError('ERR_OPTIONS', 'a dataset is ordered on a column, and nothing says on which', {
      hint: "say it: toStore(store, { key: { … }, orderedOn: 'ts' }), or at the source",
    });
  }
  checkOrderedOn(orderedOn, input);
  return { ...spec, sink: { ...spec.sink, orderedOn } };
}

/** The same refusal, with more of its place. Other errors as they are. */
export function withPlace(error: unknown, place: string, detail: PipelineErrorDetail): unknown {
  if (!(error instanceof PipelineError)) return error;
  const { code, message, remoteStack: _, cause: __, ...known } = error.toJSON();
  return new PipelineError(code, `${place}: ${message}`, {
    ...detail,
    ...known,
    ...(error.cause !== undefined && { cause: error.cause }),
  });
}
