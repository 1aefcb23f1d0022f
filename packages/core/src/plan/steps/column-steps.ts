/** Steps that change columns and not rows, and `dropNulls`: several become expressions as soon as the columns are known. */
import { PipelineError } from '../../errors.ts';
import type { ExpressionNode } from '../../expressions/node.ts';
import { typeOfExpression } from '../../expressions/typing.ts';
import { parseType } from '../../schema/parse-type.ts';
import type { FieldSpec } from '../../schema/types.ts';
import { checkNewColumn, fieldNamed } from './column-checks.ts';
import type { StepTraits } from './contract.ts';
import { neededWith } from './needed-columns.ts';
import type { DropNullsSpec, FillNullsSpec, FlattenSpec, RenameSpec } from './specs.ts';

const STATELESS = {
  isStateless: true,
  keepsOrder: true,
  keepsCuts: true,
  stateBytes: () => 0,
  canSpill: false,
} as const;

export const renameTraits: StepTraits<RenameSpec> = {
  ...STATELESS,
  fields(spec, [input = []], [ordered]) {
    // A column that nothing behind uses may be gone the second time.
    const asOf = (name: string): string => spec.names.find(({ column }) => column === name)?.as ?? name;
    const fields = input.map((field) => ({ ...field, name: asOf(field.name) }));
    for (const [index, { name }] of fields.entries())
      if (fields.findIndex((field) => field.name === name) !== index)
        throw new PipelineError('ERR_SCHEMA', `two columns would be called "${name}"`, {
          column: name,
          hint: 'rename the other one too, or leave it out before',
        });
    return { spec, outputs: { out: fields }, ordered: ordered === undefined ? {} : { out: asOf(ordered) } };
  },
  needed: ({ names }, _, behind) =>
    behind === 'all' ? 'all' : new Set([...behind].map((name) => names.find(({ as }) => as === name)?.column ?? name)),
  describe: ({ names }) =>
    names.length === 0 ? 'passes on' : `rename ${names.map(({ column, as }) => `${column} as ${as}`).join(', ')}`,
};

export const dropNullsTraits: StepTraits<DropNullsSpec> = {
  ...STATELESS,
  fields({ columns }, [input = []], [ordered]) {
    const fields = columns.length === 0 ? input : columns.map((name) => fieldNamed(name, input));
    const tests = fields
      .filter(({ nullable }) => nullable)
      .map(({ name }): ExpressionNode => ({ kind: 'unary', fn: 'isNotNull', arg: { kind: 'col', name } }));
    const [first = { kind: 'lit', type: 'bool', value: true } as const, ...others] = tests;
    const predicate = others.reduce<ExpressionNode>(
      (left, right) => ({ kind: 'binary', fn: 'and', left, right }),
      first,
    );
    const ports = ordered === undefined ? {} : { out: ordered };
    return { spec: { kind: 'filter', predicate }, outputs: { out: input }, ordered: ports };
  },
  needed: () => 'all',
  describe: ({ columns }) => `drop nulls of ${columns.length === 0 ? 'all columns' : columns.join(', ')}`,
};

export const fillNullsTraits: StepTraits<FillNullsSpec> = {
  ...STATELESS,
  fields({ values }, [input = []], [ordered]) {
    const columns = values.map(({ column, value }) => {
      const { type } = fieldNamed(column, input);
      const filled: ExpressionNode = {
        kind: 'coalesce',
        args: [
          { kind: 'col', name: column },
          { kind: 'cast', to: type, arg: value },
        ],
      };
      typeOfExpression(filled, input);
      return { name: column, expression: filled };
    });
    const isFilled = (name: string): boolean => columns.some((column) => column.name === name);
    const fields = input.map((field): FieldSpec => (isFilled(field.name) ? { ...field, nullable: false } : field));
    const keeps = ordered !== undefined && !isFilled(ordered);
    return { spec: { kind: 'withColumns', columns }, outputs: { out: fields }, ordered: keeps ? { out: ordered } : {} };
  },
  needed: () => 'all',
  describe: ({ values }) => `fill nulls of ${values.map(({ column }) => column).join(', ')}`,
};

export const flattenTraits: StepTraits<FlattenSpec> = {
  ...STATELESS,
  fields(spec, [input = []], [ordered]) {
    const field = fieldNamed(spec.column, input);
    const { of } = parseType(field.type);
    if (of === undefined)
      throw new PipelineError('ERR_TYPE_UNSUPPORTED', `"${field.name}" of type ${field.type} has no elements`, {
        column: field.name,
        value: field.type,
        expected: 'a list column',
        hint: 'flatten takes a column of lists',
      });
    const fields = input.map((other) => (other === field ? { ...field, type: of, nullable: true } : other));
    const keeps = ordered !== undefined && ordered !== spec.column;
    return { spec, outputs: { out: fields }, ordered: keeps ? { out: ordered } : {} };
  },
  needed: ({ column }, _, behind) => neededWith(behind, [column]),
  describe: ({ column }) => `a row for each element of ${column}`,
};

/** @throws ERR_SCHEMA when a name is taken */
export function addedFields(input: readonly FieldSpec[], added: readonly FieldSpec[]): FieldSpec[] {
  for (const { name } of added) checkNewColumn(name, input);
  return [...input, ...added];
}
