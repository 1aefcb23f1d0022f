/** Steps with several inputs that are no joins. */
import { floorBytes } from '../../batch/largest-batch.ts';
import { PipelineError } from '../../errors.ts';
import { isFloat, unitNsOf, valueTypeOf } from '../../operators/aggregate/value-type.ts';
import type { FieldSpec, Fields } from '../../schema/types.ts';
import { fieldNamed } from './column-checks.ts';
import type { StepTraits } from './contract.ts';
import { neededWith } from './needed-columns.ts';
import type { CollectUntilFlushSpec, CombineLatestSpec, MergeOrderedSpec, UnionSpec, ZipSpec } from './specs.ts';

const SEVERAL = { isStateless: false, keepsOrder: false, canSpill: true } as const;

function batchesOf(_: unknown, inputs: readonly Fields[], rows: number): number {
  return inputs.reduce((sum, fields) => sum + 2 * floorBytes(fields, rows), 2 ** 20);
}

/** The columns that all inputs have, in the order of the first. @throws ERR_SCHEMA naming the column that differs */
function sameFields(names: readonly string[], inputs: readonly Fields[]): FieldSpec[] {
  const [first = [], ...others] = inputs;
  for (const [index, fields] of others.entries()) {
    const name = names[index + 1] ?? String(index + 1);
    for (const field of first) {
      const found = fields.find((candidate) => candidate.name === field.name);
      if (found?.type !== field.type) throw different(name, field, found?.type ?? 'not there');
    }
    const more = fields.find((candidate) => !first.some((field) => field.name === candidate.name));
    if (more !== undefined) throw different(name, { ...more, type: 'null' as FieldSpec['type'] }, more.type);
  }
  return first.map((field) => ({
    ...field,
    nullable: inputs.some((fields) => fields.find(({ name }) => name === field.name)?.nullable === true),
  }));
}

function different(input: string, { name, type }: FieldSpec, got: string): PipelineError {
  const expected = type === ('null' as FieldSpec['type']) ? 'not there' : type;
  return new PipelineError(
    'ERR_SCHEMA',
    `column "${name}" of "${input}" is ${got}, in the first stream it is ${expected}`,
    {
      column: name,
      value: got,
      expected,
      hint: 'bring the streams to the same columns before, with select, rename or cast',
    },
  );
}

/** The columns of all inputs side by side. @throws ERR_SCHEMA when a name is there twice */
function allFields(
  names: readonly string[],
  inputs: readonly Fields[],
  isNullable: (input: number) => boolean,
): FieldSpec[] {
  const all: FieldSpec[] = [];
  for (const [index, fields] of inputs.entries()) {
    for (const field of fields) {
      if (all.some(({ name }) => name === field.name))
        throw new PipelineError(
          'ERR_SCHEMA',
          `"${names[index]}" and a stream before it both have a column "${field.name}"`,
          {
            column: field.name,
            hint: `rename it before: ${names[index]}.rename({ ${field.name}: '${field.name}_${names[index]}' })`,
          },
        );
      all.push(isNullable(index) ? { ...field, nullable: true } : field);
    }
  }
  return all;
}

/** What is used behind, of the columns that an input has. */
function ownColumns(behind: ReadonlySet<string> | 'all', fields: Fields): ReadonlySet<string> | 'all' {
  return behind === 'all' ? 'all' : new Set(fields.map(({ name }) => name).filter((name) => behind.has(name)));
}

export const unionTraits: StepTraits<UnionSpec> = {
  ...SEVERAL,
  canSpill: false,
  keepsCuts: true,
  takesAny: true,
  fields: (spec, inputs) => ({ spec, outputs: { out: sameFields(spec.names, inputs) }, ordered: {} }),
  // The columns have to stay the same.
  needed: () => 'all',
  timing: () => 'gives rows in the order in which they come',
  stateBytes: () => 0,
  describe: ({ names }) => `rows of ${names.join(', ')} as they come`,
};

export const mergeOrderedTraits: StepTraits<MergeOrderedSpec> = {
  ...SEVERAL,
  keepsCuts: false,
  fields(spec, inputs) {
    const fields = sameFields(spec.names, inputs);
    const { type } = fieldNamed(spec.on, fields);
    const { kernel } = valueTypeOf(type);
    if (unitNsOf(type) === undefined || isFloat(kernel) || kernel === 'u64')
      throw new PipelineError('ERR_TYPE_UNSUPPORTED', `streams cannot be merged on "${spec.on}" of type ${type}`, {
        column: spec.on,
        value: type,
        expected: 'a timestamp, date, time or integer column',
        hint: `cast it before: cast({ ${spec.on}: 'int64' })`,
      });
    return { spec, outputs: { out: fields }, ordered: { out: spec.on } };
  },
  needed: () => 'all',
  stateBytes: batchesOf,
  describe: ({ names, on }) => `merge ${names.join(', ')} on ${on}`,
};

export const zipTraits: StepTraits<ZipSpec> = {
  ...SEVERAL,
  keepsCuts: true,
  cutsFollow: 0,
  fields: (spec, inputs, [ordered]) => ({
    spec,
    outputs: { out: allFields(spec.names, inputs, () => false) },
    ordered: ordered === undefined ? {} : { out: ordered },
  }),
  needed: (_, { inputFields }, behind, input) => ownColumns(behind, inputFields[input] ?? []),
  stateBytes: batchesOf,
  describe: ({ names }) => `rows of ${names.join(', ')} side by side`,
};

export const combineLatestTraits: StepTraits<CombineLatestSpec> = {
  ...SEVERAL,
  keepsCuts: true,
  takesAny: true,
  fields: (spec, inputs, [ordered]) => ({
    spec,
    outputs: { out: allFields(spec.names, inputs, () => false) },
    ordered: spec.isLossless && ordered !== undefined ? { out: ordered } : {},
  }),
  needed: (_, { inputFields }, behind, input) => ownColumns(behind, inputFields[input] ?? []),
  timing: () => 'takes the latest rows of its inputs',
  stateBytes: batchesOf,
  describe: ({ names, isLossless }) =>
    isLossless
      ? `rows of ${names[0]} beside the latest of ${names.slice(1).join(', ')}`
      : `rows of ${names.join(', ')} beside the latest of the others`,
};

export const collectTraits: StepTraits<CollectUntilFlushSpec> = {
  ...SEVERAL,
  keepsCuts: false,
  takesAny: true,
  fields: (spec, [input = []], [ordered]) => ({
    spec,
    outputs: { out: input },
    ordered: ordered === undefined ? {} : { out: ordered },
  }),
  needed: (_, __, behind, input) => (input === 0 ? neededWith(behind, []) : new Set()),
  timing: (_, isSeen) => (isSeen ? 'cuts where rows of another stream come' : undefined),
  stateBytes: batchesOf,
  describe: () => 'rows until the other stream has one',
};
