/** A CSV source of a plan: its files found, their headers read, its columns chosen. */
import { PipelineError } from '../errors.ts';
import { checkCsvType } from '../formats/csv/column-plan.ts';
import type { CsvFile, CsvFormat } from '../formats/csv/csv-format.ts';
import { type CsvHead, readCsvHead } from '../formats/csv/csv-head.ts';
import { nameHint } from '../schema/nearest-name.ts';
import type { FieldSpec, Fields } from '../schema/types.ts';
import type { SourceSpec } from './logical.ts';
import type { PlanProbes } from './resolved.ts';

type CsvSpec = Extract<SourceSpec, { type: 'csv' }>;

/** Files whose beginnings are read at once. */
const AT_ONCE = 16;

type FoundFile = Omit<CsvFile, 'fieldIndex'>;

/**
 * Looks at the files, once: the spec that comes back lists them, with the columns and types to read.
 * @throws ERR_FILE_NOT_FOUND, ERR_FILE_FORMAT, ERR_COLUMN_UNKNOWN, ERR_SCHEMA, ERR_TYPE_UNSUPPORTED
 */
export async function resolveCsv(given: CsvSpec, probes: PlanProbes): Promise<{ spec: CsvSpec; fields: Fields }> {
  const spec = given.files.length > 0 && given.schema !== undefined ? given : await lookAtFiles(given, probes);
  const schema = spec.schema as Fields;
  const [path = ''] = spec.paths;
  const names = spec.columns ?? schema.map((field) => field.name);
  const fields = names.map((name) => fieldNamed(name, schema, path));
  for (const field of fields) checkCsvType(field);
  const files = spec.files.map((file) => ({ ...file, fieldIndex: fieldsOf(file, schema, fields, spec.format) }));
  return { spec: { ...spec, columns: [...names], files }, fields };
}

async function lookAtFiles(spec: CsvSpec, probes: PlanProbes): Promise<CsvSpec> {
  const paths = await probes.expandPaths(spec.paths);
  const [firstPath, ...others] = paths as [string];
  const { delimiter: asked, ...known } = spec.format;
  const first = await readCsvHead(firstPath, { ...known, ...(asked !== '' && { delimiter: asked }) });
  const format: CsvFormat = { ...spec.format, delimiter: first.delimiter };
  const heads = [first];
  for (let from = 0; from < others.length; from += AT_ONCE)
    heads.push(...(await Promise.all(others.slice(from, from + AT_ONCE).map((path) => readCsvHead(path, format)))));
  const files = heads.map(({ path, bytes, packing, dataStart, headLines, names }): CsvFile => {
    return { path, bytes, ...(packing && { packing }), dataStart, headLines, names, fieldIndex: [] };
  });
  return { ...spec, paths, schema: spec.schema ?? sampledSchema(first), format, files };
}

function sampledSchema(head: CsvHead): Fields {
  if (head.names.length === 0) {
    throw new PipelineError('ERR_FILE_FORMAT', `${head.path} is empty: nothing tells its columns`, {
      file: head.path,
      hint: 'give a schema',
    });
  }
  return head.names.map((name, index) => ({ name, type: head.types[index] ?? 'utf8', nullable: true }));
}

function fieldNamed(name: string, schema: Fields, path: string): FieldSpec {
  const field = schema.find((candidate) => candidate.name === name);
  if (field !== undefined) return field;
  const names = schema.map((candidate) => candidate.name);
  throw new PipelineError('ERR_COLUMN_UNKNOWN', `there is no column "${name}"`, {
    column: name,
    file: path,
    hint: nameHint(name, names),
  });
}

/** Which field of its rows each column is. */
function fieldsOf({ path, names }: FoundFile, schema: Fields, fields: Fields, format: CsvFormat): number[] {
  // Without a header an empty file has no names at all, and no rows.
  if (!format.hasHeader && names.length !== schema.length && names.length > 0) {
    throw new PipelineError(
      'ERR_SCHEMA',
      `${path}, line 1: ${names.length} fields, but the schema has ${schema.length} columns`,
      { file: path, hint: 'without a header the schema has to name every field, in order' },
    );
  }
  const known = format.hasHeader ? names : schema.map((field) => field.name);
  return fields.map(({ name }) => {
    const index = known.indexOf(name);
    if (index >= 0) return index;
    throw new PipelineError('ERR_COLUMN_UNKNOWN', `${path} has no column "${name}"`, {
      file: path,
      column: name,
      hint: nameHint(name, known),
    });
  });
}
