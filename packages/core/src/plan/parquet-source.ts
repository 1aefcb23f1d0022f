/** A Parquet source of a plan: its files found, their footers compared, its columns chosen. */
import { PipelineError } from '../errors.ts';
import type { ParquetInfo } from '../formats/parquet-info.ts';
import { selectParquetFields } from '../formats/parquet-reader.ts';
import { fieldIndex } from '../schema/fields.ts';
import { isText } from '../schema/parse-type.ts';
import type { FieldSpec, Fields } from '../schema/types.ts';
import { sourceNeeds } from './codec-memory.ts';
import type { SourceSpec } from './logical.ts';
import type { CodecNeeds, PlanProbes } from './resolved.ts';

type ParquetSpec = Extract<SourceSpec, { type: 'parquet' }>;

export interface ResolvedParquet {
  spec: ParquetSpec;
  fields: Fields;
  files: ParquetInfo[];
  codec: CodecNeeds;
}

/** @throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_FILE_TRUNCATED, ERR_COLUMN_UNKNOWN, ERR_TYPE_UNSUPPORTED, ERR_SCHEMA */
export async function resolveParquet(spec: ParquetSpec, probes: PlanProbes): Promise<ResolvedParquet> {
  if (spec.stored !== undefined) return resolveStored(spec, spec.stored.fields, probes);
  const paths = spec.rowGroups === undefined ? await probes.expandPaths(spec.paths) : spec.paths;
  const files = await readInfos({ ...spec, paths }, probes);
  const [first, ...others] = files as [ParquetInfo, ...ParquetInfo[]];
  const names = spec.columns ?? first.fields.map((field) => field.name);
  const fields = others.reduce<FieldSpec[]>(
    (common, file) => agree(common, selectParquetFields(file, names), file),
    selectParquetFields(first, names),
  );
  for (const expected of spec.expected ?? []) checkExpected(expected, fields, first.path);
  if (spec.orderedOn !== undefined) for (const file of files) selectParquetFields(file, [spec.orderedOn]);
  const chosen = spec.columns ?? (first.unsupported.length === 0 ? undefined : names);
  return {
    spec: { ...spec, paths, ...(chosen && { columns: chosen }) },
    fields,
    files,
    codec: sourceNeeds(files, fields, spec.batchRows),
  };
}

/** What the footers say, of the row groups that are to be read. */
async function readInfos({ paths, rowGroups }: ParquetSpec, probes: PlanProbes): Promise<ParquetInfo[]> {
  const infos = await Promise.all(paths.map((path) => probes.readParquetInfo(path)));
  if (rowGroups === undefined) return infos;
  return infos.map((info, index) => {
    const [from, to] = rowGroups[index] as [number, number];
    return { ...info, rowGroups: info.rowGroups.slice(from, to) };
  });
}

/** A dataset says itself what its columns are; its files were named when it was opened. */
async function resolveStored(spec: ParquetSpec, stored: Fields, probes: PlanProbes): Promise<ResolvedParquet> {
  const files = await readInfos(spec, probes);
  const fields = spec.columns?.map((name) => stored[fieldIndex(stored, name)] as FieldSpec) ?? stored;
  for (const expected of spec.expected ?? []) checkExpected(expected, fields, spec.paths[0] ?? '');
  return {
    spec: { ...spec, columns: fields.map((field) => field.name) },
    fields,
    files,
    codec: sourceNeeds(files, fields, spec.batchRows),
  };
}

/** Columns of one more file; a column that is nullable in one file is nullable. */
export function agree(
  common: readonly FieldSpec[],
  fields: readonly FieldSpec[],
  file: Pick<ParquetInfo, 'path'>,
): FieldSpec[] {
  return common.map((field, index) => {
    const other = fields[index] as FieldSpec;
    if (other.type === field.type) return other.nullable && !field.nullable ? { ...field, nullable: true } : field;
    throw new PipelineError(
      'ERR_SCHEMA',
      `column "${field.name}" is ${other.type} in ${file.path}, ${field.type} in the files before it`,
      {
        file: file.path,
        column: field.name,
        expected: field.type,
        value: other.type,
        hint: 'read files of different types as sources of their own and cast, or leave the column out with columns',
      },
    );
  });
}

export function checkExpected(expected: FieldSpec, fields: Fields, path: string): void {
  const field = fields.find((candidate) => candidate.name === expected.name);
  if (field === undefined || field.type === expected.type || (isText(field.type) && isText(expected.type))) return;
  throw new PipelineError(
    'ERR_SCHEMA',
    `column "${field.name}" of ${path} is ${field.type}, the schema says ${expected.type}`,
    {
      file: path,
      column: field.name,
      expected: expected.type,
      value: field.type,
      hint: `write ${field.name}: '${field.type}' in the schema, and cast afterwards where another type is wanted`,
    },
  );
}
