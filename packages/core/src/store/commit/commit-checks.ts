/** What stands against writing rows into a dataset: columns, order and nulls that are not the dataset's, rows that are not behind its own. */
import { PipelineError } from '../../errors.ts';
import { compareOrdered, type OrderedValue, showOrdered } from '../../formats/ordered-value.ts';
import { fieldIndex, sameColumns } from '../../schema/fields.ts';
import type { Fields } from '../../schema/types.ts';
import { isWidened } from '../../schema/widening.ts';
import type { Snapshot } from '../log/delta-actions.ts';
import { fromSchemaString } from '../log/delta-schema.ts';
import { checkWritable } from '../log/table-features.ts';
import type { CommitRequest, StoredFile, WriteTarget } from './commit-contract.ts';
import { PROPERTY } from './write-settings.ts';

function describeColumns(fields: Fields): string {
  return fields.map((field) => `${field.name} ${field.type}`).join(', ');
}

function schemaError(request: WriteTarget, stored: string, given: string): PipelineError {
  return new PipelineError('ERR_SCHEMA', `dataset ${request.name} has ${stored}, the rows to write have ${given}`, {
    file: request.table,
    expected: stored,
    value: given,
    hint: "give the same columns in the same order, add nullable ones behind them or widen numbers with schemaChange: 'evolve', or replace the dataset with mode 'overwrite'",
  });
}

/** Whether the dataset is to get further columns or wider numbers, and can. */
export function evolves({ fields, settings }: Pick<WriteTarget, 'fields' | 'settings'>, stored: Fields): boolean {
  if (settings.schemaChange !== 'evolve' || sameColumns(stored, fields)) return false;
  const isKept = stored.every(({ name, type }, i) => {
    const given = fields[i];
    return given !== undefined && given.name === name && (given.type === type || isWidened(type, given.type));
  });
  return isKept && fields.slice(stored.length).every((field) => field.nullable);
}

/**
 * What a write needs of the dataset: the same columns and order.
 * @throws ERR_SCHEMA
 */
export function checkSchema(request: WriteTarget, snapshot: Snapshot): void {
  const stored = fromSchemaString(snapshot.metaData.schemaString);
  if (!sameColumns(stored, request.fields) && !evolves(request, stored))
    throw schemaError(request, describeColumns(stored), describeColumns(request.fields));
  const orderedOn = snapshot.metaData.configuration[PROPERTY.orderedOn];
  if (orderedOn !== undefined && orderedOn !== request.orderedOn)
    throw schemaError(request, `its order on "${orderedOn}"`, `theirs on "${request.orderedOn}"`);
}

/** @throws ERR_STORE_OVERLAP when rows would not come behind those stored */
export function checkAppend(request: CommitRequest, stored: readonly StoredFile[]): void {
  const first = request.files[0]?.min;
  const last = stored.reduce<OrderedValue | undefined>(
    (max, { file }) => (max === undefined || compareOrdered(file.max, max) > 0 ? file.max : max),
    undefined,
  );
  if (first === undefined || last === undefined || compareOrdered(first, last) >= 0) return;
  const type = request.fields[fieldIndex(request.fields, request.orderedOn)]?.type ?? 'int64';
  throw new PipelineError(
    'ERR_STORE_OVERLAP',
    `dataset ${request.name} has rows up to ${showOrdered(last, type)}, the rows to append begin at ${showOrdered(first, type)}`,
    {
      file: request.table,
      column: request.orderedOn,
      value: showOrdered(first, type),
      expected: `at least ${showOrdered(last, type)}`,
      hint: "append later rows only, merge them in with mode 'merge', or replace the dataset with mode 'overwrite'",
    },
  );
}

/** Columns that the dataset promises to have no nulls. */
function checkNulls(request: CommitRequest, fields: Fields): void {
  fields.forEach((field, i) => {
    if (field.nullable || request.files.every((file) => (file.nullCounts[i] ?? 0) === 0)) return;
    throw new PipelineError(
      'ERR_SCHEMA',
      `dataset ${request.name}: column "${field.name}" must not be null, and is in the rows to write`,
      {
        file: request.table,
        column: field.name,
        hint: "drop those rows, or replace the dataset with mode 'overwrite' and a nullable column",
      },
    );
  });
}

/** @throws what stands against the commit */
export function checkCommit(request: CommitRequest, snapshot: Snapshot | undefined): void {
  if (snapshot === undefined) return;
  checkWritable(request.table, snapshot);
  if (request.mode === 'overwrite') return;
  checkSchema(request, snapshot);
  checkNulls(request, fromSchemaString(snapshot.metaData.schemaString));
}
